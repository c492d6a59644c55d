// What the C++ tests of zones share: layers made from integer rings, and a seeded source of chance.

#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "../src/zones/layer_builder.h"
#include "../src/zones/snapshot.h"
#include "zones_oracle.h"

namespace raziel::zones::test {

/** SplitMix64. The seed comes from RAZIEL_SEED, or is 1, and is printed. */
class Chance {
 public:
  explicit Chance(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  int64_t between(int64_t low, int64_t high) { return low + static_cast<int64_t>(next() % static_cast<uint64_t>(high - low + 1)); }
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  uint64_t state_;
};

inline uint64_t seed() {
  const char* text = std::getenv("RAZIEL_SEED");
  return text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
}

using Polygon = std::vector<oracle::Ring>;

struct TestZone {
  std::string id;
  std::vector<Polygon> parts;
  double priority = 0;
  double area = 1;
};

/** The longitudes as written: within −180..180. */
inline double degrees(int64_t units) { return static_cast<double>(units) / oracle::kUnit; }

class LayerMaker {
 public:
  explicit LayerMaker(std::string name) : name_(std::move(name)) {}

  void add(const TestZone& zone) {
    for (const Polygon& part : zone.parts) {
      for (const oracle::Ring& ring : part) {
        for (const oracle::Point& p : ring) {
          coordinates_.push_back(degrees(p.x));
          coordinates_.push_back(degrees(p.y));
        }
        ringEnds_.push_back(static_cast<uint32_t>(coordinates_.size() / 2));
      }
      partEnds_.push_back(static_cast<uint32_t>(ringEnds_.size()));
    }
    finishZone(zone.id, zone.priority, zone.area);
  }

  /** A zone of one ring in degrees. */
  void addRing(const std::string& id, const std::vector<double>& coordinates) {
    coordinates_.insert(coordinates_.end(), coordinates.begin(), coordinates.end());
    ringEnds_.push_back(static_cast<uint32_t>(coordinates_.size() / 2));
    partEnds_.push_back(static_cast<uint32_t>(ringEnds_.size()));
    finishZone(id, 0, 1);
  }

  Bytes build() const {
    return buildLayer({name_, coordinates_, ringEnds_, partEnds_, zoneEnds_, priorities_, areas_, ids_, idEnds_,
                       answers_, answerEnds_});
  }

 private:
  void finishZone(const std::string& id, double priority, double area) {
    zoneEnds_.push_back(static_cast<uint32_t>(partEnds_.size()));
    priorities_.push_back(priority);
    areas_.push_back(area);
    ids_ += id;
    idEnds_.push_back(static_cast<uint32_t>(ids_.size()));
    answers_ += "answer:" + id;
    answerEnds_.push_back(static_cast<uint32_t>(answers_.size()));
  }

  std::string name_;
  std::vector<double> coordinates_;
  std::vector<uint32_t> ringEnds_, partEnds_, zoneEnds_, idEnds_, answerEnds_;
  std::vector<double> priorities_, areas_;
  std::string ids_, answers_;
};

inline Bytes snapshotOf(uint64_t version, const std::vector<Bytes>& layers) {
  std::vector<std::span<const uint8_t>> sections(layers.begin(), layers.end());
  return assembleSnapshot(version, sections);
}

inline std::vector<std::string> idsOf(const Snapshot& snapshot, const Hits& hits) {
  std::vector<std::string> ids;
  for (const uint32_t zone : hits) {
    const LayerView& layer = snapshot.layerOfZone(zone);
    ids.emplace_back(layer.idOf(layer.zones[zone - layer.firstZone]));
  }
  return ids;
}

}  // namespace raziel::zones::test
