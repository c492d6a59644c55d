// Node-API's side of what durable storage needs of the engine and of the system: arguments in, results out. A `Journal` belongs to the
// JavaScript thread that made it, and there is one for a store of drivers. src/drivers/native-journal.ts documents the calls for their callers.

#include "journal_addon.h"

#include <sys/file.h>

#include <cstring>
#include <memory>
#include <stdexcept>

#include "session.h"

namespace raziel {

namespace {

/** lockFile(fd) → whether this process now has the exclusive lock on the open file; it goes with the file's last descriptor. */
Napi::Value LockFile(const Napi::CallbackInfo& info) {
  const int status = flock(info[0].As<Napi::Number>().Int32Value(), LOCK_EX | LOCK_NB);
  return Napi::Boolean::New(info.Env(), status == 0);
}

class JournalObject : public Napi::ObjectWrap<JournalObject> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "Journal",
                       {
                           InstanceMethod<&JournalObject::Start>("start"),
                           InstanceMethod<&JournalObject::HasChanges>("hasChanges"),
                           InstanceMethod<&JournalObject::Rewind>("rewind"),
                           InstanceMethod<&JournalObject::Drain>("drain"),
                           InstanceMethod<&JournalObject::Mark>("mark"),
                           InstanceMethod<&JournalObject::BeginRestore>("beginRestore"),
                           InstanceMethod<&JournalObject::Restore>("restore"),
                           InstanceMethod<&JournalObject::EndRestore>("endRestore"),
                           InstanceMethod<&JournalObject::Replay>("replay"),
                           InstanceMethod<&JournalObject::Close>("close"),
                       });
  }

  /** new Journal(handle) */
  explicit JournalObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<JournalObject>(info) {
    try {
      std::shared_ptr<DriverStore> store = stores().find(info[0].As<Napi::Number>().Uint32Value());
      if (store == nullptr) throw std::runtime_error("no engine has this handle any more");
      session_ = std::make_unique<Session>(std::move(store));
      reader_ = std::make_unique<JournalReader>(*session_);
    } catch (const std::exception& error) {
      throw Napi::Error::New(info.Env(), error.what());
    }
  }

 private:
  /** start(): changes are marked from now on. */
  void Start(const Napi::CallbackInfo&) { session_->store().journal.turnOn(); }

  Napi::Value HasChanges(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), session_->store().journal.anyMarked());
  }

  void Rewind(const Napi::CallbackInfo&) { reader_->rewind(); }

  /**
   * drain(out: Uint8Array, blocks: Uint32Array, sequence) → how many, as many as both have room for; `blocks` then holds each one's number
   * and its end in `out`. −1 − how many, when those were the last.
   */
  Napi::Value Drain(const Napi::CallbackInfo& info) {
    Napi::Uint8Array out = info[0].As<Napi::Uint8Array>();
    Napi::Uint32Array blocks = info[1].As<Napi::Uint32Array>();
    drained_.clear();
    reader_->drain(out.Data(), out.ByteLength(), info[2].As<Napi::Number>().DoubleValue(),
                   blocks.ElementLength() / 2, drained_);
    std::memcpy(blocks.Data(), drained_.data(), drained_.size() * sizeof(DrainedBlock));
    const double count = double(drained_.size());
    return Napi::Number::New(info.Env(), reader_->done() ? -1 - count : count);
  }

  /** mark(blocks: Uint32Array): they are to be drained again. */
  void Mark(const Napi::CallbackInfo& info) {
    Napi::Uint32Array blocks = info[0].As<Napi::Uint32Array>();
    for (size_t i = 0; i < blocks.ElementLength(); ++i) session_->store().journal.markBlock(blocks[i]);
  }

  void BeginRestore(const Napi::CallbackInfo& info) {
    counts_ = {};
    reader_->beginRestore(info[0].As<Napi::Number>().Uint32Value());
  }

  /** restore(block, bytes: Uint8Array, nowMs) */
  void Restore(const Napi::CallbackInfo& info) {
    Napi::Uint8Array bytes = info[1].As<Napi::Uint8Array>();
    reader_->restore(info[0].As<Napi::Number>().Uint32Value(), bytes.Data(), bytes.ByteLength(),
                     info[2].As<Napi::Number>().DoubleValue(), counts_);
  }

  /** endRestore() → [restored, expired, superseded, refused, damaged] */
  Napi::Value EndRestore(const Napi::CallbackInfo& info) {
    reader_->endRestore();
    Napi::Uint32Array counts = Napi::Uint32Array::New(info.Env(), sizeof counts_ / sizeof(uint32_t));
    std::memcpy(counts.Data(), &counts_, sizeof counts_);
    return counts;
  }

  /** replay(batch: Uint8Array, appliedAtMs) → how many drivers are held more */
  Napi::Value Replay(const Napi::CallbackInfo& info) {
    Napi::Uint8Array batch = info[0].As<Napi::Uint8Array>();
    const double appliedAtMs = info[1].As<Napi::Number>().DoubleValue();
    return Napi::Number::New(info.Env(), reader_->replay(batch.Data(), batch.ByteLength(), appliedAtMs));
  }

  void Close(const Napi::CallbackInfo&) {
    reader_.reset();
    session_.reset();
  }

  std::unique_ptr<Session> session_;
  std::unique_ptr<JournalReader> reader_;
  std::vector<DrainedBlock> drained_;
  RestoreCounts counts_;
};

}  // namespace

void InitJournal(Napi::Env env, Napi::Object exports) {
  exports["Journal"] = JournalObject::Define(env);
  exports["lockFile"] = Napi::Function::New<LockFile>(env, "lockFile");
}

}  // namespace raziel
