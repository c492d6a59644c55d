// What ranking needs of a search: its drivers as numbers, and the rows of the answer ready to be put into another order. Also drivers as
// the learner of travel times sees them.

#pragma once

#include <cstdint>
#include <string_view>

#include "answer.h"
#include "driver_store.h"
#include "msgpack_writer.h"
#include "search.h"
#include "session.h"

namespace raziel {

/** One candidate, as JavaScript reads it from a Float64Array; src/drivers/candidates.ts names the same. */
struct CandidateRow {
  double lat;
  double lon;
  /** Metres, great-circle. */
  double distance;
  /** NaN where the fix says none. */
  double heading;
  double speed;
  /** A number for the driver, the same one for as long as it is held. */
  double driver;
  /** Its row of the answer: so many pairs of a map, without the map's head, up to this byte; the first row begins at the writer's start. */
  double pairs;
  double end;
};

struct CandidateOutcome {
  bool tooWide;
  uint32_t count;
};

/** Finds the nearest that `request` asks for, by distance. At most `room` rows are written. When the pairs do not fit, the writer only counts. */
CandidateOutcome findCandidates(Session& session, SearchScratch& scratch, const SearchRequest& request, double nowMs,
                                CandidateRow* rows, uint32_t room, MsgpackWriter& out);

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
