// What ranking needs of searches: their drivers as numbers, and the rows of the answer ready to be put into another order, which is done here
// too. Also drivers as the learner of travel times sees them.

#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "answer.h"
#include "driver_store.h"
#include "msgpack_writer.h"
#include "search.h"
#include "session.h"

namespace raziel {

/** As GROUPS_MAX in src/limits.ts. */
constexpr uint32_t kGroupsMax = 8;

/** One candidate, as JavaScript reads it from a Float64Array; src/drivers/candidates.ts names the same. */
struct CandidateRow {
  double lat;
  double lon;
  /** Metres, great-circle. */
  double distance;
  /** NaN where the fix says none. */
  double heading;
  double speed;
  /** Its row of the answer: so many pairs of a map, without the map's head, in the table's bytes from `start` to `end`. */
  double pairs;
  double start;
  double end;
};

/** The candidates of one request, in memory that JavaScript shares; its CandidateList has the same. */
struct CandidateTable {
  CandidateRow* rows = nullptr;
  /** The row of each driver that a search found, nearest first, one search behind the other. */
  int32_t* found = nullptr;
  /** Where in `found` each search ends; kGroupsMax of them. */
  int32_t* ends = nullptr;
  /** Rows in the order of the answer, and what each row was ranked by. JavaScript's to write. */
  const int32_t* order = nullptr;
  const double* keys = nullptr;
  /** How many rows, and drivers found, there is room for. */
  uint32_t room = 0;
  uint8_t* bytes = nullptr;
  size_t byteRoom = 0;
};

struct CandidatesFound {
  bool tooWide;
  /** Rows: drivers that at least one search found. */
  uint32_t count;
  /** Of the rows' pairs; when these are more than there is room for, the table is to be filled again with more. */
  size_t bytes;
};

/** Searches around one place that differ in the tags that they ask for, answered together. One belongs to one thread. */
class CandidateFinder {
 public:
  void clear() { groups_ = 0; }

  /** A search more, at most kGroupsMax: adds its conditions to those that all have, which are given. Good until the next. */
  Filter& add(const Filter& common) { return filters_[groups_++] = common; }

  /** Finds the `request.limit` nearest of every search and fills the table, which must have room for as many. The caller is pinned. */
  CandidatesFound run(Session& session, SearchScratch& scratch, const SearchRequest& request, double nowMs, CandidateTable& table);

 private:
  bool search(const DriverStore& store, SearchScratch& scratch, const SearchRequest& request, double nowMs, CandidateTable& table);
  uint32_t rowOf(uint32_t driver);

  std::array<Filter, kGroupsMax> filters_;
  uint32_t groups_ = 0;
  std::vector<Hit> hits_;
  /** The driver of each row. */
  std::vector<uint32_t> drivers_;
  /** A hash table of rows by driver: row + 1, 0 for none. */
  std::vector<uint32_t> slots_;
};

/**
 * Writes the first `count` rows in the table's order as an array of maps; with a source also the keys as travel times, and that it said so. `unanswered`
 * has 1 for rows whose key is the default's, or is null.
 */
void writeRanked(const CandidateTable& table, uint32_t count, std::string_view source, const uint8_t* unanswered, MsgpackWriter& out);

/** A driver as the learner sees it. */
struct Sighting {
  double driver;
  double lat;
  double lon;
  double timeMs;
  double heading;
  double speed;
  /** 1 when it carries the idle tag. */
  double isIdle;
};

struct SightingSlice {
  uint32_t count;
  /** The driver to go on from, 0 at the end. */
  uint32_t next;
};

/** The live drivers whose number is a multiple of `stride`, from `cursor` on (0 to begin), at most `room`. */
SightingSlice seeDrivers(Session& session, uint32_t cursor, uint32_t stride, double nowMs, std::string_view idleTag,
                         Sighting* sightings, uint32_t room);

}  // namespace raziel
