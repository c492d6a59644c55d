#include "fix_decoder.h"

#include <algorithm>
#include <array>
#include <random>

#include "text.h"

namespace raziel {

namespace {

/** Stands for a field of the wrong kind: no rule lets it pass. An absent one is NaN. */
constexpr double kWrong = -std::numeric_limits<double>::infinity();

/** A number, NaN for nil, or kWrong. */
inline double readField(MsgpackReader& in) {
  switch (in.peek()) {
    case MsgpackReader::Type::Number: {
      const double value = in.readNumber();
      return std::isfinite(value) ? value : kWrong;
    }
    case MsgpackReader::Type::Nil: in.skip(); return kUnknown;
    default: in.skip(); return kWrong;
  }
}

bool within(double value, double least, double most) { return value >= least && value <= most; }
bool absentOrWithin(double value, double least, double most) { return std::isnan(value) || within(value, least, most); }

struct TagsField {
  Bytes array;
  FixCode code = FixCode::None;

  void read(MsgpackReader& in);
};

struct RawFix {
  Bytes id;
  double lat = kUnknown;
  double lon = kUnknown;
  double time = kUnknown;
  double heading = kUnknown;
  double speed = kUnknown;
  double accuracy = kUnknown;
  double ttl = kUnknown;
  TagsField tags;

  void readId(MsgpackReader& in) {
    id = {};
    if (in.peek() == MsgpackReader::Type::String) {
      id = in.readString();
    } else {
      in.skip();
    }
  }

  void readTime(MsgpackReader& in) {
    if (in.peek() != MsgpackReader::Type::String) {
      time = readField(in);
      return;
    }
    time = parseIsoTime(in.readString());
    if (std::isnan(time)) time = kWrong;
  }
};

void TagsField::read(MsgpackReader& in) {
  *this = {};
  if (in.peek() == MsgpackReader::Type::Nil) return in.skip();
  if (in.peek() != MsgpackReader::Type::Array) {
    code = FixCode::BadTags;
    return in.skip();
  }
  const uint8_t* const start = in.position();
  std::array<Bytes, kTagsPerDriverMax> distinct;
  uint32_t count = 0;
  const uint32_t size = in.readArray();
  for (uint32_t i = 0; i < size && in.ok(); ++i) {
    if (in.peek() != MsgpackReader::Type::String) {
      code = FixCode::BadTags;
      in.skip();
      continue;
    }
    const Bytes tag = in.readString();
    if (code == FixCode::BadTags) continue;
    if (!isTag(tag)) {
      code = FixCode::BadTags;
      continue;
    }
    const auto same = [&](Bytes other) { return other.size == tag.size && std::memcmp(other.data, tag.data, tag.size) == 0; };
    if (std::any_of(distinct.begin(), distinct.begin() + count, same)) continue;
    if (count == kTagsPerDriverMax) {
      code = FixCode::TooManyTags;
    } else {
      distinct[count++] = tag;
    }
  }
  array = {start, uint32_t(in.position() - start)};
}

void readRow(MsgpackReader& in, uint32_t size, RawFix& raw) {
  if (size > 0) raw.readId(in);
  if (size > 1) raw.lat = readField(in);
  if (size > 2) raw.lon = readField(in);
  if (size > 3) raw.readTime(in);
  if (size > 4) raw.heading = readField(in);
  if (size > 5) raw.speed = readField(in);
  if (size > 6) raw.accuracy = readField(in);
  if (size > 7) raw.tags.read(in);
  if (size > 8) raw.ttl = readField(in);
}

void readMapField(MsgpackReader& in, Bytes key, RawFix& raw) {
  if (key.equals("id")) return raw.readId(in);
  if (key.equals("lat")) return void(raw.lat = readField(in));
  if (key.equals("lon")) return void(raw.lon = readField(in));
  if (key.equals("time")) return raw.readTime(in);
  if (key.equals("heading")) return void(raw.heading = readField(in));
  if (key.equals("speed")) return void(raw.speed = readField(in));
  if (key.equals("accuracy")) return void(raw.accuracy = readField(in));
  if (key.equals("tags")) return raw.tags.read(in);
  if (key.equals("ttl")) return void(raw.ttl = readField(in));
  in.skip();
}

/** The first fault of a fix, in the order of FixCode. */
FixCode faultOf(const RawFix& raw, double nowMs) {
  if (raw.id.size < 1 || raw.id.size > kIdBytesMax || !isPlainUtf8(raw.id)) return FixCode::BadId;
  if (!within(raw.lat, -90, 90)) return FixCode::BadLat;
  if (!within(raw.lon, -180, 180)) return FixCode::BadLon;
  if (!absentOrWithin(raw.time, 0, kTimeMsMax)) return FixCode::BadTime;
  if (raw.time > nowMs + kFutureMsMax) return FixCode::FutureTime;
  if (!absentOrWithin(raw.heading, 0, 360)) return FixCode::BadHeading;
  if (!absentOrWithin(raw.speed, 0, std::numeric_limits<double>::max())) return FixCode::BadSpeed;
  if (!absentOrWithin(raw.accuracy, 0, std::numeric_limits<double>::max())) return FixCode::BadAccuracy;
  if (raw.tags.code != FixCode::None) return raw.tags.code;
  if (!absentOrWithin(raw.ttl, std::numeric_limits<double>::denorm_min(), kTtlSecondsMax)) return FixCode::BadTtl;
  return FixCode::None;
}

}  // namespace

uint64_t hashId(Bytes id) {
  static const uint64_t seed = (uint64_t{std::random_device{}()} << 32) | std::random_device{}();
  const auto mix = [](uint64_t a, uint64_t b) {
    const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
    return uint64_t(product) ^ uint64_t(product >> 64);
  };
  constexpr uint64_t kOdd1 = 0x9e3779b97f4a7c15u;
  constexpr uint64_t kOdd2 = 0xd6e8feb86659fd93u;
  uint64_t hash = seed ^ (id.size * kOdd1);
  const uint8_t* at = id.data;
  uint32_t left = id.size;
  for (; left > 16; at += 16, left -= 16) {
    uint64_t a, b;
    std::memcpy(&a, at, 8);
    std::memcpy(&b, at + 8, 8);
    hash = mix(a ^ hash, b ^ kOdd2);
  }
  uint64_t a = 0;
  uint64_t b = 0;
  if (left >= 8) {
    std::memcpy(&a, at, 8);
    std::memcpy(&b, at + left - 8, 8);
  } else {
    std::memcpy(&a, at, left);
  }
  hash = mix(a ^ hash, b ^ kOdd2);
  return mix(hash ^ seed, kOdd1);
}

bool decodeFixes(MsgpackReader& reader, double nowMs, double ttlSecondsDefault, std::vector<DecodedFix>& out) {
  const uint32_t size = reader.readArray();
  for (uint32_t i = 0; i < size && reader.ok(); ++i) {
    DecodedFix& fix = out.emplace_back();
    fix.code = FixCode::BadFix;
    RawFix raw;
    if (reader.peek() == MsgpackReader::Type::Array) {
      const uint32_t columns = reader.readArray();
      readRow(reader, columns, raw);
      for (uint32_t extra = 9; extra < columns && reader.ok(); ++extra) reader.skip();
      if (columns == 0 || columns > 9) continue;
    } else if (reader.peek() == MsgpackReader::Type::Map) {
      const uint32_t pairs = reader.readMap();
      for (uint32_t pair = 0; pair < pairs && reader.ok(); ++pair) {
        if (reader.peek() == MsgpackReader::Type::String) {
          readMapField(reader, reader.readString(), raw);
        } else {
          reader.skip();
          reader.skip();
        }
      }
    } else {
      reader.skip();
      continue;
    }
    if (!reader.ok()) return false;
    fix.code = faultOf(raw, nowMs);
    if (fix.code != FixCode::None) continue;
    fix.id = raw.id;
    fix.idHash = hashId(raw.id);
    fix.lat = raw.lat;
    fix.lon = raw.lon;
    fix.timeMs = std::isnan(raw.time) ? nowMs : raw.time;
    fix.ttlSeconds = std::isnan(raw.ttl) ? ttlSecondsDefault : raw.ttl;
    fix.motion = {raw.heading, raw.speed, raw.accuracy};
    fix.tags = raw.tags.array;
  }
  return reader.ok();
}

}  // namespace raziel
