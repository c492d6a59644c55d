// Node-API's side of the zones: arguments in, results out, nothing decided. src/zones/native.ts is the only caller.
//
// - buildZoneLayer(input) → Promise<ArrayBuffer>: one layer's section, built on a thread of libuv's pool. The arrays of the input are
//   held until then and must not be written to meanwhile.
// - assembleZones(version, sections) → ArrayBuffer: a snapshot's bytes.
// - ZoneSnapshot: bytes checked and attached; owned by this object and by every publisher that it was published to. Also what is published,
//   held for a lookup of many points in turns.
// - Zones: what lookups see. Every thread makes one of its own; those with the same handle share one publisher, which lives as long as
//   any of them. Publishing is one atomic store, lookups on other threads never wait for it.
//
// Runs on the JavaScript thread that calls, but for the building.

#include "zones_addon.h"

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "msgpack_writer.h"
#include "process_registry.h"
#include "zones/answer.h"
#include "zones/layer_builder.h"
#include "zones/publisher.h"
#include "zones/snapshot.h"

namespace raziel {
namespace {

using zones::Hits;
using zones::Snapshot;

ProcessRegistry<zones::Publisher>& publishers() {
  static ProcessRegistry<zones::Publisher> all;
  return all;
}

template <typename T>
std::span<const T> arrayOf(const Napi::Object& object, const char* name) {
  const auto array = object.Get(name).As<Napi::TypedArrayOf<T>>();
  return {array.Data(), array.ElementLength()};
}

std::string_view textOf(const Napi::Object& object, const char* name) {
  const std::span<const uint8_t> bytes = arrayOf<uint8_t>(object, name);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Napi::ArrayBuffer copyToBuffer(Napi::Env env, std::span<const uint8_t> bytes) {
  Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, bytes.size());
  if (!bytes.empty()) std::memcpy(buffer.Data(), bytes.data(), bytes.size());
  return buffer;
}

/** Runs a native call whose exceptions are the caller's mistakes. */
template <typename Call>
auto orThrow(Napi::Env env, Call&& call) {
  try {
    return call();
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Napi::Error::New(env, error.what());
  }
}

class BuildWorker : public Napi::AsyncWorker {
 public:
  BuildWorker(Napi::Env env, const Napi::Object& input)
      : Napi::AsyncWorker(env, "raziel:buildZoneLayer"),
        promise_(Napi::Promise::Deferred::New(env)),
        held_(Napi::Persistent(input)),
        name_(input.Get("name").As<Napi::String>().Utf8Value()) {
    input_ = {name_,
              arrayOf<double>(input, "coordinates"),
              arrayOf<uint32_t>(input, "ringEnds"),
              arrayOf<uint32_t>(input, "partEnds"),
              arrayOf<uint32_t>(input, "zoneEnds"),
              arrayOf<double>(input, "priorities"),
              arrayOf<double>(input, "areas"),
              textOf(input, "ids"),
              arrayOf<uint32_t>(input, "idEnds"),
              textOf(input, "answers"),
              arrayOf<uint32_t>(input, "answerEnds")};
  }

  Napi::Promise promise() const { return promise_.Promise(); }

 protected:
  void Execute() override { section_ = zones::buildLayer(input_); }
  void OnOK() override { promise_.Resolve(copyToBuffer(Env(), section_)); }
  void OnError(const Napi::Error& error) override { promise_.Reject(error.Value()); }

 private:
  Napi::Promise::Deferred promise_;
  Napi::ObjectReference held_;  // keeps the arrays alive
  std::string name_;
  zones::LayerInput input_;
  zones::Bytes section_;
};

Napi::Value BuildZoneLayer(const Napi::CallbackInfo& info) {
  BuildWorker* const worker = new BuildWorker(info.Env(), info[0].As<Napi::Object>());
  const Napi::Promise promise = worker->promise();
  worker->Queue();  // deletes itself when it is done
  return promise;
}

Napi::Value AssembleZones(const Napi::CallbackInfo& info) {
  const Napi::Array buffers = info[1].As<Napi::Array>();
  std::vector<std::span<const uint8_t>> sections;
  for (uint32_t i = 0; i < buffers.Length(); i++) {
    Napi::ArrayBuffer buffer = buffers.Get(i).As<Napi::ArrayBuffer>();
    sections.emplace_back(static_cast<const uint8_t*>(buffer.Data()), buffer.ByteLength());
  }
  const uint64_t version = static_cast<uint64_t>(info[0].As<Napi::Number>().Int64Value());
  return orThrow(info.Env(), [&] { return copyToBuffer(info.Env(), zones::assembleSnapshot(version, sections)); });
}

/** An optional layer's name from an argument that is a string or undefined. */
class LayerArgument {
 public:
  explicit LayerArgument(const Napi::Value& value) {
    if (!value.IsString()) return;
    text_ = value.As<Napi::String>().Utf8Value();
    name_ = text_;
    given_ = true;
  }
  LayerArgument(const LayerArgument&) = delete;
  LayerArgument& operator=(const LayerArgument&) = delete;
  const std::string_view* get() const { return given_ ? &name_ : nullptr; }

 private:
  std::string text_;
  std::string_view name_;
  bool given_ = false;
};

class ZoneSnapshot : public Napi::ObjectWrap<ZoneSnapshot> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "ZoneSnapshot",
                       {InstanceAccessor<&ZoneSnapshot::Version>("version"), InstanceAccessor<&ZoneSnapshot::ByteLength>("byteLength"),
                        InstanceAccessor<&ZoneSnapshot::ZoneCount>("zoneCount"), InstanceMethod<&ZoneSnapshot::Lookup>("lookup"),
                        InstanceMethod<&ZoneSnapshot::LookupMany>("lookupMany"), InstanceMethod<&ZoneSnapshot::Answer>("answer"),
                        InstanceMethod<&ZoneSnapshot::AnswerPoints>("answerPoints"), InstanceMethod<&ZoneSnapshot::Contains>("contains"), InstanceMethod<&ZoneSnapshot::Boxes>("boxes"),
                        InstanceMethod<&ZoneSnapshot::Release>("release")});
  }

  /** new ZoneSnapshot(bytes: Uint8Array); throws for bytes that are no snapshot. new ZoneSnapshot(zones: Zones): the one published, to be released. */
  explicit ZoneSnapshot(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ZoneSnapshot>(info) {
    if (!info[0].IsTypedArray()) {
      snapshot_ = publishedBy(info[0].As<Napi::Object>());
      return;
    }
    const Napi::Uint8Array bytes = info[0].As<Napi::Uint8Array>();
    snapshot_ = orThrow(info.Env(), [&] {
      return std::make_shared<const Snapshot>(Snapshot::attach({bytes.Data(), bytes.ByteLength()}));
    });
  }

  const std::shared_ptr<const Snapshot>& snapshot(Napi::Env env) const {
    if (snapshot_ == nullptr) throw Napi::Error::New(env, "this snapshot was released");
    return snapshot_;
  }

 private:
  /** release(): frees the memory now (or when no publisher holds it any more), and not when the object is collected. */
  void Release(const Napi::CallbackInfo&) { snapshot_.reset(); }

  Napi::Value Version(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(snapshot(info.Env())->version()));
  }
  Napi::Value ByteLength(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(snapshot(info.Env())->bytes().size()));
  }
  Napi::Value ZoneCount(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), snapshot(info.Env())->zoneCount()); }

  /** lookup(lat, lon, layer | undefined, out: Uint32Array) → how many zones there are; as many as fit are in `out`. */
  Napi::Value Lookup(const Napi::CallbackInfo& info) {
    const LayerArgument layer(info[2]);
    lookup(*snapshot(info.Env()), info[0].As<Napi::Number>(), info[1].As<Napi::Number>(), layer.get(), hits_);
    Napi::Uint32Array out = info[3].As<Napi::Uint32Array>();
    std::copy_n(hits_.begin(), std::min(hits_.size(), out.ElementLength()), out.Data());
    return Napi::Number::New(info.Env(), static_cast<double>(hits_.size()));
  }

  /** lookupMany(points: Float64Array of lat, lon, counts: Uint32Array, out: Uint32Array) → zones in all, as many as fit in `out`. */
  Napi::Value LookupMany(const Napi::CallbackInfo& info) {
    const Napi::Float64Array points = info[0].As<Napi::Float64Array>();
    Napi::Uint32Array counts = info[1].As<Napi::Uint32Array>();
    Napi::Uint32Array out = info[2].As<Napi::Uint32Array>();
    const Snapshot& all = *snapshot(info.Env());
    const double* const at = points.Data();
    uint32_t* const countAt = counts.Data();
    uint32_t* const outAt = out.Data();
    const size_t room = out.ElementLength();
    const size_t length = std::min(points.ElementLength() / 2, counts.ElementLength());
    size_t total = 0;
    for (size_t i = 0; i < length; i++) {
      all.lookup(at[2 * i], at[2 * i + 1], hits_);
      countAt[i] = static_cast<uint32_t>(hits_.size());
      if (total < room) std::copy_n(hits_.begin(), std::min(hits_.size(), room - total), outAt + total);
      total += hits_.size();
    }
    return Napi::Number::New(info.Env(), static_cast<double>(total));
  }

  /** answer(zone) → what answers say of it, MessagePack. */
  Napi::Value Answer(const Napi::CallbackInfo& info) {
    const uint32_t zone = info[0].As<Napi::Number>();
    const Snapshot& all = *snapshot(info.Env());
    if (zone >= all.zoneCount()) throw Napi::RangeError::New(info.Env(), "no such zone");
    const std::string_view answer = answerOfZone(all, zone);
    return Napi::Buffer<char>::Copy(info.Env(), answer.data(), answer.size());
  }

  /** How long a call of answerPoints may take and, after it, where it got to. */
  struct PointsState {
    double micros;
    double next;
    double needed;
  };

  /**
   * answerPoints(points: Float64Array of lat, lon, from, layer | undefined, out: Uint8Array, offset, state: Float64Array(3)) writes `{"zones":[…]}`
   * for each point from the one numbered `from` on, until all are done, the time is up (at the earliest after one point) or the next does not
   * fit. Returns the offset behind what is written. `state` is PointsState: microseconds that it may take; the first point that is not answered;
   * the bytes that this one needs if it was for want of room, else 0.
   */
  Napi::Value AnswerPoints(const Napi::CallbackInfo& info) {
    const Snapshot& all = *snapshot(info.Env());
    const Napi::Float64Array points = info[0].As<Napi::Float64Array>();
    const double* const at = points.Data();
    const uint32_t count = static_cast<uint32_t>(points.ElementLength() / 2);
    uint32_t next = info[1].As<Napi::Number>();
    const LayerArgument layer(info[2]);
    Napi::Uint8Array out = info[3].As<Napi::Uint8Array>();
    size_t end = std::min<size_t>(info[4].As<Napi::Number>().Uint32Value(), out.ByteLength());
    Napi::Float64Array stateArray = info[5].As<Napi::Float64Array>();
    PointsState& state = *reinterpret_cast<PointsState*>(stateArray.Data());
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::microseconds(static_cast<int64_t>(state.micros));
    state.needed = 0;
    while (next < count) {
      MsgpackWriter writer(out.Data() + end, out.ByteLength() - end);
      writer.map(1);
      writer.string("zones");
      writeZones(writer, &all, at[2 * next], at[2 * next + 1], layer.get(), hits_);
      if (!writer.fits()) {
        state.needed = static_cast<double>(writer.size());
        break;
      }
      end += writer.size();
      ++next;
      if (std::chrono::steady_clock::now() >= deadline) break;
    }
    state.next = next;
    return Napi::Number::New(info.Env(), static_cast<double>(end));
  }

  static std::shared_ptr<const Snapshot> publishedBy(const Napi::Object& zones);

  /** contains(layer, id, lat, lon) → boolean, or undefined when there is no such zone. */
  Napi::Value Contains(const Napi::CallbackInfo& info) {
    const auto shape = snapshot(info.Env())->findZone(info[0].As<Napi::String>().Utf8Value(), info[1].As<Napi::String>().Utf8Value());
    if (!shape.has_value()) return info.Env().Undefined();
    return Napi::Boolean::New(info.Env(), shape->contains(info[2].As<Napi::Number>(), info[3].As<Napi::Number>()));
  }

  /** boxes(layer, id) → Float64Array of west, south, east, north, …; undefined when there is no such zone. */
  Napi::Value Boxes(const Napi::CallbackInfo& info) {
    const auto shape = snapshot(info.Env())->findZone(info[0].As<Napi::String>().Utf8Value(), info[1].As<Napi::String>().Utf8Value());
    if (!shape.has_value()) return info.Env().Undefined();
    std::vector<double> numbers;
    shape->forEachBox([&](double west, double south, double east, double north) {
      numbers.insert(numbers.end(), {west, south, east, north});
    });
    Napi::Float64Array boxes = Napi::Float64Array::New(info.Env(), numbers.size());
    std::copy(numbers.begin(), numbers.end(), boxes.Data());
    return boxes;
  }

  std::shared_ptr<const Snapshot> snapshot_;
  Hits hits_;
};

class Zones : public Napi::ObjectWrap<Zones> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "Zones",
                       {InstanceAccessor<&Zones::Handle>("handle"), InstanceAccessor<&Zones::Version>("version"),
                        InstanceMethod<&Zones::Publish>("publish"), InstanceMethod<&Zones::Collect>("collect"),
                        InstanceMethod<&Zones::AnswerAt>("answerAt"), InstanceMethod<&Zones::NumbersAt>("numbersAt"),
                        InstanceMethod<&Zones::AnswerOf>("answerOf"), InstanceMethod<&Zones::Close>("close")});
  }

  /** new Zones() opens an empty one, new Zones(handle) attaches to one of this process. */
  explicit Zones(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Zones>(info) {
    if (info[0].IsNumber()) {
      handle_ = info[0].As<Napi::Number>();
      publisher_ = publishers().find(handle_);
      if (publisher_ == nullptr) throw Napi::Error::New(info.Env(), "no thread holds the zones of this handle any more");
    } else {
      publisher_ = std::make_shared<zones::Publisher>();
      handle_ = publishers().add(publisher_);
    }
    reader_ = orThrow(info.Env(), [&] { return std::make_unique<zones::ZoneReader>(*publisher_); });
  }

  /** The published snapshot, for longer than a lookup and without the publisher's lock; nullptr before there is one. */
  std::shared_ptr<const Snapshot> published(Napi::Env env) {
    const zones::ZoneReader::Pin pin(reader(env));
    return pin.snapshot() == nullptr ? nullptr : pin.snapshot()->shared_from_this();
  }

 private:
  zones::ZoneReader& reader(Napi::Env env) {
    if (reader_ == nullptr) throw Napi::Error::New(env, "these zones are closed");
    return *reader_;
  }

  Napi::Value Handle(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), handle_); }

  /** The published version, 0 before there is one. */
  Napi::Value Version(const Napi::CallbackInfo& info) {
    const zones::ZoneReader::Pin pin(reader(info.Env()));
    return Napi::Number::New(info.Env(), pin.snapshot() == nullptr ? 0 : static_cast<double>(pin.snapshot()->version()));
  }

  /** publish(snapshot: ZoneSnapshot) */
  void Publish(const Napi::CallbackInfo& info) {
    reader(info.Env());
    publisher_->publish(ZoneSnapshot::Unwrap(info[0].As<Napi::Object>())->snapshot(info.Env()));
  }

  /** Frees what no lookup sees any more; returns how many old snapshots are still held for lookups. */
  Napi::Value Collect(const Napi::CallbackInfo& info) {
    reader(info.Env());
    return Napi::Number::New(info.Env(), static_cast<double>(publisher_->collect()));
  }

  /**
   * answerAt(lat, lon, layer | undefined, ref: Uint8Array of MessagePack | undefined, out: Uint8Array, offset) writes one map: ref (when given),
   * version, zones. Returns the offset behind it; −n when it needs n bytes in all and `out` has fewer (nothing to rely on is in it then).
   */
  Napi::Value AnswerAt(const Napi::CallbackInfo& info) {
    const zones::ZoneReader::Pin pin(reader(info.Env()));
    const LayerArgument layer(info[2]);
    Napi::Uint8Array out = info[4].As<Napi::Uint8Array>();
    const size_t offset = std::min<size_t>(info[5].As<Napi::Number>().Uint32Value(), out.ByteLength());
    MsgpackWriter writer(out.Data() + offset, out.ByteLength() - offset);
    Bytes ref;
    if (info[3].IsTypedArray()) {
      const Napi::Uint8Array given = info[3].As<Napi::Uint8Array>();
      ref = {given.Data(), static_cast<uint32_t>(given.ByteLength())};
    }
    zones::writeAnswer(writer, pin.snapshot(), info[0].As<Napi::Number>(), info[1].As<Napi::Number>(), layer.get(), ref, hits_);
    const double end = static_cast<double>(offset + writer.size());
    return Napi::Number::New(info.Env(), writer.fits() ? end : -end);
  }

  /**
   * numbersAt(lat, lon, out: Float64Array) → how many zones there are: out[0] is the version, then the zones' numbers in it, in the order of answers, as
   * many as fit.
   */
  Napi::Value NumbersAt(const Napi::CallbackInfo& info) {
    const zones::ZoneReader::Pin pin(reader(info.Env()));
    Napi::Float64Array out = info[2].As<Napi::Float64Array>();
    const Snapshot* const snapshot = pin.snapshot();
    hits_.clear();
    if (snapshot != nullptr) snapshot->lookup(info[0].As<Napi::Number>(), info[1].As<Napi::Number>(), hits_);
    double* const to = out.Data();
    to[0] = snapshot == nullptr ? 0 : static_cast<double>(snapshot->version());
    std::copy_n(hits_.begin(), std::min(hits_.size(), out.ElementLength() - 1), to + 1);
    return Napi::Number::New(info.Env(), static_cast<double>(hits_.size()));
  }

  /** answerOf(version, zone) → what answers say of it, MessagePack; undefined when that version is no longer published. */
  Napi::Value AnswerOf(const Napi::CallbackInfo& info) {
    const zones::ZoneReader::Pin pin(reader(info.Env()));
    const Snapshot* const snapshot = pin.snapshot();
    const uint32_t zone = info[1].As<Napi::Number>();
    if (snapshot == nullptr || static_cast<double>(snapshot->version()) != info[0].As<Napi::Number>().DoubleValue() ||
        zone >= snapshot->zoneCount()) {
      return info.Env().Undefined();
    }
    const std::string_view answer = answerOfZone(*snapshot, zone);
    return Napi::Buffer<char>::Copy(info.Env(), answer.data(), answer.size());
  }

  void Close(const Napi::CallbackInfo&) {
    reader_.reset();
    publisher_.reset();
  }

  uint32_t handle_ = 0;
  std::shared_ptr<zones::Publisher> publisher_;
  std::unique_ptr<zones::ZoneReader> reader_;  // before publisher_ goes
  Hits hits_;
};

std::shared_ptr<const Snapshot> ZoneSnapshot::publishedBy(const Napi::Object& zones) {
  return Zones::Unwrap(zones)->published(zones.Env());
}

}  // namespace

std::shared_ptr<zones::Publisher> findZones(uint32_t handle) { return publishers().find(handle); }

void InitZones(Napi::Env env, Napi::Object exports) {
  exports["buildZoneLayer"] = Napi::Function::New<BuildZoneLayer>(env, "buildZoneLayer");
  exports["assembleZones"] = Napi::Function::New<AssembleZones>(env, "assembleZones");
  exports["ZoneSnapshot"] = ZoneSnapshot::Define(env);
  exports["Zones"] = Zones::Define(env);
}

}  // namespace raziel
