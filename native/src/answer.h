// Searches from the request as a client makes it to the answer as it is sent: one MessagePack map (docs/protocol.md).

#pragma once

#include <optional>
#include <string_view>

#include "msgpack_writer.h"
#include "search.h"
#include "session.h"
#include "stopwatch.h"

namespace raziel {

struct SearchRequest {
  enum class Kind : uint8_t { Nearest, Circle, Box, Polygons, Zone };

  Kind kind = Kind::Nearest;
  /** Nearest and circle; set by `around`. */
  Origin origin;
  double haversineMax = 0;
  /** How many drivers at most. */
  uint32_t limit = 0;
  /** The area of the other kinds. */
  std::optional<BoxArea> box;
  const PolygonsArea* polygons = nullptr;
  const ZoneArea* zone = nullptr;
  Filter filter;
  bool explain = false;
  /** The MessagePack of the client's `ref`; data is null when there is none. */
  Bytes ref;
  /** What beginSearch() took. */
  double begunMicros = 0;

  /** Latitude −90..90 and longitude −180..180 in degrees. A driver exactly on the radius is in, whatever the last bits say. */
  void around(double lat, double lon, double radiusMeters) {
    origin = Origin(lat, lon);
    haversineMax = haversineOfMeters(radiusMeters + kRadiusSlackMeters);
  }

  static constexpr double kRadiusSlackMeters = 1e-4;
};

/**
 * Begins a search for the nearest beside others (SearchScratch::begin). The caller is pinned until answerSearch() has answered it, which
 * must come next with this scratch.
 */
void beginSearch(const DriverStore& store, SearchScratch& scratch, const SearchRequest& request);

struct SearchOutcome {
  /** It looked at more candidates than it may, and nothing has been written. */
  bool tooWide;
  /** What the answer says that it took. */
  uint32_t micros;
};

/**
 * Searches and writes the answer. When that does not fit, the writer only counts, and the caller comes again with more room. What it took is
 * counted from the watch's last lap on.
 */
SearchOutcome answerSearch(Session& session, SearchScratch& scratch, const SearchRequest& request, double nowMs, Stopwatch& watch,
                           MsgpackWriter& out);

/** Writes a driver of an answer as the pairs of its map, and returns how many they are; the head of the map is the caller's to write. */
uint32_t writeHitPairs(const DriverStore& store, const Hit& hit, bool withDistance, double nowMs, MsgpackWriter& out);

/** Writes a driver's fix as held, flat, with its age. The caller is pinned. */
void writeHeldFix(const DriverStore& store, const FixBlock& fix, double nowMs, MsgpackWriter& out);

/** Resolves one tag of a filter; the caller is pinned until the search is done. */
void requireTag(const DriverStore& store, std::string_view tag, Filter& filter);
void allowTag(const DriverStore& store, std::string_view tag, Filter& filter);
void refuseTag(const DriverStore& store, std::string_view tag, Filter& filter);

}  // namespace raziel
