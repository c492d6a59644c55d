#include "candidates.h"

#include <algorithm>

namespace raziel {

CandidateOutcome findCandidates(Session& session, SearchScratch& scratch, const SearchRequest& request, double nowMs,
                                CandidateRow* rows, uint32_t room, MsgpackWriter& out) {
  const DriverStore& store = session.store();
  // As answer.cc: a tenth of a millimetre more, so that a driver exactly on the radius is in.
  const double haversineMax = haversineOfMeters(request.radiusMeters + 1e-4);
  const Origin origin(request.lat, request.lon);
  if (scratch.nearest(store, origin, request.limit, haversineMax, request.filter, nowMs) ==
      SearchScratch::Outcome::TooWide) {
    return {true, 0};
  }
  const std::vector<Hit>& hits = scratch.hits();
  const uint32_t count = std::min({uint32_t(hits.size()), request.limit, room});
  for (uint32_t i = 0; i < std::min(count, 64u); ++i) __builtin_prefetch(&store.drivers[hits[i].fix->driver]);
  for (uint32_t i = 0; i < count; ++i) {
    const FixBlock& fix = *hits[i].fix;
    const uint32_t pairs = writeHitPairs(store, hits[i], true, nowMs, out);
    rows[i] = {fix.lat,
               fix.lon,
               metersOfHaversine(hits[i].haversine),
               fix.motion.heading,
               fix.motion.speed,
               double(fix.driver),
               double(pairs),
               double(out.size())};
  }
  return {false, count};
}

SightingSlice seeDrivers(Session& session, uint32_t cursor, uint32_t stride, double nowMs, std::string_view idleTag,
                         Sighting* sightings, uint32_t room) {
  const DriverStore& store = session.store();
  const uint32_t end = store.driverPool.highWater();
  EpochPin pinned = session.pin();
  const uint32_t idleBit = store.tags.find(idleTag);
  uint32_t count = 0;
  uint32_t driver = std::max(cursor, stride);
  for (; driver < end && count < room; driver += stride) {
    const uint32_t fixIndex = store.drivers[driver].fix.load(std::memory_order_acquire);
    if (fixIndex == 0) continue;
    const FixBlock& fix = store.fixes[fixIndex];
    if (!fix.liveAt(nowMs)) continue;
    const bool isIdle = idleBit != TagRegistry::kNone && store.tagSets.maskOf(fix.tagSet).has(idleBit);
    sightings[count++] = {double(driver),     fix.lat,          fix.lon,        fix.timeMs,
                          fix.motion.heading, fix.motion.speed, isIdle ? 1.0 : 0.0};
  }
  return {count, driver < end ? driver : 0};
}

}  // namespace raziel
