#include "frame.h"

#include <chrono>
#include <cmath>

#include "text.h"

namespace raziel {

namespace {

// As in src/limits.ts.
constexpr double kLimitMax = 1000;
constexpr double kLimitDefault = 10;
constexpr double kRadiusMetersMax = 1'000'000;
constexpr double kRadiusMetersDefault = 5'000;
constexpr uint32_t kRefBytesMax = 128;
constexpr uint32_t kFilterTagsMax = 32;

using Type = MsgpackReader::Type;

/** The fields of a hot frame as they stand; absent ones keep what they have here. */
struct Fields {
  Bytes op;
  Bytes ref;
  Bytes tags;
  Bytes anyTags;
  Bytes notTags;
  double lat = kUnknown;
  double lon = kUnknown;
  double k = kLimitDefault;
  double radius = kRadiusMetersDefault;
  double maxAge = std::numeric_limits<double>::infinity();
  Bytes batch;
  bool hasSearch = false;
  bool acks = true;
};

bool readNumberInto(MsgpackReader& in, double& value) {
  if (in.peek() != Type::Number) return false;
  value = in.readNumber();
  return true;
}

bool readRef(MsgpackReader& in, Bytes& ref) {
  const uint8_t* const start = in.position();
  if (in.peek() == Type::Number) {
    if (!std::isfinite(in.readNumber())) return false;
  } else if (in.peek() == Type::String) {
    const Bytes text = in.readString();
    if (text.size > kRefBytesMax || !isPlainUtf8(text)) return false;
  } else {
    return false;
  }
  ref = {start, uint32_t(in.position() - start)};
  return true;
}

/** The array of tags as it stands, if every one of them is a tag. */
bool readFilterTags(MsgpackReader& in, Bytes& tags) {
  if (in.peek() != Type::Array) return false;
  const uint8_t* const start = in.position();
  const uint32_t count = in.readArray();
  if (count > kFilterTagsMax) return false;
  for (uint32_t i = 0; i < count; ++i) {
    if (in.peek() != Type::String) return false;
    const Bytes tag = in.readString();
    if (!isTag(tag)) return false;
  }
  tags = {start, uint32_t(in.position() - start)};
  return true;
}

/** Reads one field; false when it is none of a hot frame's. A batch is decoded on the spot. */
bool readField(MsgpackReader& in, Bytes key, Fields& fields, Session& session, double nowMs, uint32_t fixesMax) {
  if (key.equals("op")) {
    if (in.peek() != Type::String) return false;
    fields.op = in.readString();
    return true;
  }
  if (key.equals("ref")) return readRef(in, fields.ref);
  if (key.equals("batch")) {
    if (in.peek() != Type::Array) return false;
    MsgpackReader ahead = in;
    if (ahead.readArray() > fixesMax) return false;
    const uint8_t* const start = in.position();
    if (!session.decode(in, nowMs)) return false;
    fields.batch = {start, uint32_t(in.position() - start)};
    return true;
  }
  if (key.equals("ack")) {
    if (in.peek() != Type::String) return false;
    const Bytes ack = in.readString();
    fields.acks = !ack.equals("none");
    return !fields.acks || ack.equals("applied");
  }
  fields.hasSearch = true;
  if (key.equals("lat")) return readNumberInto(in, fields.lat);
  if (key.equals("lon")) return readNumberInto(in, fields.lon);
  if (key.equals("k")) return readNumberInto(in, fields.k);
  if (key.equals("radius")) return readNumberInto(in, fields.radius);
  if (key.equals("maxAge")) return readNumberInto(in, fields.maxAge) && std::isfinite(fields.maxAge);
  if (key.equals("tags")) return readFilterTags(in, fields.tags);
  if (key.equals("anyTags")) return readFilterTags(in, fields.anyTags);
  if (key.equals("notTags")) return readFilterTags(in, fields.notTags);
  return false;
}

bool isSearch(const Fields& fields) {
  return fields.batch.data == nullptr && std::abs(fields.lat) <= 90 && std::abs(fields.lon) <= 180 && fields.k >= 1 &&
         fields.k <= kLimitMax && fields.k == std::floor(fields.k) && fields.radius >= 0 &&
         fields.radius <= kRadiusMetersMax && fields.maxAge >= 0 && fields.acks;
}

template <typename Add>
void eachFilterTag(const DriverStore& store, Bytes tags, Filter& filter, Add&& add) {
  if (tags.data == nullptr) return;
  MsgpackReader reader(tags.data, tags.size);
  for (uint32_t left = reader.readArray(); left > 0; --left) {
    const Bytes tag = reader.readString();
    add(store, {reinterpret_cast<const char*>(tag.data), tag.size}, filter);
  }
}

FrameOutcome search(Session& session, SearchScratch& scratch, const Fields& fields, double nowMs, MsgpackWriter& out,
                    uint32_t& micros) {
  EpochPin pinned = session.pin();
  const DriverStore& store = session.store();
  SearchRequest request;
  request.lat = fields.lat;
  request.lon = fields.lon;
  request.limit = uint32_t(fields.k);
  request.radiusMeters = fields.radius;
  request.ref = fields.ref;
  request.filter.maxAgeMs = fields.maxAge * 1000;
  eachFilterTag(store, fields.tags, request.filter, requireTag);
  eachFilterTag(store, fields.anyTags, request.filter, allowTag);
  eachFilterTag(store, fields.notTags, request.filter, refuseTag);
  const SearchOutcome outcome = answerSearch(session, scratch, request, nowMs, out);
  micros = outcome.micros;
  return outcome.tooWide ? FrameOutcome::TooWide : FrameOutcome::Answered;
}

void writeCounts(const BatchOutcome& batch, Bytes ref, MsgpackWriter& out) {
  out.map(4 + (ref.data != nullptr));
  if (ref.data != nullptr) {
    out.key("ref");
    out.raw(ref.data, ref.size);
  }
  out.key("accepted");
  out.number(batch.accepted);
  out.key("stale");
  out.number(batch.stale);
  out.key("duplicate");
  out.number(batch.duplicate);
  out.key("rejected");
  out.array(0);
}

}  // namespace

FrameOutcome answerFrame(Session& session, SearchScratch& scratch, const uint8_t* bytes, size_t size, double nowMs,
                         uint32_t fixesMax, uint32_t allowed, MsgpackWriter& out, FrameStatus& status) {
  MsgpackReader in(bytes, size);
  if (in.peek() != Type::Map) return FrameOutcome::NotHot;
  Fields fields;
  for (uint32_t pairs = in.readMap(); pairs > 0; --pairs) {
    if (in.peek() != Type::String) return FrameOutcome::NotHot;
    const Bytes key = in.readString();
    if (!readField(in, key, fields, session, nowMs, fixesMax)) return FrameOutcome::NotHot;
  }
  if (!in.ok() || !in.atEnd()) return FrameOutcome::NotHot;
  if (fields.op.equals("nearest")) {
    if (!isSearch(fields) || (allowed & kAllowNearest) == 0) return FrameOutcome::NotHot;
    status = {};
    return search(session, scratch, fields, nowMs, out, status.micros);
  }
  const auto begin = std::chrono::steady_clock::now();
  if ((allowed & kAllowLocations) == 0) return FrameOutcome::NotHot;
  if (!fields.op.equals("locations") || fields.batch.data == nullptr || fields.hasSearch) return FrameOutcome::NotHot;
  const BatchOutcome& batch = session.applyDecoded(nowMs);
  const auto took = std::chrono::steady_clock::now() - begin;
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
  status = {FrameStatus::Op::Locations, &batch, fields.batch, fields.ref, uint32_t(micros)};
  if (!batch.rejected.empty()) return FrameOutcome::Rejections;
  if (fields.acks) writeCounts(batch, fields.ref, out);
  return FrameOutcome::Answered;
}

}  // namespace raziel
