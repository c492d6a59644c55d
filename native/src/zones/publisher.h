// The snapshot that lookups see: published with one atomic store, read without waiting, freed when its last reader has left.
//
// The publisher owns the snapshots that it holds together with whoever else does (a prebuilt snapshot may be published again).
// `publish` and `collect` may be called from any thread and take a lock among themselves; readers never meet that lock. A ZoneReader
// belongs to one thread; its Pin holds one snapshot for the time of a lookup or of a batch (read-copy-update over epoch.h).
//
//   ZoneReader reader(publisher);
//   { ZoneReader::Pin pin(reader); if (pin.snapshot()) pin.snapshot()->lookup(lat, lon, hits); }

#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "../epoch.h"
#include "snapshot.h"

namespace raziel::zones {

class Publisher {
 public:
  Publisher() = default;
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;
  /** No reader may be left. */
  ~Publisher() = default;

  /**
   * Makes a snapshot (or none: nullptr) the one that every lookup from now on sees. Gives the readers of the one before up to
   * `patience` to leave, so that it is freed here and not later; a longer reader only delays the freeing.
   */
  void publish(std::shared_ptr<const Snapshot> next, std::chrono::microseconds patience = std::chrono::milliseconds(10)) {
    const std::lock_guard lock(mutex_);
    current_.store(next.get(), std::memory_order_seq_cst);
    std::swap(held_, next);
    if (next != nullptr) limbo_.retire(domain_, std::move(next));
    domain_.advance();
    const auto deadline = std::chrono::steady_clock::now() + patience;
    reclaim();
    while (!limbo_.empty() && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
      reclaim();
    }
  }

  /** Frees what no reader sees any more; returns how many old snapshots are still held for readers. */
  size_t collect() {
    const std::lock_guard lock(mutex_);
    reclaim();
    return limbo_.size();
  }

  /** The published snapshot, held for longer than a lookup: for saving it, or for replacing one layer of it. */
  std::shared_ptr<const Snapshot> held() {
    const std::lock_guard lock(mutex_);
    return held_;
  }

 private:
  friend class ZoneReader;

  void reclaim() {
    limbo_.reclaim(domain_.safeBelow(), [](std::shared_ptr<const Snapshot>& snapshot, uint64_t) { snapshot.reset(); });
  }

  std::atomic<const Snapshot*> current_{nullptr};
  EpochDomain domain_;
  std::mutex mutex_;
  std::shared_ptr<const Snapshot> held_;             // under mutex_
  Limbo<std::shared_ptr<const Snapshot>> limbo_;     // under mutex_
};

class ZoneReader {
 public:
  /** @throws std::length_error when EpochDomain::kParticipantsMax readers are there already. */
  explicit ZoneReader(Publisher& publisher) : publisher_(publisher), participant_(publisher.domain_.join()) {
    if (participant_ == nullptr) throw std::length_error("too many threads look up zones");
  }
  ~ZoneReader() { publisher_.domain_.leave(participant_); }
  ZoneReader(const ZoneReader&) = delete;
  ZoneReader& operator=(const ZoneReader&) = delete;

  class Pin {
   public:
    explicit Pin(ZoneReader& reader)
        : pin_(reader.publisher_.domain_, *reader.participant_),
          snapshot_(reader.publisher_.current_.load(std::memory_order_seq_cst)) {}

    /** nullptr before anything was published. Valid as long as the pin. */
    const Snapshot* snapshot() const { return snapshot_; }

   private:
    EpochPin pin_;
    const Snapshot* snapshot_;
  };

 private:
  Publisher& publisher_;
  EpochParticipant* participant_;
};

}  // namespace raziel::zones
