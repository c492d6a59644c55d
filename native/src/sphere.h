// The sphere: exact distances, and the bounds that let a search skip cells and drivers without computing any.
//
// Distances are great-circle on the mean Earth radius, by the haversine formula h = sin²(Δφ/2) + cos φ₁ cos φ₂ sin²(Δλ/2), which stays
// accurate to a fraction of a micrometre for small distances. Searches compare h itself, which grows with the distance, and take
// the arc sine of the few that are answered.
//
// Cells and the drivers in them are located on a grid of 2³² steps of latitude (−90..90, 4.7 mm each) by 2³² of longitude
// (−180..180, 9.3 mm at the equator); grid longitudes wrap around as unsigned numbers do, so the antimeridian is no special case. Bounds
// computed from the grid allow for one step either way.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace raziel {

constexpr double kEarthRadiusMeters = 6371008.8;
constexpr double kPi = 3.14159265358979323846;
constexpr double kRadiansPerDegree = kPi / 180.0;
constexpr double kGridSteps = 4294967296.0;
/** Half a step in radians: bounds work with half differences throughout. */
constexpr double kHalfLatStep = kPi / kGridSteps / 2;
constexpr double kHalfLonStep = kPi / kGridSteps;

struct GridPoint {
  uint32_t lat;
  uint32_t lon;
};

inline uint64_t packGrid(GridPoint p) { return (uint64_t{p.lat} << 32) | p.lon; }
inline GridPoint unpackGrid(uint64_t packed) { return {uint32_t(packed >> 32), uint32_t(packed)}; }

/** The grid step that holds a position in degrees; lat −90..90, lon −180..180 (180 is −180). */
inline GridPoint toGrid(double lat, double lon) {
  const double y = (lat + 90.0) * (kGridSteps / 180.0);
  const double x = (lon + 180.0) * (kGridSteps / 360.0);
  return {y >= kGridSteps ? UINT32_MAX : uint32_t(y), uint32_t(uint64_t(x))};
}

/** A lower bound of sin² for 0 ≤ x ≤ π/2, tight for small x: sin² x ≥ x² − x⁴/3. */
inline double sinSquaredAtLeast(double x) {
  const double squared = x * x;
  return squared - squared * squared * (1.0 / 3.0);
}

/** sin² x, to the last bits, cheap where x is small (|x| ≤ π). */
inline double sinSquared(double x) {
  if (std::abs(x) < 0.1) {
    const double s = x * x;
    const double sine = x * (1 - s * (1.0 / 6) * (1 - s * (1.0 / 20) * (1 - s * (1.0 / 42) * (1 - s * (1.0 / 72)))));
    return sine * sine;
  }
  const double sine = std::sin(x);
  return sine * sine;
}

/** Cosine of a latitude in degrees, exactly 0 at the poles so that every longitude there is one position. */
inline double cosLatitude(double lat) { return std::abs(lat) == 90.0 ? 0.0 : std::cos(lat * kRadiansPerDegree); }

inline double haversineOfMeters(double meters) {
  const double half = meters / (2 * kEarthRadiusMeters);
  return half >= kPi / 2 ? 1.0 : sinSquared(half);
}

/** The arcsine of 0..1. Up to 0.01 (127 km as half a chord) the first terms of its series, of which the next would not change a double. */
inline double arcsine(double x) {
  if (x > 0.01) return std::asin(std::min(1.0, x));
  const double y = x * x;
  return x + x * y * (1.0 / 6 + y * (3.0 / 40 + y * (15.0 / 336 + y * (105.0 / 3456))));
}

inline double metersOfHaversine(double h) { return 2 * kEarthRadiusMeters * arcsine(std::sqrt(h)); }

/** Lower bounds of a cell's quadrants: their parts of latitude (south, north) and of longitude (west, east). */
struct QuadrantBounds {
  double lat[2];
  double lon[2];

  /** Bit 1 north, bit 0 east. */
  double of(uint32_t quadrant) const { return lat[quadrant >> 1] + lon[quadrant & 1]; }
};

/** A point to measure from, with what does not change from driver to driver worked out once. */
class Origin {
 public:
  Origin() = default;
  Origin(double lat, double lon)
      : lat_(lat),
        lon_(normalLon(lon)),
        cos_(cosLatitude(lat)),
        sin_(std::sin(lat * kRadiansPerDegree)),
        grid_(toGrid(lat, lon)) {}

  double lat() const { return lat_; }
  double lon() const { return lon_; }
  /** Cosine and sine of the latitude. */
  double cos() const { return cos_; }
  double sin() const { return sin_; }
  GridPoint grid() const { return grid_; }

  /** The exact haversine to a position in degrees. */
  double haversineTo(double lat, double lon) const {
    const double deltaLat = (lat - lat_) * kRadiansPerDegree;
    double deltaLonDegrees = std::abs(normalLon(lon) - lon_);
    if (deltaLonDegrees > 180) deltaLonDegrees = 360 - deltaLonDegrees;
    return sinSquared(deltaLat / 2) +
           cos_ * cosNear(lat, deltaLat) * sinSquared(deltaLonDegrees * (kRadiansPerDegree / 2));
  }

  /** At most the haversine to a grid step in a cell whose cosine of latitude is nowhere below `cosMin`. */
  double haversineAtLeast(GridPoint to, double cosMin) const {
    const uint32_t eastward = to.lon - grid_.lon;
    const uint32_t lonSteps = std::min(eastward, uint32_t(-eastward));
    const uint32_t latSteps = to.lat > grid_.lat ? to.lat - grid_.lat : grid_.lat - to.lat;
    return atLeast(latSteps, kHalfLatStep) + cos_ * cosMin * atLeast(lonSteps, kHalfLonStep);
  }

  /**
   * The same for the nearest points of the four quadrants of a cell at `depth` (2^(32−depth) steps a side) with its south-west corner at
   * `corner`.
   */
  QuadrantBounds haversinesAtLeast(GridPoint corner, uint32_t depth, double cosMin) const {
    const uint32_t half = uint32_t{1} << (31 - depth);
    const double cosines = cos_ * cosMin;
    return {{latPart(corner.lat, half - 1), latPart(corner.lat + half, half - 1)},
            {cosines * lonPart(corner.lon, half - 1), cosines * lonPart(corner.lon + half, half - 1)}};
  }

 private:
  /** −180 and 180 are one meridian, and so must give the same distance to the last bit. */
  static double normalLon(double lon) { return lon == 180 ? -180 : lon; }

  /** At least sin² of half the latitudes between here and the grid steps from `first` on, `last` more of them. */
  double latPart(uint32_t first, uint32_t last) const {
    const uint32_t above = grid_.lat > first ? grid_.lat - first : 0;
    return atLeast(grid_.lat < first ? first - grid_.lat : above > last ? above - last : 0, kHalfLatStep);
  }

  /** The same of the longitudes, the shorter way round. */
  double lonPart(uint32_t first, uint32_t last) const {
    const uint32_t east = grid_.lon - first;
    return atLeast(east <= last ? 0 : std::min(uint32_t(-east), east - last), kHalfLonStep);
  }

  /** Two grid positions that are n steps apart are at least n − 1 steps of true distance apart. */
  static double atLeast(uint32_t steps, double halfStep) {
    return sinSquaredAtLeast(double(int64_t{steps} - (steps != 0)) * halfStep);
  }

  /** cos of `lat`, from the origin's by the angle-sum formula where the difference is small. */
  double cosNear(double lat, double deltaLat) const {
    if (std::abs(lat) == 90.0) return 0.0;
    if (std::abs(deltaLat) > 0.1) return std::cos(lat * kRadiansPerDegree);
    const double s = deltaLat * deltaLat;
    const double sine = deltaLat * (1 - s * (1.0 / 6) * (1 - s * (1.0 / 20) * (1 - s * (1.0 / 42) * (1 - s * (1.0 / 72)))));
    const double cosine = 1 - s * 0.5 * (1 - s * (1.0 / 12) * (1 - s * (1.0 / 30) * (1 - s * (1.0 / 56))));
    return cos_ * cosine - sin_ * sine;
  }

  double lat_ = 0;
  double lon_ = 0;
  double cos_ = 1;
  double sin_ = 0;
  GridPoint grid_{uint32_t{1} << 31, uint32_t{1} << 31};
};

/** The least cosine of latitude in a cell, rounded down. */
inline float cosMinOfCell(GridPoint corner, uint32_t depth) {
  const double size = kGridSteps / double(uint64_t{1} << depth);
  const double south = double(corner.lat) * (180.0 / kGridSteps) - 90.0;
  const double north = south + size * (180.0 / kGridSteps);
  const double least = std::min(std::cos(south * kRadiansPerDegree), std::cos(north * kRadiansPerDegree));
  return std::max(0.0f, std::nextafter(float(least), -1.0f));
}

}  // namespace raziel
