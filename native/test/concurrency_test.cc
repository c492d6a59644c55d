// Writers, searches and the sweep on several threads at once. Run under the thread sanitizer, and without it for speed.
//
// Every driver of the fleet is somewhere in the searched area all the time, jumping between far cells, and its speed and heading say where it
// is. So every search must find every driver exactly once (never twice, never missed), and every hit must be of one piece (never torn).

#include <array>
#include <atomic>
#include <set>
#include <thread>

#include "check.h"
#include "fleet.h"

namespace raziel::test {
namespace {

constexpr uint32_t kFleet = 300;
constexpr uint32_t kVisitors = 100;
/** They never move, so that only the sweep keeps their tag in the unions of their cells. */
constexpr uint32_t kParked = 50;
#ifdef RAZIEL_TSAN
constexpr int kRounds = 250;
#else
constexpr int kRounds = 4000;
#endif

/** Checks every hit for itself, and that nobody is there twice. */
uint32_t checkHits(const DriverStore& store, const SearchScratch& scratch) {
  std::set<std::string> ids;
  uint32_t fleet = 0;
  for (const Hit& hit : scratch.hits()) {
    const FixBlock& fix = *hit.fix;
    const std::string id(store.drivers[fix.driver].id());
    CHECK(ids.insert(id).second);
    if (id.rfind("driver:", 0) != 0) continue;
    ++fleet;
    CHECK(isWhole(id, fix.lat, fix.lon, fix.timeMs, fix.motion.heading, fix.motion.speed, fix.motion.accuracy));
  }
  return fleet;
}

/** A search that is begun, and goes on later. */
void nearestAhead(const DriverStore& store, SearchScratch& scratch, const Origin& origin, uint32_t k, double haversineMax, double nowMs) {
  scratch.begin(store, origin, k, haversineMax, Filter{});
  while (scratch.advance(store)) {
  }
  scratch.nearest(store, origin, k, haversineMax, Filter{}, nowMs);
}

void searches_beside_moves_find_everyone_once_and_whole() {
  auto store = makeStore();
  Session first(store);
  apply(first, encodeStep(0, kFleet, 1), kNow + 1);
  std::vector<TestFix> parked;
  for (uint32_t i = 0; i < kParked; ++i) parked.push_back({"parked:" + std::to_string(i), 10 + i * 0.1, 21, kNow, {"parked"}, 1e6});
  put(first, parked);
  std::atomic<bool> done{false};
  std::atomic<uint64_t> searches{0};
  std::vector<std::thread> threads;

  // Two writers with half of the fleet each, and a third that repeats what they may have outdone already.
  for (uint32_t half = 0; half < 2; ++half) {
    threads.emplace_back([&, half] {
      Session session(store);
      SearchScratch scratch;
      for (int step = 2; step < kRounds; ++step) {
        apply(session, encodeStep(half * kFleet / 2, kFleet / 2, uint32_t(step)), kNow + step);
        // What is acknowledged is seen.
        EpochPin pinned = session.pin();
        const std::string id = "driver:" + std::to_string(half * kFleet / 2);
        const FixBlock* const fix = session.find(bytesOf(id), kNow + step);
        CHECK(fix != nullptr && fix->timeMs >= kNow + step);
        nearestAhead(*store, scratch, Origin(fix->lat, fix->lon), 1, 1e-12, kNow + step);
        CHECK(scratch.hits().size() == 1);
      }
      done = true;
    });
  }
  threads.emplace_back([&] {
    Session session(store);
    for (uint32_t step = 1; !done; ++step) apply(session, encodeStep(0, kFleet, step % 50 + 1), kNow + step);
  });
  // Drivers that come, go and expire, with ids of every length.
  threads.emplace_back([&] {
    Session session(store);
    for (uint32_t round = 0; !done; ++round) {
      std::vector<TestFix> batch;
      const double now = kNow + kRounds;
      for (uint32_t i = 0; i < kVisitors; ++i) {
        batch.push_back({std::string(i % 40, 'v') + std::to_string(i), 12.0, 22.0, now + round % 2, {"visitor" + std::to_string(round % 60)}, 1000});
      }
      put(session, batch, now + round % 2);
      for (const TestFix& fix : batch) session.remove(bytesOf(fix.id), now);
    }
  });
  threads.emplace_back([&] {
    Session session(store);
    while (!done) session.sweep(kNow);
  });
  for (int reader = 0; reader < 2; ++reader) {
    threads.emplace_back([&, reader] {
      Session session(store);
      SearchScratch scratch;
      const BoxArea area(19, 9, 27, 17);
      for (int round = 0; !done; ++round) {
        EpochPin pinned = session.pin();
        Filter filter;
        if (round % 4 == 0) requireTag(*store, "fleet", filter);
        if (round % 4 == 3) requireTag(*store, "parked", filter);
        if (round % 4 == 1) {
          allowTag(*store, "even", filter);
          allowTag(*store, "odd", filter);
        }
        if (reader == 0 && round % 4 == 2) {
          // Several begun before the first is answered, each around somebody who stays.
          std::array<SearchScratch, 4> group;
          const auto originOf = [&](size_t i) { return Origin(10 + ((round + i) % kParked) * 0.1, 21); };
          const double near = haversineOfMeters(40'000);
          for (size_t i = 0; i < group.size(); ++i) group[i].begin(*store, originOf(i), 20, near, Filter{});
          for (bool goesOn = true; goesOn;) {
            goesOn = false;
            for (SearchScratch& one : group) goesOn |= one.advance(*store);
          }
          for (size_t i = 0; i < group.size(); ++i) {
            CHECK(group[i].nearest(*store, originOf(i), 20, near, Filter{}, kNow) == SearchScratch::Outcome::Found);
            CHECK(!group[i].hits().empty() && group[i].hits()[0].haversine < 1e-18);
            checkHits(*store, group[i]);
          }
          ++searches;
          continue;
        }
        if (reader == 0) {
          CHECK(scratch.nearest(*store, Origin(12, 22), 1000, haversineOfMeters(1e6), filter, kNow) ==
                SearchScratch::Outcome::Found);
        } else {
          CHECK(scratch.within(*store, area, 10'000, filter, kNow) == SearchScratch::Outcome::Found);
        }
        const uint32_t fleet = checkHits(*store, scratch);
        if (round % 4 == 3) {
          CHECK(scratch.hits().size() == kParked);
        } else {
          CHECK(fleet == kFleet);
        }
        ++searches;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::printf("    %llu searches, %llu moves from leaf to leaf\n", static_cast<unsigned long long>(searches.load()),
              static_cast<unsigned long long>(store->tree.moves().head()));
  CHECK(searches > 10);
}

void sessions_may_come_and_go_beside_searches() {
  auto store = makeStore();
  std::atomic<bool> done{false};
  std::thread reader([&] {
    Session session(store);
    SearchScratch scratch;
    while (!done) {
      EpochPin pinned = session.pin();
      scratch.nearest(*store, Origin(12, 22), 1000, haversineOfMeters(1e6), Filter{}, kNow);
    }
  });
  for (uint32_t round = 1; round < 50; ++round) {
    Session session(store);
    apply(session, encodeStep(0, 50, round), kNow + round);
  }
  done = true;
  reader.join();
}

}  // namespace
}  // namespace raziel::test

int main() {
  using namespace raziel::test;
  RUN(searches_beside_moves_find_everyone_once_and_whole);
  RUN(sessions_may_come_and_go_beside_searches);
  std::printf("concurrency_test: 2 passed, 0 failed\n");
}
