#include "frames.h"

namespace raziel {

namespace {

/** What the answer to a batch takes at most. Applying it again for want of room would count its fixes as duplicates. */
constexpr size_t kCountsBytesMax = 256;
/** Searches that took as long end a call, so that JavaScript can let other connections go first. */
constexpr int32_t kCallMicrosMax = 5'000;

FrameRow rowOf(int32_t result) {
  FrameRow row{};
  row.result = result;
  return row;
}

}  // namespace

void FrameAnswerer::answer(Bytes bytes, const FrameRules& rules, MsgpackWriter& out, FrameRow& row) {
  Stopwatch watch;
  Staged& staged = group_[0];
  staged.isHot = readFrame(bytes, rules, staged.frame);
  if (!staged.isSearch()) return answerOne(staged, bytes, rules.nowMs, watch, out, row);
  EpochPin pinned = tools_.session.pin();
  staged.search = searchOf(tools_.session.store(), staged.frame);
  beginSearch(tools_.session.store(), staged.scratch, staged.search);
  answerOne(staged, bytes, rules.nowMs, watch, out, row);
}

uint32_t FrameAnswerer::answerAll(const StagedFrames& frames, uint32_t from, uint32_t to, FrameRules rules, uint8_t* out, size_t room,
                                  FrameRow* rows) {
  Progress progress{out, room, 0, Stopwatch()};
  for (uint32_t start = from, end = from; start < to; start = end) {
    uint32_t i = start;
    Step step = Step::GoOn;
    const auto goOnTo = [&](uint32_t stop) {
      for (; i < stop && step == Step::GoOn; ++i) {
        step = answerNext(group_[i - start], frames, i, rules.nowMs, progress, rows[i - from]);
      }
    };
    {
      EpochPin pinned = tools_.session.pin();
      end = beginGroup(frames, start, to, rules, progress.watch);
      goOnTo(group_[end - 1 - start].isBatch() ? end - 1 : end);
    }
    // A batch, which is the last of its group, pins for itself.
    goOnTo(end);
    if (step != Step::GoOn) return step == Step::StopBehind ? i : i - 1;
  }
  return to;
}

FrameAnswerer::Step FrameAnswerer::answerNext(Staged& staged, const StagedFrames& frames, uint32_t i, double nowMs, Progress& progress,
                                              FrameRow& row) {
  if (frames.allowed[i] == kSkipped) {
    row = rowOf(kFrameSkipped);
    return Step::GoOn;
  }
  if (progress.room < kCountsBytesMax) {
    row = rowOf(kFrameNeeds - int32_t(kCountsBytesMax));
    return Step::StopBefore;
  }
  MsgpackWriter writer(progress.out, progress.room);
  answerOne(staged, frames.at(i), nowMs, progress.watch, writer, row);
  if (row.result <= kFrameNeeds) return Step::StopBefore;
  if (row.result == kFrameNotHot || row.result == kFrameRejections) return Step::StopBehind;
  if (row.result > 0) {
    progress.out += row.result;
    progress.room -= size_t(row.result);
  }
  progress.micros += row.micros;
  return progress.micros >= kCallMicrosMax ? Step::StopBehind : Step::GoOn;
}

/** Reads frames and begins searches, up to a group of them or to one that changes what the next ones see; returns the number behind the last. */
uint32_t FrameAnswerer::beginGroup(const StagedFrames& frames, uint32_t from, uint32_t to, FrameRules rules, Stopwatch& watch) {
  const DriverStore& store = tools_.session.store();
  uint32_t searches = 0;
  uint32_t end = from;
  while (end < to && end - from < kGroup) {
    Staged& staged = group_[end - from];
    rules.allowed = frames.allowed[end];
    staged.isHot = rules.allowed != kSkipped && readFrame(frames.at(end), rules, staged.frame);
    ++end;
    if (rules.allowed == kSkipped) continue;
    if (!staged.isHot || staged.isBatch()) break;
    if (!staged.isSearch()) continue;
    staged.search = searchOf(store, staged.frame);
    beginSearch(store, staged.scratch, staged.search);
    ++searches;
  }
  if (searches == 0) return end;
  const auto groupEnd = group_.begin() + (end - from);
  for (bool goesOn = true; goesOn;) {
    goesOn = false;
    for (auto staged = group_.begin(); staged != groupEnd; ++staged) {
      if (staged->isSearch() && staged->scratch.advance(store)) goesOn = true;
    }
  }
  const double shareMicros = watch.lapMicros() / searches;
  for (auto staged = group_.begin(); staged != groupEnd; ++staged) {
    if (staged->isSearch()) staged->search.begunMicros = shareMicros;
  }
  return end;
}

void FrameAnswerer::answerOne(Staged& staged, Bytes bytes, double nowMs, Stopwatch& watch, MsgpackWriter& out, FrameRow& row) {
  row = rowOf(kFrameNotHot);
  if (!staged.isHot) return;
  const HotFrame& frame = staged.frame;
  FrameStatus status;
  FrameOutcome outcome = FrameOutcome::NotHot;
  switch (frame.op) {
    case FrameOp::Nearest: outcome = answerNearest(tools_, staged.scratch, staged.search, nowMs, watch, out, status); break;
    case FrameOp::ZonesAt: outcome = answerZonesAt(tools_, frame, watch, out, status); break;
    case FrameOp::Locations: outcome = answerLocations(tools_, frame, nowMs, watch, out, status); break;
  }
  row.op = int32_t(frame.op);
  row.micros = int32_t(status.micros);
  if (status.outcome != nullptr) {
    row.accepted = int32_t(status.outcome->accepted);
    row.stale = int32_t(status.outcome->stale);
    row.duplicate = int32_t(status.outcome->duplicate);
    row.rejected = int32_t(status.outcome->rejected.size());
  }
  switch (outcome) {
    case FrameOutcome::NotHot: break;
    case FrameOutcome::TooWide: row.result = kFrameTooWide; break;
    case FrameOutcome::Answered: row.result = out.fits() ? int32_t(out.size()) : kFrameNeeds - int32_t(out.size()); break;
    case FrameOutcome::Rejections:
      row.result = kFrameRejections;
      row.batchStart = int32_t(frame.batch.data - bytes.data);
      row.batchEnd = row.batchStart + int32_t(frame.batch.size);
      row.refStart = frame.ref.data == nullptr ? 0 : int32_t(frame.ref.data - bytes.data);
      row.refEnd = row.refStart + int32_t(frame.ref.size);
      break;
  }
}

}  // namespace raziel
