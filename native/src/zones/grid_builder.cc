// See grid_builder.h.

#include "grid_builder.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "piece.h"

namespace raziel::zones {
namespace {

// Tuned by bench/micro/zones: more cells made no lookup faster, fewer made the large zones slower.
constexpr double kCellsPerEdge = 1.0;
constexpr uint32_t kEdgesInOneCell = 8;
constexpr double kRunsPerEdgeMax = 8.0;
/** Cells list edges that come this close to them, in cells: more than all rounding of the arithmetic below and of float cell sizes. */
constexpr double kMarginCells = 1.0 / 256;

struct Range {
  uint32_t first;
  uint32_t last;
};

class GridBuilder {
 public:
  GridBuilder(PieceStore& store, const FlatPiece& flat) : store_(store), flat_(flat) {
    for (const Chain& chain : flat.chains) edges_ += chain.end - chain.first - 1;
  }

  Piece build() {
    if (flat_.x.size() > kPieceVerticesMax) throw std::length_error("a polygon has more than 16,777,216 vertices");
    Piece piece{};
    piece.firstVertex = index32(store_.coordinates.size() / 2);
    piece.firstCell = index32(store_.cells.size());
    piece.firstRun = index32(store_.runs.size());
    piece.flags = (flat_.northInside ? kNorthInside : 0) | (flat_.low.empty() ? 0 : kLowParts);
    if (!placeGrid(piece)) placeOneCell(piece);
    fillRuns(piece);
    setParities(piece);
    appendVertices();
    return piece;
  }

 private:
  static uint32_t index32(size_t value) {
    if (value > std::numeric_limits<uint32_t>::max() / 4) throw std::length_error("a layer is too large to index");
    return static_cast<uint32_t>(value);
  }

  /** The box of the vertices within −180..180, without the poles. */
  void measure(double& south, double& north) const {
    south = *std::min_element(flat_.y.begin(), flat_.y.end());
    north = *std::max_element(flat_.y.begin(), flat_.y.end());
  }

  void setGrid(Piece& piece, uint32_t columns, uint32_t rows) const {
    double south, north;
    measure(south, north);
    piece.west = flat_.west;
    piece.south = south;
    piece.columns = static_cast<uint16_t>(columns);
    piece.rows = static_cast<uint16_t>(rows);
    piece.cellWidth = (flat_.east - flat_.west) / columns;
    piece.cellHeight = (north - south) / rows;
    piece.columnsPerDegree = piece.cellWidth > 1e-12 ? static_cast<float>(1 / piece.cellWidth) : 0;
    piece.rowsPerDegree = piece.cellHeight > 1e-12 ? static_cast<float>(1 / piece.cellHeight) : 0;
  }

  void placeOneCell(Piece& piece) {
    setGrid(piece, 1, 1);
    runsOfCell_.assign(1, 0);
    countRuns(piece);
  }

  /** Chooses a grid whose lists stay in proportion to the edges; false when one cell serves as well. */
  bool placeGrid(Piece& piece) {
    double south, north;
    measure(south, north);
    const double width = flat_.east - flat_.west;
    const double height = north - south;
    if (edges_ <= kEdgesInOneCell || !(width > 1e-9) || !(height > 1e-9)) return false;
    for (double cells = edges_ * kCellsPerEdge; cells >= 4; cells /= 4) {
      const double columns = std::sqrt(cells * width / height);
      const uint32_t side = kGridSideMax;
      const uint32_t nColumns = static_cast<uint32_t>(std::clamp(std::round(columns), 1.0, double{side}));
      const uint32_t nRows = static_cast<uint32_t>(std::clamp(std::round(cells / nColumns), 1.0, double{side}));
      if (estimateTouches(nColumns / width, nRows / height) > 64.0 * edges_ + 1024) continue;
      setGrid(piece, nColumns, nRows);
      runsOfCell_.assign(static_cast<size_t>(nColumns) * nRows, 0);
      if (static_cast<double>(countRuns(piece)) <= kRunsPerEdgeMax * edges_ + 64) return true;
    }
    return false;
  }

  /** About how many (edge, cell) pairs there are. */
  double estimateTouches(double columnsPerDegree, double rowsPerDegree) const {
    double touches = edges_;
    for (const Chain& chain : flat_.chains) {
      for (uint32_t i = chain.first; i + 1 < chain.end; i++) {
        touches += std::fabs(flat_.x[i + 1] - flat_.x[i]) * columnsPerDegree + std::fabs(flat_.y[i + 1] - flat_.y[i]) * rowsPerDegree;
      }
    }
    return touches;
  }

  static Range cellRange(double low, double high, uint32_t count) {
    const double last = count - 1.0;
    return {static_cast<uint32_t>(std::clamp(std::floor(low - kMarginCells), 0.0, last)),
            static_cast<uint32_t>(std::clamp(std::floor(high + kMarginCells), 0.0, last))};
  }

  /** Visits every cell that an edge touches or nearly touches: visit(cell, edge), edges in order. */
  template <typename Visit>
  void forEachTouch(const Piece& piece, Visit&& visit) const {
    const double perX = piece.columnsPerDegree == 0 ? 0 : 1 / piece.cellWidth;
    const double perY = piece.rowsPerDegree == 0 ? 0 : 1 / piece.cellHeight;
    for (const Chain& chain : flat_.chains) {
      for (uint32_t i = chain.first; i + 1 < chain.end; i++) {
        double x1 = (flat_.x[i] - piece.west) * perX;
        double x2 = (flat_.x[i + 1] - piece.west) * perX;
        double y1 = (flat_.y[i] - piece.south) * perY;
        double y2 = (flat_.y[i + 1] - piece.south) * perY;
        if (x1 > x2) {
          std::swap(x1, x2);
          std::swap(y1, y2);
        }
        // What lies beyond the map belongs to the other copy of this edge; only rounding can bring it back.
        if (x2 < -kMarginCells || x1 > piece.columns + kMarginCells) continue;
        const Range columns = cellRange(x1, x2, piece.columns);
        // An edge that is hardly wider than the margins is listed in full height wherever it may be.
        const bool clips = x2 - x1 > 4 * kMarginCells;
        const double slope = clips ? (y2 - y1) / (x2 - x1) : 0;
        for (uint32_t column = columns.first; column <= columns.last; column++) {
          double yLow = std::min(y1, y2);
          double yHigh = std::max(y1, y2);
          if (clips) {
            // Clip to the column, with its margins. The rows' margin covers the rounding of the clipped ends.
            const double left = std::clamp(column - kMarginCells, x1, x2);
            const double right = std::clamp(column + 1 + kMarginCells, x1, x2);
            const double yLeft = y1 + (left - x1) * slope;
            const double yRight = y1 + (right - x1) * slope;
            yLow = std::max(yLow, std::min(yLeft, yRight));
            yHigh = std::min(yHigh, std::max(yLeft, yRight));
          }
          const Range rows = cellRange(yLow, yHigh, piece.rows);
          for (uint32_t row = rows.first; row <= rows.last; row++) {
            visit(static_cast<size_t>(row) * piece.columns + column, i);
          }
        }
      }
    }
  }

  /** Counts the runs of each cell into runsOfCell_, and returns their sum. */
  size_t countRuns(const Piece& piece) {
    size_t total = 0;
    forEachRun(piece, [&](size_t cell, uint32_t) {
      runsOfCell_[cell]++;
      total++;
      return total;
    });
    return total;
  }

  /** Visits each (cell, edge) that begins a run: start(cell, edge); the last edge of each cell's current run is in lastEdge_. */
  template <typename Start>
  void forEachRun(const Piece& piece, Start&& start) {
    lastEdge_.assign(runsOfCell_.size(), kNoEdge);
    firstEdge_.assign(runsOfCell_.size(), 0);
    forEachTouch(piece, [&](size_t cell, uint32_t edge) {
      if (lastEdge_[cell] == edge) return;
      if (lastEdge_[cell] + 1 == edge && edge - firstEdge_[cell] < kRunEdgesMax && lastEdge_[cell] != kNoEdge) {
        lastEdge_[cell] = edge;
        extended(cell);
        return;
      }
      firstEdge_[cell] = lastEdge_[cell] = edge;
      start(cell, edge);
    });
  }

  void extended(size_t cell) {
    if (filling_) store_.runs[next_[cell] - 1]++;  // one edge more in the low eight bits
  }

  void fillRuns(const Piece& piece) {
    const size_t cells = runsOfCell_.size();
    next_.resize(cells);
    size_t position = store_.runs.size();
    for (size_t cell = 0; cell < cells; cell++) {
      store_.cells.push_back(static_cast<uint32_t>(position - piece.firstRun) << 1);
      next_[cell] = position;
      position += runsOfCell_[cell];
    }
    store_.cells.push_back(static_cast<uint32_t>(position - piece.firstRun) << 1);
    index32(position);
    store_.runs.resize(position);
    filling_ = true;
    forEachRun(piece, [&](size_t cell, uint32_t edge) { store_.runs[next_[cell]++] = edge << 8; });
  }

  Edge edgeAt(uint32_t i) const {
    Edge edge{flat_.x[i], flat_.y[i], flat_.x[i + 1], flat_.y[i + 1]};
    if (!flat_.low.empty()) {
      edge.low1 = flat_.low[i];
      edge.low2 = flat_.low[i + 1];
    }
    return edge;
  }

  bool referenceIsAbove(const Edge& edge, double x, double y) const {
    return flat_.low.empty() ? movedIsAbove<false>(edge, x, y) : movedIsAbove<true>(edge, x, y);
  }

  /** Decides for the reference of every cell whether it is inside: the north pole is or is not, and each edge above changes that. */
  void setParities(const Piece& piece) {
    // toggles[row]: how often (mod 2) the references of this row and all rows south of it change sides.
    const size_t columns = piece.columns;
    std::vector<uint8_t> toggles(columns * piece.rows, 0);
    const double perX = piece.columnsPerDegree == 0 ? 0 : 1 / piece.cellWidth;
    for (const Chain& chain : flat_.chains) {
      for (uint32_t i = chain.first; i + 1 < chain.end; i++) {
        const Edge edge = edgeAt(i);
        const double west = std::min(edge.x1, edge.x2);
        const double east = std::max(edge.x1, edge.x2);
        const double last = piece.columns - 1.0;
        const auto from = static_cast<uint32_t>(std::clamp(std::floor((west - piece.west) * perX) - 1, 0.0, last));
        const auto to = static_cast<uint32_t>(std::clamp(std::floor((east - piece.west) * perX) + 1, 0.0, last));
        for (uint32_t column = from; column <= to; column++) {
          const double x = referenceX(piece, column);
          if ((edge.x1 <= x) == (edge.x2 <= x)) continue;
          const uint32_t below = rowsBelow(piece, edge, x);
          if (below > 0) toggles[(below - 1) * columns + column] ^= 1;
        }
      }
    }
    uint32_t* const cells = store_.cells.data() + piece.firstCell;
    for (size_t column = 0; column < columns; column++) {
      uint32_t inside = flat_.northInside ? 1 : 0;
      for (size_t row = piece.rows; row-- > 0;) {
        inside ^= toggles[row * columns + column];
        cells[row * columns + column] |= inside;
      }
    }
  }

  /** How many references of the column of x, from the south, lie below the edge. */
  uint32_t rowsBelow(const Piece& piece, const Edge& edge, double x) const {
    const double at = edge.y1 + (x - edge.x1) * (edge.y2 - edge.y1) / (edge.x2 - edge.x1);
    const double guess = piece.rowsPerDegree == 0 ? 0 : (at - piece.south) / piece.cellHeight;
    uint32_t below = static_cast<uint32_t>(std::clamp(std::floor(guess), 0.0, static_cast<double>(piece.rows)));
    while (below > 0 && referenceIsAbove(edge, x, referenceY(piece, below - 1))) below--;
    while (below < piece.rows && !referenceIsAbove(edge, x, referenceY(piece, below))) below++;
    return below;
  }

  void appendVertices() {
    const bool low = !flat_.low.empty();
    for (size_t i = 0; i < flat_.x.size(); i++) {
      store_.coordinates.push_back(flat_.x[i]);
      store_.coordinates.push_back(flat_.y[i]);
      if (!low) continue;
      store_.coordinates.push_back(flat_.low[i]);
      store_.coordinates.push_back(0);
    }
  }

  static constexpr uint32_t kNoEdge = 0xFFFFFFFF;

  PieceStore& store_;
  const FlatPiece& flat_;
  double edges_ = 0;
  bool filling_ = false;
  std::vector<uint32_t> runsOfCell_;
  std::vector<uint32_t> lastEdge_;
  std::vector<uint32_t> firstEdge_;
  std::vector<size_t> next_;
};

}  // namespace

Piece addPiece(PieceStore& store, const FlatPiece& flat) { return GridBuilder(store, flat).build(); }

}  // namespace raziel::zones
