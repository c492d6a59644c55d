// All that is held of the drivers, and who may touch it: shared by the sessions of every thread.
//
// - Searches and look-ups: any thread that is pinned, without a lock.
// - Changes to a driver: the thread that holds the lock of its id's shard, pinned.

#pragma once

#include <atomic>
#include <cstdint>
#include <limits>

#include "cell_tree.h"
#include "epoch.h"
#include "fix.h"
#include "id_table.h"
#include "index_pool.h"
#include "journal.h"
#include "tag_registry.h"
#include "tag_sets.h"
#include "virtual_array.h"

namespace raziel {

struct StoreOptions {
  uint32_t driversMax;
  double ttlSecondsDefault;
  uint64_t searchCandidatesMax;
};

struct DriverStore {
  explicit DriverStore(const StoreOptions& given)
      : options(given),
        drivers(size_t{given.driversMax} + kIndexSlack),
        fixes(size_t{given.driversMax} + kIndexSlack),
        driverPool(uint32_t(drivers.size())),
        fixPool(uint32_t(fixes.size())),
        tagSets(tags, uint32_t(drivers.size())),
        ids(drivers, kIdBytesBase + size_t{given.driversMax} * kIdBytesPerDriver),
        tree(drivers, fixes, kTreeBytesBase + size_t{given.driversMax} * kTreeBytesPerDriver),
        journal(drivers.size()) {}

  ~DriverStore() {
    for (uint32_t i = 1; i < driverPool.highWater(); ++i) drivers[i].clearId();
  }

  /** Indexes beyond the drivers held: those that wait until no search can see them, and those in the threads' caches. */
  static constexpr uint32_t kIndexSlack = 1u << 20;
  static constexpr size_t kTreeBytesBase = size_t{256} << 20;
  /** Addresses, not memory: several times what the densest tree was seen to need. */
  static constexpr size_t kTreeBytesPerDriver = 512;

  static constexpr size_t kIdBytesBase = size_t{1} << 20;
  /** Twice the slots at their emptiest, and as much again for those that were outgrown. */
  static constexpr size_t kIdBytesPerDriver = 128;

  const StoreOptions options;
  VirtualArray<DriverSlot> drivers;
  VirtualArray<FixBlock> fixes;
  IndexPool driverPool;
  IndexPool fixPool;
  EpochDomain epochs;
  TagRegistry tags;
  TagSets tagSets;
  IdTable ids;
  CellTree tree;
  Journal journal;
  /** Drivers held, expired ones that have not been swept included. */
  std::atomic<uint32_t> held{0};
  /** No held fix expires before this moment (ms): a lower bound, so that a full engine need not look for expired ones in vain. */
  std::atomic<double> earliestExpiryMs{std::numeric_limits<double>::infinity()};
};

}  // namespace raziel
