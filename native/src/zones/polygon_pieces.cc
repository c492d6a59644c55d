// See polygon_pieces.h.

#include "polygon_pieces.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "../robust.h"

namespace raziel::zones {
namespace {

class Flattener {
 public:
  void addRing(RingView ring) {
    const size_t count = ring.size() / 2;
    int turns = 0;
    double south = 90;
    double north = -90;
    begin();
    push(ring[0], ring[1], 0);
    for (size_t i = 1; i < count; i++) {
      const double fromLon = ring[2 * i - 2];
      const double fromLat = ring[2 * i - 1];
      const double toLon = ring[2 * i];
      const double toLat = ring[2 * i + 1];
      south = std::min(south, toLat);
      north = std::max(north, toLat);
      const double step = toLon - fromLon;
      const bool edgeOfMap = std::fabs(step) == 360 && fromLat == toLat;
      if (std::fabs(step) <= 180 || edgeOfMap) {
        push(toLon, toLat, 0);
        continue;
      }
      const int turn = step > 0 ? -1 : 1;  // the way that the far end has to be moved
      turns += turn;
      crosses_ = true;
      push(toLon, toLat, turn);
      begin();
      push(fromLon, fromLat, -turn);
      push(toLon, toLat, 0);
    }
    if (turns % 2 != 0) {
      aroundAxis_ = true;
      const bool holdsNorth = 90 - north <= south + 90;
      northInside_ ^= holdsNorth;
      (holdsNorth ? reachesNorth_ : reachesSouth_) = true;
    }
  }

  std::vector<FlatPiece> finish() {
    closeChain();
    std::vector<FlatPiece> pieces;
    const double gap = crosses_ && !aroundAxis_ ? middleOfWidestGap() : std::numeric_limits<double>::quiet_NaN();
    if (std::isnan(gap)) {
      pieces.push_back(gather([](const Span&) { return true; }));
    } else {
      pieces.push_back(gather([gap](const Span& span) { return span.east < gap; }));
      pieces.push_back(gather([gap](const Span& span) { return span.east >= gap; }));
    }
    return pieces;
  }

 private:
  /** A chain with the part of −180..180 that it covers. */
  struct Span {
    Chain chain;
    double west;
    double east;
  };

  void begin() {
    closeChain();
    chainFirst_ = static_cast<uint32_t>(x_.size());
  }

  void closeChain() {
    const uint32_t end = static_cast<uint32_t>(x_.size());
    // A lone vertex is no chain: a ring may begin with an edge that crosses. But then its crossing edge is in the chain.
    if (end - chainFirst_ < 2) {
      x_.resize(chainFirst_);
      y_.resize(chainFirst_);
      low_.resize(chainFirst_);
      return;
    }
    const auto [west, east] = std::minmax_element(x_.begin() + chainFirst_, x_.end());
    spans_.push_back({{chainFirst_, end}, std::max(*west, -180.0), std::min(*east, 180.0)});
    chainFirst_ = end;
  }

  void push(double lon, double lat, int turn) {
    const robust::Sum moved = robust::twoSum(lon, 360.0 * turn);
    x_.push_back(moved.high);
    y_.push_back(lat);
    low_.push_back(moved.low);
  }

  /** Where the polygon can be cut in two without cutting an edge, or NaN. */
  double middleOfWidestGap() {
    std::vector<Span> sorted = spans_;
    std::sort(sorted.begin(), sorted.end(), [](const Span& a, const Span& b) { return a.west < b.west; });
    double covered = sorted.front().east;
    double widest = 0;
    double middle = std::numeric_limits<double>::quiet_NaN();
    for (const Span& span : sorted) {
      if (span.west - covered > widest) {
        widest = span.west - covered;
        middle = covered + widest / 2;
      }
      covered = std::max(covered, span.east);
    }
    return middle;
  }

  template <typename Belongs>
  FlatPiece gather(Belongs&& belongs) const {
    FlatPiece piece{};
    piece.west = piece.south = std::numeric_limits<double>::infinity();
    piece.east = piece.north = -std::numeric_limits<double>::infinity();
    bool lossless = true;
    for (const Span& span : spans_) {
      if (!belongs(span)) continue;
      const uint32_t first = static_cast<uint32_t>(piece.x.size());
      for (uint32_t i = span.chain.first; i < span.chain.end; i++) {
        piece.x.push_back(x_[i]);
        piece.y.push_back(y_[i]);
        piece.low.push_back(low_[i]);
        lossless &= low_[i] == 0;
        piece.south = std::min(piece.south, y_[i]);
        piece.north = std::max(piece.north, y_[i]);
      }
      piece.west = std::min(piece.west, span.west);
      piece.east = std::max(piece.east, span.east);
      piece.chains.push_back({first, static_cast<uint32_t>(piece.x.size())});
    }
    if (lossless) piece.low.clear();
    piece.northInside = northInside_;
    if (aroundAxis_) {
      piece.west = -180;
      piece.east = 180;
      if (reachesNorth_) piece.north = 90;
      if (reachesSouth_) piece.south = -90;
    }
    return piece;
  }

  std::vector<double> x_;
  std::vector<double> y_;
  std::vector<double> low_;
  std::vector<Span> spans_;
  uint32_t chainFirst_ = 0;
  bool crosses_ = false;
  bool aroundAxis_ = false;
  bool northInside_ = false;
  bool reachesNorth_ = false;
  bool reachesSouth_ = false;
};

}  // namespace

std::vector<FlatPiece> flattenRings(std::span<const RingView> rings) {
  Flattener flattener;
  for (const RingView& ring : rings) flattener.addRing(ring);
  return flattener.finish();
}

}  // namespace raziel::zones
