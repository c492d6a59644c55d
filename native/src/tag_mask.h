// A set of interned tags as bits, and the small signature that cells and their entries carry of it. A signature folds bits
// together: it may claim a tag that is not there and never misses one that is.

#pragma once

#include <array>
#include <cstdint>

namespace raziel {

constexpr uint32_t kTagsDistinctMax = 256;

struct TagMask {
  std::array<uint64_t, kTagsDistinctMax / 64> words{};

  void set(uint32_t bit) { words[bit / 64] |= uint64_t{1} << (bit % 64); }
  bool has(uint32_t bit) const { return (words[bit / 64] >> (bit % 64)) & 1; }
  bool empty() const { return (words[0] | words[1] | words[2] | words[3]) == 0; }
  bool operator==(const TagMask& other) const = default;

  TagMask without(const TagMask& other) const {
    TagMask rest;
    for (size_t i = 0; i < words.size(); ++i) rest.words[i] = words[i] & ~other.words[i];
    return rest;
  }

  bool containsAll(const TagMask& wanted) const {
    uint64_t missing = 0;
    for (size_t i = 0; i < words.size(); ++i) missing |= wanted.words[i] & ~words[i];
    return missing == 0;
  }

  bool intersects(const TagMask& other) const {
    uint64_t common = 0;
    for (size_t i = 0; i < words.size(); ++i) common |= words[i] & other.words[i];
    return common != 0;
  }

  template <typename Visit>
  void forEach(Visit&& visit) const {
    for (uint32_t i = 0; i < words.size(); ++i) {
      for (uint64_t rest = words[i]; rest != 0; rest &= rest - 1) visit(i * 64 + uint32_t(__builtin_ctzll(rest)));
    }
  }

  /** The signature: bit i stands for the tags i, i + 32, i + 64 and so on. */
  uint32_t fold() const {
    const uint64_t all = words[0] | words[1] | words[2] | words[3];
    return uint32_t(all) | uint32_t(all >> 32);
  }
};

}  // namespace raziel
