// From a driver's id to its slot: open addressing in 256 shards by hash. Writers hold the shard's lock; look-ups without it are safe
// for whoever is pinned, and find every driver that was there before they began.
//
// The holder of a shard's lock is also the only one to change the drivers of that shard.

#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "driver_slot.h"
#include "epoch.h"
#include "spin_lock.h"
#include "virtual_array.h"

namespace raziel {

/** A power of two of slots. Each holds the high half of the hash and the driver's index; 0 is empty, index 0 a tombstone. */
struct IdSlots {
  explicit IdSlots(uint32_t capacity) : mask(capacity - 1), slots(new std::atomic<uint64_t>[capacity]()) {}

  const uint32_t mask;
  const std::unique_ptr<std::atomic<uint64_t>[]> slots;
};

class IdTable {
 public:
  using Retired = std::unique_ptr<IdSlots>;

  explicit IdTable(VirtualArray<DriverSlot>& drivers);
  ~IdTable();

  SpinLock& lockOf(uint64_t hash) { return shardOf(hash).lock; }

  /** The driver's index, or 0. The caller is pinned, or holds the shard's lock. */
  uint32_t find(Bytes id, uint64_t hash) const;

  /** Brings the slot where the search for an id begins into the cache. */
  void prefetch(uint64_t hash) const;

  /** The index that a look-up would probably find, to bring its slot into the cache; possibly another driver's, or 0. */
  uint32_t guess(uint64_t hash) const;

  /** Adds a driver that is not there, under the shard's lock. Slots that were outgrown are retired into `limbo`. */
  void insert(uint32_t driver, uint64_t hash, EpochDomain& epochs, Limbo<Retired>& limbo);

  /** Takes a driver out, under the shard's lock. */
  void erase(uint32_t driver, uint64_t hash);

  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  static constexpr uint32_t kShards = 256;
  static constexpr uint64_t kTombstone = uint64_t{1} << 32;

  struct alignas(64) Shard {
    SpinLock lock;
    uint32_t used = 0;  // slots that are not empty, tombstones included
    uint32_t live = 0;
    std::atomic<IdSlots*> slots{nullptr};
  };

  static uint64_t keyOf(uint32_t driver, uint64_t hash) { return (hash & 0xffffffff00000000u) | driver; }
  Shard& shardOf(uint64_t hash) { return shards_[hash & (kShards - 1)]; }
  const Shard& shardOf(uint64_t hash) const { return shards_[hash & (kShards - 1)]; }
  static uint32_t startOf(uint64_t hash, const IdSlots& slots) { return uint32_t(hash >> 8) & slots.mask; }

  VirtualArray<DriverSlot>& drivers_;
  Shard shards_[kShards];
  std::atomic<size_t> bytes_{0};
};

}  // namespace raziel
