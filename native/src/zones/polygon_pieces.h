// Polygons on the globe become flat pieces between −180 and 180, without a new vertex and without moving an edge.
//
// An edge whose ends are more than 180° of longitude apart goes the short way: it appears twice, once at either end of the map, each
// time with its far end beyond ±180. (−180 to 180 along one latitude stays as it is: an edge of the map.) Lookups go up along a
// meridian, so a ring around the axis needs no seam: it only says which pole is inside. A polygon that lies at both ends of the
// map becomes two pieces, so that their boxes are small.
//
// Runs while a layer is built, on any one thread.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace raziel::zones {

/** Edges that hang together: vertices `first` to `end` − 1 of a FlatPiece. */
struct Chain {
  uint32_t first;
  uint32_t end;
};

struct FlatPiece {
  std::vector<double> x;
  std::vector<double> y;
  /** What rounding x lost; empty when it lost nothing anywhere. */
  std::vector<double> low;
  std::vector<Chain> chains;
  /** The box of what lies between −180 and 180, poles included where they are inside. */
  double west, south, east, north;
  bool northInside;
};

/** One closed ring as pairs lon, lat, −180..180 and −90..90; the first position equals the last. */
using RingView = std::span<const double>;

/** The pieces of the area that an odd number of these rings go around: one or two. Each ring has at least one edge. */
std::vector<FlatPiece> flattenRings(std::span<const RingView> rings);

}  // namespace raziel::zones
