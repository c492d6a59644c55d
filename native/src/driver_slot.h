// A driver's fixed place in memory: its id, its fix, and where in the tree its entry is. The index of a slot names the driver for as
// long as the driver is known; it is used for another one only when no search can be holding it any more.

#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "msgpack_reader.h"

namespace raziel {

/** A cell or leaf of the tree by its place in the node pool; 0 is none. */
using NodeRef = uint32_t;

class DriverSlot {
 public:
  /** The held fix block, 0 when the driver is forgotten. Written by the holder of the id's shard lock. */
  std::atomic<uint32_t> fix;
  /** The leaf that holds its entry, 0 when none does. Written by the holder of that leaf's lock. */
  std::atomic<NodeRef> leaf;
  /** Its entry in that leaf, under the leaf's lock; for a forgotten driver the epoch (low bits) at which it was. */
  std::atomic<uint32_t> entry;

  std::string_view id() const {
    if (length_ <= kInline) return {inline_, length_};
    return {heapText(), length_};
  }

  bool hasId(Bytes other) const {
    if (length_ != other.size) return false;
    if (length_ >= 8 && length_ <= 16) {
      // Most ids: two overlapping loads on each side instead of a call.
      return word(inline_) == word(other.data) && word(inline_ + length_ - 8) == word(other.data + length_ - 8);
    }
    return std::memcmp(id().data(), other.data, other.size) == 0;
  }

  /** Long ids (over 19 bytes) live on the heap. */
  void setId(Bytes id) {
    length_ = uint8_t(id.size);
    char* to = inline_;
    if (id.size > kInline) {
      to = new char[id.size];
      std::memcpy(inline_, &to, sizeof to);
    }
    std::memcpy(to, id.data, id.size);
  }

  void clearId() {
    if (length_ > kInline) delete[] heapText();
    length_ = 0;
  }

 private:
  static constexpr uint32_t kInline = 19;

  static uint64_t word(const void* at) {
    uint64_t bytes;
    std::memcpy(&bytes, at, sizeof bytes);
    return bytes;
  }

  char* heapText() const {
    char* text;
    std::memcpy(&text, inline_, sizeof text);
    return text;
  }

  uint8_t length_;
  char inline_[kInline];
};
static_assert(sizeof(DriverSlot) == 32);

}  // namespace raziel
