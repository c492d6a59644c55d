#include "candidates.h"

#include <algorithm>

namespace raziel {

/** Of travel times that the source asked did not know. */
constexpr std::string_view kDefaultSource = "learned";

CandidatesFound CandidateFinder::run(Session& session, SearchScratch& scratch, const SearchRequest& request, double nowMs,
                                     CandidateTable& table) {
  const DriverStore& store = session.store();
  if (!search(store, scratch, request, nowMs, table)) return {true, 0, 0};
  MsgpackWriter out(table.bytes, table.byteRoom);
  uint32_t slots = 16;
  while (slots < 2 * hits_.size()) slots *= 2;
  slots_.assign(slots, 0);
  drivers_.clear();
  for (size_t i = 0; i < hits_.size(); ++i) {
    const Hit& hit = hits_[i];
    const FixBlock& fix = *hit.fix;
    const uint32_t row = rowOf(fix.driver);
    table.found[i] = int32_t(row);
    if (row < drivers_.size()) continue;
    drivers_.push_back(fix.driver);
    const double start = double(out.size());
    const uint32_t pairs = writeHitPairs(store, hit, true, nowMs, out);
    const double distance = metersOfHaversine(hit.haversine);
    table.rows[row] = {fix.lat, fix.lon, distance, fix.motion.heading, fix.motion.speed, double(pairs), start, double(out.size())};
  }
  return {false, uint32_t(drivers_.size()), out.size()};
}

/** Collects the hits of every search, one search behind the other. False when one looked at too many candidates. */
bool CandidateFinder::search(const DriverStore& store, SearchScratch& scratch, const SearchRequest& request, double nowMs,
                             CandidateTable& table) {
  hits_.clear();
  for (uint32_t group = 0; group < groups_; ++group) {
    const auto outcome = scratch.nearest(store, request.origin, request.limit, request.haversineMax, filters_[group], nowMs);
    if (outcome == SearchScratch::Outcome::TooWide) return false;
    const std::vector<Hit>& hits = scratch.hits();
    const size_t count = std::min({hits.size(), size_t{request.limit}, table.room - hits_.size()});
    for (size_t i = 0; i < count; ++i) __builtin_prefetch(&store.drivers[hits[i].fix->driver]);
    hits_.insert(hits_.end(), hits.begin(), hits.begin() + count);
    table.ends[group] = int32_t(hits_.size());
  }
  return true;
}

/** The row of a driver, which is the next one where it has none yet. */
uint32_t CandidateFinder::rowOf(uint32_t driver) {
  const uint32_t mask = uint32_t(slots_.size()) - 1;
  for (uint32_t i = (driver * 0x9e3779b1u >> 7) & mask;; i = (i + 1) & mask) {
    const uint32_t row = slots_[i] - 1;
    if (slots_[i] != 0 && drivers_[row] != driver) continue;
    if (slots_[i] == 0) slots_[i] = uint32_t(drivers_.size()) + 1;
    return slots_[i] - 1;
  }
}

void writeRanked(const CandidateTable& table, uint32_t count, std::string_view source, const uint8_t* unanswered,
                 MsgpackWriter& out) {
  const bool timed = !source.empty();
  out.array(count);
  for (uint32_t i = 0; i < count; ++i) {
    const int32_t at = table.order[i];
    const CandidateRow& row = table.rows[at];
    out.map(uint32_t(row.pairs) + (timed ? 2 : 0));
    out.raw(table.bytes + size_t(row.start), size_t(row.end - row.start));
    if (!timed) continue;
    out.key("eta");
    out.float64(table.keys[at]);
    out.key("etaSource");
    out.string(unanswered != nullptr && unanswered[at] != 0 ? kDefaultSource : source);
  }
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
