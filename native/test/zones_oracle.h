// The slow, obvious twin of the zone index for the C++ tests: plain ray casting over every edge, in integers, so that it is exact.
//
// Coordinates are whole numbers of a unit of 1/1024 degree. The ray goes east (the index goes north), rings are unrolled and asked at
// every turn (the index moves edges), and rings around the axis are closed beyond their pole.

#pragma once

#include <cstdint>
#include <cstdlib>
#include <vector>

namespace raziel::zones::oracle {

inline constexpr int64_t kUnit = 1024;
inline constexpr int64_t kTurn = 360 * kUnit;

struct Point {
  int64_t x;
  int64_t y;
};
using Ring = std::vector<Point>;  // closed

enum class Where { outside, inside, boundary };

inline Where inFlatRing(const Ring& ring, Point p) {
  bool inside = false;
  for (size_t i = 1; i < ring.size(); i++) {
    Point a = ring[i - 1];
    Point b = ring[i];
    if (a.y > b.y) std::swap(a, b);
    const int64_t side = (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x);
    const bool inBox = p.x >= std::min(a.x, b.x) && p.x <= std::max(a.x, b.x) && p.y >= a.y && p.y <= b.y;
    if (side == 0 && inBox) return Where::boundary;
    if (a.y <= p.y && p.y < b.y && side > 0) inside = !inside;  // the edge is to the east of p
  }
  return inside ? Where::inside : Where::outside;
}

struct Unrolled {
  Ring ring;
  bool aroundAxis;
  int64_t from;  // around the axis: the west end of the middle turn
};

inline Unrolled unroll(const Ring& ring) {
  Unrolled result{{ring[0]}, false, 0};
  int64_t x = ring[0].x;
  for (size_t i = 1; i < ring.size(); i++) {
    int64_t step = ring[i].x - ring[i - 1].x;
    if (std::llabs(step) > kTurn / 2 && !(std::llabs(step) == kTurn && ring[i].y == ring[i - 1].y)) step += step > 0 ? -kTurn : kTurn;
    x += step;
    result.ring.push_back({x, ring[i].y});
  }
  const int64_t turn = x - ring[0].x;
  if (turn == 0) return result;
  result.aroundAxis = true;
  int64_t south = ring[0].y;
  int64_t north = ring[0].y;
  for (const Point& p : ring) {
    south = std::min(south, p.y);
    north = std::max(north, p.y);
  }
  const int64_t beyond = 90 * kUnit - north <= south + 90 * kUnit ? 100 * kUnit : -100 * kUnit;
  Ring once = result.ring;
  result.ring.clear();
  for (int k = -1; k <= 1; k++) {
    for (size_t i = k == -1 ? 0 : 1; i < once.size(); i++) result.ring.push_back({once[i].x + k * turn, once[i].y});
  }
  const Point first = result.ring.front();
  result.ring.push_back({result.ring.back().x, beyond});
  result.ring.push_back({first.x, beyond});
  result.ring.push_back(first);
  result.from = std::min(once.front().x, once.front().x + turn);
  return result;
}

inline Where inRing(const Ring& ring, Point p) {
  const Unrolled unrolled = unroll(ring);
  bool inside = false;
  if (unrolled.aroundAxis) {
    while (p.x < unrolled.from) p.x += kTurn;
    while (p.x >= unrolled.from + kTurn) p.x -= kTurn;
    return inFlatRing(unrolled.ring, p);
  }
  for (int k = -3; k <= 3; k++) {
    const Where where = inFlatRing(unrolled.ring, {p.x + k * kTurn, p.y});
    if (where == Where::boundary) return where;
    inside ^= where == Where::inside;
  }
  return inside ? Where::inside : Where::outside;
}

/** The even-odd rule over all rings together; what is on an edge is in. */
inline bool covers(const std::vector<Ring>& polygon, Point p) {
  bool inside = false;
  for (const Ring& ring : polygon) {
    const Where where = inRing(ring, p);
    if (where == Where::boundary) return true;
    inside ^= where == Where::inside;
  }
  return inside;
}

}  // namespace raziel::zones::oracle
