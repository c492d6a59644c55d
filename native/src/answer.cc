#include "answer.h"

#include <algorithm>
#include <array>

namespace raziel {

namespace {

using Kind = SearchRequest::Kind;

/** What one driver of an answer takes at most: eight fields of numbers and their names, an id, and all the tags there can be. */
constexpr size_t kHitBytesMax = 8 * 20 + kIdBytesMax + 8 + kTagsPerDriverMax * (kTagBytesMax + 2) + 16;

bool known(double value) { return !std::isnan(value); }

// What writes a hit takes the writer by value and returns it: a writer that nobody else can see stays in registers.

/** The names of a fix's tags, sorted by bytes. */
template <typename Writer>
Writer writeTags(const DriverStore& store, const TagMask& tags, Writer out) {
  std::array<std::string_view, kTagsPerDriverMax> names;
  uint32_t count = 0;
  tags.forEach([&](uint32_t bit) { names[count++] = store.tags.nameOf(bit); });
  std::sort(names.begin(), names.begin() + count);
  out.key("tags");
  out.array(count);
  for (uint32_t i = 0; i < count; ++i) out.string(names[i]);
  return out;
}

/** How many pairs the map of a hit has. */
uint32_t pairsOf(const FixBlock& fix, bool withDistance) {
  const bool hasTags = fix.tagSet != TagSets::kEmpty;
  return 4u + withDistance + known(fix.motion.heading) + known(fix.motion.speed) + hasTags;
}

template <typename Writer>
Writer writePairs(const DriverStore& store, const Hit& hit, bool withDistance, double nowMs, Writer out) {
  const FixBlock& fix = *hit.fix;
  const bool hasTags = fix.tagSet != TagSets::kEmpty;
  out.key("id");
  out.string(store.drivers[fix.driver].id());
  out.key("lat");
  out.float64(fix.lat);
  out.key("lon");
  out.float64(fix.lon);
  if (withDistance) {
    out.key("distance");
    out.float64(metersOfHaversine(hit.haversine));
  }
  out.key("age");
  out.number((nowMs - fix.timeMs) / 1000);
  if (known(fix.motion.heading)) {
    out.key("heading");
    out.number(fix.motion.heading);
  }
  if (known(fix.motion.speed)) {
    out.key("speed");
    out.number(fix.motion.speed);
  }
  return hasTags ? writeTags(store, store.tagSets.maskOf(fix.tagSet), out) : out;
}

template <typename Writer>
Writer writeHit(const DriverStore& store, const Hit& hit, bool withDistance, double nowMs, Writer out) {
  out.map(pairsOf(*hit.fix, withDistance));
  return writePairs(store, hit, withDistance, nowMs, out);
}

void writeExplain(const SearchCounts& counts, bool byDistance, double searchMicros, double encodeMicros,
                  MsgpackWriter& out) {
  const auto field = [&](const auto& name, uint64_t value) {
    out.key(name);
    out.number(double(value));
  };
  out.key("explain");
  out.map(4);
  field("cells", counts.cells);
  field("candidates", counts.candidates);
  out.key("rejected");
  out.map(7);
  field("expired", counts.expired);
  field("maxAge", counts.maxAge);
  field("tags", counts.tags);
  field("anyTags", counts.anyTags);
  field("notTags", counts.notTags);
  field("distance", byDistance ? counts.outside : 0);
  field("area", counts.zone + (byDistance ? 0 : counts.outside));
  out.key("micros");
  out.map(2);
  out.key("search");
  out.number(searchMicros);
  out.key("encode");
  out.number(encodeMicros);
}

SearchScratch::Outcome search(const DriverStore& store, SearchScratch& scratch, const SearchRequest& request,
                              double nowMs) {
  switch (request.kind) {
    case Kind::Nearest:
    case Kind::Circle: {
      const uint32_t k = request.limit + (request.kind == Kind::Circle ? 1 : 0);
      return scratch.nearest(store, request.origin, k, request.haversineMax, request.filter, nowMs);
    }
    case Kind::Box: return scratch.within(store, *request.box, request.limit, request.filter, nowMs);
    case Kind::Zone: return scratch.within(store, *request.zone, request.limit, request.filter, nowMs);
    default: return scratch.within(store, *request.polygons, request.limit, request.filter, nowMs);
  }
}

}  // namespace

void beginSearch(const DriverStore& store, SearchScratch& scratch, const SearchRequest& request) {
  scratch.begin(store, request.origin, request.limit, request.haversineMax, request.filter);
}

SearchOutcome answerSearch(Session& session, SearchScratch& scratch, const SearchRequest& request, double nowMs, Stopwatch& watch,
                           MsgpackWriter& out) {
  const DriverStore& store = session.store();
  if (search(store, scratch, request, nowMs) == SearchScratch::Outcome::TooWide) return {true, 0};
  const double searchMicros = request.explain ? watch.lapMicros() : 0;

  const std::vector<Hit>& hits = scratch.hits();
  const bool more = hits.size() > request.limit;
  const uint32_t count = std::min(uint32_t(hits.size()), request.limit);
  for (uint32_t i = 0; i < std::min(count, 64u); ++i) __builtin_prefetch(&store.drivers[hits[i].fix->driver]);
  const bool byDistance = request.kind == Kind::Nearest || request.kind == Kind::Circle;

  out.map(2u + (request.ref.data != nullptr) + more + request.explain);
  if (request.ref.data != nullptr) {
    out.key("ref");
    out.raw(request.ref.data, request.ref.size);
  }
  out.key("drivers");
  out.array(count);
  for (uint32_t i = 0; i < count; ++i) {
    if (out.hasRoomFor(kHitBytesMax)) {
      out.resume(writeHit(store, hits[i], byDistance, nowMs, out.unchecked()));
    } else {
      out = writeHit(store, hits[i], byDistance, nowMs, out);
    }
  }
  if (more) {
    out.key("more");
    out.boolean(true);
  }
  const double encodeMicros = watch.lapMicros();
  const uint32_t micros = uint32_t(request.begunMicros + searchMicros + encodeMicros);
  out.key("tookMicros");
  out.number(micros);
  if (request.explain) {
    writeExplain(scratch.counts(), byDistance, std::floor(searchMicros), std::floor(encodeMicros), out);
  }
  return {false, micros};
}

uint32_t writeHitPairs(const DriverStore& store, const Hit& hit, bool withDistance, double nowMs, MsgpackWriter& out) {
  if (out.hasRoomFor(kHitBytesMax)) {
    out.resume(writePairs(store, hit, withDistance, nowMs, out.unchecked()));
  } else {
    out = writePairs(store, hit, withDistance, nowMs, out);
  }
  return pairsOf(*hit.fix, withDistance);
}

void writeHeldFix(const DriverStore& store, const FixBlock& fix, double nowMs, MsgpackWriter& out) {
  const auto field = [&](const auto& name, double value) {
    if (!known(value)) return;
    out.key(name);
    out.number(value);
  };
  const bool hasTags = fix.tagSet != TagSets::kEmpty;
  out.map(6u + known(fix.motion.heading) + known(fix.motion.speed) + known(fix.motion.accuracy) + hasTags);
  out.key("id");
  out.string(store.drivers[fix.driver].id());
  field("lat", fix.lat);
  field("lon", fix.lon);
  field("time", fix.timeMs);
  field("heading", fix.motion.heading);
  field("speed", fix.motion.speed);
  field("accuracy", fix.motion.accuracy);
  if (hasTags) out = writeTags(store, store.tagSets.maskOf(fix.tagSet), out);
  field("ttl", fix.ttlSeconds);
  field("age", (nowMs - fix.timeMs) / 1000);
}

void requireTag(const DriverStore& store, std::string_view tag, Filter& filter) {
  filter.asksForTags = true;
  const uint32_t bit = store.tags.find(tag);
  if (bit == TagRegistry::kNone) {
    filter.impossible = true;
  } else {
    filter.all.set(bit);
  }
}

void allowTag(const DriverStore& store, std::string_view tag, Filter& filter) {
  filter.asksForTags = true;
  filter.hasAny = true;
  const uint32_t bit = store.tags.find(tag);
  if (bit != TagRegistry::kNone) filter.any.set(bit);
}

void refuseTag(const DriverStore& store, std::string_view tag, Filter& filter) {
  filter.asksForTags = true;
  const uint32_t bit = store.tags.find(tag);
  if (bit != TagRegistry::kNone) filter.none.set(bit);
}

}  // namespace raziel
