// Candidates of searches and sightings of drivers, beside threads that move them. Run under the thread sanitizer, without it for speed, and
// under the address sanitizer.

#include <atomic>
#include <cstring>
#include <set>
#include <thread>

#include "../src/candidates.h"
#include "check.h"
#include "fleet.h"

namespace raziel::test {
namespace {

constexpr uint32_t kFleet = 200;
#ifdef RAZIEL_TSAN
constexpr uint32_t kSteps = 200;
#else
constexpr uint32_t kSteps = 3000;
#endif

/** A table with room for so many rows and bytes, and nothing behind them. */
struct Table {
  std::vector<CandidateRow> rows;
  std::vector<int32_t> found;
  std::vector<int32_t> ends = std::vector<int32_t>(kGroupsMax);
  std::vector<int32_t> order;
  std::vector<double> keys;
  std::vector<uint8_t> bytes;
  CandidateTable table;

  Table(uint32_t room, size_t byteRoom) : rows(room), found(room), order(room), keys(room), bytes(byteRoom) {
    table = {rows.data(), found.data(), ends.data(), order.data(), keys.data(), room, bytes.data(), byteRoom};
  }
};

SearchRequest requestFor(uint32_t limit) {
  SearchRequest request;
  request.around(12, 22, 1e6);
  request.limit = limit;
  return request;
}

/** The id in a row's pairs: behind the key `id`. */
std::string idOf(const Table& table, uint32_t row) {
  MsgpackReader reader(table.bytes.data() + size_t(table.rows[row].start), size_t(table.rows[row].end - table.rows[row].start));
  const Bytes key = reader.readString();
  CHECK(std::string(reinterpret_cast<const char*>(key.data), key.size) == "id");
  const Bytes id = reader.readString();
  CHECK(reader.ok());
  return std::string(reinterpret_cast<const char*>(id.data), id.size);
}

/** Sessions that keep the fleet moving until they are told to stop. */
class Movers {
 public:
  explicit Movers(const std::shared_ptr<DriverStore>& store) {
    {
      Session session(store);
      apply(session, encodeStep(0, kFleet, 1), kNow + 1);
    }
    for (uint32_t half = 0; half < 2; ++half) {
      threads_.emplace_back([this, store, half] {
        Session session(store);
        for (uint32_t step = 2; step < kSteps; ++step) apply(session, encodeStep(half * kFleet / 2, kFleet / 2, step), kNow + step);
        --left_;
      });
    }
  }
  ~Movers() {
    for (std::thread& thread : threads_) thread.join();
  }
  bool areMoving() const { return left_ > 0; }

 private:
  std::atomic<uint32_t> left_{2};
  std::vector<std::thread> threads_;
};

void candidates_beside_moves_are_everyone_once_and_whole() {
  auto store = makeStore();
  Movers movers(store);
  Session session(store);
  SearchScratch scratch;
  CandidateFinder finder;
  uint32_t searches = 0;
  do {
    Table table(3 * kFleet, 1 << 20);
    EpochPin pinned = session.pin();
    finder.clear();
    const Filter common;
    requireTag(*store, "fleet", finder.add(common));
    requireTag(*store, "even", finder.add(common));
    requireTag(*store, "odd", finder.add(common));
    const CandidatesFound found = finder.run(session, scratch, requestFor(kFleet), kNow, table.table);
    CHECK(!found.tooWide && found.bytes <= table.bytes.size());
    // A search by itself sees everyone; the second and third, which come later, see each driver at one moment, in the one group or the other.
    CHECK(uint32_t(table.ends[0]) == kFleet);
    CHECK(found.count == kFleet);
    std::set<std::string> ids;
    double end = 0;
    for (uint32_t row = 0; row < found.count; ++row) {
      const CandidateRow& at = table.rows[row];
      CHECK(at.heading == at.lat + at.lon && at.speed == at.lat * 3);
      CHECK(at.start == end && at.end > at.start);
      end = at.end;
      CHECK(ids.insert(idOf(table, row)).second);
    }
    for (uint32_t group = 0; group < 3; ++group) {
      std::set<int32_t> inGroup;
      for (int32_t i = group == 0 ? 0 : table.ends[group - 1]; i < table.ends[group]; ++i) {
        CHECK(table.found[i] >= 0 && uint32_t(table.found[i]) < found.count);
        CHECK(inGroup.insert(table.found[i]).second);
      }
    }
    ++searches;
  } while (movers.areMoving());
  std::printf("    %u searches\n", searches);
}

void sightings_beside_moves_are_whole_and_of_a_driver_once() {
  auto store = makeStore();
  Movers movers(store);
  Session session(store);
  uint32_t rounds = 0;
  do {
    std::set<double> seen;
    uint32_t cursor = 0;
    do {
      std::vector<Sighting> sightings(17);
      const SightingSlice slice = seeDrivers(session, cursor, 1, kNow, "even", sightings.data(), uint32_t(sightings.size()));
      for (uint32_t i = 0; i < slice.count; ++i) {
        const Sighting& at = sightings[i];
        CHECK(at.heading == at.lat + at.lon && at.speed == at.lat * 3);
        CHECK(at.isIdle == (uint64_t(at.timeMs - kNow) % 2 == 0 ? 1 : 0));
        CHECK(seen.insert(at.driver).second);
      }
      cursor = slice.next;
    } while (cursor != 0);
    CHECK(seen.size() == kFleet);
    ++rounds;
  } while (movers.areMoving());
  std::printf("    %u rounds\n", rounds);
}

void a_table_without_room_is_not_written_beyond() {
  auto store = makeStore();
  Session session(store);
  apply(session, encodeStep(0, 50, 1), kNow + 1);
  SearchScratch scratch;
  CandidateFinder finder;
  EpochPin pinned = session.pin();
  const auto run = [&](Table& table, uint32_t limit) {
    finder.clear();
    finder.add(Filter{});
    requireTag(*store, "fleet", finder.add(Filter{}));
    return finder.run(session, scratch, requestFor(limit), kNow, table.table);
  };
  Table whole(100, 1 << 20);
  const CandidatesFound all = run(whole, 50);
  CHECK(all.count == 50);
  for (size_t byteRoom = 0; byteRoom <= all.bytes; byteRoom += 97) {
    Table table(100, byteRoom);
    CHECK(run(table, 50).bytes == all.bytes);
  }
  for (uint32_t room = 1; room < 100; room += 7) {
    Table table(room, 1 << 20);
    const CandidatesFound found = run(table, 50);
    CHECK(found.count <= room && uint32_t(table.ends[1]) <= room);
  }
}

void ranked_rows_come_in_the_order_that_is_asked_for() {
  auto store = makeStore();
  Session session(store);
  apply(session, encodeStep(0, 20, 1), kNow + 1);
  SearchScratch scratch;
  CandidateFinder finder;
  EpochPin pinned = session.pin();
  Table table(20, 1 << 16);
  finder.clear();
  finder.add(Filter{});
  const uint32_t count = finder.run(session, scratch, requestFor(20), kNow, table.table).count;
  CHECK(count == 20);
  for (uint32_t i = 0; i < count; ++i) {
    table.order[i] = int32_t(count - 1 - i);
    table.keys[i] = i * 10.0;
  }
  std::vector<uint8_t> out(1 << 16);
  MsgpackWriter writer(out.data(), out.size());
  writeRanked(table.table, count, "learned", nullptr, writer);
  MsgpackReader reader(out.data(), writer.size());
  CHECK(reader.readArray() == count);
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t row = count - 1 - i;
    const uint32_t pairs = reader.readMap();
    CHECK(pairs == uint32_t(table.rows[row].pairs) + 2);
    bool hasEta = false;
    for (uint32_t pair = 0; pair < pairs; ++pair) {
      const Bytes key = reader.readString();
      const std::string name(reinterpret_cast<const char*>(key.data), key.size);
      if (name == "id") {
        const Bytes id = reader.readString();
        CHECK(std::string(reinterpret_cast<const char*>(id.data), id.size) == idOf(table, row));
      } else if (name == "eta") {
        hasEta = true;
        CHECK(reader.readNumber() == row * 10.0);
      } else {
        reader.skip();
      }
    }
    CHECK(hasEta && reader.ok());
  }
  CHECK(reader.atEnd());
  // Without room it only counts.
  MsgpackWriter counting(out.data(), 10);
  writeRanked(table.table, count, "learned", nullptr, counting);
  CHECK(counting.size() == writer.size());
}

}  // namespace
}  // namespace raziel::test

int main() {
  using namespace raziel::test;
  RUN(candidates_beside_moves_are_everyone_once_and_whole);
  RUN(sightings_beside_moves_are_whole_and_of_a_driver_once);
  RUN(a_table_without_room_is_not_written_beyond);
  RUN(ranked_rows_come_in_the_order_that_is_asked_for);
  std::printf("candidates_test: 4 passed, 0 failed\n");
}
