#include "tag_sets.h"

namespace raziel {

size_t TagSets::HashOfMask::operator()(const TagMask& mask) const {
  uint64_t hash = 0;
  for (uint64_t word : mask.words) hash = (hash ^ word) * 0x9e3779b97f4a7c15u + (hash >> 29);
  return size_t(hash ^ (hash >> 32));
}

uint32_t TagSets::acquire(const TagMask& mask, EpochDomain& epochs) {
  if (mask.empty()) return kEmpty;
  std::lock_guard<std::mutex> guard(mutex_);
  const auto found = numbers_.find(mask);
  if (found != numbers_.end()) {
    ++sets_[found->second].named;
    return found->second;
  }
  if (!countTags(mask)) return kNone;
  const uint32_t number = takeNumber(epochs);
  if (number == kNone) {
    mask.forEach([this](uint32_t bit) { tags_.release(bit); });
    return kNone;
  }
  sets_[number] = {mask, 1};
  numbers_.emplace(mask, number);
  return number;
}

void TagSets::release(uint32_t set, EpochDomain& epochs) {
  if (set == kEmpty) return;
  std::lock_guard<std::mutex> guard(mutex_);
  if (--sets_[set].named > 0) return;
  numbers_.erase(sets_[set].mask);
  sets_[set].mask.forEach([this](uint32_t bit) { tags_.release(bit); });
  old_.retire(epochs, set);
}

bool TagSets::countTags(const TagMask& mask) {
  TagMask counted;
  bool all = true;
  mask.forEach([&](uint32_t bit) {
    all = all && tags_.acquireFound(bit);
    if (all) counted.set(bit);
  });
  if (!all) counted.forEach([this](uint32_t bit) { tags_.release(bit); });
  return all;
}

uint32_t TagSets::takeNumber(EpochDomain& epochs) {
  if (free_.empty() && !old_.empty()) {
    old_.reclaim(epochs.safeBelow(), [this](uint32_t set, uint64_t) { free_.push_back(set); });
  }
  if (!free_.empty()) {
    const uint32_t number = free_.back();
    free_.pop_back();
    return number;
  }
  return next_ < sets_.size() ? next_++ : kNone;
}

}  // namespace raziel
