// Checks the bytes of a snapshot before anybody looks anything up in them.
//
// The checksums find accidents; everything that a lookup uses as an index is checked besides, because a checksum is easily made to fit.
// Coordinates are not judged: no value of them makes a lookup read outside of the snapshot or go on without end.

#include <bit>
#include <cmath>
#include <cstring>
#include <string>

#include "checksum.h"
#include "snapshot.h"

namespace raziel::zones {
namespace {

void require(bool condition, const char* message) {
  if (!condition) throw BadSnapshot(message);
}

class SectionReader {
 public:
  explicit SectionReader(std::span<const uint8_t> section) : section_(section) {
    require(section.size() >= sizeof(LayerHeader), "a section is too short");
    std::memcpy(&header_, section.data(), sizeof header_);
  }

  LayerView open(uint32_t firstZone) {
    checkHeader();
    LayerView view{};
    view.name = text(header_.name);
    view.zones = array<ZoneRecord>(header_.zones);
    view.firstZone = firstZone;
    view.levelCount = header_.levelCount;
    view.pieces = array<Piece>(header_.pieces);
    const auto coordinates = array<double>(header_.coordinates);
    const auto cells = array<uint32_t>(header_.cells);
    const auto runs = array<uint32_t>(header_.runs);
    view.arrays = {coordinates.data(), cells.data(), runs.data()};
    view.zonesById = array<uint32_t>(header_.zonesById).data();
    view.zonePieces = array<uint32_t>(header_.zonePieces).data();
    view.ids = text(header_.ids).data();
    view.answers = text(header_.answers).data();
    view.vertexCount = header_.vertexCount;
    view.byteLength = header_.byteLength;

    require(!view.name.empty() && view.name.size() <= kLayerNameBytesMax, "a layer's name is empty or too long");
    require(header_.zonesById.count == view.zones.size(), "a layer's ids do not match its zones");
    checkTree(view);
    uint64_t nextCell = 0;
    uint64_t nextRun = 0;
    for (const Piece& piece : view.pieces) {
      require(piece.firstCell == nextCell && piece.firstRun == nextRun, "a piece's cells or runs do not follow the piece before");
      const PieceExtent extent = checkPiece(view, piece, coordinates.size(), cells, runs);
      nextCell += extent.cells;
      nextRun += extent.runs;
    }
    for (const ZoneRecord& zone : view.zones) checkZone(zone);
    for (uint64_t i = 0; i < header_.zonesById.count; i++) {
      require(view.zonesById[i] < view.zones.size(), "a layer's ids name a zone that is not there");
    }
    for (uint64_t i = 0; i < header_.zonePieces.count; i++) {
      require(view.zonePieces[i] < view.pieces.size(), "a zone names a piece that is not there");
    }
    return view;
  }

 private:
  void checkHeader() const {
    require(header_.magic == kLayerMagic, "a section does not begin with its magic");
    require(header_.formatVersion == kFormatVersion, "a section has a format version that this build does not know");
    require(header_.byteLength == section_.size(), "a section's length is not what its header says");
    require(sectionChecksum(header_, section_) == header_.checksum, "a section's checksum does not match its bytes");
  }

  template <typename T>
  std::span<const T> array(const ArrayRef& ref) const {
    require(ref.offset % kAlignment == 0 && ref.offset <= section_.size(), "an array begins outside of its section");
    require(ref.count <= (section_.size() - ref.offset) / sizeof(T), "an array ends outside of its section");
    require(ref.count < (uint64_t{1} << 32), "an array has too many items");
    return {reinterpret_cast<const T*>(section_.data() + ref.offset), ref.count};
  }

  std::string_view text(const ArrayRef& ref) const {
    const auto bytes = array<char>(ref);
    return {bytes.data(), bytes.size()};
  }

  void checkTree(LayerView& view) const {
    const auto nodes = array<Node>(header_.nodes);
    require(header_.levelCount <= kLevelsMax, "a tree has too many levels");
    require((header_.levelCount == 0) == view.pieces.empty(), "a tree's levels do not match its pieces");
    uint64_t children = view.pieces.size();
    uint64_t start = 0;
    for (uint32_t level = 0; level < header_.levelCount; level++) {
      const uint64_t count = (children + kNodeWidth - 1) / kNodeWidth;
      require(header_.levelNodes[level] == count && count <= nodes.size() - start, "a tree's level has a wrong number of nodes");
      view.levels[level] = nodes.data() + start;
      checkLevel(nodes.subspan(start, count), children);
      start += count;
      children = count;
    }
    require(start == nodes.size() && (header_.levelCount == 0 || children == 1), "a tree's levels do not end in one node");
  }

  /** Places behind the last child must hold no point, or a lookup would follow them. */
  static void checkLevel(std::span<const Node> nodes, uint64_t children) {
    const Node& last = nodes.back();
    for (uint64_t slot = children - (nodes.size() - 1) * kNodeWidth; slot < kNodeWidth; slot++) {
      require(last.west[slot] > last.east[slot], "a tree's node has a box without a child");
    }
  }

  /** What a piece takes of the arrays that pieces share. */
  struct PieceExtent {
    uint64_t cells;
    uint64_t runs;
  };

  static PieceExtent checkPiece(const LayerView& view, const Piece& piece, size_t coordinates, std::span<const uint32_t> cells,
                                std::span<const uint32_t> runs) {
    require(piece.zone < view.zones.size(), "a piece belongs to a zone that is not there");
    require(piece.columns >= 1 && piece.rows >= 1 && piece.columns <= kGridSideMax && piece.rows <= kGridSideMax,
            "a piece's grid has no cells, or too many");
    const uint64_t cellCount = uint64_t{piece.columns} * piece.rows;
    require(piece.firstCell + cellCount < cells.size(), "a piece's cells lie outside of their array");
    const uint64_t stride = piece.flags & kLowParts ? 4 : 2;
    const uint64_t firstCoordinate = 2 * uint64_t{piece.firstVertex};
    require(firstCoordinate <= coordinates, "a piece's vertices lie outside of their array");
    const uint64_t vertices = (coordinates - firstCoordinate) / stride;
    uint32_t previous = cells[piece.firstCell] >> 1;
    for (uint64_t i = 1; i <= cellCount; i++) {
      const uint32_t next = cells[piece.firstCell + i] >> 1;
      require(next >= previous, "a piece's cells are out of order");
      previous = next;
    }
    require(cells[piece.firstCell] >> 1 == 0, "a piece's first cell does not begin with its first run");
    require(uint64_t{piece.firstRun} + previous <= runs.size(), "a piece's runs lie outside of their array");
    for (uint32_t i = 0; i < previous; i++) {
      const uint32_t run = runs[piece.firstRun + i];
      require(uint64_t{run >> 8} + (run & 0xFF) + 2 <= vertices, "a run of edges ends outside of the vertices");
    }
    return {cellCount + 1, previous};
  }

  void checkZone(const ZoneRecord& zone) const {
    require(zone.idOffset <= header_.ids.count && zone.idLength <= header_.ids.count - zone.idOffset, "a zone's id is not there");
    require(zone.answerOffset <= header_.answers.count && zone.answerLength <= header_.answers.count - zone.answerOffset,
            "a zone's answer is not there");
    require(uint64_t{zone.zonePiecesStart} + zone.zonePiecesCount <= header_.zonePieces.count, "a zone's pieces are not there");
  }

  std::span<const uint8_t> section_;
  LayerHeader header_;
};

}  // namespace

Snapshot Snapshot::attach(std::span<const uint8_t> bytes) {
  require(bytes.size() >= sizeof(SnapshotHeader), "a snapshot is too short");
  SnapshotHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  require(header.magic == kSnapshotMagic, "a snapshot does not begin with its magic");
  require(header.formatVersion == kFormatVersion, "a snapshot has a format version that this build does not know");
  require(header.byteLength == bytes.size(), "a snapshot's length is not what its header says");
  const uint64_t entriesLength = uint64_t{header.layerCount} * sizeof(SectionEntry);
  require(entriesLength <= bytes.size() - sizeof header, "a snapshot's list of layers ends outside of it");
  std::vector<uint8_t> top(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(sizeof header + entriesLength));
  std::memset(top.data() + offsetof(SnapshotHeader, checksum), 0, sizeof header.checksum);
  require(checksum64(top.data(), top.size()) == header.checksum, "a snapshot's checksum does not match its bytes");

  Snapshot snapshot;
  snapshot.bytes_ = AlignedBytes::copyOf(bytes);
  snapshot.version_ = header.version;
  for (uint32_t i = 0; i < header.layerCount; i++) {
    SectionEntry entry;
    std::memcpy(&entry, bytes.data() + sizeof header + i * sizeof entry, sizeof entry);
    require(entry.offset % kAlignment == 0 && entry.offset <= bytes.size() && entry.byteLength <= bytes.size() - entry.offset,
            "a section lies outside of the snapshot");
    SectionReader reader({snapshot.bytes_.data() + entry.offset, entry.byteLength});
    LayerView layer = reader.open(snapshot.zoneCount_);
    require(snapshot.layers_.empty() || snapshot.layers_.back().name < layer.name, "the layers are out of order");
    require(layer.zones.size() < (uint64_t{1} << 31) - snapshot.zoneCount_, "a snapshot has too many zones");
    snapshot.zoneCount_ += static_cast<uint32_t>(layer.zones.size());
    snapshot.layers_.push_back(std::move(layer));
  }
  return snapshot;
}

}  // namespace raziel::zones
