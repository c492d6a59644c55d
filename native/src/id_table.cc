#include "id_table.h"

#include "fix_decoder.h"

namespace raziel {

namespace {
constexpr uint32_t kCapacityAtFirst = 16;
}

IdTable::IdTable(VirtualArray<DriverSlot>& drivers) : drivers_(drivers) {
  for (Shard& shard : shards_) shard.slots.store(new IdSlots(kCapacityAtFirst), std::memory_order_release);
  bytes_ = kShards * kCapacityAtFirst * sizeof(uint64_t);
}

IdTable::~IdTable() {
  for (Shard& shard : shards_) delete shard.slots.load(std::memory_order_relaxed);
}

uint32_t IdTable::find(Bytes id, uint64_t hash) const {
  const IdSlots& table = *shardOf(hash).slots.load(std::memory_order_acquire);
  for (uint32_t i = startOf(hash, table);; i = (i + 1) & table.mask) {
    const uint64_t key = table.slots[i].load(std::memory_order_acquire);
    if (key == 0) return 0;
    const uint32_t driver = uint32_t(key);
    if (driver != 0 && ((key ^ hash) >> 32) == 0 && drivers_[driver].hasId(id)) return driver;
  }
}

void IdTable::prefetch(uint64_t hash) const {
  const IdSlots& table = *shardOf(hash).slots.load(std::memory_order_acquire);
  __builtin_prefetch(&table.slots[startOf(hash, table)]);
}

uint32_t IdTable::guess(uint64_t hash) const {
  const IdSlots& table = *shardOf(hash).slots.load(std::memory_order_acquire);
  for (uint32_t i = startOf(hash, table);; i = (i + 1) & table.mask) {
    const uint64_t key = table.slots[i].load(std::memory_order_relaxed);
    if (key == 0) return 0;
    if (uint32_t(key) != 0 && ((key ^ hash) >> 32) == 0) return uint32_t(key);
  }
}

void IdTable::insert(uint32_t driver, uint64_t hash, EpochDomain& epochs, Limbo<Retired>& limbo) {
  Shard& shard = shardOf(hash);
  IdSlots* table = shard.slots.load(std::memory_order_relaxed);
  const auto put = [](IdSlots& into, uint64_t key, uint32_t start) {
    uint32_t i = start;
    while (into.slots[i].load(std::memory_order_relaxed) != 0) i = (i + 1) & into.mask;
    into.slots[i].store(key, std::memory_order_release);
  };
  if ((shard.used + 1) * 4 > (table->mask + 1) * 3) {
    // A slot keeps half of the hash only, so each id is hashed again.
    const uint32_t capacity = (shard.live + 1) * 2 > table->mask + 1 ? (table->mask + 1) * 2 : table->mask + 1;
    auto grown = std::make_unique<IdSlots>(capacity);
    for (uint32_t i = 0; i <= table->mask; ++i) {
      const uint64_t key = table->slots[i].load(std::memory_order_relaxed);
      if (uint32_t(key) == 0) continue;
      const std::string_view id = drivers_[uint32_t(key)].id();
      put(*grown, key, startOf(hashId({reinterpret_cast<const uint8_t*>(id.data()), uint32_t(id.size())}), *grown));
    }
    bytes_ += (size_t{capacity} - (table->mask + 1)) * sizeof(uint64_t);
    limbo.retire(epochs, Retired(table));
    table = grown.release();
    shard.slots.store(table, std::memory_order_release);
    shard.used = shard.live;
  }
  put(*table, keyOf(driver, hash), startOf(hash, *table));
  ++shard.used;
  ++shard.live;
}

void IdTable::erase(uint32_t driver, uint64_t hash) {
  Shard& shard = shardOf(hash);
  IdSlots& table = *shard.slots.load(std::memory_order_relaxed);
  for (uint32_t i = startOf(hash, table);; i = (i + 1) & table.mask) {
    const uint64_t key = table.slots[i].load(std::memory_order_relaxed);
    if (key == 0) return;
    if (uint32_t(key) != driver) continue;
    table.slots[i].store(kTombstone, std::memory_order_release);
    --shard.live;
    return;
  }
}

}  // namespace raziel
