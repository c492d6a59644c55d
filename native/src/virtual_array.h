// An array whose whole range of addresses is reserved at once and whose memory the system hands out page by page as it is touched,
// so that an index is one addition away and growing moves nothing. Huge pages are asked for: a random walk over a
// million drivers otherwise spends half its time in the page tables.
//
// Zero-filled. Not copied, not moved; freed with its owner.

#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <new>

namespace raziel {

class VirtualMemory {
 public:
  explicit VirtualMemory(size_t bytes) : bytes_(roundUp(bytes)) {
    // Two megabytes more than asked, so that the start can lie on a huge page's boundary.
    raw_ = mmap(nullptr, bytes_ + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (raw_ == MAP_FAILED) throw std::bad_alloc();
    const size_t address = reinterpret_cast<size_t>(raw_);
    start_ = reinterpret_cast<void*>((address + kHugePage - 1) / kHugePage * kHugePage);
#ifdef MADV_HUGEPAGE
    madvise(start_, bytes_, MADV_HUGEPAGE);
#endif
  }
  ~VirtualMemory() { munmap(raw_, bytes_ + kHugePage); }
  VirtualMemory(const VirtualMemory&) = delete;
  VirtualMemory& operator=(const VirtualMemory&) = delete;

  void* start() const { return start_; }
  size_t bytes() const { return bytes_; }

 private:
  static constexpr size_t kHugePage = size_t{2} << 20;
  static size_t roundUp(size_t bytes) { return (bytes + kHugePage - 1) / kHugePage * kHugePage; }

  size_t bytes_;
  void* raw_;
  void* start_;
};

/** `size` zero-filled elements of a type that is valid when all its bytes are zero. */
template <typename T>
class VirtualArray {
 public:
  explicit VirtualArray(size_t size) : memory_(size * sizeof(T)), items_(static_cast<T*>(memory_.start())), size_(size) {}

  T& operator[](size_t i) { return items_[i]; }
  const T& operator[](size_t i) const { return items_[i]; }
  size_t size() const { return size_; }

 private:
  VirtualMemory memory_;
  T* items_;
  size_t size_;
};

}  // namespace raziel
