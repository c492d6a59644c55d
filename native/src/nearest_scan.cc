#include "nearest_scan.h"

#include <algorithm>
#include <cmath>

// The lanes are read as whole vectors, past the atomics that the thread sanitizer watches; it gets the plain way, as other processors do.
#if defined(__SSE2__) && !defined(RAZIEL_TSAN)
#define RAZIEL_SCAN_SSE2 1
#include <emmintrin.h>
#endif

namespace raziel {

namespace {

constexpr double kLatMax = 85;
constexpr double kMetersMax = 50'000;
constexpr uint32_t kLanes = 4;
constexpr uint32_t kEntriesALine = 64 / sizeof(CellEntry);
/** A leaf with fewer drivers is taken to hold so many: its neighbours may well hold more, and looking too far costs more than looking again. */
constexpr uint32_t kDriversALeafMin = 6;
/** A guess at the distance is made so that it holds this many drivers. */
double expectedFor(uint32_t k) { return k + std::sqrt(double(k)); }
/** After as many looks, or with as many leaves and more for a large k, drivers are spread too unevenly for guessing. */
constexpr uint32_t kLooksMax = 5;
constexpr uint32_t kLeavesMax = 48;
/** The next look covers the area in which enough should be, going by the last, but at least and at most so many times that one's. */
constexpr double kFartherMin = 1.5;
constexpr double kFartherMax = 4;
/** Levels of the tree that are gone down before other searches have their turn. */
constexpr uint32_t kLevelsAtOnce = 4;
/** Found candidates past k at which all but the best are let go. */
constexpr uint32_t kFoundSlack = 64;
/** Up to so many are sorted by counting, without a branch that the processor would have to guess. */
constexpr uint32_t kCountingSortMax = 64;

constexpr float kLatStep = float(kPi / kGridSteps);
constexpr float kHalfLonStepFloat = float(kHalfLonStep);

}  // namespace

NearestScan::Query::Query(const Origin& from, FoldedTags wanted)
    : origin(from),
      at(from.grid()),
      cosSquared(float(from.cos() * from.cos())),
      cosSine(float(from.cos() * from.sin())),
      tags(wanted) {}

/** Sets the box around all that is within a haversine. False when it crosses the antimeridian. */
bool NearestScan::Query::reach(double haversine) {
  const double angle = 2.01 * std::sqrt(haversine);
  const uint32_t latSteps = uint32_t(angle / (2 * kHalfLatStep)) + 2;
  const uint32_t lonSteps = uint32_t(angle / ((origin.cos() - angle) * 2 * kHalfLonStep)) + 2;
  southWest = {at.lat - latSteps, at.lon - lonSteps};
  northEast = {at.lat + latSteps, at.lon + lonSteps};
  return southWest.lon <= at.lon && at.lon <= northEast.lon;
}

/** x² + cos φ₁ cos φ₂ y² of the half differences, with cos φ₂ by its series around φ₁; no cosine is negative. */
[[maybe_unused]] float NearestScan::Query::keyOf(GridPoint p) const {
  const float north = float(int32_t(p.lat - at.lat)) * kLatStep;
  const float y = float(int32_t(p.lon - at.lon)) * kHalfLonStepFloat;
  const float cosines = cosSquared * (1 - 0.5f * north * north) - cosSine * north;
  return 0.25f * north * north + std::max(cosines, 0.0f) * (y * y);
}

bool NearestScan::applies(const Origin& origin, double haversineMax) {
  static const double haversineFar = haversineOfMeters(kMetersMax);
  return std::abs(origin.lat()) <= kLatMax && haversineMax <= haversineFar;
}

void NearestScan::begin(const CellTree& tree, const Origin& origin, uint32_t k, double haversineMax, FoldedTags tags) {
  query_ = Query(origin, tags);
  k_ = k;
  farthest_ = reachOf(float(haversineMax));
  looks_ = 0;
  path_.depth = 0;
  path_.cells[0] = tree.root();
  stage_ = Stage::Path;
}

NearestScan::Outcome NearestScan::advance(const CellTree& tree, uint64_t candidatesMax, SearchCounts& counts) {
  switch (stage_) {
    case Stage::Path:
      if (goDown(tree)) stage_ = Stage::Guess;
      return Outcome::GoesOn;
    case Stage::Guess:
      guess(tree);
      return gather(tree);
    case Stage::Entries:
      fetchEntries(tree);
      stage_ = Stage::Look;
      return Outcome::GoesOn;
    default: return look(tree, candidatesMax, counts);
  }
}

/** Goes down some levels towards the leaf around the origin. True when there. */
bool NearestScan::goDown(const CellTree& tree) {
  for (uint32_t level = 0; level < kLevelsAtOnce; ++level) {
    const Cell& cell = tree.cell(path_.cells[path_.depth]);
    const NodeRef child = cell.children[quadrantOf(query_.at, path_.depth)].load(std::memory_order_acquire);
    if (child != 0) __builtin_prefetch(&tree.head(child));
    if (child == 0 || isLeaf(child)) {
      path_.leaf = child;
      return true;
    }
    path_.cells[++path_.depth] = child;
  }
  return false;
}

void NearestScan::guess(const CellTree& tree) {
  const double side = double(uint64_t{1} << (31 - path_.depth)) * 2 * kHalfLatStep;
  const double leafArea = side * side * 2 * query_.origin.cos();
  const uint32_t held = path_.leaf == 0 ? 0 : tree.leaf(path_.leaf).count.load(std::memory_order_relaxed);
  near_ = expectedFor(k_) * leafArea / (std::max(held, kDriversALeafMin) * kPi) / 4;
  // The searches of one request ask around one place, for others with other tags: what sufficed before is a better guess.
  if (packGrid(query_.at) == lastAt_ && k_ == lastK_) near_ = std::clamp(lastNear_, near_, near_ * kFartherMax * kFartherMax);
}

/** Has the entries of the leaves fetched, of which the heads say how many there are. */
void NearestScan::fetchEntries(const CellTree& tree) const {
  for (const NodeRef node : leaves_) {
    const Leaf& leaf = tree.leaf(node);
    const uint32_t used = leaf.used.load(std::memory_order_relaxed);
    for (uint32_t i = 0; i < used; i += kEntriesALine) __builtin_prefetch(leaf.entries() + i);
  }
}

/** Collects the candidates in the leaves, and gathers the next ones when they are too few. */
NearestScan::Outcome NearestScan::look(const CellTree& tree, uint64_t candidatesMax, SearchCounts& counts) {
  bound_ = float(near_);
  foundCount_ = 0;
  counts.cells += leaves_.size();
  for (const NodeRef leaf : leaves_) {
    lookAtLeaf(tree.leaf(leaf), query_, counts);
    if (counts.candidates > candidatesMax) return Outcome::TooWide;
    if (foundCount_ > k_ + kFoundSlack) keepBest();
  }
  if (foundCount_ >= k_ || near_ >= farthest_) {
    lastAt_ = packGrid(query_.at);
    lastK_ = k_;
    lastNear_ = near_;
    sortFound();
    return Outcome::Found;
  }
  if (++looks_ == kLooksMax) return Outcome::Uneven;
  near_ *= std::clamp(expectedFor(k_) / (foundCount_ + 1), kFartherMin, kFartherMax);
  return gather(tree);
}

/** Collects the leaves with anything within the present guess. Uneven when there are too many, or the guess crosses the antimeridian. */
NearestScan::Outcome NearestScan::gather(const CellTree& tree) {
  near_ = std::min(near_, farthest_);
  stage_ = Stage::Entries;
  return query_.reach(near_) && gatherLeaves(tree) ? Outcome::GoesOn : Outcome::Uneven;
}

/** Collects the leaves that reach into the query's box, going down all cells that do a level at a time. False when they are too many. */
bool NearestScan::gatherLeaves(const CellTree& tree) {
  const auto [south, west] = query_.southWest;
  const auto [north, east] = query_.northEast;
  uint32_t depth = path_.depth;
  while (depth > 0 && !(tree.cell(path_.cells[depth]).covers(query_.southWest) && tree.cell(path_.cells[depth]).covers(query_.northEast))) {
    --depth;
  }
  const uint32_t leavesMax = kLeavesMax + k_ / 4;
  leaves_.clear();
  level_.clear();
  level_.push(path_.cells[depth]);
  for (; level_.size() > 0; ++depth) {
    // A level has no more cells than that, and each of them four children.
    leaves_.makeRoomFor(4 * leavesMax);
    nextLevel_.makeRoomFor(4 * leavesMax);
    nextLevel_.clear();
    const uint32_t half = uint32_t{1} << (31 - depth);
    for (const NodeRef node : level_) {
      const Cell& cell = tree.cell(node);
      if (query_.tags.asks() && !query_.tags.canBeIn(cell.tagUnion())) continue;
      // Bit 1 north, bit 0 east.
      const uint32_t halves[2] = {uint32_t(south < cell.corner.lat + half) | uint32_t(north >= cell.corner.lat + half) << 1,
                                  uint32_t(west < cell.corner.lon + half) | uint32_t(east >= cell.corner.lon + half) << 1};
      const QuadrantBounds bounds = query_.origin.haversinesAtLeast(cell.corner, cell.depth, cell.cosMin);
      for (uint32_t quadrant = 0; quadrant < 4; ++quadrant) {
        if (((halves[0] >> (quadrant >> 1)) & (halves[1] >> (quadrant & 1)) & 1) == 0) continue;
        const NodeRef child = cell.children[quadrant].load(std::memory_order_acquire);
        if (child == 0 || bounds.of(quadrant) > near_) continue;
        __builtin_prefetch(&tree.head(child));
        (isLeaf(child) ? leaves_ : nextLevel_).push(child);
      }
    }
    if (leaves_.size() + nextLevel_.size() > leavesMax) return false;
    std::swap(level_, nextLevel_);
  }
  return true;
}

/** Lets go of all that is farther than the k best, and narrows the bound to them. */
void NearestScan::keepBest() {
  const auto begin = found_.begin();
  std::nth_element(begin, begin + (k_ - 1), begin + foundCount_);
  bound_ = std::min(bound_, reachOf(found_[k_ - 1].key()));
  const auto end = std::partition(begin + k_, begin + foundCount_, [this](NearestCandidate c) { return c.key() <= bound_; });
  foundCount_ = uint32_t(end - begin);
}

/** Sorts what was found and keeps the k best and who is as near but for the approximation. */
void NearestScan::sortFound() {
  sorted_.resize(foundCount_);
  if (foundCount_ > kCountingSortMax) {
    std::copy_n(found_.begin(), foundCount_, sorted_.begin());
    std::sort(sorted_.begin(), sorted_.end());
  } else {
    // Filled up so that it is whole vectors: the compiler counts eight at a time.
    alignas(32) std::array<int32_t, kCountingSortMax> keys;
    alignas(32) std::array<int32_t, kCountingSortMax> ranks;
    const uint32_t filled = (foundCount_ + 7) / 8 * 8;
    for (uint32_t i = 0; i < filled; ++i) {
      keys[i] = i < foundCount_ ? int32_t(found_[i].keyBits()) : INT32_MAX;
      ranks[i] = 0;
    }
    for (uint32_t i = 0; i < foundCount_; ++i) {
      const int32_t key = keys[i];
      for (uint32_t j = 0; j < filled; ++j) ranks[j] += (key < keys[j]) | ((key == keys[j]) & (i < j));
    }
    for (uint32_t i = 0; i < foundCount_; ++i) sorted_[ranks[i]] = found_[i];
  }
  if (foundCount_ <= k_) return;
  const float reach = reachOf(sorted_[k_ - 1].key());
  while (sorted_.back().key() > reach) sorted_.pop_back();
}

#ifdef RAZIEL_SCAN_SSE2

void NearestScan::lookAtLeaf(const Leaf& leaf, const Query& query, SearchCounts& counts) {
  const __m128i originLat = _mm_set1_epi32(int32_t(query.at.lat));
  const __m128i originLon = _mm_set1_epi32(int32_t(query.at.lon));
  const __m128 one = _mm_set1_ps(1);
  const __m128 zero = _mm_setzero_ps();
  const __m128i allTags = _mm_set1_epi32(int32_t(query.tags.all));
  const __m128i anyTags = _mm_set1_epi32(int32_t(query.tags.any));
  if (found_.size() <= foundCount_ + leaf.capacity) found_.resize(foundCount_ + leaf.capacity + 1);
  const uint32_t used = leaf.used.load(std::memory_order_acquire);
  NearestCandidate* end = found_.data() + foundCount_;
  uint32_t there = 0;
  uint32_t outside = 0;
  const auto* const entries = reinterpret_cast<const __m128i*>(leaf.entries());
  static_assert(sizeof(CellEntry) == sizeof(__m128i));
  static constexpr uint8_t kBits[16] = {0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4};

  // A leaf has room for a multiple of four entries.
  for (uint32_t start = 0; start < used; start += kLanes) {
    const __m128i a = _mm_load_si128(entries + start);
    const __m128i b = _mm_load_si128(entries + start + 1);
    const __m128i c = _mm_load_si128(entries + start + 2);
    const __m128i d = _mm_load_si128(entries + start + 3);
    // An entry is longitude, latitude, fix, tags.
    const __m128i positionsAb = _mm_unpacklo_epi32(a, b);
    const __m128i positionsCd = _mm_unpacklo_epi32(c, d);
    const __m128i restAb = _mm_unpackhi_epi32(a, b);
    const __m128i restCd = _mm_unpackhi_epi32(c, d);
    const __m128i lon = _mm_unpacklo_epi64(positionsAb, positionsCd);
    const __m128i lat = _mm_unpackhi_epi64(positionsAb, positionsCd);
    const __m128i fix = _mm_unpacklo_epi64(restAb, restCd);

    const __m128 north = _mm_mul_ps(_mm_cvtepi32_ps(_mm_sub_epi32(lat, originLat)), _mm_set1_ps(kLatStep));
    const __m128 y = _mm_mul_ps(_mm_cvtepi32_ps(_mm_sub_epi32(lon, originLon)), _mm_set1_ps(kHalfLonStepFloat));
    const __m128 northSquared = _mm_mul_ps(north, north);
    const __m128 cosines = _mm_sub_ps(
        _mm_mul_ps(_mm_set1_ps(query.cosSquared), _mm_sub_ps(one, _mm_mul_ps(_mm_set1_ps(0.5f), northSquared))),
        _mm_mul_ps(_mm_set1_ps(query.cosSine), north));
    const __m128 keys = _mm_add_ps(_mm_mul_ps(_mm_set1_ps(0.25f), northSquared),
                                   _mm_mul_ps(_mm_max_ps(cosines, zero), _mm_mul_ps(y, y)));

    const uint32_t isThere = ~uint32_t(_mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(fix, _mm_setzero_si128())))) &
                             (used - start >= kLanes ? 0xfu : (1u << (used - start)) - 1);
    uint32_t passing = isThere & uint32_t(_mm_movemask_ps(_mm_cmple_ps(keys, _mm_set1_ps(bound_))));
    there += kBits[isThere];
    outside += kBits[isThere & ~passing];
    if (query.tags.asks()) {
      const __m128i tags = _mm_unpackhi_epi64(restAb, restCd);
      const __m128i hasAll = _mm_cmpeq_epi32(_mm_and_si128(tags, allTags), allTags);
      const uint32_t lacking = passing & ~uint32_t(_mm_movemask_ps(_mm_castsi128_ps(hasAll)));
      counts.tags += kBits[lacking];
      passing &= ~lacking;
      if (query.tags.any != 0) {
        const __m128i hasNone = _mm_cmpeq_epi32(_mm_and_si128(tags, anyTags), _mm_setzero_si128());
        const uint32_t without = passing & uint32_t(_mm_movemask_ps(_mm_castsi128_ps(hasNone)));
        counts.anyTags += kBits[without];
        passing &= ~without;
      }
    }
    alignas(16) std::array<float, kLanes> key;
    alignas(16) std::array<uint32_t, kLanes> fixes;
    _mm_store_ps(key.data(), keys);
    _mm_store_si128(reinterpret_cast<__m128i*>(fixes.data()), fix);
    for (uint32_t lane = 0; lane < kLanes; ++lane) {
      // Written in any case, kept or overwritten: there is no telling who passes, for a processor neither.
      *end = {key[lane], fixes[lane]};
      end += (passing >> lane) & 1;
    }
  }
  foundCount_ = uint32_t(end - found_.data());
  counts.candidates += there;
  counts.outside += outside;
}

#else

void NearestScan::lookAtLeaf(const Leaf& leaf, const Query& query, SearchCounts& counts) {
  if (found_.size() <= foundCount_ + leaf.capacity) found_.resize(foundCount_ + leaf.capacity + 1);
  const uint32_t used = leaf.used.load(std::memory_order_acquire);
  for (uint32_t i = 0; i < used; ++i) {
    const CellEntry& entry = leaf.entries()[i];
    const uint32_t fix = entry.fix.load(std::memory_order_acquire);
    if (fix == 0) continue;
    ++counts.candidates;
    const float key = query.keyOf(unpackGrid(entry.position.load(std::memory_order_relaxed)));
    const uint32_t tags = entry.tags.load(std::memory_order_relaxed);
    if (!(key <= bound_)) {
      ++counts.outside;
    } else if ((tags & query.tags.all) != query.tags.all) {
      ++counts.tags;
    } else if (query.tags.any != 0 && (tags & query.tags.any) == 0) {
      ++counts.anyTags;
    } else {
      found_[foundCount_++] = {key, fix};
    }
  }
}

#endif

}  // namespace raziel
