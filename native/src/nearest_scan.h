// The first half of a plain search for the nearest: who may be among the k nearest, told from the grid positions in the leaves alone, so
// that only the fixes of those few are ever fetched from memory. search.cc does the exact rest.
//
// A search waits for memory more than it computes, so this one asks for much at a time: it guesses from how dense drivers stand in the leaf
// around the origin how near the k nearest are, goes down to all leaves so near level by level, and collects everybody in them within that
// distance. If they are fewer than k, it looks again, farther.
//
// Works with approximate haversines in single precision, four entries at a time. They are good to a centimetre and one part in ten
// thousand where `applies` says so, and everyone whose approximation is within that of the k-th best is a candidate.

#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "driver_store.h"
#include "search_counts.h"
#include "sphere.h"

namespace raziel {

/** Tags that drivers must have, folded (TagMask::fold). */
struct FoldedTags {
  uint32_t all = 0;
  /** At least one of these; 0 for no such condition. */
  uint32_t any = 0;

  bool asks() const { return (all | any) != 0; }
  bool canBeIn(uint32_t held) const { return (held & all) == all && (any == 0 || (held & any) != 0); }
};

/** Who may be one of the nearest: its fix, under its approximate haversine, which orders as its bits do. */
class NearestCandidate {
 public:
  NearestCandidate() = default;
  NearestCandidate(float key, uint32_t fix) : packed_(uint64_t{__builtin_bit_cast(uint32_t, key)} << 32 | fix) {}

  uint32_t fix() const { return uint32_t(packed_); }
  float key() const { return __builtin_bit_cast(float, keyBits()); }
  uint32_t keyBits() const { return uint32_t(packed_ >> 32); }
  bool operator<(NearestCandidate other) const { return packed_ < other.packed_; }

 private:
  uint64_t packed_ = 0;
};

/** References to nodes, added without a look at whether there is room. */
class NodeList {
 public:
  void clear() { size_ = 0; }
  void makeRoomFor(size_t more) {
    if (nodes_.size() < size_ + more) nodes_.resize(2 * (size_ + more));
  }
  void push(NodeRef node) { nodes_[size_++] = node; }
  size_t size() const { return size_; }
  const NodeRef* begin() const { return nodes_.data(); }
  const NodeRef* end() const { return nodes_.data() + size_; }

 private:
  std::vector<NodeRef> nodes_ = std::vector<NodeRef>(64);
  size_t size_ = 0;
};

class NearestScan {
 public:
  enum class Outcome {
    /** There is more to do. */
    GoesOn,
    Found,
    TooWide,
    /** Drivers are spread so unevenly here that another way is better. */
    Uneven,
  };

  /** Whether the approximations hold: away from the poles, and not too far. */
  static bool applies(const Origin& origin, double haversineMax);

  /** Begins a search for the `k` nearest within `haversineMax`. */
  void begin(const CellTree& tree, const Origin& origin, uint32_t k, double haversineMax, FoldedTags tags);

  /**
   * Goes on by a step, at the end of which what the next one will look at is on its way to the cache: other searches had better be gone on with
   * in between. TooWide past `candidatesMax`. A driver that has moved since the beginning may be met twice or not at all.
   */
  Outcome advance(const CellTree& tree, uint64_t candidatesMax, SearchCounts& counts);

  /** By approximate distance. */
  const std::vector<NearestCandidate>& candidates() const { return sorted_; }

  /** Whether the exact haversine of a candidate is what its approximation said; if not, it has moved since. */
  static bool agrees(float key, double haversine) {
    return haversine <= double(reachOf(key)) && double(key) <= double(reachOf(float(haversine)));
  }

 private:
  /** The origin in the terms of the approximation, what is near it, and what drivers must have. */
  struct Query {
    Query() = default;
    Query(const Origin& from, FoldedTags wanted);
    bool reach(double haversine);
    float keyOf(GridPoint p) const;

    Origin origin;
    GridPoint at{};
    float cosSquared = 0;
    float cosSine = 0;
    FoldedTags tags;
    GridPoint southWest{};
    GridPoint northEast{};
  };

  /** The cells from the root down to the leaf around the origin, which is 0 where nobody has been. */
  struct Path {
    std::array<NodeRef, kCellDepthMax + 1> cells;
    uint32_t depth;
    NodeRef leaf;
  };

  /** What is as near as `haversine` in truth may have an approximation up to this, and the other way round. */
  static float reachOf(float haversine) { return haversine * (1 + kSlack) + kSlackLeast; }

  bool goDown(const CellTree& tree);
  void guess(const CellTree& tree);
  void fetchEntries(const CellTree& tree) const;
  Outcome look(const CellTree& tree, uint64_t candidatesMax, SearchCounts& counts);
  Outcome gather(const CellTree& tree);
  bool gatherLeaves(const CellTree& tree);
  void lookAtLeaf(const Leaf& leaf, const Query& query, SearchCounts& counts);
  void keepBest();
  void sortFound();

  /**
   * Two approximations are off by up to 1 cm each and a ten-thousandth: with d the half distance in radians and e that centimetre,
   * (d + 2e)² ≤ d²(1 + a) + 4e²(1 + 1/a) for any a; here a = 1/512, and as much again for the ten-thousandth.
   */
  static constexpr float kSlack = 1.0f / 256;
  static constexpr float kHalfCentimetre = float(0.01 / (2 * kEarthRadiusMeters));
  static constexpr float kSlackLeast = 4 * kHalfCentimetre * kHalfCentimetre * 520;

  /** The last search that found its k, and how far it looked. */
  uint64_t lastAt_ = 0;
  uint32_t lastK_ = 0;
  double lastNear_ = 0;

  /** What comes next: the way down to the leaf around the origin, a guess at how far to look, the entries of the leaves there, or a look at them. */
  enum class Stage : uint8_t { Path, Guess, Entries, Look };

  Stage stage_ = Stage::Path;
  Query query_;
  Path path_;
  uint32_t k_ = 0;
  uint32_t looks_ = 0;
  /** How near to look, by haversine: at first, and at most. */
  double near_ = 0;
  double farthest_ = 0;
  /** Who has an approximation beyond this is not collected. */
  float bound_ = 0;
  NodeList level_;
  NodeList nextLevel_;
  NodeList leaves_;
  /** The first `foundCount_` are those collected. */
  std::vector<NearestCandidate> found_;
  uint32_t foundCount_ = 0;
  std::vector<NearestCandidate> sorted_;
};

}  // namespace raziel
