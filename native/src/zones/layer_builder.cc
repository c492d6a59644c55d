// See layer_builder.h.

#include "layer_builder.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>

#include "format.h"
#include "grid_builder.h"
#include "polygon_pieces.h"
#include "tree_builder.h"

namespace raziel::zones {
namespace {

void require(bool condition, const char* message) {
  if (!condition) throw std::invalid_argument(message);
}

void requireAscending(std::span<const uint32_t> ends, size_t total, uint32_t least, const char* message) {
  uint64_t previous = 0;
  for (const uint32_t end : ends) {
    require(end >= previous + least, message);
    previous = end;
  }
  require(previous == total, message);
}

template <typename T>
std::pair<T, T> rangeOf(std::span<const T> ends, size_t i) {
  return {i == 0 ? 0 : ends[i - 1], ends[i]};
}

class LayerBuilder {
 public:
  explicit LayerBuilder(const LayerInput& input) : in_(input) {}

  Bytes build() {
    check();
    orderZones();
    flattenZones();
    return write();
  }

 private:
  void check() const {
    const size_t zones = in_.zoneEnds.size();
    require(!in_.name.empty() && in_.name.size() <= kLayerNameBytesMax, "a layer's name has 1 to 64 bytes");
    require(zones < (1u << 31), "too many zones");
    require(in_.coordinates.size() % 2 == 0, "coordinates come in pairs");
    requireAscending(in_.ringEnds, in_.coordinates.size() / 2, 2, "ringEnds do not fit the coordinates");
    requireAscending(in_.partEnds, in_.ringEnds.size(), 1, "partEnds do not fit the rings");
    requireAscending(in_.zoneEnds, in_.partEnds.size(), 1, "zoneEnds do not fit the parts");
    require(in_.priorities.size() == zones && in_.areas.size() == zones, "priorities or areas do not fit the zones");
    require(in_.idEnds.size() == zones && in_.answerEnds.size() == zones, "ids or answers do not fit the zones");
    requireAscending(in_.idEnds, in_.ids.size(), 0, "idEnds do not fit the ids");
    requireAscending(in_.answerEnds, in_.answers.size(), 0, "answerEnds do not fit the answers");
    for (size_t i = 0; i < in_.coordinates.size(); i += 2) {
      require(std::fabs(in_.coordinates[i]) <= 180 && std::fabs(in_.coordinates[i + 1]) <= 90, "a position is off the globe");
    }
    for (size_t i = 0; i < in_.ringEnds.size(); i++) {
      const auto [first, end] = rangeOf(in_.ringEnds, i);
      require(std::memcmp(&in_.coordinates[2 * first], &in_.coordinates[2 * end - 2], 16) == 0 ||
                  (in_.coordinates[2 * first] == in_.coordinates[2 * end - 2] &&
                   in_.coordinates[2 * first + 1] == in_.coordinates[2 * end - 1]),
              "a ring is not closed");
    }
    for (size_t i = 0; i < zones; i++) {
      require(!std::isnan(in_.priorities[i]) && !std::isnan(in_.areas[i]), "a priority or area is no number");
    }
  }

  std::string_view idOf(uint32_t feature) const {
    const auto [first, end] = rangeOf(in_.idEnds, feature);
    return in_.ids.substr(first, end - first);
  }

  void orderZones() {
    featureOf_.resize(in_.zoneEnds.size());
    std::iota(featureOf_.begin(), featureOf_.end(), 0u);
    std::sort(featureOf_.begin(), featureOf_.end(), [&](uint32_t a, uint32_t b) {
      if (in_.priorities[a] != in_.priorities[b]) return in_.priorities[a] > in_.priorities[b];
      if (in_.areas[a] != in_.areas[b]) return in_.areas[a] < in_.areas[b];
      const int byId = idOf(a).compare(idOf(b));
      return byId != 0 ? byId < 0 : a < b;
    });
    zonesById_.resize(featureOf_.size());
    std::iota(zonesById_.begin(), zonesById_.end(), 0u);
    std::sort(zonesById_.begin(), zonesById_.end(), [&](uint32_t a, uint32_t b) {
      const int byId = idOf(featureOf_[a]).compare(idOf(featureOf_[b]));
      return byId != 0 ? byId < 0 : a < b;
    });
  }

  RingView ringAt(uint32_t ring) const {
    const auto [first, end] = rangeOf(in_.ringEnds, ring);
    return in_.coordinates.subspan(2 * static_cast<size_t>(first), 2 * static_cast<size_t>(end - first));
  }

  /** All pieces go through the store in the order of the tree, so that what is near on the map is near in memory. */
  void flattenZones() {
    struct Pending {
      uint32_t zone;
      uint32_t part;
      Box box;
    };
    std::vector<Pending> pending;
    std::vector<Box> boxes;
    zoneBoxes_.resize(featureOf_.size());
    for (uint32_t zone = 0; zone < featureOf_.size(); zone++) {
      const auto [firstPart, endPart] = rangeOf(in_.zoneEnds, featureOf_[zone]);
      for (uint32_t part = firstPart; part < endPart; part++) {
        const Box box = roughBox(ringAt(rangeOf(in_.partEnds, part).first));
        pending.push_back({zone, part, box});
        boxes.push_back(box);
      }
    }
    std::vector<std::vector<uint32_t>> piecesOfZone(featureOf_.size());
    std::vector<Box> pieceBoxes;
    for (const uint32_t at : hilbertOrder(boxes)) {
      const auto& [zone, part, box] = pending[at];
      const auto [firstRing, endRing] = rangeOf(in_.partEnds, part);
      std::vector<RingView> rings;
      for (uint32_t ring = firstRing; ring < endRing; ring++) rings.push_back(ringAt(ring));
      for (const FlatPiece& flat : flattenRings(rings)) {
        const uint32_t number = static_cast<uint32_t>(store_.pieces.size());
        Piece piece = addPiece(store_, flat);
        piece.zone = zone;
        store_.pieces.push_back(piece);
        pieceBoxes.push_back({flat.west, flat.south, flat.east, flat.north});
        piecesOfZone[zone].push_back(number);
      }
    }
    tree_ = packTree(pieceBoxes);
    for (uint32_t zone = 0; zone < piecesOfZone.size(); zone++) {
      Box& box = zoneBoxes_[zone];
      box = {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity(),
             -std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
      zonePiecesStart_.push_back(static_cast<uint32_t>(zonePieces_.size()));
      for (const uint32_t piece : piecesOfZone[zone]) {
        zonePieces_.push_back(piece);
        box.west = std::min(box.west, pieceBoxes[piece].west);
        box.south = std::min(box.south, pieceBoxes[piece].south);
        box.east = std::max(box.east, pieceBoxes[piece].east);
        box.north = std::max(box.north, pieceBoxes[piece].north);
      }
    }
    zonePiecesStart_.push_back(static_cast<uint32_t>(zonePieces_.size()));
  }

  static Box roughBox(RingView ring) {
    Box box{180, 90, -180, -90};
    for (size_t i = 0; i < ring.size(); i += 2) {
      box.west = std::min(box.west, ring[i]);
      box.east = std::max(box.east, ring[i]);
      box.south = std::min(box.south, ring[i + 1]);
      box.north = std::max(box.north, ring[i + 1]);
    }
    return box;
  }

  std::vector<ZoneRecord> zoneRecords() const {
    std::vector<ZoneRecord> records(featureOf_.size());
    for (uint32_t zone = 0; zone < records.size(); zone++) {
      const uint32_t feature = featureOf_[zone];
      const auto [idFirst, idEnd] = rangeOf(in_.idEnds, feature);
      const auto [answerFirst, answerEnd] = rangeOf(in_.answerEnds, feature);
      const Box& box = zoneBoxes_[zone];
      records[zone] = {in_.priorities[feature],
                       in_.areas[feature],
                       idFirst,
                       answerFirst,
                       idEnd - idFirst,
                       answerEnd - answerFirst,
                       zonePiecesStart_[zone],
                       zonePiecesStart_[zone + 1] - zonePiecesStart_[zone],
                       feature,
                       0,
                       box.west,
                       box.south,
                       box.east,
                       box.north};
    }
    return records;
  }

  /** Reserves room for an array behind what is there; nothing is written yet. */
  template <typename T>
  static ArrayRef reserve(uint64_t& length, size_t count) {
    const ArrayRef ref{length, count};
    length += (count * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment;
    return ref;
  }

  template <typename T>
  static void put(Bytes& bytes, const ArrayRef& ref, const T* items) {
    if (ref.count > 0) std::memcpy(bytes.data() + ref.offset, items, ref.count * sizeof(T));
  }

  Bytes write() const {
    const std::vector<ZoneRecord> records = zoneRecords();
    LayerHeader header{};
    uint64_t length = (sizeof(LayerHeader) + kAlignment - 1) / kAlignment * kAlignment;
    header.magic = kLayerMagic;
    header.formatVersion = kFormatVersion;
    header.levelCount = static_cast<uint32_t>(tree_.levelNodes.size());
    std::copy(tree_.levelNodes.begin(), tree_.levelNodes.end(), header.levelNodes);
    header.vertexCount = in_.coordinates.size() / 2;
    // What a lookup touches first comes first.
    header.nodes = reserve<Node>(length, tree_.nodes.size());
    header.pieces = reserve<Piece>(length, store_.pieces.size());
    header.cells = reserve<uint32_t>(length, store_.cells.size());
    header.runs = reserve<uint32_t>(length, store_.runs.size());
    header.coordinates = reserve<double>(length, store_.coordinates.size());
    header.zones = reserve<ZoneRecord>(length, records.size());
    header.zonesById = reserve<uint32_t>(length, zonesById_.size());
    header.zonePieces = reserve<uint32_t>(length, zonePieces_.size());
    header.name = reserve<char>(length, in_.name.size());
    header.ids = reserve<char>(length, in_.ids.size());
    header.answers = reserve<char>(length, in_.answers.size());
    header.byteLength = length;

    Bytes bytes(length, 0);
    put(bytes, header.nodes, tree_.nodes.data());
    put(bytes, header.pieces, store_.pieces.data());
    put(bytes, header.cells, store_.cells.data());
    put(bytes, header.runs, store_.runs.data());
    put(bytes, header.coordinates, store_.coordinates.data());
    put(bytes, header.zones, records.data());
    put(bytes, header.zonesById, zonesById_.data());
    put(bytes, header.zonePieces, zonePieces_.data());
    put(bytes, header.name, in_.name.data());
    put(bytes, header.ids, in_.ids.data());
    put(bytes, header.answers, in_.answers.data());
    header.checksum = sectionChecksum(header, bytes);
    std::memcpy(bytes.data(), &header, sizeof header);
    return bytes;
  }

  const LayerInput& in_;
  std::vector<uint32_t> featureOf_;  // by zone number
  std::vector<uint32_t> zonesById_;
  std::vector<Box> zoneBoxes_;
  std::vector<uint32_t> zonePiecesStart_;
  std::vector<uint32_t> zonePieces_;
  PieceStore store_;
  PackedTree tree_;
};

std::string_view nameOf(std::span<const uint8_t> section) {
  require(section.size() >= sizeof(LayerHeader), "a section is too short");
  LayerHeader header;
  std::memcpy(&header, section.data(), sizeof header);
  require(header.magic == kLayerMagic && header.byteLength == section.size() && section.size() % kAlignment == 0,
          "these bytes are no section of a layer");
  require(header.name.offset <= section.size() && header.name.count <= section.size() - header.name.offset,
          "a section's name lies outside of it");
  return {reinterpret_cast<const char*>(section.data()) + header.name.offset, header.name.count};
}

}  // namespace

Bytes buildLayer(const LayerInput& input) { return LayerBuilder(input).build(); }

Bytes assembleSnapshot(uint64_t version, std::span<const std::span<const uint8_t>> sections) {
  std::vector<std::span<const uint8_t>> sorted(sections.begin(), sections.end());
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return nameOf(a) < nameOf(b); });
  SnapshotHeader header{};
  header.magic = kSnapshotMagic;
  header.formatVersion = kFormatVersion;
  header.layerCount = static_cast<uint32_t>(sorted.size());
  header.version = version;
  const uint64_t entriesEnd = sizeof header + sorted.size() * sizeof(SectionEntry);
  uint64_t length = (entriesEnd + kAlignment - 1) / kAlignment * kAlignment;
  std::vector<SectionEntry> entries;
  for (size_t i = 0; i < sorted.size(); i++) {
    require(nameOf(sorted[i]).size() > 0 && (i == 0 || nameOf(sorted[i]) != nameOf(sorted[i - 1])), "two layers have one name");
    entries.push_back({length, sorted[i].size()});
    length += sorted[i].size();
  }
  header.byteLength = length;
  Bytes bytes(length, 0);
  for (size_t i = 0; i < sorted.size(); i++) std::memcpy(bytes.data() + entries[i].offset, sorted[i].data(), sorted[i].size());
  if (!entries.empty()) std::memcpy(bytes.data() + sizeof header, entries.data(), entries.size() * sizeof(SectionEntry));
  std::memcpy(bytes.data(), &header, sizeof header);
  header.checksum = checksum64(bytes.data(), entriesEnd);
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

}  // namespace raziel::zones
