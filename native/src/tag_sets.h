// The distinct sets of tags that drivers carry. A fix names its set by a number, which is a quarter of what two tags' names would take and
// lets it fit one cache line: fleets have few distinct sets, however many drivers.
//
// A set is counted by the held fixes that name it, and counts for its tags (tag_registry.h) as long as it is. The number of a set that
// nobody names any more is used again when no search can be holding a fix from before.
//
// Any thread may call. Callers of maskOf() are pinned.

#pragma once

#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "epoch.h"
#include "tag_mask.h"
#include "tag_registry.h"
#include "virtual_array.h"

namespace raziel {

class TagSets {
 public:
  /** The set of no tags, which is not counted. */
  static constexpr uint32_t kEmpty = 0;
  static constexpr uint32_t kNone = UINT32_MAX;

  TagSets(TagRegistry& tags, uint32_t size) : tags_(tags), sets_(size) {}

  const TagMask& maskOf(uint32_t set) const { return sets_[set].mask; }

  /**
   * The set of these tags, counted once more. kNone when one of them has lost its last carrier since it was looked up (nothing is
   * counted then), or when there are as many sets as can be.
   */
  uint32_t acquire(const TagMask& mask, EpochDomain& epochs);

  void release(uint32_t set, EpochDomain& epochs);

 private:
  struct Set {
    TagMask mask;
    uint32_t named;
  };
  struct HashOfMask {
    size_t operator()(const TagMask& mask) const;
  };

  bool countTags(const TagMask& mask);
  uint32_t takeNumber(EpochDomain& epochs);

  TagRegistry& tags_;
  VirtualArray<Set> sets_;
  std::mutex mutex_;
  std::unordered_map<TagMask, uint32_t, HashOfMask> numbers_;
  Limbo<uint32_t> old_;
  std::vector<uint32_t> free_;
  uint32_t next_ = 1;
};

}  // namespace raziel
