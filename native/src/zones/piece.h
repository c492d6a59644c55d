// Where a point lies relative to one piece: outside, inside or on an edge. Exact, and cheap however many edges the piece has.
//
// The piece's grid knows for one reference point in every cell whether it is inside. Going from the point to the reference, every edge
// that is crossed changes sides, and only the edges listed in this cell can be crossed.
//
// `locateQuickly` goes straight, in rounded arithmetic with error bounds and without branches on the data: jagged outlines made the
// branches of the exact walk cost 20 ns an edge. When any sign is in doubt (the point on or next to an edge, a vertex on the way),
// `locateExactly` decides: it walks up or down to the reference's latitude, then along it, by exact predicates. Ties (a vertex on the
// way, the reference on an edge) are broken by moving the way by an infinitesimal to the east and by a smaller one to the north, after
// Edelsbrunner and Mücke, "Simulation of Simplicity" (1990); the point itself is not moved: on an edge is on an edge.
//
// The builder walks with the same predicates (grid_builder.cc). Reads validated bytes only; no state; any thread.

#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <optional>

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

/** The cell of a point, opened: its runs of edges, and its reference. */
struct Cell {
  const uint32_t* run;
  const uint32_t* runsEnd;
  const double* vertices;
  double referenceX;
  double referenceY;
  bool referenceInside;
};

// Off the lines that people draw along, such as a box's own sides and middle.
inline double referenceX(const Piece& piece, uint32_t column) { return piece.west + (column + 0.3819660113) * piece.cellWidth; }
inline double referenceY(const Piece& piece, uint32_t row) { return piece.south + (row + 0.5773502692) * piece.cellHeight; }

inline Cell cellAt(const Piece& piece, const PieceArrays& arrays, double x, double y) {
  const uint32_t column = gridIndex(x - piece.west, piece.columnsPerDegree, piece.columns);
  const uint32_t row = gridIndex(y - piece.south, piece.rowsPerDegree, piece.rows);
  const uint32_t* const cell = arrays.cells + piece.firstCell + static_cast<size_t>(row) * piece.columns + column;
  return {arrays.runs + piece.firstRun + (cell[0] >> 1),
          arrays.runs + piece.firstRun + (cell[1] >> 1),
          arrays.coordinates + 2 * static_cast<size_t>(piece.firstVertex),
          referenceX(piece, column),
          referenceY(piece, row),
          (cell[0] & 1) != 0};
}

/** Whether the point is inside, or nothing when rounded arithmetic cannot tell. Plain vertices only. */
inline std::optional<bool> locateQuickly(const Cell& cell, double x, double y) {
  // Seen from the point: vertices u, the reference q. With a × b the cross product, edge ab separates the point from the reference when
  // a × b and (a − q) × (b − q) = a × b + q × a − q × b differ in sign, and meets the way when q × a and q × b do.
  // Each product's error is below 3.34e-16 times the sum of its terms' sizes (Shewchuk's bound); 1e-15 covers their sums as well.
  constexpr double kErrorBound = 1e-15;
  const double qx = cell.referenceX - x;
  const double qy = cell.referenceY - y;
  uint64_t crossed = 0;
  double surest = 1;  // stays above 0 while every sign is certain
  for (const uint32_t* run = cell.run; run < cell.runsEnd; run++) {
    const double* at = cell.vertices + 2 * static_cast<size_t>(*run >> 8);
    const double* const end = at + 2 * static_cast<size_t>((*run & 0xFF) + 1);
    double ax = at[0] - x;
    double ay = at[1] - y;
    double left = qx * ay;
    double right = qy * ax;
    double qa = left - right;
    double qaError = std::fabs(left) + std::fabs(right);
    surest = std::min(surest, std::fabs(qa) - kErrorBound * qaError);
    while (at < end) {
      at += 2;
      const double bx = at[0] - x;
      const double by = at[1] - y;
      left = qx * by;
      right = qy * bx;
      const double qb = left - right;
      const double qbError = std::fabs(left) + std::fabs(right);
      left = ax * by;
      right = ay * bx;
      const double ab = left - right;
      const double abError = std::fabs(left) + std::fabs(right);
      const double fromReference = ab + (qa - qb);
      const double referenceError = abError + qaError + qbError;
      surest = std::min(surest, std::fabs(qb) - kErrorBound * qbError);
      surest = std::min(surest, std::fabs(ab) - kErrorBound * abError);
      surest = std::min(surest, std::fabs(fromReference) - kErrorBound * referenceError);
      crossed ^= (std::bit_cast<uint64_t>(ab) ^ std::bit_cast<uint64_t>(fromReference)) &
                 (std::bit_cast<uint64_t>(qa) ^ std::bit_cast<uint64_t>(qb));
      ax = bx;
      ay = by;
      qa = qb;
      qaError = qbError;
    }
  }
  if (!(surest > 0)) return std::nullopt;
  return cell.referenceInside ^ ((crossed >> 63) != 0);
}

template <bool kLow>
[[gnu::noinline]] inline Side locateExactly(const Cell& cell, double x, double y) {
  bool inside = cell.referenceInside;
  constexpr size_t kStride = kLow ? 4 : 2;
  for (const uint32_t* run = cell.run; run < cell.runsEnd; run++) {
    const double* at = cell.vertices + kStride * (*run >> 8);
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
        inside ^= pointAbove != movedIsAbove<kLow>(edge, x, cell.referenceY);
      } else if (x1 == x || x2 == x) {
        // The meridian touches the edge at an end, or along it.
        if (x1 == x2 ? (y >= std::min(y1, y2) && y <= std::max(y1, y2)) : (x1 == x ? y1 == y : y2 == y)) {
          return Side::boundary;
        }
      }
      if ((y1 <= cell.referenceY) != (y2 <= cell.referenceY)) {
        inside ^= movedIsEast<kLow>(edge, x, cell.referenceY) != movedIsEast<kLow>(edge, cell.referenceX, cell.referenceY);
      }
      x1 = x2;
      y1 = y2;
    }
  }
  return inside ? Side::inside : Side::outside;
}

/** Where the point (degrees, not NaN; longitude −180..180, as written) lies relative to the edges of one piece, whatever its holes. */
inline Side locate(const Piece& piece, const PieceArrays& arrays, double lat, double lon) {
  const Cell cell = cellAt(piece, arrays, lon, lat);
  if (cell.run == cell.runsEnd) return cell.referenceInside ? Side::inside : Side::outside;
  if (piece.flags & kLowParts) [[unlikely]] return locateExactly<true>(cell, lon, lat);
  // The runs of a jagged outline are scattered: ask for all of them at once.
  for (const uint32_t* run = cell.run; run < cell.runsEnd; run++) {
    __builtin_prefetch(cell.vertices + 2 * static_cast<size_t>(*run >> 8));
  }
  const std::optional<bool> inside = locateQuickly(cell, lon, lat);
  if (!inside.has_value()) [[unlikely]] return locateExactly<false>(cell, lon, lat);
  return *inside ? Side::inside : Side::outside;
}

}  // namespace raziel::zones
