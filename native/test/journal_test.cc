// The journal: threads that move, remove and add drivers while another one drains. Run under the thread sanitizer, without it for speed, and under the
// address sanitizer.
//
// What a drain promises is what ack: "durable" promises: whatever was applied before a drain began is in the blocks when it is done, or something
// later is. Blocks are whole, and a store that is restored from them holds what the first one held.

#include <atomic>
#include <cstring>
#include <map>
#include <thread>

#include "check.h"
#include "fleet.h"

namespace raziel::test {
namespace {

constexpr uint32_t kWriters = 3;
/** Of each writer; more than a block, so that neighbours in a block belong to different writers. */
constexpr uint32_t kEach = 60;
constexpr uint32_t kFleet = kWriters * kEach;
constexpr uint32_t kVisitors = 80;
#ifdef RAZIEL_TSAN
constexpr uint32_t kSteps = 300;
#else
constexpr uint32_t kSteps = 6000;
#endif

using Blocks = std::map<uint32_t, std::vector<uint8_t>>;

/** What is stored of a driver, read by the description in journal.h and by nothing that the journal shares. */
struct Record {
  std::string id;
  double lat, lon, timeMs, ttlSeconds, heading, speed, accuracy;
};

double doubleAt(const uint8_t* at) {
  double value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

std::vector<Record> recordsOf(const std::vector<uint8_t>& block) {
  std::vector<Record> records;
  if (block.empty()) return records;
  CHECK(block.size() > 16);
  uint32_t held;
  std::memcpy(&held, &block[4], sizeof held);
  const uint32_t count = uint32_t(__builtin_popcount(held));
  const uint8_t* at = &block[16] + 2 * count;
  for (uint32_t i = 0; i < count; ++i) {
    uint16_t length;
    std::memcpy(&length, &block[16 + 2 * i], sizeof length);
    CHECK(at + length <= block.data() + block.size());
    const uint8_t flags = at[36];
    const uint8_t* next = at + 37;
    const auto optional = [&](uint8_t flag) {
      if ((flags & flag) == 0) return kUnknown;
      next += 8;
      return doubleAt(next - 8);
    };
    Record record;
    record.heading = optional(1);
    record.speed = optional(2);
    record.accuracy = optional(4);
    record.id.assign(reinterpret_cast<const char*>(next + 1), *next);
    record.lat = doubleAt(at + 4);
    record.lon = doubleAt(at + 12);
    record.timeMs = doubleAt(at + 20);
    record.ttlSeconds = doubleAt(at + 28);
    records.push_back(record);
    at += length;
  }
  return records;
}

/** One whole drain, a few blocks at a time; checks that the new blocks are whole. */
void drain(JournalReader& reader, Blocks& stored, double& sequence) {
  std::vector<uint8_t> out(4 * JournalReader::kBlockBytesMax);
  reader.rewind();
  do {
    std::vector<DrainedBlock> drained;
    reader.drain(out.data(), out.size(), sequence, 5, drained);
    sequence += double(drained.size());
    uint32_t start = 0;
    for (const auto& [block, end] : drained) {
      stored[block].assign(out.begin() + start, out.begin() + end);
      start = end;
      for (const Record& record : recordsOf(stored[block])) {
        if (record.id.rfind("driver:", 0) != 0) continue;
        CHECK(isWhole(record.id, record.lat, record.lon, record.timeMs, record.heading, record.speed, record.accuracy));
      }
    }
  } while (!reader.done());
}

std::map<std::string, Record> driversIn(const Blocks& stored) {
  std::map<std::string, Record> drivers;
  for (const auto& [block, bytes] : stored) {
    for (const Record& record : recordsOf(bytes)) drivers.insert_or_assign(record.id, record);
  }
  return drivers;
}

/** A store that was restored from the blocks, those that were encoded later first. */
std::shared_ptr<DriverStore> restored(const Blocks& stored, RestoreCounts& counts) {
  auto store = makeStore();
  Session session(store);
  JournalReader reader(session);
  std::multimap<double, uint32_t, std::greater<>> order;
  for (const auto& [block, bytes] : stored) {
    if (!bytes.empty()) order.emplace(JournalReader::sequenceOf(block, bytes.data(), bytes.size()), block);
  }
  store->journal.turnOn();
  reader.beginRestore(stored.empty() ? 0 : stored.rbegin()->first + 1);
  for (const auto& [sequence, block] : order) {
    const std::vector<uint8_t>& bytes = stored.at(block);
    reader.restore(block, bytes.data(), bytes.size(), kNow, counts);
  }
  reader.endRestore();
  return store;
}

void checkSame(const std::shared_ptr<DriverStore>& one, const std::shared_ptr<DriverStore>& other, const std::string& id) {
  Session first(one);
  Session second(other);
  EpochPin pinnedFirst = first.pin();
  EpochPin pinnedSecond = second.pin();
  const FixBlock* const a = first.find(bytesOf(id), kNow);
  const FixBlock* const b = second.find(bytesOf(id), kNow);
  CHECK((a == nullptr) == (b == nullptr));
  if (a == nullptr) return;
  CHECK(a->lat == b->lat && a->lon == b->lon && a->timeMs == b->timeMs && a->ttlSeconds == b->ttlSeconds);
  CHECK(a->motion == b->motion);
}

void what_was_applied_before_a_drain_is_in_its_blocks() {
  auto store = makeStore();
  store->journal.turnOn();
  // How far each writer's fixes are applied, as its acknowledgements say.
  std::array<std::atomic<uint32_t>, kWriters> applied{};
  std::atomic<uint32_t> writing{kWriters};
  std::vector<std::thread> threads;
  for (uint32_t writer = 0; writer < kWriters; ++writer) {
    threads.emplace_back([&, writer] {
      Session session(store);
      for (uint32_t step = 1; step <= kSteps; ++step) {
        apply(session, encodeStep(writer * kEach, kEach, step), kNow + step);
        applied[writer].store(step, std::memory_order_release);
      }
      --writing;
    });
  }
  // Drivers that come and go take slots from each other, in the blocks of those that stay.
  std::vector<std::string> visitors;
  for (uint32_t i = 0; i < kVisitors; ++i) visitors.push_back(std::string(i % 40, 'v') + std::to_string(i));
  threads.emplace_back([&] {
    Session session(store);
    for (uint32_t round = 0; writing > 0; ++round) {
      std::vector<TestFix> batch;
      for (const std::string& id : visitors) batch.push_back({id, 12, 22, kNow + round, {"visitor" + std::to_string(round % 60)}, 1e6});
      put(session, batch, kNow + round);
      for (uint32_t i = round % 2; i < kVisitors; i += 2) session.remove(bytesOf(visitors[i]), kNow + round);
    }
  });
  threads.emplace_back([&] {
    Session session(store);
    while (writing > 0) session.sweep(kNow);
  });
  Blocks stored;
  uint64_t drains = 0;
  {
    Session session(store);
    JournalReader reader(session);
    double sequence = 1;
    for (bool isLast = false; !isLast; ++drains) {
      isLast = writing == 0;
      if (isLast) {
        for (std::thread& thread : threads) thread.join();
        drain(reader, stored, sequence);
        // Nothing but these changes their blocks from now on.
        for (uint32_t i = 0; i < kVisitors; i += 3) session.remove(bytesOf(visitors[i]), kNow);
      }
      std::array<uint32_t, kWriters> promised;
      for (uint32_t writer = 0; writer < kWriters; ++writer) promised[writer] = applied[writer].load(std::memory_order_acquire);
      drain(reader, stored, sequence);
      const std::map<std::string, Record> drivers = driversIn(stored);
      for (uint32_t driver = 0; driver < kFleet; ++driver) {
        if (promised[driver / kEach] == 0) continue;
        const auto found = drivers.find("driver:" + std::to_string(driver));
        CHECK(found != drivers.end());
        // Its accuracy says which step it is.
        CHECK(found->second.accuracy >= promised[driver / kEach]);
      }
    }
    CHECK(!store->journal.anyMarked());
  }
  RestoreCounts counts;
  const auto again = restored(stored, counts);
  CHECK(counts.damaged == 0 && counts.superseded == 0 && counts.refused == 0 && counts.expired == 0);
  CHECK(again->held == store->held);
  for (uint32_t driver = 0; driver < kFleet; ++driver) checkSame(store, again, "driver:" + std::to_string(driver));
  for (const std::string& id : visitors) checkSame(store, again, id);
  std::printf("    %llu drains\n", static_cast<unsigned long long>(drains));
  CHECK(drains > 3);
}

/** Few blocks and nothing but marks, so that the two meet as often as can be. */
void marks_that_are_set_beside_a_drain_are_taken_once_or_again() {
  constexpr uint32_t kBlocks = 3;
  Journal journal(kBlocks * Journal::kBlockDrivers);
  journal.turnOn();
  std::atomic<bool> done{false};
  // Raised before each mark: whoever takes the mark must see the last raise that it stands for.
  std::array<std::atomic<uint32_t>, kBlocks> raised{};
  // As much as a writer has marked: what was raised by then must be seen by the taker that comes later.
  std::array<std::atomic<uint32_t>, kBlocks> marked{};
  std::thread writer([&] {
    for (uint32_t step = 1; step <= 400 * kSteps; ++step) {
      const uint32_t block = step % kBlocks;
      const uint32_t driver = block * Journal::kBlockDrivers + step % 31 + 1;
      const uint32_t now = raised[block].load(std::memory_order_relaxed) + 1;
      raised[block].store(now, std::memory_order_relaxed);
      journal.mark(&driver, 1);
      marked[block].store(now, std::memory_order_release);
    }
    done = true;
  });
  std::array<uint32_t, kBlocks> seen{};
  for (bool isLast = false; !isLast;) {
    isLast = done;
    std::array<uint32_t, kBlocks> promised;
    for (uint32_t block = 0; block < kBlocks; ++block) promised[block] = marked[block].load(std::memory_order_acquire);
    for (uint64_t marks = journal.take(0); marks != 0; marks &= marks - 1) {
      const uint32_t block = uint32_t(__builtin_ctzll(marks));
      seen[block] = raised[block].load(std::memory_order_relaxed);
    }
    for (uint32_t block = 0; block < kBlocks; ++block) CHECK(seen[block] >= promised[block]);
  }
  writer.join();
}

void a_replayed_batch_brings_what_it_brought() {
  auto store = makeStore();
  Session session(store);
  JournalReader reader(session);
  store->journal.turnOn();
  reader.beginRestore(0);
  reader.endRestore();
  const std::vector<uint8_t> batch = encodeStep(0, 10, 3);
  CHECK(reader.replay(batch.data(), batch.size(), kNow + 3) == 10);
  CHECK(reader.replay(batch.data(), batch.size(), kNow + 3) == 0);
  const std::vector<uint8_t> older = encodeStep(5, 10, 2);
  CHECK(reader.replay(older.data(), older.size(), kNow + 3) == 5);
  // Cut anywhere it changes nothing.
  for (size_t size = 0; size < batch.size(); ++size) {
    const std::vector<uint8_t> cut(batch.begin(), batch.begin() + size);
    CHECK(reader.replay(cut.data(), cut.size(), kNow + 3) == 0);
  }
  EpochPin pinned = session.pin();
  CHECK(session.find(bytesOf("driver:7"), kNow)->timeMs == kNow + 3);
  CHECK(session.find(bytesOf("driver:12"), kNow)->timeMs == kNow + 2);
  CHECK(store->journal.anyMarked());
}

void blocks_with_any_byte_changed_or_missing_are_read_without_harm() {
  auto store = makeStore();
  Blocks stored;
  {
    Session session(store);
    JournalReader reader(session);
    store->journal.turnOn();
    apply(session, encodeStep(0, 20, 1), kNow + 1);
    double sequence = 1;
    drain(reader, stored, sequence);
  }
  std::mt19937_64 random(7400);
  for (auto& [block, bytes] : stored) {
    for (uint32_t i = 0; i < 400; ++i) {
      Blocks broken{{block, bytes}};
      std::vector<uint8_t>& changed = broken[block];
      if (i % 4 == 0) changed.resize(random() % changed.size());
      else changed[random() % changed.size()] ^= uint8_t(1 + random() % 255);
      if (changed.empty()) continue;
      RestoreCounts counts;
      restored(broken, counts);
      CHECK(counts.damaged > 0);
    }
  }
}

}  // namespace
}  // namespace raziel::test

int main() {
  using namespace raziel::test;
  RUN(what_was_applied_before_a_drain_is_in_its_blocks);
  RUN(marks_that_are_set_beside_a_drain_are_taken_once_or_again);
  RUN(a_replayed_batch_brings_what_it_brought);
  RUN(blocks_with_any_byte_changed_or_missing_are_read_without_harm);
  std::printf("journal_test: 4 passed, 0 failed\n");
}
