// From a driver's id to its slot: open addressing in 256 shards by hash. Writers hold the shard's lock; look-ups without it are safe
// for whoever is pinned, and find every driver that was there before they began.
//
// The holder of a shard's lock is also the only one to change the drivers of that shard.

#pragma once

#include <atomic>
#include <cstdint>

#include "block_pool.h"
#include "driver_slot.h"
#include "epoch.h"
#include "spin_lock.h"
#include "virtual_array.h"

namespace raziel {

class IdTable {
 public:
  /** A power of two of slots: the place of their block, and in the low five bits its size class. */
  using SlotsRef = uint64_t;

  IdTable(VirtualArray<DriverSlot>& drivers, size_t bytes);

  SpinLock& lockOf(uint64_t hash) { return shardOf(hash).lock; }

  /** The driver's index, or 0. The caller is pinned, or holds the shard's lock. */
  uint32_t find(Bytes id, uint64_t hash) const;

  /** Brings the slot where the search for an id begins into the cache. */
  void prefetch(uint64_t hash) const;

  /** The index that a look-up would probably find, to bring its slot into the cache; possibly another driver's, or 0. */
  uint32_t guess(uint64_t hash) const;

  /**
   * Adds a driver that is not there, under the shard's lock. Slots that were outgrown are retired into `limbo`. False when memory is used
   * up; nothing has changed then.
   */
  bool insert(uint32_t driver, uint64_t hash, EpochDomain& epochs, Limbo<SlotsRef>& limbo);

  /** Takes a driver out, under the shard's lock. */
  void erase(uint32_t driver, uint64_t hash);

  /** Frees slots that were retired under an epoch below `safeBelow`. */
  void reclaim(Limbo<SlotsRef>& limbo, uint64_t safeBelow);

  size_t bytes() const { return pool_.bytes(); }

 private:
  static constexpr uint32_t kShards = 256;

  struct Slots {
    /** Each holds the high half of the hash and the driver's index; 0 is empty, and index 0 with a hash a tombstone. */
    std::atomic<uint64_t>* at;
    uint32_t mask;
  };
  struct alignas(64) Shard {
    SpinLock lock;
    uint32_t used = 0;  // slots that are not empty, tombstones included
    uint32_t live = 0;
    std::atomic<SlotsRef> slots{0};
  };

  Shard& shardOf(uint64_t hash) { return shards_[hash & (kShards - 1)]; }
  const Shard& shardOf(uint64_t hash) const { return shards_[hash & (kShards - 1)]; }
  Slots slotsOf(SlotsRef ref) const;
  SlotsRef makeSlots(uint32_t sizeClass);
  static uint32_t startOf(uint64_t hash, const Slots& slots) { return uint32_t(hash >> 8) & slots.mask; }
  static void put(const Slots& into, uint32_t driver, uint64_t hash);

  VirtualArray<DriverSlot>& drivers_;
  BlockPool pool_;
  Shard shards_[kShards];
};

}  // namespace raziel
