#include "search.h"

#include <algorithm>
#include <array>

namespace raziel {

namespace {

/** Edges of polygons that weigh as much as one candidate. */
constexpr uint64_t kEdgesPerCandidate = 16;
/** A leaf's entries are looked at in groups: first the bounds, while the fixes of those that pass are on their way to the cache. */
constexpr uint32_t kGroup = 32;
/** Up to so many hits are compared each with each to find out whether one is there twice. */
constexpr size_t kComparedMax = 32;
/** Nodes that wait at a time: three of each level above, and the four of the last. */
constexpr uint32_t kPendingMax = 3 * kCellDepthMax + 4;

/** About half of what a leaf holds is fetched ahead; the rest follows by itself. */
constexpr uint32_t kEntriesAhead = 12;

/** A node to be looked at, and the least haversine of anything in it. */
struct Pending {
  NodeRef node;
  double bound;
};

}  // namespace

bool DriverSet::insert(uint32_t driver) {
  if (2 * (size_ + 1) > slots_.size()) {
    std::vector<uint64_t> old(slots_.size() * 2);
    old.swap(slots_);
    size_ = 0;
    for (uint64_t key : old) {
      if (key >> 32 == generation_) insert(uint32_t(key));
    }
  }
  const uint32_t mask = uint32_t(slots_.size()) - 1;
  for (uint32_t i = startOf(driver) & mask;; i = (i + 1) & mask) {
    if (slots_[i] == keyOf(driver)) return false;
    if (slots_[i] >> 32 == generation_) continue;
    slots_[i] = keyOf(driver);
    ++size_;
    return true;
  }
}

bool DriverSet::has(uint32_t driver) const {
  const uint32_t mask = uint32_t(slots_.size()) - 1;
  for (uint32_t i = startOf(driver) & mask; slots_[i] >> 32 == generation_; i = (i + 1) & mask) {
    if (slots_[i] == keyOf(driver)) return true;
  }
  return false;
}

/**
 * Keeps the k best in a heap with the worst on top. A driver that moves meanwhile may be met twice; whether it was is looked into at the
 * end, and only then (`dedupes`) is it worth asking of every driver.
 */
struct SearchScratch::NearestGoal {
  const DriverStore& store;
  const Origin& origin;
  const uint32_t k;
  double bound;
  const bool dedupes;
  std::vector<Hit>& hits;
  DriverSet& seen;

  bool enters(const CellHead&) const { return true; }
  QuadrantBounds boundsOf(const Cell& cell) const {
    return origin.haversinesAtLeast(cell.corner, cell.depth, cell.cosMin);
  }
  bool reaches(double atLeast) const { return atLeast <= bound; }
  bool mayTake(GridPoint position, const Leaf& leaf) const {
    return origin.haversineAtLeast(position, leaf.cosMin) <= bound;
  }
  bool done() const { return false; }

  bool worse(const Hit& a, const Hit& b) const {
    if (a.haversine != b.haversine) [[likely]] return a.haversine > b.haversine;
    return store.drivers[a.fix->driver].id() > store.drivers[b.fix->driver].id();
  }
  auto order() const {
    return [this](const Hit& a, const Hit& b) { return worse(b, a); };
  }

  bool take(const FixBlock& fix) { return take({origin.haversineTo(fix.lat, fix.lon), &fix}); }

  bool take(const Hit& hit) {
    if (hit.haversine > bound) return false;
    if (hits.size() == k && !worse(hits.front(), hit)) return false;
    if (dedupes && !seen.insert(hit.fix->driver)) return true;
    if (hits.size() == k) {
      replaceWorst(hit);
    } else {
      hits.push_back(hit);
      if (hits.size() == k) std::make_heap(hits.begin(), hits.end(), order());
    }
    if (hits.size() == k) bound = hits.front().haversine;
    return true;
  }

  void replaceWorst(const Hit& hit) {
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < k; at = child) {
      if (child + 1 < k && worse(hits[child + 1], hits[child])) ++child;
      if (!worse(hits[child], hit)) break;
      hits[at] = hits[child];
    }
    hits[at] = hit;
  }

  /** Whether somebody is among the hits twice. */
  bool hasTwice() {
    if (hits.size() <= kComparedMax) {
      std::array<uint32_t, kComparedMax> drivers;
      for (size_t i = 0; i < hits.size(); ++i) drivers[i] = hits[i].fix->driver;
      uint32_t same = 0;
      for (size_t i = 1; i < hits.size(); ++i) {
        for (size_t j = 0; j < i; ++j) same += drivers[i] == drivers[j];
      }
      return same != 0;
    }
    seen.clear();
    return !std::all_of(hits.begin(), hits.end(), [this](const Hit& hit) { return seen.insert(hit.fix->driver); });
  }

  /** Gets ready to take more, with the hits that there are sorted; `seen` then holds who they are. */
  void resume() {
    seen.clear();
    for (const Hit& hit : hits) seen.insert(hit.fix->driver);
    // The worst first is a heap.
    std::reverse(hits.begin(), hits.end());
    if (hits.size() == k) bound = hits.front().haversine;
  }
};

/** Takes whoever is in the area until there is one more than asked for. */
template <typename Area>
struct SearchScratch::WithinGoal {
  const Area& area;
  const uint32_t limit;
  std::vector<Hit>& hits;
  DriverSet& seen;
  uint64_t& edges;

  QuadrantBounds boundsOf(const Cell&) const { return {}; }
  bool enters(const CellHead& node) const { return area.touches(node); }
  bool reaches(double) const { return true; }
  bool mayTake(GridPoint position, const Leaf&) const { return area.mayHold(position); }
  bool done() const { return hits.size() > limit; }

  bool take(const FixBlock& fix) {
    if (done()) return true;
    if (!area.holds(fix.lat, fix.lon, edges)) return false;
    if (seen.insert(fix.driver)) hits.push_back({0, &fix});
    return true;
  }
};

/** How the nearest are looked for; each is the way out where the one before fails. */
enum class Way { Scan, Walk, WalkDeduping };

void SearchScratch::begin(const DriverStore& store, const Origin& origin, uint32_t k, double haversineMax,
                          const Filter& filter) {
  movesBefore_ = store.tree.moves().head();
  stage_ = Stage::Begin;
  if (!filter.asksFoldedTagsOnly() || !NearestScan::applies(origin, haversineMax)) return;
  counts_ = {};
  scan_.begin(store.tree, origin, k, haversineMax, {filter.all.fold(), filter.any.fold()});
  stage_ = Stage::Scan;
}

bool SearchScratch::advance(const DriverStore& store) {
  switch (stage_) {
    case Stage::Scan:
      scanned_ = scan_.advance(store.tree, store.options.searchCandidatesMax, counts_);
      if (scanned_ == NearestScan::Outcome::GoesOn) return true;
      stage_ = Stage::Answer;
      if (scanned_ != NearestScan::Outcome::Found) return false;
      for (const NearestCandidate& candidate : scan_.candidates()) __builtin_prefetch(&store.fixes[candidate.fix()]);
      stage_ = Stage::Ids;
      return true;
    case Stage::Ids:
      for (const NearestCandidate& candidate : scan_.candidates()) __builtin_prefetch(&store.drivers[store.fixes[candidate.fix()].driver]);
      stage_ = Stage::Answer;
      return false;
    default: return false;
  }
}

SearchScratch::Outcome SearchScratch::nearest(const DriverStore& store, const Origin& origin, uint32_t k,
                                              double haversineMax, const Filter& filter, double nowMs) {
  if (stage_ == Stage::Begin) begin(store, origin, k, haversineMax, filter);
  while (stage_ == Stage::Scan) advance(store);
  const bool scans = stage_ != Stage::Begin;
  stage_ = Stage::Begin;
  for (Way way = scans ? Way::Scan : Way::Walk;; way = way == Way::Scan ? Way::Walk : Way::WalkDeduping) {
    hits_.clear();
    seen_.clear();
    NearestGoal goal{store, origin, k, haversineMax, way == Way::WalkDeduping, hits_, seen_};
    Outcome outcome = Outcome::Found;
    if (way == Way::Scan) {
      const std::optional<Outcome> scanned = nearestByScan(store, filter, nowMs, goal);
      if (!scanned.has_value()) continue;
      outcome = *scanned;
    } else {
      outcome = walk(store, filter, nowMs, goal);
      std::sort(hits_.begin(), hits_.end(), goal.order());
    }
    if (goal.hasTwice()) continue;
    if (outcome == Outcome::Found && store.tree.moves().head() != movesBefore_) {
      goal.resume();
      lookAtMoved(store, movesBefore_, filter, nowMs, goal);
      std::sort(hits_.begin(), hits_.end(), goal.order());
    }
    return outcome;
  }
}

/** Nothing where the scan cannot tell: another way is better, or a candidate is not what it was taken for (it moved or expired). */
std::optional<SearchScratch::Outcome> SearchScratch::nearestByScan(const DriverStore& store, const Filter& filter,
                                                                   double nowMs, NearestGoal& goal) {
  if (scanned_ == NearestScan::Outcome::TooWide) return Outcome::TooWide;
  if (scanned_ == NearestScan::Outcome::Uneven) return std::nullopt;
  for (const NearestCandidate& candidate : scan_.candidates()) {
    const FixBlock& fix = store.fixes[candidate.fix()];
    __builtin_prefetch(&store.drivers[fix.driver]);
    const double haversine = goal.origin.haversineTo(fix.lat, fix.lon);
    if (!NearestScan::agrees(candidate.key(), haversine) || !passes(store, fix, filter, nowMs)) return std::nullopt;
    if (haversine <= goal.bound) hits_.push_back({haversine, &fix});
  }
  std::sort(hits_.begin(), hits_.end(), goal.order());
  if (hits_.size() > goal.k) hits_.resize(goal.k);
  return Outcome::Found;
}

SearchScratch::Outcome SearchScratch::within(const DriverStore& store, const BoxArea& area, uint32_t limit,
                                             const Filter& filter, double nowMs) {
  return withinArea(store, area, limit, filter, nowMs);
}

SearchScratch::Outcome SearchScratch::within(const DriverStore& store, const PolygonsArea& area, uint32_t limit,
                                             const Filter& filter, double nowMs) {
  return withinArea(store, area, limit, filter, nowMs);
}

SearchScratch::Outcome SearchScratch::within(const DriverStore& store, const ZoneArea& area, uint32_t limit,
                                             const Filter& filter, double nowMs) {
  return withinArea(store, area, limit, filter, nowMs);
}

template <typename Area>
SearchScratch::Outcome SearchScratch::withinArea(const DriverStore& store, const Area& area, uint32_t limit,
                                                 const Filter& filter, double nowMs) {
  hits_.clear();
  seen_.clear();
  const uint64_t movesBefore = store.tree.moves().head();
  WithinGoal<Area> goal{area, limit, hits_, seen_, counts_.edges};
  const Outcome outcome = walk(store, filter, nowMs, goal);
  if (outcome == Outcome::Found) lookAtMoved(store, movesBefore, filter, nowMs, goal);
  std::sort(hits_.begin(), hits_.end(), [&](const Hit& a, const Hit& b) {
    return store.drivers[a.fix->driver].id() < store.drivers[b.fix->driver].id();
  });
  return outcome;
}

/** Goes through the nodes that the goal may find something in. */
template <typename Goal>
SearchScratch::Outcome SearchScratch::walk(const DriverStore& store, const Filter& filter, double nowMs, Goal& goal) {
  counts_ = {};
  if (filter.impossible) return Outcome::Found;
  const uint32_t allTags = filter.all.fold();
  const uint32_t anyTags = filter.any.fold();

  std::array<Pending, kPendingMax> pending;
  pending[0] = {store.tree.root(), 0};
  for (uint32_t count = 1; count > 0 && !goal.done();) {
    const Pending next = pending[--count];
    if (!goal.reaches(next.bound)) continue;
    const CellHead& head = store.tree.head(next.node);
    if (filter.asksForTags) {
      const uint32_t tags = head.tagUnion();
      if ((tags & allTags) != allTags || (filter.hasAny && (tags & anyTags) == 0)) continue;
    }
    if (!goal.enters(head)) continue;
    if (filter.zone != nullptr && !filter.zone->touches(head)) continue;
    ++counts_.cells;
    if (isLeaf(next.node)) {
      lookAtLeaf(store, static_cast<const Leaf&>(head), filter, nowMs, goal);
      if (counts_.candidates + counts_.edges / kEdgesPerCandidate > store.options.searchCandidatesMax) return Outcome::TooWide;
      continue;
    }
    const Cell& cell = static_cast<const Cell&>(head);
    const uint32_t first = count;
    const QuadrantBounds bounds = goal.boundsOf(cell);
    for (uint32_t q = 0; q < 4; ++q) {
      const NodeRef child = cell.children[q].load(std::memory_order_acquire);
      if (child == 0) continue;
      const double bound = bounds.of(q);
      if (!goal.reaches(bound)) continue;
      prefetchNode(store.tree.head(child), child, kEntriesAhead);
      // The nearest ends up on top: insertion from the end, farthest first.
      uint32_t at = count++;
      for (; at > first && pending[at - 1].bound < bound; --at) pending[at] = pending[at - 1];
      pending[at] = {child, bound};
    }
  }
  return Outcome::Found;
}

template <typename Goal>
void SearchScratch::lookAtLeaf(const DriverStore& store, const Leaf& leaf, const Filter& filter, double nowMs,
                               Goal& goal) {
  const uint32_t allTags = filter.all.fold();
  const uint32_t anyTags = filter.any.fold();
  const uint32_t used = leaf.used.load(std::memory_order_acquire);
  for (uint32_t start = 0; start < used && !goal.done(); start += kGroup) {
    std::array<const FixBlock*, kGroup> promising;
    uint32_t count = 0;
    for (uint32_t i = start, end = std::min(used, start + kGroup); i < end; ++i) {
      const CellEntry& entry = leaf.entries()[i];
      const uint32_t fix = entry.fix.load(std::memory_order_acquire);
      if (fix == 0) continue;
      ++counts_.candidates;
      const GridPoint position = unpackGrid(entry.position.load(std::memory_order_relaxed));
      if (!goal.mayTake(position, leaf)) {
        ++counts_.outside;
        continue;
      }
      if (filter.zone != nullptr && !filter.zone->mayHold(position)) {
        ++counts_.zone;
        continue;
      }
      const uint32_t tags = entry.tags.load(std::memory_order_relaxed);
      if ((tags & allTags) != allTags) {
        ++counts_.tags;
        continue;
      }
      if (filter.hasAny && (tags & anyTags) == 0) {
        ++counts_.anyTags;
        continue;
      }
      const FixBlock* const block = &store.fixes[fix];
      __builtin_prefetch(block);
      promising[count++] = block;
    }
    for (uint32_t i = 0; i < count; ++i) {
      if (passes(store, *promising[i], filter, nowMs) && !goal.take(*promising[i])) ++counts_.outside;
    }
  }
}

/** Looks again at whoever moved from leaf to leaf while the search ran: it may have been at neither when the search came by. */
template <typename Goal>
void SearchScratch::lookAtMoved(const DriverStore& store, uint64_t movesBefore, const Filter& filter, double nowMs,
                                Goal& goal) {
  const MoveLog& moves = store.tree.moves();
  const uint64_t movesNow = moves.head();
  if (movesNow == movesBefore) return;
  const auto lookAt = [&](uint32_t driver) {
    if (seen_.has(driver)) return;
    const uint32_t fix = store.drivers[driver].fix.load(std::memory_order_acquire);
    if (fix == 0 || !passes(store, store.fixes[fix], filter, nowMs)) return;
    if (goal.take(store.fixes[fix])) seen_.insert(driver);
  };
  if (moves.visit(movesBefore, movesNow, lookAt)) return;
  // So many moved meanwhile that the log has forgotten some. Every driver has one slot, so going through those misses nobody.
  const uint32_t end = store.driverPool.highWater();
  for (uint32_t driver = 1; driver < end && !goal.done(); ++driver) lookAt(driver);
}

bool SearchScratch::passes(const DriverStore& store, const FixBlock& fix, const Filter& filter, double nowMs) {
  if (!fix.liveAt(nowMs)) {
    ++counts_.expired;
    return false;
  }
  if (nowMs - fix.timeMs > filter.maxAgeMs) {
    ++counts_.maxAge;
    return false;
  }
  if (filter.asksForTags && !passesTags(store, fix, filter)) return false;
  if (filter.zone != nullptr && !filter.zone->holds(fix.lat, fix.lon, counts_.edges)) {
    ++counts_.zone;
    return false;
  }
  return true;
}

bool SearchScratch::passesTags(const DriverStore& store, const FixBlock& fix, const Filter& filter) {
  const TagMask& tags = store.tagSets.maskOf(fix.tagSet);
  if (!tags.containsAll(filter.all)) {
    ++counts_.tags;
    return false;
  }
  if (filter.hasAny && !tags.intersects(filter.any)) {
    ++counts_.anyTags;
    return false;
  }
  if (tags.intersects(filter.none)) {
    ++counts_.notTags;
    return false;
  }
  return true;
}

}  // namespace raziel
