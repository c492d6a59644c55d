// The bytes of a zone snapshot: one contiguous buffer that is looked up in as it lies, stored, sent and attached without rebuilding.
//
//   SnapshotHeader | SectionEntry × layers (by name) | LayerHeader and its arrays | LayerHeader and its arrays | ...
//
// A section is what one layer builds to, and knows nothing of the others: replacing a layer rebuilds one section and copies the
// rest. Offsets of a section count from its own start and are multiples of 64. Little-endian, IEEE doubles. A change of anything
// here raises kFormatVersion. docs/zones.md describes the format for readers of other languages.

#pragma once

#include <bit>
#include <cstdint>
#include <span>

#include "checksum.h"

namespace raziel::zones {

static_assert(std::endian::native == std::endian::little, "snapshots are little-endian");

inline constexpr uint64_t kSnapshotMagic = 0x3153454E4F5A5A52;  // "RZZONES1"
inline constexpr uint64_t kLayerMagic = 0x31524559414C5A52;     // "RZLAYER1"
inline constexpr uint32_t kFormatVersion = 1;
inline constexpr uint64_t kAlignment = 64;

inline constexpr uint32_t kNodeWidth = 16;
inline constexpr uint32_t kLevelsMax = 7;  // 16^7 pieces are more than 32 bits can number
inline constexpr uint32_t kPieceVerticesMax = 1u << 24;
inline constexpr uint32_t kRunEdgesMax = 256;
inline constexpr uint32_t kGridSideMax = 4096;
inline constexpr uint32_t kLayerNameBytesMax = 64;

struct SnapshotHeader {
  uint64_t magic;
  uint32_t formatVersion;
  uint32_t layerCount;
  uint64_t byteLength;
  /** The version that answers name. */
  uint64_t version;
  /** XXH64 of this header with 0 in this field, and of the section entries. Each section has its own. */
  uint64_t checksum;
  uint64_t reserved[3];
};
static_assert(sizeof(SnapshotHeader) == 64);

struct SectionEntry {
  uint64_t offset;
  uint64_t byteLength;
};

/** Where an array of a section lies: offset in bytes from the section's start, count in items. */
struct ArrayRef {
  uint64_t offset;
  uint64_t count;
};

struct LayerHeader {
  uint64_t magic;
  uint32_t formatVersion;
  uint32_t levelCount;
  uint64_t byteLength;
  /** XXH64 of the section behind this header, seeded with the XXH64 of this header with 0 in this field. */
  uint64_t checksum;
  /** Nodes of each level of the tree, leaves first; the last level has one node. */
  uint32_t levelNodes[kLevelsMax];
  uint32_t reserved;
  /** char: the layer's name, UTF-8. */
  ArrayRef name;
  /** ZoneRecord: by priority (higher first), area (smaller first), id (bytes). */
  ArrayRef zones;
  /** char: ids of the zones, one behind the other. */
  ArrayRef ids;
  /** uint32_t: zone numbers ordered by id (bytes). */
  ArrayRef zonesById;
  /** char: what an answer says of each zone, as MessagePack. */
  ArrayRef answers;
  /** uint32_t: piece numbers, those of one zone together. */
  ArrayRef zonePieces;
  /** Piece: in the order of the tree's leaves. */
  ArrayRef pieces;
  /** Node: level by level, leaves first. */
  ArrayRef nodes;
  /** double: vertices as pairs lon, lat; those of one piece together; see Piece. */
  ArrayRef coordinates;
  /** uint32_t: cells of the pieces' grids; see Piece. */
  ArrayRef cells;
  /** uint32_t: runs of edges; see Piece. */
  ArrayRef runs;
  /** Positions in the input, as counted for the user. */
  uint64_t vertexCount;
};

/** The checksum that belongs into the header of these bytes, whatever is there now. */
inline uint64_t sectionChecksum(LayerHeader header, std::span<const uint8_t> section) {
  header.checksum = 0;
  return checksum64(section.data() + sizeof header, section.size() - sizeof header, checksum64(&header, sizeof header));
}

struct ZoneRecord {
  double priority;
  double area;
  uint64_t idOffset;
  uint64_t answerOffset;
  uint32_t idLength;
  uint32_t answerLength;
  uint32_t zonePiecesStart;
  uint32_t zonePiecesCount;
  /** The zone's place in the input. */
  uint32_t feature;
  uint32_t reserved;
  double west, south, east, north;  // east < west never: −180 and 180 where it crosses the antimeridian
};

/** A node of the tree: boxes of its children as single floats rounded outwards, side by side for SIMD; child i of node n is n × 16 + i. */
struct alignas(64) Node {
  float west[kNodeWidth];
  float south[kNodeWidth];
  float east[kNodeWidth];
  float north[kNodeWidth];
};
static_assert(sizeof(Node) == 256);

inline constexpr uint32_t kNorthInside = 1;    // the north pole's side of all edges is inside
inline constexpr uint32_t kLowParts = 2;       // vertices are four doubles: lon, lat, what rounding the moved lon lost, 0

/**
 * A polygon, or what of it lies between −180 and 180 after turning it, with a grid over its edges.
 *
 * Edge e goes from vertex e to vertex e + 1. A grid cell c (row × columns + column, rows from the south) has cells[c] = first run × 2 +
 * (1 when its reference point is inside), its runs end where those of cell c + 1 start, and a run is (first edge << 8 | edges − 1). The
 * reference point is some way into the cell, moved east by an infinitesimal and north by a smaller one; see piece.h.
 */
struct alignas(64) Piece {
  double west;
  double south;
  double cellWidth;
  double cellHeight;
  float columnsPerDegree;
  float rowsPerDegree;
  /** Counted in pairs of doubles from the start of `coordinates`. */
  uint32_t firstVertex;
  uint32_t firstCell;
  uint32_t firstRun;
  uint16_t columns;
  uint16_t rows;
  uint32_t zone;
  uint32_t flags;
};
static_assert(sizeof(Piece) == 64);

}  // namespace raziel::zones
