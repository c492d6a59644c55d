// The sweep over the tree of cells: it merges cells that have become sparse, and forgets tags that have left.
//
// One round goes over all nodes in Z-order, a slice a call. It begins by changing the generation of the tag unions and waits until no writer
// is left that adds to the old one. From then on writers add to the new one whatever they enter, the round adds what was there
// already, from the leaves up, and a node whose new union is complete drops its old one. At no moment does a union lack a tag that is
// there.

#include <algorithm>
#include <array>
#include <mutex>

#include "cell_tree.h"

namespace raziel {

namespace {

/** Most of a leaf is fetched ahead. */
constexpr uint32_t kEntriesAhead = 20;

/** Every other bit of the result is one of `x`'s (Warren, "Hacker's Delight", section 7-2). */
uint64_t spread(uint32_t x) {
  uint64_t bits = x;
  bits = (bits | bits << 16) & 0x0000ffff0000ffffu;
  bits = (bits | bits << 8) & 0x00ff00ff00ff00ffu;
  bits = (bits | bits << 4) & 0x0f0f0f0f0f0f0f0fu;
  bits = (bits | bits << 2) & 0x3333333333333333u;
  return (bits | bits << 1) & 0x5555555555555555u;
}

uint64_t firstInZOrder(const CellHead& node) { return spread(node.corner.lat) << 1 | spread(node.corner.lon); }

uint64_t lastInZOrder(const CellHead& node) {
  return node.depth == 0 ? UINT64_MAX : firstInZOrder(node) + ((uint64_t{1} << (64 - 2 * node.depth)) - 1);
}

}  // namespace

struct CellTree::Tidying {
  uint32_t nodesLeft;
  uint32_t generation;
  EpochDomain& epochs;
  NodeLimbo& limbo;
};

void CellTree::tidy(uint32_t nodes, EpochDomain& epochs, NodeLimbo& limbo) {
  if (tidyFrom_ == 0 && generationChangedAt_ == 0) {
    generation_.fetch_xor(1, std::memory_order_acq_rel);
    generationChangedAt_ = epochs.current();
    epochs.advance();
    return;
  }
  if (generationChangedAt_ != 0) {
    if (epochs.safeBelow() <= generationChangedAt_) return;
    generationChangedAt_ = 0;
  }
  Tidying run{nodes, generation_.load(std::memory_order_relaxed), epochs, limbo};
  if (tidyNode(root_, run)) tidyFrom_ = 0;
}

/** Goes through a node from tidyFrom_ on; false when the slice was used up within it. */
bool CellTree::tidyNode(NodeRef node, Tidying& run) {
  if (run.nodesLeft == 0) {
    tidyFrom_ = std::max(tidyFrom_, firstInZOrder(head(node)));
    return false;
  }
  --run.nodesLeft;
  if (isLeaf(node)) {
    tidyLeaf(leaf(node), run.generation);
    return true;
  }
  Cell& here = cell(node);
  for (const auto& reference : here.children) {
    const NodeRef child = reference.load(std::memory_order_acquire);
    if (child != 0) prefetchNode(head(child), child, kEntriesAhead);
  }
  for (const auto& reference : here.children) {
    const NodeRef child = reference.load(std::memory_order_acquire);
    if (child == 0 || lastInZOrder(head(child)) < tidyFrom_) continue;
    if (!tidyNode(child, run)) return false;
  }
  uint32_t tags = 0;
  for (const auto& reference : here.children) {
    const NodeRef child = reference.load(std::memory_order_acquire);
    if (child != 0) tags |= head(child).tags[run.generation].load(std::memory_order_acquire);
  }
  here.tags[run.generation].fetch_or(tags, std::memory_order_acq_rel);
  here.tags[1 - run.generation].store(0, std::memory_order_release);
  if (here.depth > 0) tryMerge(node, run);
  return true;
}

void CellTree::tidyLeaf(Leaf& leaf, uint32_t generation) {
  std::lock_guard<SpinLock> guard(leaf.lock);
  if (leaf.dead) return;
  uint32_t tags = 0;
  const uint32_t used = leaf.used.load(std::memory_order_relaxed);
  for (uint32_t i = 0; i < used; ++i) {
    const CellEntry& entry = leaf.entries()[i];
    if (entry.fix.load(std::memory_order_relaxed) != 0) tags |= entry.tags.load(std::memory_order_relaxed);
  }
  leaf.tags[generation].store(tags, std::memory_order_release);
  leaf.tags[1 - generation].store(0, std::memory_order_release);
}

/** Replaces a cell by a leaf if it has few drivers and all its leaves can be locked at once; else leaves it for another round. */
void CellTree::tryMerge(NodeRef node, Tidying& run) {
  Cell& here = cell(node);
  std::lock_guard<SpinLock> guard(here.lock);
  std::array<NodeRef, 4> locked;
  uint32_t leaves = 0;
  uint32_t drivers = 0;
  bool merges = true;
  for (const auto& reference : here.children) {
    const NodeRef child = reference.load(std::memory_order_acquire);
    if (child == 0) continue;
    merges = isLeaf(child) && leaf(child).lock.try_lock();
    if (!merges) break;
    locked[leaves++] = child;
    drivers += leaf(child).count.load(std::memory_order_relaxed);
    merges = !leaf(child).dead && drivers <= kMergeCount;
    if (!merges) break;
  }
  NodeRef merged = 0;
  if (merges && drivers > 0) {
    merged = makeLeaf(leafSizeClassFor(drivers), here.depth, here.corner, here.parent);
    merges = merged != 0;
  }
  if (merges) {
    if (merged != 0) {
      leaf(merged).lock.lock();
      for (uint32_t i = 0; i < leaves; ++i) {
        Leaf& old = leaf(locked[i]);
        const uint32_t used = old.used.load(std::memory_order_relaxed);
        for (uint32_t at = 0; at < used; ++at) copyEntry(old.entries()[at], merged);
      }
    }
    replaceInParent(here, merged);
    if (merged != 0) leaf(merged).lock.unlock();
    here.dead = true;
    run.limbo.retire(run.epochs, node);
    for (uint32_t i = 0; i < leaves; ++i) {
      leaf(locked[i]).dead = true;
      run.limbo.retire(run.epochs, locked[i]);
    }
  }
  for (uint32_t i = 0; i < leaves; ++i) leaf(locked[i]).lock.unlock();
}

}  // namespace raziel
