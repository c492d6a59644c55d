// The zones that one lookup found: numbers of zones in the whole snapshot, which are also their order in an answer. Reused from
// lookup to lookup by one thread, so that a lookup allocates nothing.

#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace raziel::zones {

class Hits {
 public:
  void clear() { zones_.clear(); }

  /** Adds a zone unless it is there; a point is in few zones, in most cases in one. */
  void add(uint32_t zone) { zones_.push_back(zone); }

  /** Orders what was added, each once. */
  void finish() {
    if (zones_.size() < 2) return;
    std::sort(zones_.begin(), zones_.end());
    zones_.erase(std::unique(zones_.begin(), zones_.end()), zones_.end());
  }

  const uint32_t* begin() const { return zones_.data(); }
  const uint32_t* end() const { return zones_.data() + zones_.size(); }
  size_t size() const { return zones_.size(); }

 private:
  std::vector<uint32_t> zones_;
};

}  // namespace raziel::zones
