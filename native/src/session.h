// One thread's way into the store of drivers: it applies fixes, removes, looks up and sweeps. A session belongs to one thread; any number
// of them share a store.

#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "driver_store.h"
#include "fix.h"
#include "msgpack_reader.h"

namespace raziel {

/** What became of a batch. */
struct BatchOutcome {
  uint32_t accepted = 0;
  uint32_t stale = 0;
  uint32_t duplicate = 0;
  /** The rejected ones, by position in the batch. */
  std::vector<std::pair<uint32_t, FixCode>> rejected;
};

class Session {
 public:
  /** Throws std::runtime_error when as many threads as can be are attached already. */
  explicit Session(std::shared_ptr<DriverStore> store);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  DriverStore& store() { return *store_; }
  EpochPin pin() { return EpochPin(store_->epochs, *participant_); }

  /**
   * Decodes the MessagePack array that `reader` stands before. False when the bytes are broken; nothing has changed then. What was
   * decoded waits for applyDecoded() and points into the bytes.
   */
  bool decode(MsgpackReader& reader, double nowMs);

  /** Applies what decode() decoded. */
  const BatchOutcome& applyDecoded(double nowMs);

  /** Of the last applyDecoded(). */
  const BatchOutcome& lastOutcome() const { return outcome_; }

  /** The fix held of a driver, or nullptr for an unknown or expired one. The caller is pinned for as long as it uses it. */
  const FixBlock* find(Bytes id, double nowMs) const;

  /** Forgets a driver; false when there was none. */
  bool remove(Bytes id, double nowMs);

  /**
   * Applies stored fixes of drivers that are not known yet, up to a window of them, each in the slot of its index, or in any where that is 0. Nothing else may
   * write meanwhile.
   */
  void restore(const std::vector<DecodedFix>& fixes, const std::vector<uint32_t>& slots, double nowMs, RestoreCounts& counts);

  /** Frees what has expired and tidies the tree, a bounded slice. One thread at a time. */
  void sweep(double nowMs);

 private:
  /** Fixes of a batch that are on their way through the stages of applyDecoded() together. */
  static constexpr uint32_t kWindow = CellTree::kPrefetchMax;

  enum class Step { Accepted, Stale, Duplicate, Full, TagsFull, TagsLost };

  /** A fix's tags as bits, and those of them that are counted once more so that they cannot be lost meanwhile. */
  struct ResolvedTags {
    TagMask bits;
    TagMask counted;
    bool full = false;
  };
  struct ForgottenDriver {
    uint32_t driver;
    uint64_t idHash;
  };

  void markChanged();
  void prefetch(const DecodedFix* fixes, uint32_t count);
  Step apply(const DecodedFix& fix, uint32_t inWindow, double nowMs);
  Step applyResolved(const DecodedFix& fix, const CellTree::Ahead& ahead, const ResolvedTags& tags, double nowMs);
  uint32_t findDriver(const DecodedFix& fix, uint32_t guess) const;
  Step accept(const DecodedFix& fix, const CellTree::Ahead& ahead, uint32_t driver, uint32_t tagSet);
  uint32_t addDriver(const DecodedFix& fix);
  ResolvedTags resolveTags(Bytes tags, bool countFirst);
  bool makeRoom(double nowMs);
  bool takePlace();
  void forget(uint32_t driver, uint64_t idHash);
  bool forgetIfExpired(uint32_t driver, double nowMs);
  void noteExpiry(double expiryMs);
  uint32_t takeFix();
  void reclaimFixes(uint64_t safeBelow);
  void reclaim();

  std::shared_ptr<DriverStore> store_;
  EpochParticipant* participant_;
  IndexCache driverCache_;
  IndexCache fixCache_;
  Limbo<uint32_t> oldFixes_;
  CellTree::NodeLimbo oldNodes_;
  Limbo<IdTable::SlotsRef> oldIdSlots_;
  /** Forgotten drivers, still in the id table so that no second driver of that id comes up beside one that a search may hold. */
  Limbo<ForgottenDriver> forgotten_;
  /** Drivers that are out of the id table, too; look-ups may still be comparing their ids. */
  Limbo<uint32_t> erased_;
  std::vector<DecodedFix> decoded_;
  /** Drivers that the fixes of the window have changed, until they are marked in the journal. */
  std::array<uint32_t, kWindow> changed_;
  uint32_t changedCount_ = 0;
  /** The slot that a stored driver is to have, 0 for any. */
  uint32_t slotToTake_ = 0;
  /** What was found out ahead of the fixes of the window. */
  std::array<CellTree::Ahead, kWindow> ahead_;
  BatchOutcome outcome_;
  uint32_t sweepFrom_ = 1;
};

}  // namespace raziel
