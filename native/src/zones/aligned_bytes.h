// The memory of a snapshot: aligned for its format, on huge pages when it is large, because a lookup in a large layer waits for the
// page walk as long as for the line itself. Owned by whoever holds it; moves, does not copy.

#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <span>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace raziel::zones {

class AlignedBytes {
 public:
  AlignedBytes() = default;

  /** @throws std::bad_alloc */
  static AlignedBytes copyOf(std::span<const uint8_t> bytes) {
    constexpr size_t kHugePage = 2 * 1024 * 1024;
    AlignedBytes copy;
    const size_t alignment = bytes.size() >= kHugePage ? kHugePage : 64;
    const size_t room = (bytes.size() + alignment - 1) / alignment * alignment;
    uint8_t* const data = static_cast<uint8_t*>(std::aligned_alloc(alignment, room == 0 ? alignment : room));
    if (data == nullptr) throw std::bad_alloc();
    copy.data_.reset(data);
    copy.size_ = bytes.size();
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (alignment == kHugePage) madvise(data, room, MADV_HUGEPAGE);
#endif
    if (!bytes.empty()) std::memcpy(data, bytes.data(), bytes.size());
    return copy;
  }

  const uint8_t* data() const { return data_.get(); }
  size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(uint8_t* data) const { std::free(data); }
  };
  std::unique_ptr<uint8_t, Free> data_;
  size_t size_ = 0;
};

}  // namespace raziel::zones
