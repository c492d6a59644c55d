#include "cell_tree.h"

#include <array>
#include <cassert>
#include <cstring>
#include <mutex>
#include <new>
#include <utility>

namespace raziel {

namespace {

using Guard = std::lock_guard<SpinLock>;

/** The bits of Leaf::free. */
constexpr uint32_t kFreeMaskBits = 64;

template <typename Node>
void initializeHead(Node& node, uint32_t sizeClass, uint32_t depth, GridPoint corner, NodeRef parent) {
  node.dead = false;
  node.depth = uint8_t(depth);
  node.sizeClass = uint8_t(sizeClass);
  node.corner = corner;
  node.parent = parent;
  node.cosMin = cosMinOfCell(corner, depth);
  node.tags[0].store(0, std::memory_order_relaxed);
  node.tags[1].store(0, std::memory_order_relaxed);
}

}  // namespace

CellTree::CellTree(VirtualArray<DriverSlot>& drivers, const VirtualArray<FixBlock>& fixes, size_t bytes)
    : drivers_(drivers), fixes_(fixes), pool_(bytes), root_(makeCell(0, {0, 0}, 0)) {
  if (root_ == 0) throw std::bad_alloc();
}

bool CellTree::insert(uint32_t driver, const Entry& entry, NodeRef found, EpochDomain& epochs, NodeLimbo& limbo) {
  for (NodeRef known = found;; known = 0) {
    const NodeRef to = known != 0 ? known : leafFor(unpackGrid(entry.position));
    if (to == 0) return false;
    Guard guard(leaf(to).lock);
    if (leaf(to).dead) continue;
    if (leaf(to).count.load(std::memory_order_relaxed) == leaf(to).capacity) {
      if (!makeRoom(to, epochs, limbo)) return false;
      continue;
    }
    put(to, driver, entry);
    return true;
  }
}

bool CellTree::move(uint32_t driver, const Entry& entry, NodeRef found, EpochDomain& epochs, NodeLimbo& limbo) {
  const GridPoint position = unpackGrid(entry.position);
  DriverSlot& slot = drivers_[driver];
  // A leaf that was found and is not dead is still the one for that position.
  for (NodeRef known = found;; known = 0) {
    const NodeRef from = slot.leaf.load(std::memory_order_acquire);
    Leaf& old = leaf(from);
    if (old.covers(position)) {
      Guard guard(old.lock);
      if (slot.leaf.load(std::memory_order_relaxed) != from) continue;
      addTags(old, entry.tags);
      CellEntry& held = old.entries()[slot.entry.load(std::memory_order_relaxed)];
      held.position.store(entry.position, std::memory_order_relaxed);
      held.tags.store(entry.tags, std::memory_order_relaxed);
      held.fix.store(entry.fix, std::memory_order_release);
      return true;
    }
    const NodeRef to = known != 0 ? known : leafFor(position);
    if (to == 0) return false;
    Guard first(leaf(std::min(from, to)).lock);
    Guard second(leaf(std::max(from, to)).lock);
    if (slot.leaf.load(std::memory_order_relaxed) != from || leaf(to).dead) continue;
    if (leaf(to).count.load(std::memory_order_relaxed) == leaf(to).capacity) {
      if (!makeRoom(to, epochs, limbo)) return false;
      continue;
    }
    const uint32_t oldEntry = slot.entry.load(std::memory_order_relaxed);
    put(to, driver, entry);
    moves_.append(driver);
    clear(old, oldEntry);
    return true;
  }
}

void CellTree::remove(uint32_t driver) {
  DriverSlot& slot = drivers_[driver];
  for (;;) {
    const NodeRef from = slot.leaf.load(std::memory_order_acquire);
    Guard guard(leaf(from).lock);
    if (slot.leaf.load(std::memory_order_relaxed) != from) continue;
    clear(leaf(from), slot.entry.load(std::memory_order_relaxed));
    slot.leaf.store(0, std::memory_order_relaxed);
    return;
  }
}

void CellTree::reclaim(NodeLimbo& limbo, uint64_t safeBelow) {
  limbo.reclaim(safeBelow, [this](NodeRef node, uint64_t) { pool_.free(node >> 1, head(node).sizeClass); });
}

void CellTree::prefetchMoves(Ahead* moves, uint32_t count) const {
  for (uint32_t i = 0; i < count; ++i) {
    const NodeRef at = drivers_[moves[i].driver].leaf.load(std::memory_order_relaxed);
    if (at != 0) __builtin_prefetch(&head(at), 1);
  }
  // Those that will leave their leaf go down the tree together, a level at a time.
  std::array<std::pair<uint32_t, NodeRef>, kPrefetchMax> leaving;
  uint32_t left = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const DriverSlot& slot = drivers_[moves[i].driver];
    const NodeRef at = slot.leaf.load(std::memory_order_acquire);
    moves[i].leaf = 0;
    if (at != 0) __builtin_prefetch(leaf(at).entries() + slot.entry.load(std::memory_order_relaxed), 1);
    if (at == 0 || !head(at).covers(moves[i].to)) leaving[left++] = {i, root_};
  }
  while (left > 0) {
    uint32_t still = 0;
    for (uint32_t i = 0; i < left; ++i) {
      const auto [move, at] = leaving[i];
      const Cell& parent = cell(at);
      const NodeRef child = parent.children[quadrantOf(moves[move].to, parent.depth)].load(std::memory_order_acquire);
      if (child == 0) continue;
      __builtin_prefetch(&head(child), 1);
      if (isLeaf(child)) {
        __builtin_prefetch(leaf(child).entries(), 1);
        moves[move].leaf = child;
      } else {
        leaving[still++] = {move, child};
      }
    }
    left = still;
  }
}

CellTree::Place CellTree::find(GridPoint position) const {
  for (NodeRef at = root_;;) {
    const Cell& parent = cell(at);
    const uint32_t quadrant = quadrantOf(position, parent.depth);
    const NodeRef child = parent.children[quadrant].load(std::memory_order_acquire);
    if (child == 0 || isLeaf(child)) return {at, quadrant, child};
    at = child;
  }
}

/** The leaf for a position, made if there is none; 0 when memory is used up. It may be dead by the time it is locked. */
NodeRef CellTree::leafFor(GridPoint position) {
  for (;;) {
    const Place place = find(position);
    if (place.leaf != 0) return place.leaf;
    Cell& parent = cell(place.cell);
    Guard guard(parent.lock);
    if (parent.dead || parent.children[place.quadrant].load(std::memory_order_relaxed) != 0) continue;
    const NodeRef made = makeLeaf(leafSizeClassFor(1), parent.depth + 1u,
                                  cornerOfQuadrant(parent.corner, parent.depth, place.quadrant), place.cell);
    if (made == 0) return 0;
    parent.children[place.quadrant].store(made, std::memory_order_release);
    return made;
  }
}

NodeRef CellTree::makeLeaf(uint32_t sizeClass, uint32_t depth, GridPoint corner, NodeRef parent) {
  const uint32_t place = pool_.allocate(sizeClass);
  if (place == 0) return 0;
  Leaf& made = *new (pool_.at(place)) Leaf;
  initializeHead(made, sizeClass, depth, corner, parent);
  made.capacity = leafCapacityOf(sizeClass);
  made.free = made.capacity >= kFreeMaskBits ? UINT64_MAX : (uint64_t{1} << made.capacity) - 1;
  made.count.store(0, std::memory_order_relaxed);
  made.used.store(0, std::memory_order_relaxed);
  for (uint32_t i = 0; i < made.capacity; ++i) (new (made.entries() + i) CellEntry)->fix.store(0, std::memory_order_relaxed);
  return place << 1 | 1;
}

NodeRef CellTree::makeCell(uint32_t depth, GridPoint corner, NodeRef parent) {
  const uint32_t place = pool_.allocate(0);
  if (place == 0) return 0;
  Cell& made = *new (pool_.at(place)) Cell;
  initializeHead(made, 0, depth, corner, parent);
  for (auto& child : made.children) child.store(0, std::memory_order_relaxed);
  return place << 1;
}

/** Replaces a full leaf, whose lock the caller holds, by something with room. False when memory is used up. */
bool CellTree::makeRoom(NodeRef full, EpochDomain& epochs, NodeLimbo& limbo) {
  Leaf& old = leaf(full);
  const bool splits = old.capacity >= kLeafSplitCapacity && old.depth < kCellDepthMax;
  const NodeRef replacement = splits ? split(old) : grown(old);
  if (replacement == 0) return false;
  old.dead = true;
  limbo.retire(epochs, full);
  return true;
}

NodeRef CellTree::grown(const Leaf& full) {
  const NodeRef larger = makeLeaf(full.sizeClass + 1u, full.depth, full.corner, full.parent);
  if (larger == 0) return 0;
  // Whoever looks up one of its drivers may come upon the new leaf before it is in the tree: the lock keeps them out.
  Guard guard(leaf(larger).lock);
  for (uint32_t i = 0; i < full.capacity; ++i) copyEntry(full.entries()[i], larger);
  replaceInParent(full, larger);
  return larger;
}

NodeRef CellTree::split(const Leaf& full) {
  uint32_t counts[4] = {};
  for (uint32_t i = 0; i < full.capacity; ++i) {
    ++counts[quadrantOf(unpackGrid(full.entries()[i].position.load(std::memory_order_relaxed)), full.depth)];
  }
  const NodeRef made = makeCell(full.depth, full.corner, full.parent);
  if (made == 0) return 0;
  NodeRef leaves[4] = {};
  for (uint32_t q = 0; q < 4; ++q) {
    if (counts[q] == 0) continue;
    const uint32_t room = std::min(counts[q] + 1, kLeafSplitCapacity);
    leaves[q] = makeLeaf(leafSizeClassFor(room), full.depth + 1u, cornerOfQuadrant(full.corner, full.depth, q), made);
    if (leaves[q] == 0) {
      for (NodeRef unused : leaves) {
        if (unused != 0) pool_.free(unused >> 1, head(unused).sizeClass);
      }
      pool_.free(made >> 1, 0);
      return 0;
    }
    leaf(leaves[q]).lock.lock();
    cell(made).children[q].store(leaves[q], std::memory_order_relaxed);
  }
  for (uint32_t i = 0; i < full.capacity; ++i) {
    const CellEntry& entry = full.entries()[i];
    copyEntry(entry, leaves[quadrantOf(unpackGrid(entry.position.load(std::memory_order_relaxed)), full.depth)]);
  }
  for (auto generation : {0, 1}) {
    uint32_t tags = 0;
    for (NodeRef child : leaves) tags |= child == 0 ? 0 : leaf(child).tags[generation].load(std::memory_order_relaxed);
    cell(made).tags[generation].store(tags, std::memory_order_relaxed);
  }
  replaceInParent(full, made);
  for (NodeRef child : leaves) {
    if (child != 0) leaf(child).lock.unlock();
  }
  return made;
}

/** A free entry of a leaf that has one. */
uint32_t CellTree::freeEntryOf(const Leaf& leaf) const {
  if (leaf.free != 0) return uint32_t(__builtin_ctzll(leaf.free));
  // More than 64 drivers where cells get no smaller.
  const uint32_t used = leaf.used.load(std::memory_order_relaxed);
  if (leaf.count.load(std::memory_order_relaxed) == used) return used;
  uint32_t at = kFreeMaskBits;
  while (leaf.entries()[at].fix.load(std::memory_order_relaxed) != 0) ++at;
  return at;
}

/** Enters a driver into a leaf that has room and whose lock the caller holds. */
void CellTree::put(NodeRef into, uint32_t driver, const Entry& entry) {
  Leaf& to = leaf(into);
  addTags(to, entry.tags);
  const uint32_t at = freeEntryOf(to);
  CellEntry& place = to.entries()[at];
  place.position.store(entry.position, std::memory_order_relaxed);
  place.tags.store(entry.tags, std::memory_order_relaxed);
  place.fix.store(entry.fix, std::memory_order_release);
  if (at >= to.used.load(std::memory_order_relaxed)) to.used.store(at + 1, std::memory_order_release);
  if (at < kFreeMaskBits) to.free &= ~(uint64_t{1} << at);
  to.count.store(to.count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  drivers_[driver].entry.store(at, std::memory_order_relaxed);
  drivers_[driver].leaf.store(into, std::memory_order_release);
}

/** Copies an entry, unless it is free, into a leaf that is not in the tree yet; its tags go into both generations. */
void CellTree::copyEntry(const CellEntry& from, NodeRef into) {
  const uint32_t fix = from.fix.load(std::memory_order_relaxed);
  if (fix == 0) return;
  Leaf& to = leaf(into);
  const uint32_t at = to.count.load(std::memory_order_relaxed);
  const uint32_t tags = from.tags.load(std::memory_order_relaxed);
  CellEntry& place = to.entries()[at];
  place.position.store(from.position.load(std::memory_order_relaxed), std::memory_order_relaxed);
  place.tags.store(tags, std::memory_order_relaxed);
  place.fix.store(fix, std::memory_order_release);
  to.count.store(at + 1, std::memory_order_relaxed);
  to.used.store(at + 1, std::memory_order_release);
  if (at < kFreeMaskBits) to.free &= ~(uint64_t{1} << at);
  for (auto& generation : to.tags) generation.fetch_or(tags, std::memory_order_relaxed);
  DriverSlot& slot = drivers_[fixes_[fix].driver];
  slot.entry.store(at, std::memory_order_relaxed);
  slot.leaf.store(into, std::memory_order_release);
}

void CellTree::clear(Leaf& from, uint32_t at) {
  if (at < kFreeMaskBits) from.free |= uint64_t{1} << at;
  from.entries()[at].fix.store(0, std::memory_order_release);
  from.count.store(from.count.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
}

/** Adds tags to the unions of a leaf, whose lock the caller holds, and of every cell around it. */
void CellTree::addTags(CellHead& from, uint32_t tags) {
  const uint32_t generation = generation_.load(std::memory_order_acquire);
  // What the leaf has in this generation, the cells around it have in one of the two, so there is nothing to do.
  if ((from.tags[generation].load(std::memory_order_relaxed) & tags) == tags) return;
  for (CellHead* node = &from;; node = &cell(node->parent)) {
    if ((node->tags[generation].load(std::memory_order_relaxed) & tags) != tags) {
      node->tags[generation].fetch_or(tags, std::memory_order_acq_rel);
    }
    if (node->depth == 0) return;
  }
}

void CellTree::replaceInParent(const CellHead& old, NodeRef replacement) {
  Cell& parent = cell(old.parent);
  parent.children[quadrantOf(old.corner, parent.depth)].store(replacement, std::memory_order_release);
}

}  // namespace raziel
