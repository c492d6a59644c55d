#include "frame.h"

#include <cmath>
#include <optional>

#include "text.h"
#include "zones/answer.h"

namespace raziel {

namespace {

// As in src/limits.ts.
constexpr double kLimitMax = 1000;
constexpr double kLimitDefault = 10;
constexpr double kRadiusMetersMax = 1'000'000;
constexpr double kRadiusMetersDefault = 5'000;
constexpr uint32_t kRefBytesMax = 128;
constexpr uint32_t kFilterTagsMax = 32;
/** A larger answer to `zonesAt` is left to the long way. */
constexpr size_t kZonesBytesMax = 1 << 20;

using Type = MsgpackReader::Type;

/** The fields of a hot frame as they stand; absent ones keep what they have here. */
struct Fields {
  Bytes op;
  Bytes ref;
  Bytes tags;
  Bytes anyTags;
  Bytes notTags;
  Bytes layer;
  double lat = kUnknown;
  double lon = kUnknown;
  double k = kLimitDefault;
  double radius = kRadiusMetersDefault;
  double maxAge = std::numeric_limits<double>::infinity();
  Bytes batch;
  /** A position, what only a search for the nearest has, and `ack`. */
  bool hasPosition = false;
  bool hasSearch = false;
  bool hasAck = false;
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

bool readLayer(MsgpackReader& in, Bytes& layer) {
  if (in.peek() != Type::String) return false;
  layer = in.readString();
  return isPlainUtf8(layer);
}

/** Reads one field; false when it is none of a hot frame's. */
bool readField(MsgpackReader& in, Bytes key, Fields& fields, uint32_t fixesMax) {
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
    in.skip();
    fields.batch = {start, uint32_t(in.position() - start)};
    return true;
  }
  if (key.equals("ack")) {
    if (in.peek() != Type::String) return false;
    const Bytes ack = in.readString();
    fields.hasAck = true;
    fields.acks = !ack.equals("none");
    return !fields.acks || ack.equals("applied");
  }
  if (key.equals("lat") || key.equals("lon")) {
    fields.hasPosition = true;
    return readNumberInto(in, key.equals("lat") ? fields.lat : fields.lon);
  }
  if (key.equals("layer")) return readLayer(in, fields.layer);
  fields.hasSearch = true;
  if (key.equals("k")) return readNumberInto(in, fields.k);
  if (key.equals("radius")) return readNumberInto(in, fields.radius);
  if (key.equals("maxAge")) return readNumberInto(in, fields.maxAge) && std::isfinite(fields.maxAge);
  if (key.equals("tags")) return readFilterTags(in, fields.tags);
  if (key.equals("anyTags")) return readFilterTags(in, fields.anyTags);
  if (key.equals("notTags")) return readFilterTags(in, fields.notTags);
  return false;
}

bool isPosition(const Fields& fields) {
  return fields.batch.data == nullptr && !fields.hasAck && std::abs(fields.lat) <= 90 && std::abs(fields.lon) <= 180;
}

bool isSearch(const Fields& fields) {
  return isPosition(fields) && fields.layer.data == nullptr && fields.k >= 1 && fields.k <= kLimitMax &&
         fields.k == std::floor(fields.k) && fields.radius >= 0 && fields.radius <= kRadiusMetersMax && fields.maxAge >= 0;
}

bool isLookup(const Fields& fields) { return isPosition(fields) && !fields.hasSearch; }

bool isBatch(const Fields& fields) {
  return fields.batch.data != nullptr && !fields.hasPosition && !fields.hasSearch && fields.layer.data == nullptr;
}

std::optional<FrameOp> opOf(const Fields& fields) {
  if (fields.op.equals("nearest") && isSearch(fields)) return FrameOp::Nearest;
  if (fields.op.equals("zonesAt") && isLookup(fields)) return FrameOp::ZonesAt;
  if (fields.op.equals("locations") && isBatch(fields)) return FrameOp::Locations;
  return std::nullopt;
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

bool readFrame(Bytes bytes, const FrameRules& rules, HotFrame& frame) {
  MsgpackReader in(bytes.data, bytes.size);
  if (in.peek() != Type::Map) return false;
  Fields fields;
  for (uint32_t pairs = in.readMap(); pairs > 0; --pairs) {
    if (in.peek() != Type::String) return false;
    const Bytes key = in.readString();
    if (!readField(in, key, fields, rules.fixesMax)) return false;
  }
  if (!in.ok() || !in.atEnd()) return false;
  const std::optional<FrameOp> op = opOf(fields);
  if (!op || (rules.allowed & (1u << uint32_t(*op))) == 0) return false;
  frame = {*op,          fields.ref,     fields.lat,     fields.lon,   fields.k,     fields.radius, fields.maxAge,
           fields.tags, fields.anyTags, fields.notTags, fields.layer, fields.batch, fields.acks};
  return true;
}

SearchRequest searchOf(const DriverStore& store, const HotFrame& frame) {
  SearchRequest request;
  request.around(frame.lat, frame.lon, frame.radiusMeters);
  request.limit = uint32_t(frame.k);
  request.ref = frame.ref;
  request.filter.maxAgeMs = frame.maxAgeSeconds * 1000;
  eachFilterTag(store, frame.tags, request.filter, requireTag);
  eachFilterTag(store, frame.anyTags, request.filter, allowTag);
  eachFilterTag(store, frame.notTags, request.filter, refuseTag);
  return request;
}

FrameOutcome answerNearest(const FrameTools& tools, SearchScratch& scratch, const SearchRequest& request, double nowMs, Stopwatch& watch,
                           MsgpackWriter& out, FrameStatus& status) {
  const SearchOutcome outcome = answerSearch(tools.session, scratch, request, nowMs, watch, out);
  status.micros = outcome.micros;
  return outcome.tooWide ? FrameOutcome::TooWide : FrameOutcome::Answered;
}

FrameOutcome answerZonesAt(const FrameTools& tools, const HotFrame& frame, Stopwatch& watch, MsgpackWriter& out, FrameStatus& status) {
  if (tools.zones == nullptr) return FrameOutcome::NotHot;
  const zones::ZoneReader::Pin pin(*tools.zones);
  const std::string_view layer(reinterpret_cast<const char*>(frame.layer.data), frame.layer.size);
  const std::string_view* const named = frame.layer.data == nullptr ? nullptr : &layer;
  zones::writeAnswer(out, pin.snapshot(), frame.lat, frame.lon, named, frame.ref, tools.hits);
  // How much an answer may have at most is decided on the long way.
  if (out.size() > kZonesBytesMax) return FrameOutcome::NotHot;
  status.micros = uint32_t(watch.lapMicros());
  return FrameOutcome::Answered;
}

FrameOutcome answerLocations(const FrameTools& tools, const HotFrame& frame, double nowMs, Stopwatch& watch, MsgpackWriter& out,
                             FrameStatus& status) {
  MsgpackReader batch(frame.batch.data, frame.batch.size);
  if (!tools.session.decode(batch, nowMs)) return FrameOutcome::NotHot;
  const BatchOutcome& outcome = tools.session.applyDecoded(nowMs);
  status = {&outcome, uint32_t(watch.lapMicros())};
  if (!outcome.rejected.empty()) return FrameOutcome::Rejections;
  if (frame.acks) writeCounts(outcome, frame.ref, out);
  return FrameOutcome::Answered;
}

}  // namespace raziel
