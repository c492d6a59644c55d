// Where a point lies relative to one piece: outside, inside or on an edge. Exact, and cheap however many edges the piece has.
//
// The piece's grid knows for the north-west corner of every cell whether it is inside. From the point we walk to that corner: straight
// up or down to the cell's northern side, then west along it. Every edge that is crossed on the way changes sides, and only the
// edges listed in this cell can be crossed. Ties (a corner on an edge, a vertex on the way) are broken by moving the way by an
// infinitesimal to the east and by a smaller one to the north, after Edelsbrunner and Mücke, "Simulation of Simplicity" (1990); the
// point itself is not moved: on an edge is on an edge.
//
// The builder walks with the same predicates (grid_builder.cc). Reads validated bytes only; no state; any thread.

#pragma once

#include <algorithm>
#include <cstdint>

#include "../robust.h"
#include "format.h"

namespace raziel::zones {

enum class Side : uint8_t { outside, inside, boundary };

struct PieceArrays {
  const double* coordinates;
  const uint32_t* cells;
  const uint32_t* runs;
};

/** An edge, with the low parts of its longitudes when they have been moved by a turn inexactly. */
struct Edge {
  double x1, y1, x2, y2;
  double low1 = 0, low2 = 0;
};

template <bool kLow>
inline int sideOfLine(const Edge& edge, double x, double y) {
  if constexpr (kLow) {
    return robust::orientSignExact({edge.x1, edge.low1}, edge.y1, {edge.x2, edge.low2}, edge.y2, x, y);
  } else {
    return robust::orientSign(edge.x1, edge.y1, edge.x2, edge.y2, x, y);
  }
}

/** Whether the point, moved east and a little less north, is left of the edge's line. */
template <bool kLow>
inline bool movedIsLeft(const Edge& edge, double x, double y) {
  const int side = sideOfLine<kLow>(edge, x, y);
  if (side != 0) return side > 0;
  return edge.y1 != edge.y2 ? edge.y2 < edge.y1 : edge.x2 > edge.x1;
}

/** For an edge that the meridian of x (moved east) crosses: whether the moved point is above it. */
template <bool kLow>
inline bool movedIsAbove(const Edge& edge, double x, double y) {
  if (y >= std::max(edge.y1, edge.y2)) return true;
  if (y < std::min(edge.y1, edge.y2)) return false;
  return movedIsLeft<kLow>(edge, x, y) == (edge.x2 > edge.x1);
}

/** For an edge that the parallel of y (moved north) crosses: whether the moved point is east of it. */
template <bool kLow>
inline bool movedIsEast(const Edge& edge, double x, double y) {
  if (x >= std::max(edge.x1, edge.x2)) return true;
  if (x < std::min(edge.x1, edge.x2)) return false;
  return movedIsLeft<kLow>(edge, x, y) != (edge.y2 > edge.y1);
}

/** A cell's column or row: everything outside the grid, and NaN, goes to its rim. */
inline uint32_t gridIndex(double offset, float perDegree, uint32_t count) {
  const float at = static_cast<float>(offset) * perDegree;
  if (!(at > 0)) return 0;
  return at < static_cast<float>(count) ? static_cast<uint32_t>(at) : count - 1;
}

template <bool kLow>
inline Side locateInGrid(const Piece& piece, const PieceArrays& arrays, double x, double y) {
  const uint32_t column = gridIndex(x - piece.west, piece.columnsPerDegree, piece.columns);
  const uint32_t row = gridIndex(y - piece.south, piece.rowsPerDegree, piece.rows);
  const uint32_t* cell = arrays.cells + piece.firstCell + static_cast<size_t>(row) * piece.columns + column;
  bool inside = (cell[0] & 1) != 0;
  const uint32_t* run = arrays.runs + piece.firstRun + (cell[0] >> 1);
  const uint32_t* const runsEnd = arrays.runs + piece.firstRun + (cell[1] >> 1);
  const double cornerX = piece.west + column * piece.cellWidth;
  const double cornerY = piece.south + (row + 1) * piece.cellHeight;
  const double* const vertices = arrays.coordinates + 2 * static_cast<size_t>(piece.firstVertex);

  constexpr size_t kStride = kLow ? 4 : 2;

  for (; run < runsEnd; run++) {
    const double* at = vertices + kStride * (*run >> 8);
    const double* const end = at + kStride * ((*run & 0xFF) + 1);
    double x1 = at[0];
    double y1 = at[1];
    for (; at < end; at += kStride) {
      const double x2 = at[kStride];
      const double y2 = at[kStride + 1];
      Edge edge{x1, y1, x2, y2};
      if constexpr (kLow) {
        edge.low1 = at[2];
        edge.low2 = at[kStride + 2];
      }
      if ((x1 <= x) != (x2 <= x)) {
        bool pointAbove;
        if (y > std::max(y1, y2)) {
          pointAbove = true;
        } else if (y < std::min(y1, y2)) {
          pointAbove = false;
        } else {
          const int side = sideOfLine<kLow>(edge, x, y);
          if (side == 0) return Side::boundary;
          pointAbove = (side > 0) == (x2 > x1);
        }
        inside ^= pointAbove != movedIsAbove<kLow>(edge, x, cornerY);
      } else if (x1 == x || x2 == x) {
        // The meridian touches the edge at an end, or along it.
        if (x1 == x2 ? (y >= std::min(y1, y2) && y <= std::max(y1, y2)) : (x1 == x ? y1 == y : y2 == y)) {
          return Side::boundary;
        }
      }
      if ((y1 <= cornerY) != (y2 <= cornerY)) {
        inside ^= movedIsEast<kLow>(edge, x, cornerY) != movedIsEast<kLow>(edge, cornerX, cornerY);
      }
      x1 = x2;
      y1 = y2;
    }
  }
  return inside ? Side::inside : Side::outside;
}

/** Where the point (degrees, not NaN; longitude −180..180, as written) lies relative to the edges of one piece, whatever its holes. */
inline Side locate(const Piece& piece, const PieceArrays& arrays, double lat, double lon) {
  if (piece.flags & kLowParts) [[unlikely]] return locateInGrid<true>(piece, arrays, lon, lat);
  return locateInGrid<false>(piece, arrays, lon, lat);
}

}  // namespace raziel::zones
