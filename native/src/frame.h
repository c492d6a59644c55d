// Hot WebSocket frames, answered whole: a plain, valid `nearest` or `locations` request in MessagePack. Anything else, down to a field
// that is not known here or a value out of range, is left to the long way round through src/protocol, which also knows how to say
// what is wrong. Whatever is accepted here must be accepted there with the same answer (test/contract).

#pragma once

#include <cstddef>
#include <cstdint>

#include "answer.h"
#include "msgpack_writer.h"
#include "search.h"
#include "session.h"

namespace raziel {

enum class FrameOutcome : uint8_t {
  /** Nothing has changed and nothing was written. */
  NotHot,
  /** The answer, which may be empty, is written; or it did not fit a search's writer, which then only counted. */
  Answered,
  /** The batch is applied, some fixes were rejected, and nothing is written: their messages are made elsewhere. */
  Rejections,
  TooWide,
};

/** What an answered frame was. */
struct FrameStatus {
  enum class Op : uint8_t { Locations, Nearest } op = Op::Nearest;
  /** Of locations: what became of the fixes, and their array and the client's ref (if there is one) as they stand in the frame. */
  const BatchOutcome* outcome = nullptr;
  Bytes batch;
  Bytes ref;
  uint32_t micros = 0;
};

/** Bits of `allowed`: ops that the connection's caller may have answered here; another is not hot. */
constexpr uint32_t kAllowLocations = 1;
constexpr uint32_t kAllowNearest = 2;

FrameOutcome answerFrame(Session& session, SearchScratch& scratch, const uint8_t* bytes, size_t size, double nowMs,
                         uint32_t fixesMax, uint32_t allowed, MsgpackWriter& out, FrameStatus& status);

}  // namespace raziel
