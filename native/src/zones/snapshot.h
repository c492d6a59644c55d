// An immutable snapshot of all layers, ready to be looked up in.
//
// `Snapshot::attach` copies the bytes into memory of its own and checks everything that a lookup relies on, so that bytes that were
// stored, sent or damaged are refused or safe: no lookup in an attached snapshot reads outside of it. After that nothing changes: any
// number of threads read it at once, for as long as they hold it (publisher.h says how they do that without waiting).
//
// Zones have numbers from 0 through the whole snapshot, in the order of answers: by layer (name), priority (higher first), area
// (smaller first), id.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "aligned_bytes.h"
#include "format.h"
#include "hits.h"
#include "piece.h"

namespace raziel::zones {

/** Bytes that are no snapshot that this build can read; the message says what is wrong with them. */
class BadSnapshot : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/** A layer as it lies in the snapshot's bytes. */
struct LayerView {
  std::string_view name;
  std::span<const ZoneRecord> zones;
  /** The number of its first zone in the snapshot. */
  uint32_t firstZone;
  uint32_t levelCount;
  const Node* levels[kLevelsMax];  // leaves first
  std::span<const Piece> pieces;
  PieceArrays arrays;
  const uint32_t* zonesById;
  const uint32_t* zonePieces;
  const char* ids;
  const char* answers;
  uint64_t vertexCount;
  uint64_t byteLength;

  std::string_view idOf(const ZoneRecord& zone) const { return {ids + zone.idOffset, zone.idLength}; }
  std::string_view answerOf(const ZoneRecord& zone) const { return {answers + zone.answerOffset, zone.answerLength}; }
};

/** One zone, for searches that ask of many points whether they are in it. Valid while its snapshot is held. */
class ZoneShape {
 public:
  ZoneShape(const LayerView& layer, uint32_t zone) : layer_(&layer), zone_(zone) {}

  /** Whether the zone covers the point, its boundary included. Latitude −90..90, longitude −180..180. */
  bool contains(double lat, double lon) const;

  /** Boxes that cover the zone, west ≤ east, one for each of its pieces: calls visit(west, south, east, north). */
  template <typename Visit>
  void forEachBox(Visit&& visit) const;

  const ZoneRecord& record() const { return layer_->zones[zone_]; }

 private:
  const LayerView* layer_;
  uint32_t zone_;
};

class Snapshot : public std::enable_shared_from_this<Snapshot> {
 public:
  /** @throws BadSnapshot, std::bad_alloc */
  static Snapshot attach(std::span<const uint8_t> bytes);

  uint64_t version() const { return version_; }
  std::span<const LayerView> layers() const { return layers_; }
  std::span<const uint8_t> bytes() const { return {bytes_.data(), bytes_.size()}; }
  uint32_t zoneCount() const { return zoneCount_; }

  /** The layer of that name, or nullptr. */
  const LayerView* findLayer(std::string_view name) const;

  std::optional<ZoneShape> findZone(std::string_view layer, std::string_view id) const;

  /** All zones that cover the point, in the order of answers. Latitude −90..90, longitude −180..180. */
  void lookup(double lat, double lon, Hits& hits) const;

  /** The same in one layer, which must be one of this snapshot's. */
  void lookupInLayer(const LayerView& layer, double lat, double lon, Hits& hits) const;

  const LayerView& layerOfZone(uint32_t zone) const;

 private:
  Snapshot() = default;

  AlignedBytes bytes_;
  std::vector<LayerView> layers_;
  uint64_t version_ = 0;
  uint32_t zoneCount_ = 0;
};

template <typename Visit>
void ZoneShape::forEachBox(Visit&& visit) const {
  const ZoneRecord& zone = record();
  for (uint32_t i = 0; i < zone.zonePiecesCount; i++) {
    const uint32_t piece = layer_->zonePieces[zone.zonePiecesStart + i];
    const Node& leaf = layer_->levels[0][piece / kNodeWidth];
    const uint32_t slot = piece % kNodeWidth;
    visit(double{leaf.west[slot]}, double{leaf.south[slot]}, double{leaf.east[slot]}, double{leaf.north[slot]});
  }
}

}  // namespace raziel::zones
