#include "id_table.h"

#include <new>

#include "fix_decoder.h"

namespace raziel {

namespace {

constexpr uint64_t kTombstone = uint64_t{1} << 32;
/** 64 · 2¹ bytes: 16 slots. */
constexpr uint32_t kSizeClassAtFirst = 1;
constexpr uint32_t kSizeClassBits = 5;

}  // namespace

IdTable::IdTable(VirtualArray<DriverSlot>& drivers, size_t bytes) : drivers_(drivers), pool_(bytes) {
  for (Shard& shard : shards_) {
    const SlotsRef slots = makeSlots(kSizeClassAtFirst);
    if (slots == 0) throw std::bad_alloc();
    shard.slots.store(slots, std::memory_order_release);
  }
}

uint32_t IdTable::find(Bytes id, uint64_t hash) const {
  const Slots table = slotsOf(shardOf(hash).slots.load(std::memory_order_acquire));
  for (uint32_t i = startOf(hash, table);; i = (i + 1) & table.mask) {
    const uint64_t key = table.at[i].load(std::memory_order_acquire);
    if (key == 0) return 0;
    const uint32_t driver = uint32_t(key);
    if (driver != 0 && ((key ^ hash) >> 32) == 0 && drivers_[driver].hasId(id)) return driver;
  }
}

void IdTable::prefetch(uint64_t hash) const {
  const Slots table = slotsOf(shardOf(hash).slots.load(std::memory_order_acquire));
  __builtin_prefetch(table.at + startOf(hash, table));
}

uint32_t IdTable::guess(uint64_t hash) const {
  const Slots table = slotsOf(shardOf(hash).slots.load(std::memory_order_acquire));
  for (uint32_t i = startOf(hash, table);; i = (i + 1) & table.mask) {
    const uint64_t key = table.at[i].load(std::memory_order_relaxed);
    if (key == 0) return 0;
    if (uint32_t(key) != 0 && ((key ^ hash) >> 32) == 0) return uint32_t(key);
  }
}

bool IdTable::insert(uint32_t driver, uint64_t hash, EpochDomain& epochs, Limbo<SlotsRef>& limbo) {
  Shard& shard = shardOf(hash);
  const SlotsRef held = shard.slots.load(std::memory_order_relaxed);
  Slots table = slotsOf(held);
  const uint32_t capacity = table.mask + 1;
  if ((shard.used + 1) * 4 > capacity * 3) {
    const bool grows = (shard.live + 1) * 2 > capacity;
    const SlotsRef made = makeSlots(uint32_t(held & ((1u << kSizeClassBits) - 1)) + grows);
    if (made == 0) return false;
    const Slots larger = slotsOf(made);
    for (uint32_t i = 0; i < capacity; ++i) {
      const uint32_t there = uint32_t(table.at[i].load(std::memory_order_relaxed));
      if (there == 0) continue;
      // A slot keeps half of the hash only, so each id is hashed again.
      const std::string_view id = drivers_[there].id();
      put(larger, there, hashId({reinterpret_cast<const uint8_t*>(id.data()), uint32_t(id.size())}));
    }
    shard.slots.store(made, std::memory_order_release);
    shard.used = shard.live;
    limbo.retire(epochs, held);
    table = larger;
  }
  put(table, driver, hash);
  ++shard.used;
  ++shard.live;
  return true;
}

void IdTable::erase(uint32_t driver, uint64_t hash) {
  Shard& shard = shardOf(hash);
  const Slots table = slotsOf(shard.slots.load(std::memory_order_relaxed));
  for (uint32_t i = startOf(hash, table);; i = (i + 1) & table.mask) {
    const uint64_t key = table.at[i].load(std::memory_order_relaxed);
    if (key == 0) return;
    if (uint32_t(key) != driver) continue;
    table.at[i].store(kTombstone, std::memory_order_release);
    --shard.live;
    return;
  }
}

void IdTable::reclaim(Limbo<SlotsRef>& limbo, uint64_t safeBelow) {
  limbo.reclaim(safeBelow, [this](SlotsRef slots, uint64_t) {
    pool_.free(uint32_t(slots >> kSizeClassBits), uint32_t(slots & ((1u << kSizeClassBits) - 1)));
  });
}

IdTable::Slots IdTable::slotsOf(SlotsRef ref) const {
  const uint32_t sizeClass = uint32_t(ref & ((1u << kSizeClassBits) - 1));
  return {static_cast<std::atomic<uint64_t>*>(pool_.at(uint32_t(ref >> kSizeClassBits))), (8u << sizeClass) - 1};
}

/** Empty slots in a new block, or 0 when memory is used up. */
IdTable::SlotsRef IdTable::makeSlots(uint32_t sizeClass) {
  const uint32_t place = pool_.allocate(sizeClass);
  if (place == 0) return 0;
  const SlotsRef made = SlotsRef{place} << kSizeClassBits | sizeClass;
  const Slots slots = slotsOf(made);
  for (uint32_t i = 0; i <= slots.mask; ++i) new (slots.at + i) std::atomic<uint64_t>(0);
  return made;
}

void IdTable::put(const Slots& into, uint32_t driver, uint64_t hash) {
  uint32_t i = startOf(hash, into);
  while (into.at[i].load(std::memory_order_relaxed) != 0) i = (i + 1) & into.mask;
  into.at[i].store((hash & 0xffffffff00000000u) | driver, std::memory_order_release);
}

}  // namespace raziel
