// Hands out the indexes 0 < i < size of an array, last freed first so that what is handed out is still in the cache.
//
// A thread takes and gives through a cache of its own (IndexCache) and reaches the shared list, under its lock, once in a few hundred.

#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

namespace raziel {

class IndexPool {
 public:
  explicit IndexPool(uint32_t size) : size_(size) {}

  /** Up to `count` indexes appended to `into`; fewer, or none, when the pool runs dry. */
  void take(std::vector<uint32_t>& into, uint32_t count) {
    std::lock_guard<std::mutex> guard(mutex_);
    for (; count > 0 && !free_.empty(); --count) {
      into.push_back(free_.back());
      free_.pop_back();
    }
    for (uint32_t next = next_.load(std::memory_order_relaxed); count > 0 && next < size_; --count) {
      into.push_back(next++);
      next_.store(next, std::memory_order_release);
    }
  }

  /** Takes every index below `end`, of a pool that has handed out none above. */
  void takeBelow(uint32_t end) {
    std::lock_guard<std::mutex> guard(mutex_);
    next_.store(std::max(next_.load(std::memory_order_relaxed), std::min(end, size_)), std::memory_order_release);
  }

  void give(std::vector<uint32_t>& from, uint32_t count) {
    std::lock_guard<std::mutex> guard(mutex_);
    free_.insert(free_.end(), from.end() - count, from.end());
    from.resize(from.size() - count);
  }

  /** One more than the highest index handed out so far. */
  uint32_t highWater() const { return next_.load(std::memory_order_acquire); }

 private:
  const uint32_t size_;
  std::mutex mutex_;
  std::vector<uint32_t> free_;
  std::atomic<uint32_t> next_{1};
};

/** One thread's share of a pool. Index 0 stands for "none" and is never handed out. */
class IndexCache {
 public:
  explicit IndexCache(IndexPool& pool) : pool_(pool) {}
  ~IndexCache() { pool_.give(free_, uint32_t(free_.size())); }
  IndexCache(const IndexCache&) = delete;
  IndexCache& operator=(const IndexCache&) = delete;

  /** An index, or 0 when there is none left. */
  uint32_t take() {
    if (free_.empty()) {
      pool_.take(free_, kBatch);
      if (free_.empty()) return 0;
    }
    const uint32_t index = free_.back();
    free_.pop_back();
    return index;
  }

  void give(uint32_t index) {
    free_.push_back(index);
    if (free_.size() > 4 * kBatch) pool_.give(free_, 2 * kBatch);
  }

 private:
  static constexpr uint32_t kBatch = 256;
  IndexPool& pool_;
  std::vector<uint32_t> free_;
};

}  // namespace raziel
