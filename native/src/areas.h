// The areas that `within` searches: each says whether a cell of the tree may touch it and whether it holds a position in degrees. Edges
// belong to the area.

#pragma once

#include <cstdint>
#include <vector>

#include "cell_node.h"
#include "sphere.h"
#include "zones/snapshot.h"

namespace raziel {

/** A rectangle of the grid, a step larger all round than the degrees that it came from; its longitudes may wrap around. */
class GridBox {
 public:
  GridBox() = default;
  /** west > east crosses the antimeridian; a width of 360 or more is all the way round. */
  GridBox(double west, double south, double east, double north);

  bool touches(const CellHead& cell) const {
    const uint32_t last = uint32_t((uint64_t{1} << (32 - cell.depth)) - 1);
    if (cell.corner.lat > north_ || south_ > cell.corner.lat + last) return false;
    return cell.corner.lon - west_ <= width_ || west_ - cell.corner.lon <= last;
  }
  bool holds(GridPoint p) const { return p.lat >= south_ && p.lat <= north_ && p.lon - west_ <= width_; }

 private:
  uint32_t south_ = 0;
  uint32_t north_ = 0;
  uint32_t west_ = 0;
  uint32_t width_ = 0;
};

/** Latitude −90..90, longitude −180..180; west > east crosses the antimeridian. −180 and 180 are one meridian. */
class BoxArea {
 public:
  BoxArea(double west, double south, double east, double north)
      : west_(west), south_(south), east_(east), north_(north), grid_(west, south, east, north) {}

  bool touches(const CellHead& cell) const { return grid_.touches(cell); }
  bool mayHold(GridPoint p) const { return grid_.holds(p); }
  bool holds(double lat, double lon, uint64_t&) const {
    if (lat < south_ || lat > north_) return false;
    if (holdsLon(lon)) return true;
    return std::abs(lon) == 180 && holdsLon(-lon);
  }

 private:
  bool holdsLon(double lon) const {
    return west_ <= east_ ? lon >= west_ && lon <= east_ : lon >= west_ || lon <= east_;
  }

  double west_, south_, east_, north_;
  GridBox grid_;
};

/**
 * One closed ring of a polygon, unrolled: longitudes are continuous and may leave −180..180. `turnWest` is NaN, but for a ring around the
 * axis it is the west end of the 360° that a point belongs into.
 */
class UnrolledRing {
 public:
  enum class Side { Outside, Inside, Edge };

  /** `positions`: x, y, x, y … of `count` positions, the last equal to the first. */
  UnrolledRing(const double* positions, uint32_t count, double turnWest);

  /** Where a position lies, asked at every turn at which the ring could hold it. Adds the edges that it looked at to `work`. */
  Side sideOf(double lat, double lon, uint64_t& work) const;

  double west() const { return west_; }
  double east() const { return east_; }
  double south() const { return south_; }
  double north() const { return north_; }
  bool aroundAxis() const { return !std::isnan(turnWest_); }

 private:
  Side sideAt(double x, double y, uint64_t& work) const;
  uint32_t slabOf(double y) const;

  std::vector<double> xy_;
  double turnWest_;
  double west_, east_, south_, north_;
  /** Edges by slabs of latitude: those of slab i are slabEdges_[slabStart_[i] .. slabStart_[i + 1]). */
  std::vector<uint32_t> slabStart_;
  std::vector<uint32_t> slabEdges_;
};

/** Polygons, each a shell and its holes; edges straight in longitude and latitude. */
class PolygonsArea {
 public:
  void beginPolygon() { polygons_.emplace_back(); }
  void addRing(const double* positions, uint32_t count, double turnWest);
  /** To be called when all is added. */
  void finish();

  bool touches(const CellHead& cell) const;
  bool mayHold(GridPoint p) const;
  /** Adds the edges that it looked at to `work`. */
  bool holds(double lat, double lon, uint64_t& work) const;

 private:
  std::vector<std::vector<UnrolledRing>> polygons_;
  std::vector<GridBox> boxes_;
};

/** A zone of a snapshot that the caller holds for as long. */
class ZoneArea {
 public:
  explicit ZoneArea(const zones::ZoneShape& shape);

  bool touches(const CellHead& cell) const;
  bool mayHold(GridPoint p) const;
  bool holds(double lat, double lon, uint64_t& work) const {
    work += kEdgesALookup;
    return shape_.contains(lat, lon);
  }

 private:
  /** Its edges are indexed, so a look-up sees about as many whatever the zone. */
  static constexpr uint64_t kEdgesALookup = 16;

  zones::ZoneShape shape_;
  std::vector<GridBox> boxes_;
};

}  // namespace raziel
