// Memory for the nodes of the tree and the slots of the id table: blocks of 64 · 2ⁿ bytes out of one reserved range (in huge pages, see
// virtual_array.h), named by 32-bit places in steps of 64 bytes. Freed blocks go to a list for their size. Any thread may call.

#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "virtual_array.h"

namespace raziel {

class BlockPool {
 public:
  static constexpr size_t kStep = 64;
  static constexpr uint32_t kSizeClasses = 32;

  explicit BlockPool(size_t bytes) : memory_(bytes) {}

  /** A place of 64 · 2^sizeClass bytes, in steps of 64 bytes, or 0 when the range is used up. Its bytes are undefined. */
  uint32_t allocate(uint32_t sizeClass) {
    const uint32_t steps = 1u << sizeClass;
    std::lock_guard<std::mutex> guard(mutex_);
    bytes_.fetch_add(size_t{steps} * kStep, std::memory_order_relaxed);
    if (!free_[sizeClass].empty()) {
      const uint32_t place = free_[sizeClass].back();
      free_[sizeClass].pop_back();
      return place;
    }
    // Aligned to its own size up to a kilobyte, so that no small leaf straddles more cache lines than it must.
    const uint32_t align = steps < 16 ? steps : 16;
    const uint32_t place = (next_ + align - 1) / align * align;
    if ((size_t{place} + steps) * kStep > memory_.bytes()) {
      bytes_.fetch_sub(size_t{steps} * kStep, std::memory_order_relaxed);
      return 0;
    }
    next_ = place + steps;
    return place;
  }

  void free(uint32_t place, uint32_t sizeClass) {
    std::lock_guard<std::mutex> guard(mutex_);
    bytes_.fetch_sub((size_t{1} << sizeClass) * kStep, std::memory_order_relaxed);
    free_[sizeClass].push_back(place);
  }

  void* at(uint32_t place) const { return static_cast<char*>(memory_.start()) + size_t{place} * kStep; }

  /** Bytes handed out and not freed. */
  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  VirtualMemory memory_;
  std::mutex mutex_;
  uint32_t next_ = 1;
  std::vector<uint32_t> free_[kSizeClasses];
  std::atomic<size_t> bytes_{0};
};

}  // namespace raziel
