// Hot WebSocket frames, answered whole: a plain, valid `nearest`, `zonesAt` or `locations` request in MessagePack. Anything else, down to a
// field that is not known here or a value out of range, is left to the long way round through src/protocol, which also knows how to say
// what is wrong. Whatever is accepted here must be accepted there with the same answer (test/contract).

#pragma once

#include <cstddef>
#include <cstdint>

#include "answer.h"
#include "msgpack_writer.h"
#include "search.h"
#include "session.h"
#include "zones/hits.h"
#include "zones/publisher.h"

namespace raziel {

/** What one thread answers frames with. */
struct FrameTools {
  Session& session;
  zones::Hits& hits;
  /** Without one (nullptr) a `zonesAt` is not hot. */
  zones::ZoneReader* zones;
};

/** When, and what is allowed. */
struct FrameRules {
  double nowMs;
  /** Fixes in a batch. */
  uint32_t fixesMax;
  /** By FrameOp, from the lowest bit on: what the connection's caller may have answered here; another op is not hot. */
  uint32_t allowed;
};

enum class FrameOutcome : uint8_t {
  /** Nothing has changed and nothing was written. */
  NotHot,
  /** The answer, which may be empty, is written; or it did not fit the writer, which then only counted. */
  Answered,
  /** The batch is applied, some fixes were rejected, and nothing is written: their messages are made elsewhere. */
  Rejections,
  TooWide,
};

enum class FrameOp : uint8_t { Locations, Nearest, ZonesAt };

/** A hot frame, read. Texts and arrays are as they stand in its bytes. */
struct HotFrame {
  FrameOp op;
  /** The client's ref; data is null when there is none. */
  Bytes ref;
  /** Of `nearest` and `zonesAt`. */
  double lat;
  double lon;
  /** Of `nearest`. */
  double k;
  double radiusMeters;
  double maxAgeSeconds;
  Bytes tags;
  Bytes anyTags;
  Bytes notTags;
  /** Of `zonesAt`; data is null for all of them. */
  Bytes layer;
  /** Of `locations`: the array of fixes, and whether the client wants an answer. */
  Bytes batch;
  bool acks;
};

/** What an answered frame was. */
struct FrameStatus {
  /** Of locations: what became of the fixes. */
  const BatchOutcome* outcome = nullptr;
  uint32_t micros = 0;
};

/** Reads a frame; false for one that is not hot. Its batch, if it has one, is not decoded yet, and may turn out to be broken. */
bool readFrame(Bytes bytes, const FrameRules& rules, HotFrame& frame);

/** The search that a `nearest` asks for. The caller is pinned from here until it is answered. */
SearchRequest searchOf(const DriverStore& store, const HotFrame& frame);

/** Answers a `nearest` with its search, which may have been begun. */
FrameOutcome answerNearest(const FrameTools& tools, SearchScratch& scratch, const SearchRequest& request, double nowMs, Stopwatch& watch,
                           MsgpackWriter& out, FrameStatus& status);

FrameOutcome answerZonesAt(const FrameTools& tools, const HotFrame& frame, Stopwatch& watch, MsgpackWriter& out, FrameStatus& status);

/** Decodes and applies a batch; NotHot for a broken one. */
FrameOutcome answerLocations(const FrameTools& tools, const HotFrame& frame, double nowMs, Stopwatch& watch, MsgpackWriter& out,
                             FrameStatus& status);

}  // namespace raziel
