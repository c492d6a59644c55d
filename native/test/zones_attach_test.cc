// Damaged snapshots: cut short at every length, with bits flipped, and with bits flipped and the checksums made to fit. Each is refused,
// or attaches and is looked up in without reading outside of it. Run it under the address and undefined sanitizers; bounded by rounds.
//
//   RAZIEL_SEED=7 RAZIEL_ROUNDS=200000 ./zones_attach_test

#include <cstring>
#include <limits>

#include "check.h"
#include "zones_support.h"

using namespace raziel::zones;
using namespace raziel::zones::test;
using oracle::kUnit;

namespace {

/** Small, with every kind of thing in it: two layers, holes, a hole that leaves its shell, a pole, moved longitudes with low parts, a grid. */
Bytes sample() {
  const int64_t u = kUnit;
  LayerMaker one("one");
  one.add({"square", {{{{0, 0}, {u, 0}, {u, u}, {0, u}, {0, 0}}, {{9, 9}, {20, 9}, {9, 20}, {9, 9}}}}, 1, 2});
  one.add({"odd", {{{{0, 0}, {u, 0}, {u, u}, {0, u}, {0, 0}}, {{9, 9}, {2 * u, 9}, {9, 20}, {9, 9}}}}, 0, 2});
  one.add({"pole", {{{{-180 * u, 70 * u}, {-60 * u, 75 * u}, {60 * u, 80 * u}, {180 * u, 70 * u}, {-180 * u, 71 * u}, {-180 * u, 70 * u}}}}});
  std::vector<double> ring;
  for (int i = 0; i <= 40; i++) {
    ring.push_back(50 + 5 * (i % 2 == 0 ? 1 : 0.9) * std::cos(i % 40 * M_PI / 20));
    ring.push_back(10 + 5 * (i % 2 == 0 ? 1 : 0.9) * std::sin(i % 40 * M_PI / 20));
  }
  one.addRing("star", ring);
  LayerMaker two("two");
  for (int64_t i = 0; i < 40; i++) {
    const int64_t x = (i * 9 - 180) * u;
    two.add({"z" + std::to_string(i), {{{{x, 0}, {x + 8 * u, 0}, {x + 8 * u, 9 * u}, {x, 9 * u}, {x, 0}}}}});
  }
  two.addRing("low", {90.1, 10, -90.3, 11, -90.3, 30, 90.1, 30, 90.1, 10});
  return snapshotOf(5, {one.build(), two.build()});
}

/** Uses everything that an attached snapshot offers. */
void use(const Snapshot& snapshot, Chance& chance) {
  Hits hits;
  const double special[] = {0, 0.5, 1, 50, 52.5, -180, 180, 90.1, 179.9999};
  for (int i = 0; i < 60; i++) {
    const double lat = chance.between(0, 3) ? chance.unit() * 180 - 90 : special[chance.between(0, 5)];
    const double lon = chance.between(0, 3) ? chance.unit() * 360 - 180 : special[chance.between(0, 8)];
    snapshot.lookup(lat, lon, hits);
    for (const uint32_t zone : hits) {
      const LayerView& layer = snapshot.layerOfZone(zone);
      const ZoneRecord& record = layer.zones[zone - layer.firstZone];
      const std::string copy = std::string(layer.idOf(record)) + std::string(layer.answerOf(record));
      CHECK(copy.size() == record.idLength + record.answerLength);
    }
  }
  for (const LayerView& layer : snapshot.layers()) {
    for (uint32_t i = 0; i < layer.zones.size(); i++) {
      const ZoneShape shape(layer, i);
      shape.contains(0.5, 0.5);
      double sum = 0;
      shape.forEachBox([&](double west, double, double, double) { sum += west; });
      (void)sum;
      (void)snapshot.findZone(layer.name, layer.idOf(layer.zones[i]));
    }
  }
}

bool attaches(std::span<const uint8_t> bytes, Chance& chance) {
  try {
    const Snapshot snapshot = Snapshot::attach(bytes);
    use(snapshot, chance);
    return true;
  } catch (const BadSnapshot&) {
    return false;
  }
}

void anUndamagedSnapshotAttaches() {
  Chance chance(seed());
  CHECK(attaches(sample(), chance));
}

void everyShorterLengthIsRefused() {
  Chance chance(seed());
  const Bytes good = sample();
  for (size_t length = 0; length < good.size(); length++) {
    const Bytes cut(good.begin(), good.begin() + static_cast<ptrdiff_t>(length));
    CHECK(!attaches(cut, chance));
  }
}

void everyFlippedByteIsRefused() {
  Chance chance(seed());
  Bytes bytes = sample();
  for (size_t i = 0; i < bytes.size(); i++) {
    const uint8_t mask = static_cast<uint8_t>(chance.between(1, 255));
    bytes[i] ^= mask;
    // Padding between the list of layers and the first section is nobody's.
    const bool padding = i >= sizeof(SnapshotHeader) + 2 * sizeof(SectionEntry) && i < 128;
    CHECK(padding || !attaches(bytes, chance));
    bytes[i] ^= mask;
  }
}

void sealAgain(Bytes& bytes) {
  SnapshotHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  for (uint32_t i = 0; i < 2; i++) {
    SectionEntry entry;
    std::memcpy(&entry, bytes.data() + sizeof header + i * sizeof entry, sizeof entry);
    if (entry.offset > bytes.size() || entry.byteLength > bytes.size() - entry.offset || entry.byteLength < sizeof(LayerHeader)) continue;
    LayerHeader layer;
    std::memcpy(&layer, bytes.data() + entry.offset, sizeof layer);
    layer.checksum = sectionChecksum(layer, {bytes.data() + entry.offset, entry.byteLength});
    std::memcpy(bytes.data() + entry.offset, &layer, sizeof layer);
  }
  header.checksum = 0;
  std::memcpy(bytes.data(), &header, sizeof header);
  header.checksum = checksum64(bytes.data(), sizeof header + 2 * sizeof(SectionEntry));
  std::memcpy(bytes.data(), &header, sizeof header);
}

/** Numbers that sit at the edges of ranges. */
uint64_t nasty(Chance& chance) {
  switch (chance.between(0, 5)) {
    case 0: return 0;
    case 1: return std::numeric_limits<uint64_t>::max();
    case 2: return static_cast<uint64_t>(chance.between(0, 300));
    case 3: return std::numeric_limits<uint32_t>::max();
    case 4: return 0x7FF8000000000000;  // not a number
    default: return chance.next();
  }
}

void damageWithFittingChecksumsIsRefusedOrHarmless() {
  Chance chance(seed());
  const char* const text = std::getenv("RAZIEL_ROUNDS");
  const long rounds = text == nullptr ? 20000 : std::atol(text);
  const Bytes good = sample();
  long attached = 0;
  for (long round = 0; round < rounds; round++) {
    Bytes bytes = good;
    for (int64_t change = chance.between(0, 2); change >= 0; change--) {
      // Headers matter most, so every second change hits one.
      const bool inHeader = chance.between(0, 1) == 1;
      SectionEntry entry;
      std::memcpy(&entry, good.data() + sizeof(SnapshotHeader) + sizeof entry * static_cast<size_t>(chance.between(0, 1)), sizeof entry);
      const size_t length = static_cast<size_t>(1) << chance.between(0, 3);
      const size_t at = inHeader ? entry.offset + static_cast<size_t>(chance.between(0, sizeof(LayerHeader) - 8)) / 4 * 4
                                 : static_cast<size_t>(chance.between(0, static_cast<int64_t>(bytes.size() - 8))) / length * length;
      const uint64_t value = chance.between(0, 1) ? nasty(chance) : 0;
      if (chance.between(0, 1)) {
        std::memcpy(bytes.data() + at, &value, length);
      } else {
        bytes[at] ^= static_cast<uint8_t>(1 << chance.between(0, 7));
      }
    }
    sealAgain(bytes);
    // Bytes of their own size on the heap, so that the sanitizer sees the first byte too many.
    attached += attaches(bytes, chance);
  }
  std::printf("    %ld of %ld damaged snapshots attached and answered\n", attached, rounds);
  CHECK(attached > rounds / 100);
}

}  // namespace

int main() {
  std::printf("zones_attach_test, RAZIEL_SEED=%llu\n", static_cast<unsigned long long>(seed()));
  RUN(anUndamagedSnapshotAttaches);
  RUN(everyShorterLengthIsRefused);
  RUN(everyFlippedByteIsRefused);
  RUN(damageWithFittingChecksumsIsRefusedOrHarmless);
  std::printf("zones_attach_test: 4 passed, 0 failed\n");
}
