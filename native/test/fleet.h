// A fleet that jumps between far cells, for the tests with several threads: all of a fix follows from its driver and step, so that half of one
// and half of another shows.

#pragma once

#include <string>
#include <vector>

#include "check.h"
#include "world.h"

namespace raziel::test {

/** Where the fleet's drivers are at a step: clusters small enough to split cells, far enough apart to leave them. */
inline TestFix fixAt(uint32_t driver, uint32_t step) {
  const uint32_t place = (driver * 7919 + step * 104729) % 1000;
  return {"driver:" + std::to_string(driver), 10 + (place % 10) * 0.5 + driver * 1e-5, 20 + (place / 10 % 10) * 0.5 + step % 97 * 1e-6,
          kNow + step};
}

/** As fixAt, but with what makes tearing visible: heading and speed follow from the position. */
inline std::vector<uint8_t> encodeStep(uint32_t first, uint32_t count, uint32_t step) {
  std::vector<uint8_t> bytes(64 + count * 200);
  MsgpackWriter out(bytes.data(), bytes.size());
  out.array(count);
  for (uint32_t driver = first; driver < first + count; ++driver) {
    const TestFix fix = fixAt(driver, step);
    out.array(9);
    out.string(fix.id);
    out.number(fix.lat);
    out.number(fix.lon);
    out.number(fix.timeMs);
    out.number(fix.lat + fix.lon);
    out.number(fix.lat * 3);
    out.number(step);
    out.array(3);
    out.string("fleet");
    out.string(step % 2 == 0 ? "even" : "odd");
    out.string("turn" + std::to_string(step % 40));
    out.number(100'000);
  }
  bytes.resize(out.size());
  return bytes;
}

inline void apply(Session& session, const std::vector<uint8_t>& bytes, double nowMs) {
  MsgpackReader reader(bytes.data(), bytes.size());
  CHECK(session.decode(reader, nowMs));
  CHECK(session.applyDecoded(nowMs).rejected.empty());
}

/** Whether a fix is one whole step of a driver's. */
inline bool isWhole(const std::string& id, double lat, double lon, double timeMs, double heading, double speed, double accuracy) {
  const TestFix expected = fixAt(uint32_t(std::stoul(id.substr(7))), uint32_t(accuracy));
  return lat == expected.lat && lon == expected.lon && timeMs == expected.timeMs && heading == lat + lon && speed == lat * 3;
}

}  // namespace raziel::test
