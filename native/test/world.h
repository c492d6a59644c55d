// What the C++ tests of the driver index share: batches as MessagePack, searches as lists, and the slow way to the same answers.

#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "../src/answer.h"
#include "../src/session.h"

namespace raziel::test {

constexpr double kNow = 1'411'000'000'000;

struct TestFix {
  std::string id;
  double lat;
  double lon;
  double timeMs = kNow;
  std::vector<std::string> tags = {};
  double ttlSeconds = 3600;
};

/** A batch as a client sends it. */
inline std::vector<uint8_t> encodeBatch(const std::vector<TestFix>& fixes) {
  std::vector<uint8_t> bytes(64 + fixes.size() * 3000);
  MsgpackWriter out(bytes.data(), bytes.size());
  out.array(uint32_t(fixes.size()));
  for (const TestFix& fix : fixes) {
    out.map(6);
    out.key("id");
    out.string(fix.id);
    out.key("lat");
    out.number(fix.lat);
    out.key("lon");
    out.number(fix.lon);
    out.key("time");
    out.number(fix.timeMs);
    out.key("ttl");
    out.number(fix.ttlSeconds);
    out.key("tags");
    out.array(uint32_t(fix.tags.size()));
    for (const std::string& tag : fix.tags) out.string(tag);
  }
  bytes.resize(out.size());
  return bytes;
}

inline BatchOutcome put(Session& session, const std::vector<TestFix>& fixes, double nowMs = kNow) {
  const std::vector<uint8_t> bytes = encodeBatch(fixes);
  MsgpackReader reader(bytes.data(), bytes.size());
  if (!session.decode(reader, nowMs)) std::abort();
  return session.applyDecoded(nowMs);
}

inline Bytes bytesOf(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), uint32_t(text.size())};
}

inline std::shared_ptr<DriverStore> makeStore(uint32_t driversMax = 100'000) {
  return std::make_shared<DriverStore>(StoreOptions{driversMax, 60, 1'000'000});
}

/** The haversine, by the book and with no shortcut. */
inline double plainDistance(double latA, double lonA, double latB, double lonB) {
  const double a = latA * kRadiansPerDegree;
  const double b = latB * kRadiansPerDegree;
  const double sinLat = std::sin((a - b) / 2);
  const double sinLon = std::sin((lonA - lonB) * kRadiansPerDegree / 2);
  const double h = sinLat * sinLat + std::cos(a) * std::cos(b) * sinLon * sinLon;
  return 2 * kEarthRadiusMeters * std::asin(std::min(1.0, std::sqrt(h)));
}

}  // namespace raziel::test
