// What a search is asked, read from the arguments of a call through Node-API: numbers that stand in a buffer of the caller's, and an object of
// the extras that most searches do without. addon.cc documents both.

#pragma once

#include <napi.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "answer.h"
#include "session.h"
#include "zones/publisher.h"

namespace raziel {

inline Bytes bytesOf(const Napi::Value& value) {
  const Napi::Uint8Array array = value.As<Napi::Uint8Array>();
  return {array.Data(), uint32_t(array.ByteLength())};
}

/** Tags joined by commas; none where the text is empty. */
template <typename Visit>
void eachTag(std::string_view joined, Visit&& visit) {
  for (size_t start = 0; start < joined.size();) {
    const size_t end = std::min(joined.find(',', start), joined.size());
    visit(joined.substr(start, end - start));
    start = end + 1;
  }
}

template <typename Visit>
void eachTag(const Napi::Value& joined, Visit&& visit) {
  if (joined.IsString()) eachTag(std::string_view(joined.As<Napi::String>().Utf8Value()), visit);
}

/** Lists of tags joined by two commas each, one at least. */
template <typename Visit>
void eachList(const Napi::Value& joined, Visit&& visit) {
  // Most are short, and need no string.
  std::array<char, 256> text;
  size_t size = 0;
  napi_get_value_string_utf8(joined.Env(), joined, text.data(), text.size(), &size);
  std::string longer;
  if (size >= text.size() - 4) longer = joined.As<Napi::String>().Utf8Value();
  const std::string_view lists = longer.empty() ? std::string_view(text.data(), size) : longer;
  for (size_t start = 0; start <= lists.size();) {
    const size_t end = std::min(lists.find(",,", start), lists.size());
    visit(lists.substr(start, end - start));
    start = end + 2;
  }
}

/** The zone of a name, `[layer, id]`, if one is given; false when there is none of that name. */
inline bool findZone(const zones::Snapshot* snapshot, const Napi::Value& name, std::optional<ZoneArea>& zone) {
  if (!name.IsArray()) return true;
  if (snapshot == nullptr) return false;
  const auto part = [&](uint32_t i) { return name.As<Napi::Array>().Get(i).As<Napi::String>().Utf8Value(); };
  const auto shape = snapshot->findZone(part(0), part(1));
  if (shape) zone.emplace(*shape);
  return shape.has_value();
}

/** Numbers: how many polygons, for each how many rings, for each of them how many positions, turnWest, x, y, x, y … */
inline void readPolygons(const double* at, PolygonsArea& polygons) {
  for (double left = *at++; left > 0; --left) {
    polygons.beginPolygon();
    for (double rings = *at++; rings > 0; --rings) {
      const uint32_t count = uint32_t(at[0]);
      polygons.addRing(at + 2, count, at[1]);
      at += 2 + 2 * size_t{count};
    }
  }
  polygons.finish();
}

/** As whileAsked, with the extras. */
template <typename Do>
std::optional<double> whileAskedWith(Session& session, zones::ZoneReader* zoneReader, const Napi::Object& extras, SearchRequest& request,
                                     double nowMs, Do&& act) {
  const Napi::Value ref = extras.Get("ref");
  if (ref.IsTypedArray()) request.ref = bytesOf(ref);
  PolygonsArea polygons;
  if (request.kind == SearchRequest::Kind::Polygons) {
    readPolygons(extras.Get("polygons").As<Napi::Float64Array>().Data(), polygons);
    request.polygons = &polygons;
  }
  std::optional<zones::ZoneReader::Pin> pinnedZones;
  if (zoneReader != nullptr) pinnedZones.emplace(*zoneReader);
  const zones::Snapshot* const snapshot = pinnedZones ? pinnedZones->snapshot() : nullptr;
  std::optional<ZoneArea> filterZone;
  std::optional<ZoneArea> areaZone;
  if (!findZone(snapshot, extras.Get("zone"), filterZone) || !findZone(snapshot, extras.Get("areaZone"), areaZone)) return std::nullopt;
  if (filterZone) request.filter.zone = &*filterZone;
  if (areaZone) request.zone = &*areaZone;
  EpochPin pinned = session.pin();
  eachTag(extras.Get("tags"), [&](std::string_view tag) { requireTag(session.store(), tag, request.filter); });
  eachTag(extras.Get("anyTags"), [&](std::string_view tag) { allowTag(session.store(), tag, request.filter); });
  eachTag(extras.Get("notTags"), [&](std::string_view tag) { refuseTag(session.store(), tag, request.filter); });
  return act(request, nowMs);
}

/**
 * Does what the numbers and the extras ask: `act(SearchRequest&, nowMs)`, during which drivers and zones stay pinned; returns what that returns.
 * @param zoneReader nullptr where there are no zones
 * @param n kind, nowMs, limit, explain, maxAgeMs, then lat, lon, radiusMeters | west, south, east, north
 * @returns nothing when a zone is named that there is not
 */
template <typename Do>
std::optional<double> whileAsked(Session& session, zones::ZoneReader* zoneReader, const double* n, const Napi::Value& extras, Do&& act) {
  SearchRequest request;
  request.kind = SearchRequest::Kind(uint8_t(n[0]));
  const double nowMs = n[1];
  request.limit = uint32_t(n[2]);
  request.explain = n[3] != 0;
  request.filter.maxAgeMs = n[4];
  if (request.kind == SearchRequest::Kind::Box) {
    request.box.emplace(n[5], n[6], n[7], n[8]);
  } else {
    request.around(n[5], n[6], n[7]);
  }
  if (extras.IsObject()) return whileAskedWith(session, zoneReader, extras.As<Napi::Object>(), request, nowMs, act);
  EpochPin pinned = session.pin();
  return act(request, nowMs);
}

}  // namespace raziel
