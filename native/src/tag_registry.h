// The distinct tags in use: each has a bit, and a count of the sets (tag_sets.h) that have it. A bit whose count is zero is given to a new
// tag when one needs it, and only when no search can be holding fixes from before.
//
// Any thread may call; finding a known tag takes no lock. Callers of find() and nameOf() are pinned.

#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "epoch.h"
#include "tag_mask.h"

namespace raziel {

class TagRegistry {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  TagRegistry();
  ~TagRegistry();

  /** The bit of a tag, or kNone when no driver has it. */
  uint32_t find(std::string_view tag) const;

  /** The name of a bit that a held fix carries. */
  const std::string& nameOf(uint32_t bit) const { return *tags_[bit].name.load(std::memory_order_acquire); }

  /**
   * Counts one more carrier of a tag, making it known if it is new. kNone when there are too many: then nothing is counted. The caller is
   * NOT pinned when it may be new, or its own pin would keep the bits of forgotten tags from being used again.
   */
  uint32_t acquire(std::string_view tag, EpochDomain& epochs);

  /**
   * Counts one more carrier of a tag that the caller found, pinned since; false when nobody carries it any more, so that its bit may be on
   * its way to another tag: then take acquire().
   */
  bool acquireFound(uint32_t bit);

  void release(uint32_t bit) { tags_[bit].carriers.fetch_sub(1, std::memory_order_acq_rel); }

  /** How many tags some driver carries. */
  uint32_t inUse() const;

 private:
  static constexpr uint32_t kFree = UINT32_MAX;

  struct Tag {
    std::atomic<const std::string*> name{nullptr};
    /** Sets that have it; kFree while the bit belongs to no tag. */
    std::atomic<uint32_t> carriers{kFree};
    /** The epoch at which it was freed; under the mutex. */
    uint64_t freedAt = 0;
  };

  /** Open addressing from name to bit + 1 (0 is empty), four times as large as it can fill. Only grows; rebuilt when bits are freed. */
  struct Slots {
    static constexpr uint32_t kSize = 4 * kTagsDistinctMax;
    std::atomic<uint16_t> bits[kSize] = {};
  };

  uint32_t safeBit(EpochDomain& epochs) const;
  void freeUncarried(EpochDomain& epochs);
  void put(Slots& slots, uint32_t bit) const;

  Tag tags_[kTagsDistinctMax];
  std::atomic<Slots*> slots_;
  std::mutex mutex_;
  Limbo<std::unique_ptr<const std::string>> oldNames_;
  Limbo<std::unique_ptr<Slots>> oldSlots_;
};

}  // namespace raziel
