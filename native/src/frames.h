// Several hot frames, of one connection or of many, answered in one call. They lie one behind the other in memory that JavaScript
// copies them to as they arrive (src/transport/hot-frames.ts), and so do the answers.
//
// A search waits for memory most of its time, so consecutive ones are taken through their stages together: while the leaves of one are
// fetched the next is begun (group prefetching: Chen, Ailamaki, Gibbons and Mowry, "Improving hash join performance through prefetching", 2004).

#pragma once

#include <array>
#include <cstdint>

#include "frame.h"

namespace raziel {

/** Frames 0, 1, …: each begins where the one before ends. */
struct StagedFrames {
  const uint8_t* bytes;
  const uint32_t* ends;
  /** FrameRules::allowed of each; kSkipped for one that is to be passed over. */
  const uint8_t* allowed;

  Bytes at(uint32_t i) const {
    const uint32_t start = i == 0 ? 0 : ends[i - 1];
    return {bytes + start, ends[i] - start};
  }
};

constexpr uint8_t kSkipped = 0x80;

/** What became of a frame, as JavaScript reads it. */
struct FrameRow {
  /** Bytes of the answer, 0 for none; or one of the codes below. */
  int32_t result;
  int32_t op;
  int32_t accepted;
  int32_t stale;
  int32_t duplicate;
  int32_t rejected;
  int32_t micros;
  /** Where in the frame the batch and the ref begin and end; 0 to 0 for no ref. Only with kFrameRejections. */
  int32_t batchStart;
  int32_t batchEnd;
  int32_t refStart;
  int32_t refEnd;
};
static_assert(sizeof(FrameRow) == 11 * sizeof(int32_t));

// The names are those of src/drivers/engine.ts.
constexpr int32_t kFrameNotHot = -1;
constexpr int32_t kFrameTooWide = -2;
constexpr int32_t kFrameRejections = -3;
constexpr int32_t kFrameSkipped = -4;
/** The answer needs n bytes, and there are fewer: kFrameNeeds − n. */
constexpr int32_t kFrameNeeds = -16;

class FrameAnswerer {
 public:
  FrameAnswerer(Session& session, zones::ZoneReader* zones) : tools_{session, hits_, zones} {}

  /** Where `zonesAt` is looked up from now on. */
  void useZones(zones::ZoneReader* zones) { tools_.zones = zones; }

  /** Answers one frame and says in `row` what became of it. */
  void answer(Bytes bytes, const FrameRules& rules, MsgpackWriter& out, FrameRow& row);

  /**
   * Answers frames from the one numbered `from` on up to the one before `to`, the answers one behind the other in `out`, what became of them in
   * `rows`, which begin with the one of `from`. Stops after a frame that JavaScript must deal with before the next, because it is not hot or has
   * rejected fixes, after one with which its searches have taken 5 ms, and before one whose answer does not fit; the row of that says how much
   * room it needs.
   * @returns how far it got: the number behind the last frame that is dealt with
   */
  uint32_t answerAll(const StagedFrames& frames, uint32_t from, uint32_t to, FrameRules rules, uint8_t* out, size_t room, FrameRow* rows);

 private:
  /** Frames that are taken through their stages together. */
  static constexpr uint32_t kGroup = 16;

  struct Staged {
    bool isHot = false;
    bool isSearch() const { return isHot && frame.op == FrameOp::Nearest; }
    bool isBatch() const { return isHot && frame.op == FrameOp::Locations; }

    HotFrame frame;
    SearchRequest search;
    SearchScratch scratch;
  };

  /** Where the next answer goes, and what the searches have taken. */
  struct Progress {
    uint8_t* out;
    size_t room;
    int32_t micros = 0;
    Stopwatch watch;
  };
  enum class Step : uint8_t { GoOn, StopBehind, StopBefore };

  uint32_t beginGroup(const StagedFrames& frames, uint32_t from, uint32_t to, FrameRules rules, Stopwatch& watch);
  Step answerNext(Staged& staged, const StagedFrames& frames, uint32_t i, double nowMs, Progress& progress, FrameRow& row);
  void answerOne(Staged& staged, Bytes bytes, double nowMs, Stopwatch& watch, MsgpackWriter& out, FrameRow& row);

  zones::Hits hits_;
  FrameTools tools_;
  std::array<Staged, kGroup> group_;
};

}  // namespace raziel
