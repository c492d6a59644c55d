// A lock for critical sections of some tens of nanoseconds. Any thread may take it; searches never do.
//
// It spins briefly, then yields the core, so that a writer that the kernel has put aside in the middle of its section costs the
// others a scheduling round and not a busy core.

#pragma once

#include <sched.h>

#include <atomic>
#include <cstdint>

namespace raziel {

inline void cpuRelax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

class SpinLock {
 public:
  void lock() {
    for (uint32_t tries = 0; state_.exchange(1, std::memory_order_acquire) != 0;) {
      while (state_.load(std::memory_order_relaxed) != 0) {
        if (++tries < kSpins) {
          cpuRelax();
        } else {
          sched_yield();
        }
      }
    }
  }

  bool try_lock() { return state_.exchange(1, std::memory_order_acquire) == 0; }

  void unlock() { state_.store(0, std::memory_order_release); }

 private:
  static constexpr uint32_t kSpins = 128;
  std::atomic<uint32_t> state_{0};
};

}  // namespace raziel
