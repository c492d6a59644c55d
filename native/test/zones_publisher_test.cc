// Readers look up while a writer publishes snapshots in turn: every answer comes whole from one version, and what was replaced is freed.
// Run it under the thread sanitizer.

#include <atomic>
#include <memory>
#include <thread>

#include "../src/zones/publisher.h"
#include "check.h"
#include "zones_support.h"

using namespace raziel::zones;
using namespace raziel::zones::test;
using oracle::kUnit;

namespace {

constexpr int kReaders = 3;

/** Version v has v % 7 + 1 zones over the origin, all named after it. */
Snapshot snapshotOfVersion(uint64_t version) {
  LayerMaker maker("layer");
  const int64_t u = kUnit;
  for (uint64_t i = 0; i <= version % 7; i++) {
    maker.add({std::to_string(version), {{{{-u, -u}, {u, -u}, {u, u}, {-u, u}, {-u, -u}}}}});
  }
  return Snapshot::attach(snapshotOf(version, {maker.build()}));
}

/** Shares a snapshot and counts it while it lives. */
std::shared_ptr<const Snapshot> counted(uint64_t version, std::atomic<int>& alive) {
  alive++;
  return {new Snapshot(snapshotOfVersion(version)), [&alive](const Snapshot* snapshot) {
            delete snapshot;
            alive--;
          }};
}

void checkWhole(const Snapshot& snapshot, Hits& hits) {
  snapshot.lookup(0.25, 0.25, hits);
  CHECK(hits.size() == snapshot.version() % 7 + 1);
  for (const std::string& id : idsOf(snapshot, hits)) CHECK(id == std::to_string(snapshot.version()));
}

/** Runs readers until `write` is done, and then for some lookups more. */
template <typename Write>
void whileReading(Publisher& publisher, Write&& write) {
  std::atomic<bool> stop{false};
  std::atomic<int> started{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < kReaders; i++) {
    readers.emplace_back([&] {
      ZoneReader reader(publisher);
      Hits hits;
      started++;
      while (!stop.load()) {
        ZoneReader::Pin pin(reader);
        CHECK(pin.snapshot() != nullptr);
        checkWhole(*pin.snapshot(), hits);
        checkWhole(*pin.snapshot(), hits);  // still the same one
      }
    });
  }
  while (started.load() < kReaders) std::this_thread::yield();
  write();
  stop = true;
  for (std::thread& reader : readers) reader.join();
}

void prebuiltSnapshotsAreSwappedUnderReaders() {
  Publisher publisher;
  std::atomic<int> alive{0};
  {
    const auto one = counted(1, alive);
    const auto two = counted(2, alive);
    publisher.publish(one);
    whileReading(publisher, [&] {
      for (int i = 0; i < 1000; i++) publisher.publish(i % 2 == 0 ? two : one);
    });
    CHECK(alive.load() == 2);
    publisher.publish(nullptr);
    CHECK(publisher.collect() == 0);
  }
  CHECK(alive.load() == 0);
}

void replacedSnapshotsAreFreedWhileReadersGoOn() {
  Publisher publisher;
  std::atomic<int> alive{0};
  int most = 0;
  publisher.publish(counted(1, alive));
  whileReading(publisher, [&] {
    for (uint64_t version = 2; version < 300; version++) {
      publisher.publish(counted(version, alive));
      most = std::max(most, alive.load());
    }
  });
  CHECK(publisher.collect() == 0);
  CHECK(alive.load() == 1);
  CHECK(most < 100);  // a reader that the scheduler holds back may keep some for a while, not all
  CHECK(publisher.held()->version() == 299);
}

void aPinnedSnapshotOutlivesItsReplacement() {
  Publisher publisher;
  std::atomic<int> alive{0};
  publisher.publish(counted(1, alive));
  ZoneReader reader(publisher);
  Hits hits;
  {
    ZoneReader::Pin pin(reader);
    publisher.publish(counted(2, alive), std::chrono::microseconds(0));
    CHECK(alive.load() == 2);
    CHECK(pin.snapshot()->version() == 1);
    checkWhole(*pin.snapshot(), hits);
  }
  CHECK(publisher.collect() == 0);
  CHECK(alive.load() == 1);
  ZoneReader::Pin pin(reader);
  CHECK(pin.snapshot()->version() == 2);
}

}  // namespace

int main() {
  std::printf("zones_publisher_test\n");
  RUN(prebuiltSnapshotsAreSwappedUnderReaders);
  RUN(replacedSnapshotsAreFreedWhileReadersGoOn);
  RUN(aPinnedSnapshotOutlivesItsReplacement);
  std::printf("zones_publisher_test: 3 passed, 0 failed\n");
}
