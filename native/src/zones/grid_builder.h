// Lays a grid over the edges of one flat piece, so that a lookup looks at one cell's edges only (piece.h says how it uses them).
//
// Runs while a layer is built, on any one thread.

#pragma once

#include <cstdint>
#include <vector>

#include "format.h"
#include "polygon_pieces.h"

namespace raziel::zones {

/** The arrays of a section that pieces share; each piece appends to them. */
struct PieceStore {
  std::vector<Piece> pieces;
  std::vector<double> coordinates;
  std::vector<uint32_t> cells;
  std::vector<uint32_t> runs;
};

/**
 * Appends the vertices and the grid of a flat piece, and returns its record, whose `zone` and hole range the caller fills in.
 * @throws std::length_error for more than kPieceVerticesMax vertices, or arrays past 32 bits.
 */
Piece addPiece(PieceStore& store, const FlatPiece& flat);

}  // namespace raziel::zones
