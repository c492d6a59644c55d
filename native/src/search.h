// Searches over the drivers: the k nearest, and those within an area. Exact on the sphere.
//
// The nearest are found by depth-first branch and bound over the tree of cells, nearest child first (Roussopoulos, Kelley and Vincent,
// "Nearest neighbor queries", 1995). Most searches choose their candidates by the grid positions in the leaves (nearest_scan.h) and look at
// the fixes of those only; the others, and those whose candidates changed meanwhile, look at every fix that the grid does not rule out.
//
// A search runs beside writers without waiting for them (see cell_tree.h). It sees every driver that is there all the while at exactly one of
// the places that the driver was at meanwhile, as one whole fix.
//
// A SearchScratch belongs to one thread; its caller is pinned for as long as it uses the hits.

#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "areas.h"
#include "driver_store.h"
#include "nearest_scan.h"
#include "search_counts.h"
#include "sphere.h"

namespace raziel {

/** Conditions on drivers, resolved to the bits of their tags. */
struct Filter {
  TagMask all;
  TagMask any;
  TagMask none;
  bool hasAny = false;
  /** One of the masks counts. */
  bool asksForTags = false;
  double maxAgeMs = std::numeric_limits<double>::infinity();
  /** The zone that drivers must be in. */
  const ZoneArea* zone = nullptr;
  /** It asks for a tag that nobody carries. */
  bool impossible = false;

  /** Whether the folded tags of an entry say all there is to ask, so that a NearestScan may choose by them. */
  bool asksFoldedTagsOnly() const {
    const bool asksOther = maxAgeMs != std::numeric_limits<double>::infinity() || zone != nullptr || impossible;
    return !asksOther && none.empty() && (!hasAny || !any.empty());
  }
};

struct Hit {
  /** 0 where there is no distance. */
  double haversine;
  const FixBlock* fix;
};

/** A set of drivers that is emptied in no time. */
class DriverSet {
 public:
  DriverSet() : slots_(256) {}

  void clear() {
    size_ = 0;
    if (++generation_ == 0) {
      std::fill(slots_.begin(), slots_.end(), 0);
      generation_ = 1;
    }
  }
  /** False when it was in already. */
  bool insert(uint32_t driver);
  bool has(uint32_t driver) const;

 private:
  uint64_t keyOf(uint32_t driver) const { return uint64_t{generation_} << 32 | driver; }
  static uint32_t startOf(uint32_t driver) { return driver * 0x9e3779b1u; }

  std::vector<uint64_t> slots_;
  uint32_t generation_ = 1;
  uint32_t size_ = 0;
};

class SearchScratch {
 public:
  enum class Outcome { Found, TooWide };

  /** The k nearest within `haversineMax` (inclusive), sorted by distance, those at one position by id. */
  Outcome nearest(const DriverStore& store, const Origin& origin, uint32_t k, double haversineMax, const Filter& filter,
                  double nowMs);

  /**
   * Begins that search, to be gone on with step by step beside others, so that they share their waits for memory. nearest() must come next, with
   * the same query, and does what is left; it sees whatever was accepted before begin(). The caller is pinned all the while.
   */
  void begin(const DriverStore& store, const Origin& origin, uint32_t k, double haversineMax, const Filter& filter);

  /** Goes on by a step with a search that was begun. False when only nearest() is left. */
  bool advance(const DriverStore& store);

  /** Up to `limit` + 1 drivers in the area, by id: one too many says that there are more. */
  Outcome within(const DriverStore& store, const BoxArea& area, uint32_t limit, const Filter& filter, double nowMs);
  Outcome within(const DriverStore& store, const PolygonsArea& area, uint32_t limit, const Filter& filter, double nowMs);
  Outcome within(const DriverStore& store, const ZoneArea& area, uint32_t limit, const Filter& filter, double nowMs);

  const std::vector<Hit>& hits() const { return hits_; }
  const SearchCounts& counts() const { return counts_; }

 private:
  struct NearestGoal;
  template <typename Area>
  struct WithinGoal;

  /** What comes next of a search: its beginning, the choice of candidates, a look at where their ids are, or the answer. */
  enum class Stage : uint8_t { Begin, Scan, Ids, Answer };

  std::optional<Outcome> nearestByScan(const DriverStore& store, const Filter& filter, double nowMs, NearestGoal& goal);
  template <typename Goal>
  Outcome walk(const DriverStore& store, const Filter& filter, double nowMs, Goal& goal);
  template <typename Goal>
  void lookAtLeaf(const DriverStore& store, const Leaf& leaf, const Filter& filter, double nowMs, Goal& goal);
  template <typename Goal>
  void lookAtMoved(const DriverStore& store, uint64_t movesBefore, const Filter& filter, double nowMs, Goal& goal);
  bool passes(const DriverStore& store, const FixBlock& fix, const Filter& filter, double nowMs);
  bool passesTags(const DriverStore& store, const FixBlock& fix, const Filter& filter);
  template <typename Area>
  Outcome withinArea(const DriverStore& store, const Area& area, uint32_t limit, const Filter& filter, double nowMs);

  std::vector<Hit> hits_;
  DriverSet seen_;
  SearchCounts counts_;
  NearestScan scan_;
  NearestScan::Outcome scanned_ = NearestScan::Outcome::Uneven;
  Stage stage_ = Stage::Begin;
  /** Moves before the search was begun. */
  uint64_t movesBefore_ = 0;
};

}  // namespace raziel
