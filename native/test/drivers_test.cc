// The driver index on one thread, compared with brute force while drivers come, move, pile up, expire and go. Run under the address and
// undefined-behaviour sanitizers.

#include <map>
#include <set>

#include "check.h"
#include "world.h"

namespace raziel::test {
namespace {

using World = std::map<std::string, TestFix>;

/** Ids of the k nearest by brute force, nearest first. */
std::vector<std::pair<double, std::string>> plainNearest(const World& world, double lat, double lon, double radius,
                                                         const std::string& tag, double nowMs) {
  std::vector<std::pair<double, std::string>> found;
  for (const auto& [id, fix] : world) {
    if (nowMs - fix.timeMs > fix.ttlSeconds * 1000) continue;
    if (!tag.empty() && std::find(fix.tags.begin(), fix.tags.end(), tag) == fix.tags.end()) continue;
    const double meters = plainDistance(lat, lon, fix.lat, fix.lon);
    if (meters <= radius) found.emplace_back(meters, id);
  }
  std::sort(found.begin(), found.end());
  return found;
}

void compareNearest(Session& session, SearchScratch& scratch, const World& world, double lat, double lon, uint32_t k,
                    double radius, const std::string& tag, double nowMs) {
  const auto expected = plainNearest(world, lat, lon, radius, tag, nowMs);
  EpochPin pinned = session.pin();
  Filter filter;
  if (!tag.empty()) requireTag(session.store(), tag, filter);
  const auto outcome =
      scratch.nearest(session.store(), Origin(lat, lon), k, haversineOfMeters(radius), filter, nowMs);
  CHECK(outcome == SearchScratch::Outcome::Found);
  const auto& hits = scratch.hits();
  CHECK(hits.size() <= std::min<size_t>(k, expected.size()) + 1);
  CHECK(hits.size() + 1 >= std::min<size_t>(k, expected.size()));
  for (size_t i = 0; i < std::min(hits.size(), expected.size()); ++i) {
    CHECK(std::abs(metersOfHaversine(hits[i].haversine) - expected[i].first) < 1e-3);
  }
}

struct Fleet {
  explicit Fleet(uint64_t seed) : random(seed), session(makeStore()) {}

  double uniform(double from, double to) { return std::uniform_real_distribution<double>(from, to)(random); }
  uint32_t below(uint32_t n) { return uint32_t(random() % n); }

  void add(const TestFix& fix) {
    batch.push_back(fix);
    world[fix.id] = fix;
  }
  void flush(double nowMs) {
    const BatchOutcome outcome = put(session, batch, nowMs);
    CHECK(outcome.accepted == batch.size());
    batch.clear();
  }

  std::mt19937_64 random;
  Session session;
  SearchScratch scratch;
  World world;
  std::vector<TestFix> batch;
};

void drivers_anywhere_are_found_as_by_brute_force() {
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    Fleet fleet(seed);
    double now = kNow;
    const double centerLat = seed == 1 ? 89.9 : seed == 2 ? -89.95 : fleet.uniform(-80, 80);
    const double centerLon = seed == 3 ? 179.99 : fleet.uniform(-180, 180);
    const double spread = std::pow(10, fleet.uniform(-4, 1));
    const auto somewhere = [&](TestFix& fix) {
      fix.lat = std::clamp(centerLat + fleet.uniform(-spread, spread), -90.0, 90.0);
      fix.lon = std::remainder(centerLon + fleet.uniform(-spread, spread), 360);
    };
    for (int round = 0; round < 40; ++round) {
      now += 1000;
      std::set<uint32_t> once;
      for (int i = 0; i < 200; ++i) {
        const uint32_t number = fleet.below(1500);
        if (!once.insert(number).second) continue;
        TestFix fix{"driver:" + std::to_string(number), 0, 0, now};
        somewhere(fix);
        if (number % 3 == 0) fix.tags = {"free"};
        if (number % 50 == 0) fix.tags.push_back("rare");
        fix.ttlSeconds = number % 7 == 0 ? 5 : 3600;
        fleet.add(fix);
      }
      fleet.flush(now);
      for (int i = 0; i < 30; ++i) {
        const std::string id = "driver:" + std::to_string(fleet.below(1500));
        fleet.session.remove(bytesOf(id), now);
        fleet.world.erase(id);
      }
      if (round % 3 == 0) fleet.session.sweep(now);
      for (int i = 0; i < 8; ++i) {
        TestFix from;
        somewhere(from);
        const double radius = i % 2 == 0 ? 1e6 : spread * 3e4;
        const std::string tag = i % 4 == 0 ? "rare" : i % 4 == 1 ? "free" : "";
        compareNearest(fleet.session, fleet.scratch, fleet.world, from.lat, from.lon, 1 + fleet.below(40), radius, tag, now);
      }
    }
  }
}

void thousands_at_one_position_come_by_id() {
  Fleet fleet(7);
  for (int i = 0; i < 3000; ++i) fleet.add({"d" + std::to_string(10000 + i), 1.25, 103.75});
  fleet.flush(kNow);
  // Leave and come back, so that entries beyond the first 64 are freed and used again.
  for (int i = 0; i < 3000; i += 3) fleet.session.remove(bytesOf("d" + std::to_string(10000 + i)), kNow);
  for (int i = 0; i < 3000; i += 6) fleet.add({"d" + std::to_string(10000 + i), 1.25, 103.75});
  fleet.flush(kNow);
  EpochPin pinned = fleet.session.pin();
  fleet.scratch.nearest(fleet.session.store(), Origin(1.25, 103.75), 100, 1, Filter{}, kNow);
  CHECK(fleet.scratch.hits().size() == 100);
  std::string before;
  for (const Hit& hit : fleet.scratch.hits()) {
    const std::string id(fleet.session.store().drivers[hit.fix->driver].id());
    CHECK(before < id);
    before = id;
  }
}

void a_city_that_empties_gives_its_cells_back() {
  Fleet fleet(8);
  const size_t empty = fleet.session.store().tree.bytes();
  for (int i = 0; i < 20000; ++i) fleet.add({"d" + std::to_string(i), fleet.uniform(48, 49), fleet.uniform(2, 3)});
  fleet.flush(kNow);
  const size_t full = fleet.session.store().tree.bytes();
  for (const auto& [id, fix] : fleet.world) CHECK(fleet.session.remove(bytesOf(id), kNow));
  for (int i = 0; i < 200; ++i) fleet.session.sweep(kNow);
  const size_t after = fleet.session.store().tree.bytes();
  CHECK(fleet.session.store().held == 0);
  CHECK(full > empty + 100'000);
  CHECK(after < empty + (full - empty) / 50);
}

void expired_drivers_make_room_and_leave_nothing_behind() {
  Session session(makeStore(500));
  std::mt19937_64 random(9);
  for (int round = 0; round < 50; ++round) {
    const double now = kNow + round * 10'000.0;
    std::vector<TestFix> batch;
    for (int i = 0; i < 500; ++i) {
      const std::string id = std::string(i % 90, 'x') + std::to_string(round) + ":" + std::to_string(i);
      batch.push_back({id, double(i % 90), double(round), now, {"tag" + std::to_string(round * 7 + i % 7)}, 5});
    }
    CHECK(put(session, batch, now).accepted == 500);
    batch = {{"one more", 0, 0, now}};
    const BatchOutcome outcome = put(session, batch, now);
    CHECK(outcome.rejected.size() == 1 && outcome.rejected[0].second == FixCode::EngineFull);
  }
  CHECK(session.store().driverPool.highWater() < 4000);
  CHECK(session.store().fixPool.highWater() < 4000);
}

void tags_come_and_go_and_never_mix() {
  Session session(makeStore());
  for (int round = 0; round < 40; ++round) {
    std::vector<TestFix> batch;
    const double now = kNow + round;
    for (int i = 0; i < 64; ++i) {
      batch.push_back({"d" + std::to_string(i), i * 0.01, 0, now, {"r" + std::to_string(round), "t" + std::to_string(round * 64 + i)}});
    }
    CHECK(put(session, batch, now).accepted == 64);
    for (int i = 0; i < 64; ++i) {
      EpochPin pinned = session.pin();
      SearchScratch scratch;
      Filter filter;
      requireTag(session.store(), "t" + std::to_string(round * 64 + i), filter);
      scratch.nearest(session.store(), Origin(0, 0), 10, 1, filter, now);
      CHECK(scratch.hits().size() == 1);
      CHECK(session.store().drivers[scratch.hits()[0].fix->driver].id() == "d" + std::to_string(i));
    }
  }
  CHECK(session.store().tags.inUse() == 65);
}

void too_many_tags_are_refused_until_some_are_free() {
  Session session(makeStore());
  std::vector<TestFix> batch;
  for (int i = 0; i < 256; ++i) batch.push_back({"d" + std::to_string(i), 0, 0, kNow, {"t" + std::to_string(i)}});
  CHECK(put(session, batch).accepted == 256);
  const BatchOutcome refused = put(session, {{"late", 0, 0, kNow, {"new"}}});
  CHECK(refused.rejected.size() == 1 && refused.rejected[0].second == FixCode::TooManyTags);
  CHECK(session.remove(bytesOf("d7"), kNow));
  CHECK(put(session, {{"late", 0, 0, kNow, {"new"}}}).accepted == 1);
}

void the_short_arcsine_is_the_arcsine() {
  for (double x = 1e-12; x < 1; x *= 1.001) CHECK(std::abs(arcsine(x) - std::asin(x)) <= 2.3e-16 * x);
  CHECK(arcsine(0) == 0 && arcsine(1) == std::asin(1.0) && arcsine(1.1) == std::asin(1.0));
}

}  // namespace
}  // namespace raziel::test

int main() {
  using namespace raziel::test;
  RUN(drivers_anywhere_are_found_as_by_brute_force);
  RUN(thousands_at_one_position_come_by_id);
  RUN(a_city_that_empties_gives_its_cells_back);
  RUN(expired_drivers_make_room_and_leave_nothing_behind);
  RUN(tags_come_and_go_and_never_mix);
  RUN(too_many_tags_are_refused_until_some_are_free);
  RUN(the_short_arcsine_is_the_arcsine);
  std::printf("drivers_test: 7 passed, 0 failed\n");
}
