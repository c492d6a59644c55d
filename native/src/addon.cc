// Node-API's side of the engine: arguments in, results out, nothing decided. Every thread (main or worker) makes an `Engine` of its own;
// those with the same handle share one store of drivers, which lives as long as any of them.
//
// Runs on the JavaScript thread that calls. Hot calls take their buffers from what was registered before (setReply) instead of
// asking for their address every time.

#ifdef __linux__
#include <malloc.h>
#endif

#include <napi.h>

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "answer.h"
#include "candidates.h"
#include "frames.h"
#include "journal_addon.h"
#include "process_registry.h"
#include "search_arguments.h"
#include "session.h"
#include "zones_addon.h"

namespace raziel {

/** The stores of this process by handle. */
ProcessRegistry<DriverStore>& stores() {
  static ProcessRegistry<DriverStore> all;
  return all;
}

}  // namespace raziel

namespace {

using namespace raziel;

// What calls return instead of a size; the names are those of src/drivers/native.ts.
constexpr double kTooWide = -2;
constexpr double kBroken = -4;
constexpr double kNotAnArray = -5;
constexpr double kTooLarge = -6;
constexpr double kUnknownZone = -7;
/** A reply that needs n bytes in all, and more than there are, returns kNeeds − n. */
constexpr double kNeeds = -16;

double sizeOf(const MsgpackWriter& out, size_t offset) {
  return out.fits() ? double(offset + out.size()) : kNeeds - double(offset + out.size());
}

class Engine : public Napi::ObjectWrap<Engine> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "Engine",
                       {
                           InstanceMethod<&Engine::SetReply>("setReply"),
                           InstanceMethod<&Engine::AnswerFrame>("answerFrame"),
                           InstanceMethod<&Engine::SetFrames>("setFrames"),
                           InstanceMethod<&Engine::AnswerFrames>("answerFrames"),
                           InstanceMethod<&Engine::Apply>("apply"),
                           InstanceMethod<&Engine::TakeRejected>("takeRejected"),
                           InstanceMethod<&Engine::Search>("search"),
                           InstanceMethod<&Engine::UseZones>("useZones"),
                           InstanceMethod<&Engine::Driver>("driver"),
                           InstanceMethod<&Engine::Remove>("remove"),
                           InstanceMethod<&Engine::Scan>("scan"),
                           InstanceMethod<&Engine::Candidates>("candidates"),
                           InstanceMethod<&Engine::SetCandidates>("setCandidates"),
                           InstanceMethod<&Engine::WriteRanked>("writeRanked"),
                           InstanceMethod<&Engine::Sightings>("sightings"),
                           InstanceMethod<&Engine::Sweep>("sweep"),
                           InstanceMethod<&Engine::Stats>("stats"),
                           InstanceMethod<&Engine::Close>("close"),
                           InstanceAccessor<&Engine::Handle>("handle"),
                       });
  }

  /** new Engine(rows, numbers, driversMax, ttlSecondsDefault, searchCandidatesMax) or new Engine(rows, numbers, handle). */
  explicit Engine(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Engine>(info) {
    rows_ = Napi::Persistent(info[0].As<Napi::Object>());
    rowsData_ = reinterpret_cast<FrameRow*>(info[0].As<Napi::Int32Array>().Data());
    numbers_ = Napi::Persistent(info[1].As<Napi::Object>());
    numbersData_ = info[1].As<Napi::Float64Array>().Data();
    try {
      std::shared_ptr<DriverStore> store;
      if (info.Length() > 3) {
        store = std::make_shared<DriverStore>(StoreOptions{info[2].As<Napi::Number>().Uint32Value(),
                                                           info[3].As<Napi::Number>().DoubleValue(),
                                                           uint64_t(info[4].As<Napi::Number>().DoubleValue())});
        handle_ = stores().add(store);
      } else {
        handle_ = info[2].As<Napi::Number>().Uint32Value();
        store = stores().find(handle_);
        if (store == nullptr) throw std::runtime_error("no engine has this handle any more");
      }
      session_ = std::make_unique<Session>(std::move(store));
      answerer_ = std::make_unique<FrameAnswerer>(*session_, nullptr);
    } catch (const std::bad_alloc&) {
      throw Napi::Error::New(info.Env(), "there is not enough address space for so many drivers");
    } catch (const std::exception& error) {
      throw Napi::Error::New(info.Env(), error.what());
    }
  }

 private:
  Napi::Value Handle(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), handle_); }

  /** setReply(bytes): where answers go from now on. */
  void SetReply(const Napi::CallbackInfo& info) {
    reply_ = Napi::Persistent(info[0].As<Napi::Object>());
    const Bytes bytes = bytesOf(info[0]);
    replyData_ = const_cast<uint8_t*>(bytes.data);
    replySize_ = bytes.size;
  }

  MsgpackWriter writerFrom(size_t offset) {
    return offset <= replySize_ ? MsgpackWriter(replyData_ + offset, replySize_ - offset) : MsgpackWriter(nullptr, 0);
  }

  static FrameRules frameRules(const Napi::CallbackInfo& info, size_t first) {
    return {info[first].As<Napi::Number>().DoubleValue(), info[first + 1].As<Napi::Number>().Uint32Value(), 0};
  }

  /** answerFrame(frame: Uint8Array, nowMs, fixesMax, allowed): the answer is in the reply, and what became of it in row 0. */
  void AnswerFrame(const Napi::CallbackInfo& info) {
    FrameRules rules = frameRules(info, 1);
    rules.allowed = info[3].As<Napi::Number>().Uint32Value();
    MsgpackWriter out = writerFrom(0);
    answerer_->answer(bytesOf(info[0]), rules, out, rowsData_[0]);
  }

  /** setFrames(bytes: Uint8Array, ends: Uint32Array, allowed: Uint8Array): where answerFrames finds frames from now on. */
  void SetFrames(const Napi::CallbackInfo& info) {
    for (uint32_t i = 0; i < 3; ++i) framesHeld_[i] = Napi::Persistent(info[i].As<Napi::Object>());
    frames_ = {bytesOf(info[0]).data, info[1].As<Napi::Uint32Array>().Data(), bytesOf(info[2]).data};
  }

  /** answerFrames(from, to, nowMs, fixesMax) → how far it got; the answers are in the reply, one behind the other (native/src/frames.h). */
  Napi::Value AnswerFrames(const Napi::CallbackInfo& info) {
    const uint32_t from = info[0].As<Napi::Number>().Uint32Value();
    const uint32_t to = info[1].As<Napi::Number>().Uint32Value();
    return Napi::Number::New(info.Env(), answerer_->answerAll(frames_, from, to, frameRules(info, 2), replyData_, replySize_, rowsData_));
  }

  /** apply(batch: Uint8Array, nowMs, fixesMax) → 0, kBroken, kNotAnArray or kTooLarge; the counts are in row 0. */
  Napi::Value Apply(const Napi::CallbackInfo& info) {
    const Bytes batch = bytesOf(info[0]);
    const double nowMs = info[1].As<Napi::Number>().DoubleValue();
    const auto answer = [&](double code) { return Napi::Number::New(info.Env(), code); };
    MsgpackReader whole(batch.data, batch.size);
    MsgpackReader reader = whole;
    if (reader.peek() != MsgpackReader::Type::Array) {
      whole.skip();
      return answer(whole.ok() && whole.atEnd() ? kNotAnArray : kBroken);
    }
    MsgpackReader header = reader;
    if (header.readArray() > info[2].As<Napi::Number>().Uint32Value() && header.ok()) {
      whole.skip();
      return answer(whole.ok() && whole.atEnd() ? kTooLarge : kBroken);
    }
    if (!session_->decode(reader, nowMs) || !reader.atEnd()) return answer(kBroken);
    reportBatch(session_->applyDecoded(nowMs));
    return answer(0);
  }

  void reportBatch(const BatchOutcome& batch) {
    FrameRow& row = rowsData_[0];
    row.accepted = int32_t(batch.accepted);
    row.stale = int32_t(batch.stale);
    row.duplicate = int32_t(batch.duplicate);
    row.rejected = int32_t(batch.rejected.size());
  }

  /** takeRejected() → [index, code, index, code, …] of the batch that was applied last */
  Napi::Value TakeRejected(const Napi::CallbackInfo& info) {
    const auto& rejected = session_->lastOutcome().rejected;
    Napi::Uint32Array pairs = Napi::Uint32Array::New(info.Env(), rejected.size() * 2);
    for (size_t i = 0; i < rejected.size(); ++i) {
      pairs[2 * i] = rejected[i].first;
      pairs[2 * i + 1] = uint32_t(rejected[i].second);
    }
    return pairs;
  }

  /**
   * search(offset, extras?) → size, kNeeds − size, kTooWide or kUnknownZone. What is asked stands in the numbers that the constructor was
   * given: kind, nowMs, limit, explain, maxAgeMs, then lat, lon, radiusMeters | west, south, east, north. The extras are what most
   * searches do without: ref (its MessagePack), tags, anyTags, notTags (joined by commas), zone and areaZone ([layer, id]), polygons
   * (numbers: how many, for each how many rings, for each of them how many positions, turnWest, x, y, x, y …).
   */
  Napi::Value Search(const Napi::CallbackInfo& info) {
    const size_t offset = info[0].As<Napi::Number>().Uint32Value();
    return asked(info, [&](SearchRequest& request, double nowMs) {
      MsgpackWriter out = writerFrom(offset);
      Stopwatch watch;
      const SearchOutcome outcome = answerSearch(*session_, scratch_, request, nowMs, watch, out);
      return outcome.tooWide ? kTooWide : sizeOf(out, offset);
    });
  }

  /**
   * candidates(groups, extras?) → rows, kNeeds − the bytes that the table is to have for them, kTooWide or kUnknownZone. Fills what setCandidates
   * registered. What is asked stands in the numbers as for `search`, but for a list of tags for each search of its own: tags are joined by commas,
   * lists by two.
   */
  Napi::Value Candidates(const Napi::CallbackInfo& info) {
    return asked(info, [&](SearchRequest& request, double nowMs) {
      finder_.clear();
      eachList(info[0], [&](std::string_view tags) {
        Filter& filter = finder_.add(request.filter);
        eachTag(tags, [&](std::string_view tag) { requireTag(session_->store(), tag, filter); });
      });
      const CandidatesFound found = finder_.run(*session_, scratch_, request, nowMs, candidates_);
      if (found.tooWide) return kTooWide;
      return found.bytes > candidates_.byteRoom ? kNeeds - double(found.bytes) : double(found.count);
    });
  }

  /** What the numbers and the extras, which are the second argument, ask, done while pinned. */
  template <typename Do>
  Napi::Value asked(const Napi::CallbackInfo& info, Do&& act) {
    const std::optional<double> result = whileAsked(*session_, zoneReader_.get(), numbersData_, info[1], act);
    return Napi::Number::New(info.Env(), result.value_or(kUnknownZone));
  }

  /** useZones(handle): where searches look zones up from now on. */
  void UseZones(const Napi::CallbackInfo& info) {
    answerer_->useZones(nullptr);
    zoneReader_.reset();
    zones_ = findZones(info[0].As<Napi::Number>().Uint32Value());
    if (zones_ == nullptr) throw Napi::Error::New(info.Env(), "no thread holds the zones of this handle any more");
    zoneReader_ = std::make_unique<zones::ZoneReader>(*zones_);
    answerer_->useZones(zoneReader_.get());
  }

  /** driver(id: Uint8Array, nowMs) → size, kNeeds − size, or 0 for none */
  Napi::Value Driver(const Napi::CallbackInfo& info) {
    const double nowMs = info[1].As<Napi::Number>().DoubleValue();
    EpochPin pinned = session_->pin();
    const FixBlock* const fix = session_->find(bytesOf(info[0]), nowMs);
    if (fix == nullptr) return Napi::Number::New(info.Env(), 0);
    MsgpackWriter out = writerFrom(0);
    writeHeldFix(session_->store(), *fix, nowMs, out);
    return Napi::Number::New(info.Env(), sizeOf(out, 0));
  }

  /** remove(id: Uint8Array, nowMs) → whether there was one */
  Napi::Value Remove(const Napi::CallbackInfo& info) {
    const bool removed = session_->remove(bytesOf(info[0]), info[1].As<Napi::Number>().DoubleValue());
    return Napi::Boolean::New(info.Env(), removed);
  }

  /**
   * scan(cursor, nowMs, positions: Float64Array, masks: Uint32Array) → {next, count, tags}: up to positions.length / 2 live drivers as lat, lon
   * and eight words of tag bits each, and the names of those bits that occur.
   */
  Napi::Value Scan(const Napi::CallbackInfo& info) {
    const DriverStore& store = session_->store();
    const double nowMs = info[1].As<Napi::Number>().DoubleValue();
    Napi::Float64Array positions = info[2].As<Napi::Float64Array>();
    Napi::Uint32Array masks = info[3].As<Napi::Uint32Array>();
    const uint32_t room = uint32_t(positions.ElementLength() / 2);
    uint32_t driver = std::max(1u, info[0].As<Napi::Number>().Uint32Value());
    const uint32_t end = std::min(store.driverPool.highWater(), driver + room);
    uint32_t count = 0;
    TagMask used;
    EpochPin pinned = session_->pin();
    for (; driver < end; ++driver) {
      const uint32_t fixIndex = store.drivers[driver].fix.load(std::memory_order_acquire);
      if (fixIndex == 0) continue;
      const FixBlock& fix = store.fixes[fixIndex];
      if (!fix.liveAt(nowMs)) continue;
      positions[2 * count] = fix.lat;
      positions[2 * count + 1] = fix.lon;
      const TagMask& tags = store.tagSets.maskOf(fix.tagSet);
      std::memcpy(masks.Data() + 8 * size_t{count}, tags.words.data(), sizeof tags.words);
      for (size_t i = 0; i < used.words.size(); ++i) used.words[i] |= tags.words[i];
      ++count;
    }
    Napi::Object result = Napi::Object::New(info.Env());
    result["next"] = driver >= store.driverPool.highWater() ? 0 : driver;
    result["count"] = count;
    Napi::Array names = Napi::Array::New(info.Env());
    used.forEach([&](uint32_t bit) { names[bit] = Napi::String::New(info.Env(), store.tags.nameOf(bit)); });
    result["tags"] = names;
    return result;
  }

  /** setCandidates({rows, found, ends, order, keys, bytes}): the table of candidates (candidates.h) from now on. */
  void SetCandidates(const Napi::CallbackInfo& info) {
    const Napi::Object table = info[0].As<Napi::Object>();
    candidatesHeld_ = Napi::Persistent(table);
    Napi::Float64Array rows = table.Get("rows").As<Napi::Float64Array>();
    candidates_.rows = reinterpret_cast<CandidateRow*>(rows.Data());
    candidates_.room = uint32_t(rows.ByteLength() / sizeof(CandidateRow));
    candidates_.found = table.Get("found").As<Napi::Int32Array>().Data();
    candidates_.ends = table.Get("ends").As<Napi::Int32Array>().Data();
    candidates_.order = table.Get("order").As<Napi::Int32Array>().Data();
    candidates_.keys = table.Get("keys").As<Napi::Float64Array>().Data();
    const Bytes bytes = bytesOf(table.Get("bytes"));
    candidates_.bytes = const_cast<uint8_t*>(bytes.data);
    candidates_.byteRoom = bytes.size;
  }

  /**
   * writeRanked(offset, count, source, unanswered?: Uint8Array) → size or kNeeds − size: candidates in the table's order; source is empty where they
   * have no travel times.
   */
  Napi::Value WriteRanked(const Napi::CallbackInfo& info) {
    const size_t offset = info[0].As<Napi::Number>().Uint32Value();
    std::array<char, 32> source;
    size_t size = 0;
    napi_get_value_string_utf8(info.Env(), info[2], source.data(), source.size(), &size);
    const uint8_t* const unanswered = info[3].IsTypedArray() ? bytesOf(info[3]).data : nullptr;
    MsgpackWriter out = writerFrom(offset);
    writeRanked(candidates_, info[1].As<Napi::Number>().Uint32Value(), {source.data(), size}, unanswered, out);
    return Napi::Number::New(info.Env(), sizeOf(out, offset));
  }

  /** sightings(cursor, stride, nowMs, idleTag, rows: Float64Array) → {count, next}; 7 numbers a row, see candidates.h. */
  Napi::Value Sightings(const Napi::CallbackInfo& info) {
    Napi::Float64Array rows = info[4].As<Napi::Float64Array>();
    const SightingSlice slice =
        seeDrivers(*session_, info[0].As<Napi::Number>().Uint32Value(), info[1].As<Napi::Number>().Uint32Value(),
                   info[2].As<Napi::Number>().DoubleValue(), info[3].As<Napi::String>().Utf8Value(),
                   reinterpret_cast<Sighting*>(rows.Data()), uint32_t(rows.ByteLength() / sizeof(Sighting)));
    Napi::Object result = Napi::Object::New(info.Env());
    result["count"] = slice.count;
    result["next"] = slice.next;
    return result;
  }

  void Sweep(const Napi::CallbackInfo& info) { session_->sweep(info[0].As<Napi::Number>().DoubleValue()); }

  /** stats() → [drivers, driversMax, tags, bytes] */
  Napi::Value Stats(const Napi::CallbackInfo& info) {
    const DriverStore& store = session_->store();
    const double perIndex = double(store.driverPool.highWater()) * sizeof(DriverSlot) +
                            double(store.fixPool.highWater()) * sizeof(FixBlock);
    Napi::Float64Array numbers = Napi::Float64Array::New(info.Env(), 4);
    numbers[0] = store.held.load(std::memory_order_relaxed);
    numbers[1] = store.options.driversMax;
    numbers[2] = store.tags.inUse();
    numbers[3] = perIndex + double(store.ids.bytes()) + double(store.tree.bytes());
    return numbers;
  }

  void Close(const Napi::CallbackInfo&) {
    answerer_.reset();
    session_.reset();
    zoneReader_.reset();
    zones_.reset();
    reply_.Reset();
    rows_.Reset();
    for (Napi::ObjectReference& held : framesHeld_) held.Reset();
    numbers_.Reset();
    candidatesHeld_.Reset();
  }

  uint32_t handle_ = 0;
  std::unique_ptr<Session> session_;
  SearchScratch scratch_;
  std::shared_ptr<zones::Publisher> zones_;
  std::unique_ptr<zones::ZoneReader> zoneReader_;
  std::unique_ptr<FrameAnswerer> answerer_;
  Napi::ObjectReference rows_;
  FrameRow* rowsData_ = nullptr;
  std::array<Napi::ObjectReference, 3> framesHeld_;
  StagedFrames frames_{};
  Napi::ObjectReference numbers_;
  double* numbersData_ = nullptr;
  CandidateFinder finder_;
  CandidateTable candidates_;
  Napi::ObjectReference candidatesHeld_;
  Napi::ObjectReference reply_;
  uint8_t* replyData_ = nullptr;
  size_t replySize_ = 0;
};

/** trimMemory(): gives the process's freed memory back to the system, where the C library can. Takes milliseconds. */
void TrimMemory(const Napi::CallbackInfo&) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

/** Grows when what is called here changes its meaning; src/drivers/native.ts loads no other (a mask that an old addon ignores lets frames through). */
constexpr double kInterface = 3;

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports["interface"] = kInterface;
  exports["Engine"] = Engine::Define(env);
  exports["trimMemory"] = Napi::Function::New<TrimMemory>(env, "trimMemory");
  InitZones(env, exports);
  InitJournal(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(raziel, Init)
