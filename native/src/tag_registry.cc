#include "tag_registry.h"

#include "fix_decoder.h"

namespace raziel {

namespace {

uint64_t hashTag(std::string_view tag) {
  return hashId({reinterpret_cast<const uint8_t*>(tag.data()), uint32_t(tag.size())});
}

}  // namespace

TagRegistry::TagRegistry() : slots_(new Slots) {}

TagRegistry::~TagRegistry() {
  for (Tag& tag : tags_) delete tag.name.load(std::memory_order_relaxed);
  delete slots_.load(std::memory_order_relaxed);
}

uint32_t TagRegistry::find(std::string_view tag) const {
  const Slots& slots = *slots_.load(std::memory_order_acquire);
  for (uint32_t i = hashTag(tag) % Slots::kSize;; i = (i + 1) % Slots::kSize) {
    const uint16_t slot = slots.bits[i].load(std::memory_order_acquire);
    if (slot == 0) return kNone;
    if (nameOf(slot - 1u) == tag) return slot - 1u;
  }
}

bool TagRegistry::acquireFound(uint32_t bit) {
  std::atomic<uint32_t>& carriers = tags_[bit].carriers;
  uint32_t count = carriers.load(std::memory_order_acquire);
  while (count != 0 && count != kFree) {
    if (carriers.compare_exchange_weak(count, count + 1, std::memory_order_acq_rel)) return true;
  }
  return false;
}

uint32_t TagRegistry::acquire(std::string_view tag, EpochDomain& epochs) {
  std::lock_guard<std::mutex> guard(mutex_);
  const uint32_t known = find(tag);
  if (known != kNone) {
    // Bits are freed under the mutex only, so a known tag may also be brought back from zero here.
    tags_[known].carriers.fetch_add(1, std::memory_order_acq_rel);
    return known;
  }
  uint32_t bit = safeBit(epochs);
  if (bit == kNone) {
    freeUncarried(epochs);
    bit = safeBit(epochs);
    if (bit == kNone) return kNone;
  }
  const std::string* old = tags_[bit].name.exchange(new std::string(tag), std::memory_order_acq_rel);
  if (old != nullptr) oldNames_.retire(epochs, std::unique_ptr<const std::string>(old));
  tags_[bit].carriers.store(1, std::memory_order_release);
  put(*slots_.load(std::memory_order_relaxed), bit);
  return bit;
}

uint32_t TagRegistry::inUse() const {
  uint32_t used = 0;
  for (const Tag& tag : tags_) {
    const uint32_t carriers = tag.carriers.load(std::memory_order_relaxed);
    used += carriers != 0 && carriers != kFree;
  }
  return used;
}

/** A bit that no tag has and no pinned reader knows under an old name; low bits first, which keeps the signatures exact. */
uint32_t TagRegistry::safeBit(EpochDomain& epochs) const {
  const uint64_t safeBelow = epochs.safeBelow();
  for (uint32_t bit = 0; bit < kTagsDistinctMax; ++bit) {
    const Tag& tag = tags_[bit];
    if (tag.carriers.load(std::memory_order_relaxed) == kFree && tag.freedAt < safeBelow) return bit;
  }
  return kNone;
}

void TagRegistry::freeUncarried(EpochDomain& epochs) {
  auto slots = std::make_unique<Slots>();
  TagMask freed;
  for (uint32_t bit = 0; bit < kTagsDistinctMax; ++bit) {
    uint32_t nobody = 0;
    if (tags_[bit].carriers.compare_exchange_strong(nobody, kFree, std::memory_order_acq_rel)) {
      freed.set(bit);
    } else if (nobody != kFree) {
      put(*slots, bit);
    }
  }
  oldSlots_.retire(epochs, std::unique_ptr<Slots>(slots_.exchange(slots.release(), std::memory_order_acq_rel)));
  // From here on nobody can find the freed ones by name, so their grace begins.
  const uint64_t now = epochs.current();
  freed.forEach([&](uint32_t bit) { tags_[bit].freedAt = now; });
  epochs.advance();
  const uint64_t safeBelow = epochs.safeBelow();
  oldSlots_.reclaim(safeBelow, [](auto&, uint64_t) {});
  oldNames_.reclaim(safeBelow, [](auto&, uint64_t) {});
}

void TagRegistry::put(Slots& slots, uint32_t bit) const {
  uint32_t i = uint32_t(hashTag(nameOf(bit)) % Slots::kSize);
  while (slots.bits[i].load(std::memory_order_relaxed) != 0) i = (i + 1) % Slots::kSize;
  slots.bits[i].store(uint16_t(bit + 1), std::memory_order_release);
}

}  // namespace raziel
