// The nodes of the tree of cells. A cell is a rectangle of the grid of sphere.h: the root is the whole of it, each cell has four
// quadrants, and the leaves hold the drivers' entries. A quadrant in which nobody has been has no node.
//
// Who may write what:
// - An entry, a leaf's counters and the `leaf`/`entry` fields of the drivers in it: the holder of the leaf's lock.
// - A child reference that is 0: the holder of the cell's lock. One that is a leaf: the holder of that leaf's lock.
//   One that is a cell: whoever merges that cell, with its lock and those of all its leaves.
// - A leaf or cell that was replaced is `dead`: it keeps what it held for the searches that still look at it, and never changes again.
// - A thread waits for the lock of a leaf while it holds another's only in the order of their references, and for a cell's lock only
//   while it holds none.
// Searches read all of it without a lock.

#pragma once

#include <atomic>
#include <cstdint>

#include "driver_slot.h"
#include "sphere.h"
#include "spin_lock.h"

namespace raziel {

/** What a leaf holds of a driver: enough to skip it, and where the fix is that tells the rest. */
struct CellEntry {
  /** Packed grid position. */
  std::atomic<uint64_t> position;
  /** The fix block; 0 while the entry is free. Written last, so that who sees it sees the position, too. */
  std::atomic<uint32_t> fix;
  /** TagMask::fold of its tags. */
  std::atomic<uint32_t> tags;
};

struct CellHead {
  SpinLock lock;
  bool dead;
  uint8_t depth;
  /** log2 of the node's size in steps of 64 bytes. */
  uint8_t sizeClass;
  GridPoint corner;
  NodeRef parent;
  float cosMin;
  /**
   * At least the tags of every driver inside (TagMask::fold): the two together. Writers add to the one of the current generation;
   * the sweep fills that one up from below and then clears the other, which is how tags that left are forgotten.
   */
  std::atomic<uint32_t> tags[2];

  uint32_t tagUnion() const {
    // What is cleared is in the other one by then. So whichever of the two a look at it finds cleared, the look at the other
    // that comes after finds everything.
    const uint32_t first = tags[0].load(std::memory_order_acquire) | tags[1].load(std::memory_order_acquire);
    return first | tags[0].load(std::memory_order_acquire);
  }

  bool covers(GridPoint p) const {
    if (depth == 0) return true;
    const uint32_t shift = 32 - depth;
    return ((p.lat ^ corner.lat) >> shift) == 0 && ((p.lon ^ corner.lon) >> shift) == 0;
  }
};

/** The quadrant of a cell at `depth` that a position lies in: bit 1 north, bit 0 east. */
inline uint32_t quadrantOf(GridPoint p, uint32_t depth) {
  const uint32_t shift = 31 - depth;
  return (((p.lat >> shift) & 1) << 1) | ((p.lon >> shift) & 1);
}

inline GridPoint cornerOfQuadrant(GridPoint corner, uint32_t depth, uint32_t quadrant) {
  const uint32_t shift = 31 - depth;
  return {corner.lat | ((quadrant >> 1) << shift), corner.lon | ((quadrant & 1) << shift)};
}

struct alignas(64) Cell : CellHead {
  std::atomic<NodeRef> children[4];
};
static_assert(sizeof(Cell) == 64);

struct alignas(64) Leaf : CellHead {
  uint32_t capacity;
  /** Entries that are not free. */
  std::atomic<uint32_t> count;
  /** Entries from here on have never been used. */
  std::atomic<uint32_t> used;
  /** Which of the first 64 entries are free; under the lock. */
  uint64_t free;

  CellEntry* entries() { return reinterpret_cast<CellEntry*>(this + 1); }
  const CellEntry* entries() const { return reinterpret_cast<const CellEntry*>(this + 1); }
};
static_assert(sizeof(Leaf) == 64);

constexpr uint32_t kCellDepthMax = 32;
/** A leaf of this many entries is split when it is full (unless it is as small as cells get): 512 bytes. */
constexpr uint32_t kLeafSplitCapacity = 28;
/** Cells whose leaves hold no more than this together are merged into one leaf. */
constexpr uint32_t kMergeCount = 10;

inline uint32_t leafCapacityOf(uint32_t sizeClass) { return ((64u << sizeClass) - uint32_t(sizeof(Leaf))) / uint32_t(sizeof(CellEntry)); }
inline uint32_t leafSizeClassFor(uint32_t entries) {
  uint32_t sizeClass = 1;
  while (leafCapacityOf(sizeClass) < entries) ++sizeClass;
  return sizeClass;
}

inline bool isLeaf(NodeRef node) { return node & 1; }

/** Fetches a node's head and, of a leaf, its first entries. */
inline void prefetchNode(const CellHead& head, NodeRef node, uint32_t entries) {
  __builtin_prefetch(&head);
  if (!isLeaf(node)) return;
  constexpr uint32_t aLine = 64 / sizeof(CellEntry);
  for (uint32_t line = 1; line <= entries / aLine; ++line) __builtin_prefetch(reinterpret_cast<const char*>(&head) + 64 * line);
}

}  // namespace raziel
