// The tree of cells that says where drivers are: an adaptive quadtree over the grid of sphere.h, after Samet, "Foundations of
// Multidimensional and Metric Data Structures" (2006), section 1.4.2, made for many writers and for readers that never wait.
//
// A full leaf is replaced by a cell of four (or, where cells get no smaller, by a larger leaf); a cell of few drivers by one leaf. Replaced
// nodes stay as they were for the searches that are looking at them and are freed when those have left (epoch.h).
//
// A driver that moves to another leaf is entered there first, then noted in the log of moves, then taken out of the old one. So a search may
// meet it twice, which it notices by the driver's index, or not at all, which the log tells it: whoever moved while it ran it looks at again.
// It needs no more to see every driver at exactly one place.
//
// Writers hold the lock of the driver's id shard (id_table.h), so that nobody else moves the same driver, and are pinned.

#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "block_pool.h"
#include "cell_node.h"
#include "epoch.h"
#include "fix.h"

namespace raziel {

/** The drivers that moved from leaf to leaf lately, in a ring that writers append to and never wait for. */
class MoveLog {
 public:
  static constexpr uint32_t kSize = 1 << 16;

  MoveLog() : ring_(new std::atomic<uint64_t>[kSize]()) {}

  uint64_t head() const { return head_.load(std::memory_order_acquire); }

  void append(uint32_t driver) {
    const uint64_t place = head_.fetch_add(1, std::memory_order_acq_rel);
    ring_[place % kSize].store(place << 32 | driver, std::memory_order_release);
  }

  /** Visits who moved in from..to; false when the ring has gone round meanwhile and some are lost. */
  template <typename Visit>
  bool visit(uint64_t from, uint64_t to, Visit&& visit) const {
    if (to - from > kSize / 2) return false;
    for (uint64_t place = from; place != to; ++place) {
      const uint64_t item = ring_[place % kSize].load(std::memory_order_acquire);
      const int32_t ahead = int32_t(uint32_t(item >> 32) - uint32_t(place));
      if (ahead > 0) return false;
      // Reserved and not written yet: then the driver has not left its old leaf yet, and was seen there.
      if (ahead == 0) visit(uint32_t(item));
    }
    return true;
  }

 private:
  std::atomic<uint64_t> head_{1};
  std::unique_ptr<std::atomic<uint64_t>[]> ring_;
};

class CellTree {
 public:
  /** Moves that prefetchMoves() takes at most: what they touch fits the first-level cache, and a batch of a hundred is two even windows. */
  static constexpr uint32_t kPrefetchMax = 50;

  /** Nodes wait here until they can be freed; one for each thread that writes. */
  using NodeLimbo = Limbo<NodeRef>;

  CellTree(VirtualArray<DriverSlot>& drivers, const VirtualArray<FixBlock>& fixes, size_t bytes);

  /** An entry as writers give it. */
  struct Entry {
    uint64_t position;
    uint32_t fix;
    /** TagMask::fold of its tags. */
    uint32_t tags;
  };

  /** A move that is to come. */
  struct Ahead {
    /** Probably whose; 0 for nobody known. */
    uint32_t driver;
    GridPoint to;
    /** The leaf that it leads to from another one, as far as that has been looked for; else 0. Good while pinned, as every reference is. */
    NodeRef leaf;
  };

  /**
   * Enters a driver that has no entry. False when memory is used up; nothing has changed then.
   * @param found the leaf for its position as prefetchMoves() found it, or 0
   */
  bool insert(uint32_t driver, const Entry& entry, NodeRef found, EpochDomain& epochs, NodeLimbo& limbo);

  /** Replaces a driver's entry, wherever it goes; otherwise as insert(). */
  bool move(uint32_t driver, const Entry& entry, NodeRef found, EpochDomain& epochs, NodeLimbo& limbo);

  /** Takes a driver's entry out. */
  void remove(uint32_t driver);

  /** Frees nodes that were retired under an epoch below `safeBelow`. */
  void reclaim(NodeLimbo& limbo, uint64_t safeBelow);

  /**
   * Tidies on from where it stopped last, about `nodes` nodes: merges sparse cells and narrows the tag unions. One thread at a time; its
   * caller is pinned.
   */
  void tidy(uint32_t nodes, EpochDomain& epochs, NodeLimbo& limbo);

  /** Brings what moves will touch into the cache, step by step for all of them together, and notes the leaves that they lead to. */
  void prefetchMoves(Ahead* moves, uint32_t count) const;

  NodeRef root() const { return root_; }
  const Cell& cell(NodeRef node) const { return *static_cast<const Cell*>(pool_.at(node >> 1)); }
  const Leaf& leaf(NodeRef node) const { return *static_cast<const Leaf*>(pool_.at(node >> 1)); }
  const CellHead& head(NodeRef node) const { return *static_cast<const CellHead*>(pool_.at(node >> 1)); }

  const MoveLog& moves() const { return moves_; }
  size_t bytes() const { return pool_.bytes(); }

 private:
  struct Place {
    NodeRef cell;
    uint32_t quadrant;
    NodeRef leaf;
  };
  struct Tidying;

  Cell& cell(NodeRef node) { return *static_cast<Cell*>(pool_.at(node >> 1)); }
  Leaf& leaf(NodeRef node) { return *static_cast<Leaf*>(pool_.at(node >> 1)); }

  Place find(GridPoint position) const;
  NodeRef leafFor(GridPoint position);
  NodeRef makeLeaf(uint32_t sizeClass, uint32_t depth, GridPoint corner, NodeRef parent);
  NodeRef makeCell(uint32_t depth, GridPoint corner, NodeRef parent);
  bool makeRoom(NodeRef full, EpochDomain& epochs, NodeLimbo& limbo);
  NodeRef grown(const Leaf& full);
  NodeRef split(const Leaf& full);
  uint32_t freeEntryOf(const Leaf& leaf) const;
  void put(NodeRef into, uint32_t driver, const Entry& entry);
  void copyEntry(const CellEntry& from, NodeRef into);
  void clear(Leaf& from, uint32_t at);
  void addTags(CellHead& from, uint32_t tags);
  void replaceInParent(const CellHead& old, NodeRef replacement);

  bool tidyNode(NodeRef node, Tidying& run);
  void tidyLeaf(Leaf& leaf, uint32_t generation);
  void tryMerge(NodeRef node, Tidying& run);

  VirtualArray<DriverSlot>& drivers_;
  const VirtualArray<FixBlock>& fixes_;
  BlockPool pool_;
  NodeRef root_;
  MoveLog moves_;
  /** Which of CellHead::tags writers add to. */
  std::atomic<uint32_t> generation_{0};
  /** Where tidy() goes on: the first grid position in Z-order that it has not come to. */
  uint64_t tidyFrom_ = 0;
  /** The epoch at which the generation changed, while writers from before may still be at work; 0 afterwards. */
  uint64_t generationChangedAt_ = 0;
};

}  // namespace raziel
