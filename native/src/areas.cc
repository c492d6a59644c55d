#include "areas.h"

#include <algorithm>
#include <cmath>

#include "robust.h"

namespace raziel {

GridBox::GridBox(double west, double south, double east, double north) {
  const auto stepOfLat = [](double lat) { return std::floor((std::clamp(lat, -90.0, 90.0) + 90) * (kGridSteps / 180)); };
  south_ = uint32_t(std::max(0.0, stepOfLat(south) - 1));
  north_ = uint32_t(std::min(kGridSteps - 1, stepOfLat(north) + 1));
  double width = east - west;
  if (width < 0) width += 360;
  const double steps = std::ceil(width * (kGridSteps / 360)) + 3;
  const double start = std::floor((west + 180) * (kGridSteps / 360)) - 1;
  width_ = steps >= kGridSteps ? UINT32_MAX : uint32_t(steps);
  west_ = uint32_t(int64_t(start));
}

UnrolledRing::UnrolledRing(const double* positions, uint32_t count, double turnWest)
    : xy_(positions, positions + 2 * size_t{count}), turnWest_(turnWest) {
  west_ = east_ = xy_[0];
  south_ = north_ = xy_[1];
  for (uint32_t i = 0; i < count; ++i) {
    west_ = std::min(west_, xy_[2 * i]);
    east_ = std::max(east_, xy_[2 * i]);
    south_ = std::min(south_, xy_[2 * i + 1]);
    north_ = std::max(north_, xy_[2 * i + 1]);
  }
  // A few edges a slab; long edges lie in many, so there are never more than a hundred slabs for each.
  const uint32_t edges = count - 1;
  const uint32_t slabs = std::clamp(edges / 4, 1u, 512u);
  slabStart_.assign(slabs + 1, 0);
  const auto eachSlab = [&](uint32_t edge, auto&& visit) {
    const auto [low, high] = std::minmax(xy_[2 * edge + 1], xy_[2 * edge + 3]);
    for (uint32_t slab = slabOf(low), last = slabOf(high); slab <= last; ++slab) visit(slab);
  };
  for (uint32_t edge = 0; edge < edges; ++edge) eachSlab(edge, [&](uint32_t slab) { ++slabStart_[slab + 1]; });
  for (uint32_t slab = 0; slab < slabs; ++slab) slabStart_[slab + 1] += slabStart_[slab];
  slabEdges_.resize(slabStart_[slabs]);
  std::vector<uint32_t> next(slabStart_.begin(), slabStart_.end() - 1);
  for (uint32_t edge = 0; edge < edges; ++edge) eachSlab(edge, [&](uint32_t slab) { slabEdges_[next[slab]++] = edge; });
}

uint32_t UnrolledRing::slabOf(double y) const {
  const uint32_t slabs = uint32_t(slabStart_.size()) - 1;
  const double height = north_ - south_;
  if (!(height > 0)) return 0;
  return std::min(slabs - 1, uint32_t(std::max(0.0, (y - south_) / height * slabs)));
}

UnrolledRing::Side UnrolledRing::sideOf(double lat, double lon, uint64_t& work) const {
  if (lat < south_ || lat > north_) return Side::Outside;
  const double from = aroundAxis() ? turnWest_ : west_;
  // A little early, so that rounding cannot skip the turn that begins right here.
  for (double x = lon + 360 * std::ceil((from - lon) / 360 - 1e-9);; x += 360) {
    if (x > east_ && !aroundAxis()) return Side::Outside;
    const Side side = sideAt(x, lat, work);
    if (side != Side::Outside || aroundAxis()) return side;
  }
}

/** Counts the edges that a ray to the east crosses (even-odd rule); each edge owns its lower end. */
UnrolledRing::Side UnrolledRing::sideAt(double x, double y, uint64_t& work) const {
  const uint32_t slab = slabOf(y);
  bool inside = false;
  work += slabStart_[slab + 1] - slabStart_[slab];
  for (uint32_t i = slabStart_[slab]; i < slabStart_[slab + 1]; ++i) {
    const double* const edge = &xy_[2 * slabEdges_[i]];
    const double x1 = edge[0], y1 = edge[1], x2 = edge[2], y2 = edge[3];
    if (y < std::min(y1, y2) || y > std::max(y1, y2)) continue;
    if (x > std::max(x1, x2)) continue;
    if (y1 == y2) {
      if (x >= std::min(x1, x2)) return Side::Edge;
      continue;
    }
    const int side = robust::orientSign(x1, y1, x2, y2, x, y);
    if (side == 0) return Side::Edge;
    const bool westOfEdge = (side > 0) == (y2 > y1);
    if (westOfEdge && y >= std::min(y1, y2) && y < std::max(y1, y2)) inside = !inside;
  }
  return inside ? Side::Inside : Side::Outside;
}

namespace {

bool anyTouches(const std::vector<GridBox>& boxes, const CellHead& cell) {
  return std::any_of(boxes.begin(), boxes.end(), [&](const GridBox& box) { return box.touches(cell); });
}

bool anyHolds(const std::vector<GridBox>& boxes, GridPoint p) {
  return std::any_of(boxes.begin(), boxes.end(), [&](const GridBox& box) { return box.holds(p); });
}

}  // namespace

void PolygonsArea::addRing(const double* positions, uint32_t count, double turnWest) {
  polygons_.back().emplace_back(positions, count, turnWest);
}

void PolygonsArea::finish() {
  for (const auto& rings : polygons_) {
    const UnrolledRing& shell = rings[0];
    const bool allRound = shell.aroundAxis() || shell.east() - shell.west() >= 360;
    const double west = allRound ? -180 : std::remainder(shell.west(), 360);
    boxes_.emplace_back(west, shell.south(), allRound ? 180 : west + (shell.east() - shell.west()), shell.north());
  }
}

bool PolygonsArea::touches(const CellHead& cell) const { return anyTouches(boxes_, cell); }
bool PolygonsArea::mayHold(GridPoint p) const { return anyHolds(boxes_, p); }

bool PolygonsArea::holds(double lat, double lon, uint64_t& work) const {
  using Side = UnrolledRing::Side;
  for (const auto& rings : polygons_) {
    if (rings[0].sideOf(lat, lon, work) == Side::Outside) continue;
    const auto inHole = [&](const UnrolledRing& hole) { return hole.sideOf(lat, lon, work) == Side::Inside; };
    if (std::none_of(rings.begin() + 1, rings.end(), inHole)) return true;
  }
  return false;
}

ZoneArea::ZoneArea(const zones::ZoneShape& shape) : shape_(shape) {
  shape.forEachBox([this](double west, double south, double east, double north) {
    // A box of the zones may lie a turn away from the map.
    const double from = east - west >= 360 ? -180 : std::remainder(west, 360);
    boxes_.emplace_back(from, south, east - west >= 360 ? 180 : from + (east - west), north);
  });
}

bool ZoneArea::touches(const CellHead& cell) const { return anyTouches(boxes_, cell); }
bool ZoneArea::mayHold(GridPoint p) const { return anyHolds(boxes_, p); }

}  // namespace raziel
