// A packed R-tree after the Hilbert sort of Kamel and Faloutsos, "Hilbert R-tree" (1994): boxes sorted along the curve, sixteen to a node.
//
// Nodes hold no pointers: child i of node n is n × 16 + i of the level below. Runs while a layer is built, on any one thread.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "format.h"

namespace raziel::zones {

struct Box {
  double west, south, east, north;
};

/** The order of the boxes along the Hilbert curve through their middles, over the whole globe. */
std::vector<uint32_t> hilbertOrder(std::span<const Box> boxes);

struct PackedTree {
  std::vector<Node> nodes;
  std::vector<uint32_t> levelNodes;  // leaves first
};

/** Packs boxes, already in order; none give an empty tree. */
PackedTree packTree(std::span<const Box> boxes);

}  // namespace raziel::zones
