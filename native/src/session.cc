#include "session.h"

#include <mutex>
#include <stdexcept>

#include "fix_decoder.h"

namespace raziel {

namespace {

using Guard = std::lock_guard<SpinLock>;

/** Drivers and nodes that one sweep() goes over: some hundred microseconds. */
constexpr uint32_t kSweepDrivers = 16'384;
constexpr uint32_t kSweepNodes = 2'048;
/** Fixes lie anywhere, so that those of the drivers to come are fetched by so many drivers ahead: several waits for memory overlap. */
constexpr uint32_t kSweepAhead = 16;
/** How often a fix is tried again whose tags are lost to others between look-up and count, which is rare even once. */
constexpr uint32_t kTriesMax = 8;

Bytes bytesOf(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), uint32_t(text.size())}; }
std::string_view viewOf(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data), bytes.size}; }

/** Visits the strings of a MessagePack array that the decoder has checked, until `visit` returns false. */
template <typename Visit>
void eachTag(Bytes tags, Visit&& visit) {
  MsgpackReader reader(tags.data, tags.size);
  for (uint32_t left = reader.readArray(); left > 0; --left) {
    if (!visit(viewOf(reader.readString()))) return;
  }
}

}  // namespace

Session::Session(std::shared_ptr<DriverStore> store)
    : store_(std::move(store)),
      participant_(store_->epochs.join()),
      driverCache_(store_->driverPool),
      fixCache_(store_->fixPool) {
  if (participant_ == nullptr) throw std::runtime_error("too many threads are attached to the engine");
}

Session::~Session() {
  // Two graces free everything, a forgotten driver's slot being the longest way.
  while (!oldFixes_.empty() || !oldNodes_.empty() || !oldIdSlots_.empty() || !forgotten_.empty() || !erased_.empty()) {
    reclaim();
    sched_yield();
  }
  store_->epochs.leave(participant_);
}

bool Session::decode(MsgpackReader& reader, double nowMs) {
  decoded_.clear();
  return decodeFixes(reader, nowMs, store_->options.ttlSecondsDefault, decoded_);
}

const BatchOutcome& Session::applyDecoded(double nowMs) {
  outcome_.accepted = outcome_.stale = outcome_.duplicate = 0;
  outcome_.rejected.clear();
  for (uint32_t start = 0; start < decoded_.size(); start += kWindow) {
    const uint32_t count = std::min(kWindow, uint32_t(decoded_.size()) - start);
    EpochPin pinned = pin();
    prefetch(&decoded_[start], count);
    for (uint32_t i = start; i < start + count; ++i) {
      const DecodedFix& fix = decoded_[i];
      if (fix.code != FixCode::None) {
        outcome_.rejected.emplace_back(i, fix.code);
        continue;
      }
      switch (apply(fix, i - start, nowMs)) {
        case Step::Accepted: ++outcome_.accepted; break;
        case Step::Stale: ++outcome_.stale; break;
        case Step::Duplicate: ++outcome_.duplicate; break;
        case Step::Full: outcome_.rejected.emplace_back(i, FixCode::EngineFull); break;
        case Step::TagsFull: outcome_.rejected.emplace_back(i, FixCode::TooManyTags); break;
        case Step::TagsLost: outcome_.rejected.emplace_back(i, FixCode::TooManyTags); break;
      }
    }
    markChanged();
  }
  reclaim();
  return outcome_;
}

void Session::markChanged() {
  store_->journal.mark(changed_.data(), changedCount_);
  changedCount_ = 0;
}

void Session::restore(const std::vector<DecodedFix>& fixes, const std::vector<uint32_t>& slots, double nowMs,
                      RestoreCounts& counts) {
  static_assert(Journal::kBlockDrivers <= kWindow);
  {
    EpochPin pinned = pin();
    prefetch(fixes.data(), uint32_t(fixes.size()));
    for (CellTree::Ahead& ahead : ahead_) ahead.driver = 0;
    for (uint32_t i = 0; i < fixes.size(); ++i) {
      if (store_->ids.find(fixes[i].id, fixes[i].idHash) != 0) {
        ++counts.superseded;
        continue;
      }
      slotToTake_ = slots[i];
      const Step step = apply(fixes[i], i, nowMs);
      ++(step == Step::Accepted ? counts.restored : step == Step::Stale ? counts.expired : counts.refused);
    }
    slotToTake_ = 0;
    markChanged();
  }
  reclaim();
}

const FixBlock* Session::find(Bytes id, double nowMs) const {
  const uint32_t driver = store_->ids.find(id, hashId(id));
  const uint32_t fix = driver == 0 ? 0 : store_->drivers[driver].fix.load(std::memory_order_acquire);
  if (fix == 0 || !store_->fixes[fix].liveAt(nowMs)) return nullptr;
  return &store_->fixes[fix];
}

bool Session::remove(Bytes id, double nowMs) {
  bool wasLive = false;
  {
    EpochPin pinned = pin();
    const uint64_t hash = hashId(id);
    Guard guard(store_->ids.lockOf(hash));
    const uint32_t driver = store_->ids.find(id, hash);
    const uint32_t fix = driver == 0 ? 0 : store_->drivers[driver].fix.load(std::memory_order_relaxed);
    if (fix != 0) {
      wasLive = store_->fixes[fix].liveAt(nowMs);
      forget(driver, hash);
    }
  }
  reclaim();
  return wasLive;
}

void Session::sweep(double nowMs) {
  {
    EpochPin pinned = pin();
    const uint32_t end = store_->driverPool.highWater();
    if (sweepFrom_ >= end) sweepFrom_ = 1;
    const uint32_t to = std::min(end, sweepFrom_ + kSweepDrivers);
    for (uint32_t driver = sweepFrom_; driver < to; ++driver) {
      const uint32_t ahead = std::min(driver + kSweepAhead, to - 1);
      __builtin_prefetch(&store_->fixes[store_->drivers[ahead].fix.load(std::memory_order_relaxed)]);
      forgetIfExpired(driver, nowMs);
    }
    sweepFrom_ = to;
    store_->tree.tidy(kSweepNodes, store_->epochs, oldNodes_);
  }
  reclaim();
}

/**
 * Brings what the fixes will touch into the cache, one kind of it after the other, so that the waits for memory overlap. This made
 * a batch of a hundred moves among a million drivers some 2.5 times as fast.
 */
void Session::prefetch(const DecodedFix* fixes, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) store_->ids.prefetch(fixes[i].idHash);
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t driver = fixes[i].code == FixCode::None ? store_->ids.guess(fixes[i].idHash) : 0;
    ahead_[i] = {driver, toGrid(fixes[i].lat, fixes[i].lon), 0};
    __builtin_prefetch(&store_->drivers[driver], 1);
  }
  for (uint32_t i = 0; i < count; ++i) {
    __builtin_prefetch(&store_->fixes[store_->drivers[ahead_[i].driver].fix.load(std::memory_order_relaxed)]);
  }
  store_->tree.prefetchMoves(ahead_.data(), count);
}

Session::Step Session::apply(const DecodedFix& fix, uint32_t inWindow, double nowMs) {
  bool sweptAlready = false;
  uint32_t lost = 0;
  for (bool countTagsFirst = false;; countTagsFirst = true) {
    ResolvedTags tags = resolveTags(fix.tags, countTagsFirst);
    const Step step = applyResolved(fix, ahead_[inWindow], tags, nowMs);
    tags.counted.forEach([this](uint32_t bit) { store_->tags.release(bit); });
    if (step == Step::TagsLost && ++lost < kTriesMax) continue;
    const bool full = step == Step::Full || step == Step::TagsFull;
    if (!full || sweptAlready || !makeRoom(nowMs)) return step;
    sweptAlready = true;
  }
}

Session::Step Session::applyResolved(const DecodedFix& fix, const CellTree::Ahead& ahead, const ResolvedTags& tags, double nowMs) {
  if (nowMs - fix.timeMs > fix.ttlSeconds * 1000) return Step::Stale;
  Guard guard(store_->ids.lockOf(fix.idHash));
  const uint32_t driver = findDriver(fix, ahead.driver);
  const uint32_t heldFix = driver == 0 ? 0 : store_->drivers[driver].fix.load(std::memory_order_relaxed);
  const FixBlock* const held = heldFix == 0 ? nullptr : &store_->fixes[heldFix];
  const bool live = held != nullptr && held->liveAt(nowMs);
  const bool bringsTags = fix.tags.data != nullptr;
  const bool keepsTags = live && (!bringsTags || (tags.bits == store_->tagSets.maskOf(held->tagSet) && !tags.full));
  if (live) {
    if (fix.timeMs < held->timeMs) return Step::Stale;
    if (fix.timeMs == held->timeMs && fix.lat == held->lat && fix.lon == held->lon && fix.motion == held->motion &&
        fix.ttlSeconds == held->ttlSeconds && keepsTags) {
      return Step::Duplicate;
    }
  }
  if (tags.full) return Step::TagsFull;
  const uint32_t tagSet = keepsTags ? held->tagSet : store_->tagSets.acquire(tags.bits, store_->epochs);
  if (tagSet == TagSets::kNone) return Step::TagsLost;
  const bool hasPlace = held != nullptr || takePlace();
  const uint32_t heldSet = held == nullptr ? TagSets::kEmpty : held->tagSet;
  const Step step = hasPlace ? accept(fix, ahead, driver, tagSet) : Step::Full;
  if (step != Step::Accepted) {
    if (hasPlace && held == nullptr) store_->held.fetch_sub(1, std::memory_order_relaxed);
    if (!keepsTags) store_->tagSets.release(tagSet, store_->epochs);
    return step;
  }
  if (!keepsTags) store_->tagSets.release(heldSet, store_->epochs);
  return step;
}

/** The driver of a fix, or 0. A driver that has a fix is in the id table, so a right guess saves looking there. */
uint32_t Session::findDriver(const DecodedFix& fix, uint32_t guess) const {
  const DriverSlot& slot = store_->drivers[guess];
  if (guess != 0 && slot.fix.load(std::memory_order_relaxed) != 0 && slot.hasId(fix.id)) return guess;
  return store_->ids.find(fix.id, fix.idHash);
}

/** Makes a decoded fix the one held of a driver (0: of a new one). The caller holds the shard's lock and has counted the set of tags. */
Session::Step Session::accept(const DecodedFix& fix, const CellTree::Ahead& ahead, uint32_t driver, uint32_t tagSet) {
  const uint32_t fixIndex = takeFix();
  if (fixIndex == 0) return Step::Full;
  const bool isNew = driver == 0;
  if (isNew) driver = addDriver(fix);
  if (driver == 0) {
    fixCache_.give(fixIndex);
    return Step::Full;
  }
  DriverSlot& slot = store_->drivers[driver];
  store_->fixes[fixIndex] = {fix.lat, fix.lon, fix.timeMs, fix.ttlSeconds, fix.motion, driver, tagSet};
  const CellTree::Entry entry{packGrid(ahead.to), fixIndex, store_->tagSets.maskOf(tagSet).fold()};
  const bool entered = slot.leaf.load(std::memory_order_relaxed) != 0
                           ? store_->tree.move(driver, entry, ahead.leaf, store_->epochs, oldNodes_)
                           : store_->tree.insert(driver, entry, ahead.leaf, store_->epochs, oldNodes_);
  if (!entered) {
    fixCache_.give(fixIndex);
    if (isNew) {
      store_->ids.erase(driver, fix.idHash);
      erased_.retire(store_->epochs, driver);
    }
    return Step::Full;
  }
  const uint32_t oldFix = slot.fix.load(std::memory_order_relaxed);
  slot.fix.store(fixIndex, std::memory_order_release);
  if (oldFix != 0) oldFixes_.retire(store_->epochs, oldFix);
  noteExpiry(fix.timeMs + fix.ttlSeconds * 1000);
  // A stored driver in its own slot is stored already.
  if (store_->journal.on() && slotToTake_ == 0) changed_[changedCount_++] = driver;
  return Step::Accepted;
}

/** A slot for a new driver, in the id table; 0 when there is no room. */
uint32_t Session::addDriver(const DecodedFix& fix) {
  const uint32_t driver = slotToTake_ != 0 ? slotToTake_ : driverCache_.take();
  if (driver == 0) return 0;
  store_->drivers[driver].setId(fix.id);
  if (store_->ids.insert(driver, fix.idHash, store_->epochs, oldIdSlots_)) return driver;
  store_->drivers[driver].clearId();
  driverCache_.give(driver);
  return 0;
}

/** The bits of a fix's tags. If one is unknown or `countFirst` says so, all are counted at once, unpinned (see TagRegistry::acquire). */
Session::ResolvedTags Session::resolveTags(Bytes tags, bool countFirst) {
  ResolvedTags resolved;
  if (tags.data == nullptr) return resolved;
  bool known = !countFirst;
  if (known) {
    eachTag(tags, [&](std::string_view tag) {
      const uint32_t bit = store_->tags.find(tag);
      known = bit != TagRegistry::kNone;
      if (known) resolved.bits.set(bit);
      return known;
    });
  }
  if (known) return resolved;

  resolved = {};
  for (CellTree::Ahead& ahead : ahead_) ahead = {0, ahead.to, 0};
  store_->epochs.unpin(*participant_);
  eachTag(tags, [&](std::string_view tag) {
    const uint32_t bit = store_->tags.acquire(tag, store_->epochs);
    resolved.full = bit == TagRegistry::kNone;
    if (resolved.full) return false;
    if (resolved.counted.has(bit)) store_->tags.release(bit);
    resolved.counted.set(bit);
    return true;
  });
  resolved.bits = resolved.counted;
  store_->epochs.pin(*participant_);
  return resolved;
}

/** Counts one more driver held; false when the engine is full. */
bool Session::takePlace() {
  uint32_t held = store_->held.load(std::memory_order_relaxed);
  while (held < store_->options.driversMax) {
    if (store_->held.compare_exchange_weak(held, held + 1, std::memory_order_relaxed)) return true;
  }
  return false;
}

/** Forgets all that has expired, unless nothing can have. False when nothing was found. */
bool Session::makeRoom(double nowMs) {
  if (nowMs <= store_->earliestExpiryMs.load(std::memory_order_relaxed)) return false;
  store_->earliestExpiryMs.store(std::numeric_limits<double>::infinity(), std::memory_order_seq_cst);
  bool freed = false;
  const uint32_t end = store_->driverPool.highWater();
  for (uint32_t driver = 1; driver < end; ++driver) {
    freed = forgetIfExpired(driver, nowMs) || freed;
    const uint32_t fix = store_->drivers[driver].fix.load(std::memory_order_acquire);
    if (fix != 0) noteExpiry(store_->fixes[fix].timeMs + store_->fixes[fix].ttlSeconds * 1000);
  }
  return freed;
}

void Session::noteExpiry(double expiryMs) {
  double earliest = store_->earliestExpiryMs.load(std::memory_order_relaxed);
  while (expiryMs < earliest && !store_->earliestExpiryMs.compare_exchange_weak(earliest, expiryMs)) {
  }
}

/** Forgets a driver that has a fix. The caller holds the lock of its id's shard. */
void Session::forget(uint32_t driver, uint64_t idHash) {
  DriverSlot& slot = store_->drivers[driver];
  store_->tree.remove(driver);
  const uint32_t fix = slot.fix.exchange(0, std::memory_order_acq_rel);
  store_->tagSets.release(store_->fixes[fix].tagSet, store_->epochs);
  oldFixes_.retire(store_->epochs, fix);
  const uint64_t epoch = forgotten_.retire(store_->epochs, {driver, idHash});
  slot.entry.store(uint32_t(epoch), std::memory_order_relaxed);
  store_->held.fetch_sub(1, std::memory_order_relaxed);
  if (store_->journal.on()) store_->journal.mark(&driver, 1);
}

bool Session::forgetIfExpired(uint32_t driver, double nowMs) {
  const DriverSlot& slot = store_->drivers[driver];
  const auto expired = [&] {
    const uint32_t fix = slot.fix.load(std::memory_order_acquire);
    return fix != 0 && !store_->fixes[fix].liveAt(nowMs);
  };
  if (!expired()) return false;
  // It had a fix while we are pinned, so its id stays where it is.
  const uint64_t hash = hashId(bytesOf(slot.id()));
  Guard guard(store_->ids.lockOf(hash));
  if (!expired()) return false;
  forget(driver, hash);
  return true;
}

uint32_t Session::takeFix() {
  const uint32_t fix = fixCache_.take();
  if (fix != 0) return fix;
  store_->epochs.advance();
  reclaimFixes(store_->epochs.safeBelow());
  return fixCache_.take();
}

void Session::reclaimFixes(uint64_t safeBelow) {
  oldFixes_.reclaim(safeBelow, [this](uint32_t fix, uint64_t) { fixCache_.give(fix); });
}

/** The caller holds no lock: forgotten drivers are erased under those of their shards. */
void Session::reclaim() {
  EpochDomain& epochs = store_->epochs;
  epochs.advance();
  const uint64_t safeBelow = epochs.safeBelow();
  reclaimFixes(safeBelow);
  store_->tree.reclaim(oldNodes_, safeBelow);
  store_->ids.reclaim(oldIdSlots_, safeBelow);
  erased_.reclaim(safeBelow, [this](uint32_t driver, uint64_t) {
    store_->drivers[driver].clearId();
    driverCache_.give(driver);
  });
  forgotten_.reclaim(safeBelow, [&](ForgottenDriver gone, uint64_t epoch) {
    Guard guard(store_->ids.lockOf(gone.idHash));
    const DriverSlot& slot = store_->drivers[gone.driver];
    // A fix may have come for it since, and it may even have been forgotten again.
    if (slot.fix.load(std::memory_order_relaxed) != 0) return;
    if (slot.entry.load(std::memory_order_relaxed) != uint32_t(epoch)) return;
    store_->ids.erase(gone.driver, gone.idHash);
    erased_.retire(epochs, gone.driver);
  });
}

}  // namespace raziel
