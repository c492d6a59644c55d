// Epoch-based reclamation: memory that readers may still look at is freed only when the last of them has left.
//
// A reader pins its participant for the time of one search (`Pin pin(participant)`) and never waits. A writer first unlinks an
// object, so that no later reader can find it, then retires it under the current epoch; it may be freed once every participant that
// is pinned has pinned at a later epoch. After Fraser, "Practical lock-freedom" (2004), section 5.2.3.
//
//   EpochDomain domain;
//   EpochParticipant* me = domain.join();          // one per thread and domain; nullptr when all places are taken
//   { EpochPin pin(domain, *me); ... read ... }
//   limbo.retire(domain, object);                  // after unlinking it
//   limbo.reclaim(domain, [](T& object) { ... });  // frees what is safe, keeps the rest
//   domain.leave(me);
//
// A participant belongs to one thread at a time. A Limbo belongs to one thread at a time.

#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <utility>

#if defined(__SANITIZE_THREAD__)
#define RAZIEL_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RAZIEL_TSAN 1
#endif
#endif

namespace raziel {

struct alignas(64) EpochParticipant {
  /** The epoch at which it pinned, 0 while it is not pinned. */
  std::atomic<uint64_t> pinned{0};
  std::atomic<bool> taken{false};
};

class EpochDomain {
 public:
  static constexpr uint32_t kParticipantsMax = 256;

  EpochParticipant* join() {
    for (EpochParticipant& place : places_) {
      bool free = false;
      if (place.taken.compare_exchange_strong(free, true, std::memory_order_acq_rel)) return &place;
    }
    return nullptr;
  }

  void leave(EpochParticipant* participant) {
    participant->pinned.store(0, std::memory_order_release);
    participant->taken.store(false, std::memory_order_release);
  }

  void pin(EpochParticipant& participant) {
    const uint64_t now = epoch_.load(std::memory_order_seq_cst);
    // Whoever retires must either see this store or have unlinked before our next load, so the store has to be out first.
#ifdef RAZIEL_TSAN
    participant.pinned.exchange(now, std::memory_order_seq_cst);
#else
    participant.pinned.store(now, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
  }

  void unpin(EpochParticipant& participant) { participant.pinned.store(0, std::memory_order_release); }

  /** The epoch to retire under what was unlinked before this call. */
  uint64_t current() const { return epoch_.load(std::memory_order_seq_cst); }

  /** Begins a new epoch, so that what was retired before it can become safe. */
  void advance() { epoch_.fetch_add(1, std::memory_order_seq_cst); }

  /** What was retired under an epoch below this one can be freed. */
  uint64_t safeBelow() const {
    uint64_t oldest = epoch_.load(std::memory_order_seq_cst);
    for (const EpochParticipant& place : places_) {
      if (!place.taken.load(std::memory_order_acquire)) continue;
      const uint64_t pinned = place.pinned.load(std::memory_order_seq_cst);
      if (pinned != 0 && pinned < oldest) oldest = pinned;
    }
    return oldest;
  }

 private:
  std::atomic<uint64_t> epoch_{1};
  EpochParticipant places_[kParticipantsMax];
};

/** Pins a participant for a scope. */
class EpochPin {
 public:
  EpochPin(EpochDomain& domain, EpochParticipant& participant) : domain_(domain), participant_(participant) {
    domain_.pin(participant_);
  }
  ~EpochPin() { domain_.unpin(participant_); }
  EpochPin(const EpochPin&) = delete;
  EpochPin& operator=(const EpochPin&) = delete;

 private:
  EpochDomain& domain_;
  EpochParticipant& participant_;
};

/** What one thread has retired and not freed yet, oldest first. */
template <typename T>
class Limbo {
 public:
  /** Returns the epoch under which the object was retired. */
  uint64_t retire(EpochDomain& domain, T object) {
    const uint64_t epoch = domain.current();
    waiting_.emplace_back(epoch, std::move(object));
    return epoch;
  }

  /** Frees, by calling `free(object, epoch)`, everything retired under an epoch below `safeBelow`. */
  template <typename Free>
  void reclaim(uint64_t safeBelow, Free&& free) {
    while (!waiting_.empty() && waiting_.front().first < safeBelow) {
      std::pair<uint64_t, T> item = std::move(waiting_.front());
      waiting_.pop_front();
      free(item.second, item.first);
    }
  }

  bool empty() const { return waiting_.empty(); }
  size_t size() const { return waiting_.size(); }

 private:
  std::deque<std::pair<uint64_t, T>> waiting_;
};

}  // namespace raziel
