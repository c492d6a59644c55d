// Lookups in a snapshot; attach.cc checks and opens one.

#include "snapshot.h"

#include <algorithm>
#include <bit>
#include <cmath>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace raziel::zones {
namespace {

/** Which of a node's boxes hold the point: bit i for box i. */
inline uint32_t boxesAt(const Node& node, float x, float y) {
#if defined(__SSE2__)
  const __m128 px = _mm_set1_ps(x);
  const __m128 py = _mm_set1_ps(y);
  uint32_t mask = 0;
  for (uint32_t i = 0; i < kNodeWidth; i += 4) {
    const __m128 inX = _mm_and_ps(_mm_cmple_ps(_mm_load_ps(node.west + i), px), _mm_cmpge_ps(_mm_load_ps(node.east + i), px));
    const __m128 inY = _mm_and_ps(_mm_cmple_ps(_mm_load_ps(node.south + i), py), _mm_cmpge_ps(_mm_load_ps(node.north + i), py));
    mask |= static_cast<uint32_t>(_mm_movemask_ps(_mm_and_ps(inX, inY))) << i;
  }
  return mask;
#else
  uint32_t mask = 0;
  for (uint32_t i = 0; i < kNodeWidth; i++) {
    const bool in = (node.west[i] <= x) & (node.east[i] >= x) & (node.south[i] <= y) & (node.north[i] >= y);
    mask |= static_cast<uint32_t>(in) << i;
  }
  return mask;
#endif
}

/** Calls visit(piece) for every piece of the tree whose box holds the point. The boxes are single floats, rounded outwards. */
template <typename Visit>
inline void forEachPieceAt(const LayerView& layer, double lat, double lon, Visit&& visit) {
  if (layer.levelCount == 0) return;
  struct Level {
    uint32_t node;
    uint32_t mask;
  };
  const float x = static_cast<float>(lon);
  const float y = static_cast<float>(lat);
  Level way[kLevelsMax];
  uint32_t level = layer.levelCount - 1;
  way[level] = {0, boxesAt(layer.levels[level][0], x, y)};
  for (;;) {
    Level& here = way[level];
    if (here.mask == 0) {
      if (++level == layer.levelCount) return;
      continue;
    }
    const uint32_t child = here.node * kNodeWidth + static_cast<uint32_t>(std::countr_zero(here.mask));
    here.mask &= here.mask - 1;
    if (level == 0) {
      visit(child);
    } else {
      level--;
      way[level] = {child, boxesAt(layer.levels[level][child], x, y)};
    }
  }
}

/**
 * −180 and 180 are one meridian. Which side of the edges a point of it is on, the western end of the map tells: its edges begin at −180
 * and go on eastward. The eastern end only adds the edges that touch it.
 */
Side locateOnSeam(const Piece& piece, const PieceArrays& arrays, double lat) {
  const Side west = locate(piece, arrays, lat, -180);
  if (west == Side::boundary || locate(piece, arrays, lat, 180) == Side::boundary) return Side::boundary;
  return west;
}

inline Side locateOnGlobe(const Piece& piece, const PieceArrays& arrays, double lat, double lon) {
  if (std::fabs(lon) == 180) [[unlikely]] return locateOnSeam(piece, arrays, lat);
  return locate(piece, arrays, lat, lon);
}

inline bool covers(const LayerView& layer, uint32_t piece, double lat, double lon) {
  return locateOnGlobe(layer.pieces[piece], layer.arrays, lat, lon) != Side::outside;
}

void addHits(const LayerView& layer, double lat, double lon, Hits& hits) {
  const auto visit = [&](uint32_t number) {
    if (covers(layer, number, lat, lon)) hits.add(layer.firstZone + layer.pieces[number].zone);
  };
  forEachPieceAt(layer, lat, lon, visit);
  if (std::fabs(lon) == 180) [[unlikely]] forEachPieceAt(layer, lat, -lon, visit);
}

}  // namespace

void Snapshot::lookup(double lat, double lon, Hits& hits) const {
  hits.clear();
  for (const LayerView& layer : layers_) addHits(layer, lat, lon, hits);
  hits.finish();
}

void Snapshot::lookupInLayer(const LayerView& layer, double lat, double lon, Hits& hits) const {
  hits.clear();
  addHits(layer, lat, lon, hits);
  hits.finish();
}

const LayerView* Snapshot::findLayer(std::string_view name) const {
  const auto at = std::lower_bound(layers_.begin(), layers_.end(), name,
                                   [](const LayerView& layer, std::string_view wanted) { return layer.name < wanted; });
  return at != layers_.end() && at->name == name ? &*at : nullptr;
}

std::optional<ZoneShape> Snapshot::findZone(std::string_view layerName, std::string_view id) const {
  const LayerView* const layer = findLayer(layerName);
  if (layer == nullptr) return std::nullopt;
  const uint32_t* const end = layer->zonesById + layer->zones.size();
  const uint32_t* const at = std::lower_bound(layer->zonesById, end, id, [&](uint32_t zone, std::string_view wanted) {
    return layer->idOf(layer->zones[zone]) < wanted;
  });
  if (at == end || layer->idOf(layer->zones[*at]) != id) return std::nullopt;
  return ZoneShape(*layer, *at);
}

const LayerView& Snapshot::layerOfZone(uint32_t zone) const {
  const auto at = std::upper_bound(layers_.begin(), layers_.end(), zone,
                                   [](uint32_t wanted, const LayerView& layer) { return wanted < layer.firstZone; });
  return *(at - 1);
}

bool ZoneShape::contains(double lat, double lon) const {
  const ZoneRecord& zone = record();
  constexpr uint32_t kFewPieces = 8;
  bool found = false;
  if (zone.zonePiecesCount <= kFewPieces) {
    for (uint32_t i = 0; i < zone.zonePiecesCount && !found; i++) {
      found = covers(*layer_, layer_->zonePieces[zone.zonePiecesStart + i], lat, lon);
    }
    return found;
  }
  const auto visit = [&](uint32_t number) {
    if (!found && layer_->pieces[number].zone == zone_) found = covers(*layer_, number, lat, lon);
  };
  forEachPieceAt(*layer_, lat, lon, visit);
  if (std::fabs(lon) == 180) forEachPieceAt(*layer_, lat, -lon, visit);
  return found;
}

}  // namespace raziel::zones
