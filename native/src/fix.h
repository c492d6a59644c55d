// A fix as the engine holds it, and as it comes out of the decoder.

#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include "msgpack_reader.h"

namespace raziel {

constexpr uint32_t kIdBytesMax = 128;
constexpr uint32_t kTagBytesMax = 64;
constexpr uint32_t kTagsPerDriverMax = 32;
constexpr double kFutureMsMax = 60'000;
constexpr double kTtlSecondsMax = 30.0 * 24 * 3600;
constexpr double kTimeMsMax = 8.64e15;
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

/** Why a fix was rejected; the order in which faults are reported, and the one of FIX_CODES in src/errors.ts. */
enum class FixCode : uint8_t {
  BadFix,
  BadId,
  BadLat,
  BadLon,
  BadTime,
  FutureTime,
  BadHeading,
  BadSpeed,
  BadAccuracy,
  BadTags,
  TooManyTags,
  BadTtl,
  EngineFull,
  None,
};

/** What a fix says of a driver's movement; NaN where it says nothing. */
struct Motion {
  double heading;
  double speed;
  double accuracy;

  bool operator==(const Motion& other) const {
    return same(heading, other.heading) && same(speed, other.speed) && same(accuracy, other.accuracy);
  }
  static bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }
};

/**
 * The fix that is held of one driver. It never changes once it can be seen: a new fix is a new block, and the old one is freed when no
 * search can be looking at it any more, so that nobody ever sees half of one and half of another.
 */
struct alignas(64) FixBlock {
  double lat;
  double lon;
  double timeMs;
  double ttlSeconds;
  Motion motion;
  uint32_t driver;
  /** Its set of tags, by number (tag_sets.h). */
  uint32_t tagSet;

  bool liveAt(double nowMs) const { return nowMs - timeMs <= ttlSeconds * 1000; }
};
static_assert(sizeof(FixBlock) == 64);

/** A fix as decoded: checked but for what depends on the other drivers. Points into the bytes that it came from. */
struct DecodedFix {
  Bytes id;
  uint64_t idHash;
  double lat;
  double lon;
  double timeMs;
  double ttlSeconds;
  Motion motion;
  /** The MessagePack array of tags; data is null when the fix leaves them unchanged. */
  Bytes tags;
  FixCode code;
};

}  // namespace raziel
