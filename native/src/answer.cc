#include "answer.h"

#include <algorithm>
#include <array>
#include <chrono>

namespace raziel {

namespace {

using Clock = std::chrono::steady_clock;
using Kind = SearchRequest::Kind;

double microsBetween(Clock::time_point from, Clock::time_point to) {
  return double(std::chrono::duration_cast<std::chrono::microseconds>(to - from).count());
}

void writeKnown(std::string_view name, double value, MsgpackWriter& out) {
  if (std::isnan(value)) return;
  out.string(name);
  out.number(value);
}

/** The names of a fix's tags, sorted by bytes. */
void writeTags(const DriverStore& store, const TagMask& tags, MsgpackWriter& out) {
  if (tags.empty()) return;
  std::array<std::string_view, kTagsPerDriverMax> names;
  uint32_t count = 0;
  tags.forEach([&](uint32_t bit) { names[count++] = store.tags.nameOf(bit); });
  std::sort(names.begin(), names.begin() + count);
  out.string("tags");
  out.array(count);
  for (uint32_t i = 0; i < count; ++i) out.string(names[i]);
}

void writeHit(const DriverStore& store, const Hit& hit, bool withDistance, double nowMs, MsgpackWriter& out) {
  const FixBlock& fix = *hit.fix;
  out.map(4u + withDistance + !std::isnan(fix.motion.heading) + !std::isnan(fix.motion.speed) + !fix.tags.empty());
  out.string("id");
  out.string(store.drivers[fix.driver].id());
  out.string("lat");
  out.number(fix.lat);
  out.string("lon");
  out.number(fix.lon);
  if (withDistance) {
    out.string("distance");
    out.number(metersOfHaversine(hit.haversine));
  }
  out.string("age");
  out.number((nowMs - fix.timeMs) / 1000);
  writeKnown("heading", fix.motion.heading, out);
  writeKnown("speed", fix.motion.speed, out);
  writeTags(store, fix.tags, out);
}

void writeExplain(const SearchCounts& counts, bool byDistance, double searchMicros, double encodeMicros,
                  MsgpackWriter& out) {
  const auto field = [&](std::string_view name, uint64_t value) {
    out.string(name);
    out.number(double(value));
  };
  out.string("explain");
  out.map(4);
  field("cells", counts.cells);
  field("candidates", counts.candidates);
  out.string("rejected");
  out.map(7);
  field("expired", counts.expired);
  field("maxAge", counts.maxAge);
  field("tags", counts.tags);
  field("anyTags", counts.anyTags);
  field("notTags", counts.notTags);
  field("distance", byDistance ? counts.outside : 0);
  field("area", byDistance ? 0 : counts.outside);
  out.string("micros");
  out.map(2);
  out.string("search");
  out.number(searchMicros);
  out.string("encode");
  out.number(encodeMicros);
}

SearchScratch::Outcome search(const DriverStore& store, SearchScratch& scratch, const SearchRequest& request,
                              double nowMs) {
  switch (request.kind) {
    case Kind::Nearest:
    case Kind::Circle: {
      // A tenth of a millimetre more, so that a driver exactly on the radius is in whatever the last bits say.
      const double haversineMax = haversineOfMeters(request.radiusMeters + 1e-4);
      const uint32_t k = request.limit + (request.kind == Kind::Circle ? 1 : 0);
      return scratch.nearest(store, Origin(request.lat, request.lon), k, haversineMax, request.filter, nowMs);
    }
    case Kind::Box: return scratch.within(store, *request.box, request.limit, request.filter, nowMs);
    default: return scratch.within(store, *request.polygons, request.limit, request.filter, nowMs);
  }
}

}  // namespace

SearchScratch::Outcome answerSearch(Session& session, SearchScratch& scratch, const SearchRequest& request,
                                    double nowMs, MsgpackWriter& out) {
  const DriverStore& store = session.store();
  const Clock::time_point begin = Clock::now();
  if (search(store, scratch, request, nowMs) == SearchScratch::Outcome::TooWide) return SearchScratch::Outcome::TooWide;
  const Clock::time_point found = request.explain ? Clock::now() : begin;

  const std::vector<Hit>& hits = scratch.hits();
  const bool more = hits.size() > request.limit;
  const uint32_t count = std::min(uint32_t(hits.size()), request.limit);
  for (uint32_t i = 0; i < std::min(count, 64u); ++i) __builtin_prefetch(&store.drivers[hits[i].fix->driver]);
  const bool byDistance = request.kind == Kind::Nearest || request.kind == Kind::Circle;

  out.map(2u + (request.ref.data != nullptr) + more + request.explain);
  if (request.ref.data != nullptr) {
    out.string("ref");
    out.raw(request.ref.data, request.ref.size);
  }
  out.string("drivers");
  out.array(count);
  for (uint32_t i = 0; i < count; ++i) writeHit(store, hits[i], byDistance, nowMs, out);
  if (more) {
    out.string("more");
    out.boolean(true);
  }
  const Clock::time_point end = Clock::now();
  out.string("tookMicros");
  out.number(microsBetween(begin, end));
  if (request.explain) {
    writeExplain(scratch.counts(), byDistance, microsBetween(begin, found), microsBetween(found, end), out);
  }
  return SearchScratch::Outcome::Found;
}

void writeHeldFix(const DriverStore& store, const FixBlock& fix, double nowMs, MsgpackWriter& out) {
  const auto known = [](double value) { return !std::isnan(value); };
  out.map(6u + known(fix.motion.heading) + known(fix.motion.speed) + known(fix.motion.accuracy) + !fix.tags.empty());
  out.string("id");
  out.string(store.drivers[fix.driver].id());
  writeKnown("lat", fix.lat, out);
  writeKnown("lon", fix.lon, out);
  writeKnown("time", fix.timeMs, out);
  writeKnown("heading", fix.motion.heading, out);
  writeKnown("speed", fix.motion.speed, out);
  writeKnown("accuracy", fix.motion.accuracy, out);
  writeTags(store, fix.tags, out);
  writeKnown("ttl", fix.ttlSeconds, out);
  writeKnown("age", (nowMs - fix.timeMs) / 1000, out);
}

void requireTag(const DriverStore& store, std::string_view tag, Filter& filter) {
  const uint32_t bit = store.tags.find(tag);
  if (bit == TagRegistry::kNone) {
    filter.impossible = true;
  } else {
    filter.all.set(bit);
  }
}

void allowTag(const DriverStore& store, std::string_view tag, Filter& filter) {
  filter.hasAny = true;
  const uint32_t bit = store.tags.find(tag);
  if (bit != TagRegistry::kNone) filter.any.set(bit);
}

void refuseTag(const DriverStore& store, std::string_view tag, Filter& filter) {
  const uint32_t bit = store.tags.find(tag);
  if (bit != TagRegistry::kNone) filter.none.set(bit);
}

}  // namespace raziel
