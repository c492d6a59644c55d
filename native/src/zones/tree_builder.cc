// See tree_builder.h.

#include "tree_builder.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace raziel::zones {
namespace {

/** Distance along the Hilbert curve of order 16; x and y below 65,536. After Warren, "Hacker's Delight", 2nd edition, chapter 16. */
uint32_t hilbertDistance(uint32_t x, uint32_t y) {
  uint32_t distance = 0;
  for (uint32_t side = 1u << 15; side > 0; side >>= 1) {
    const uint32_t right = (x & side) != 0;
    const uint32_t upper = (y & side) != 0;
    distance = distance << 2 | ((3 * right) ^ upper);
    if (upper != 0) continue;
    if (right != 0) {
      x = ~x;
      y = ~y;
    }
    std::swap(x, y);
  }
  return distance;
}

float roundedDown(double value) {
  const float rounded = static_cast<float>(value);
  return rounded > value ? std::nextafter(rounded, -std::numeric_limits<float>::infinity()) : rounded;
}

float roundedUp(double value) {
  const float rounded = static_cast<float>(value);
  return rounded < value ? std::nextafter(rounded, std::numeric_limits<float>::infinity()) : rounded;
}

Node emptyNode() {
  Node node;
  for (uint32_t i = 0; i < kNodeWidth; i++) {
    node.west[i] = node.south[i] = std::numeric_limits<float>::infinity();
    node.east[i] = node.north[i] = -std::numeric_limits<float>::infinity();
  }
  return node;
}

}  // namespace

std::vector<uint32_t> hilbertOrder(std::span<const Box> boxes) {
  std::vector<uint32_t> distances(boxes.size());
  for (size_t i = 0; i < boxes.size(); i++) {
    const double x = ((boxes[i].west + boxes[i].east) / 2 + 180) / 360 * 65535;
    const double y = ((boxes[i].south + boxes[i].north) / 2 + 90) / 180 * 65535;
    distances[i] = hilbertDistance(static_cast<uint32_t>(std::clamp(x, 0.0, 65535.0)),
                                   static_cast<uint32_t>(std::clamp(y, 0.0, 65535.0)));
  }
  std::vector<uint32_t> order(boxes.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return distances[a] != distances[b] ? distances[a] < distances[b] : a < b;
  });
  return order;
}

PackedTree packTree(std::span<const Box> boxes) {
  PackedTree tree;
  if (boxes.empty()) return tree;
  size_t count = (boxes.size() + kNodeWidth - 1) / kNodeWidth;
  tree.levelNodes.push_back(static_cast<uint32_t>(count));
  tree.nodes.assign(count, emptyNode());
  for (size_t i = 0; i < boxes.size(); i++) {
    Node& node = tree.nodes[i / kNodeWidth];
    node.west[i % kNodeWidth] = roundedDown(boxes[i].west);
    node.south[i % kNodeWidth] = roundedDown(boxes[i].south);
    node.east[i % kNodeWidth] = roundedUp(boxes[i].east);
    node.north[i % kNodeWidth] = roundedUp(boxes[i].north);
  }
  size_t levelStart = 0;
  while (count > 1) {
    const size_t parents = (count + kNodeWidth - 1) / kNodeWidth;
    const size_t parentStart = tree.nodes.size();
    tree.nodes.resize(parentStart + parents, emptyNode());
    for (size_t i = 0; i < count; i++) {
      const Node& child = tree.nodes[levelStart + i];
      Node& parent = tree.nodes[parentStart + i / kNodeWidth];
      const size_t slot = i % kNodeWidth;
      parent.west[slot] = *std::min_element(child.west, child.west + kNodeWidth);
      parent.south[slot] = *std::min_element(child.south, child.south + kNodeWidth);
      parent.east[slot] = *std::max_element(child.east, child.east + kNodeWidth);
      parent.north[slot] = *std::max_element(child.north, child.north + kNodeWidth);
    }
    tree.levelNodes.push_back(static_cast<uint32_t>(parents));
    levelStart = parentStart;
    count = parents;
  }
  return tree;
}

}  // namespace raziel::zones
