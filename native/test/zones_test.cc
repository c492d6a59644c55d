// The zone index against the oracle, its orders and its refusals. One thread; run it under the address and undefined sanitizers.
//
//   make -C native/test check

#include <cmath>
#include <cstring>
#include <limits>

#include "../src/robust.h"
#include "check.h"
#include "zones_support.h"

using namespace raziel::zones;
using namespace raziel::zones::test;
using oracle::kUnit;
using oracle::Point;
using oracle::Ring;

namespace {

void orientationAgreesWithIntegers() {
  Chance chance(seed());
  for (int i = 0; i < 200000; i++) {
    // Numbers of 50 bits on or right beside one line, so that the determinant is small beside its products.
    const int64_t ax = chance.between(0, int64_t{1} << 50), ay = chance.between(0, int64_t{1} << 50);
    const int64_t dx = chance.between(1, int64_t{1} << chance.between(1, 47));
    const int64_t dy = chance.between(0, 1) ? dx + chance.between(-3, 3) : chance.between(1, int64_t{1} << chance.between(1, 47));
    const int64_t s = chance.between(-3, 3), t = chance.between(-3, 3);
    const int64_t bx = ax + s * dx, by = ay + s * dy;
    const int64_t cx = ax + t * dx + chance.between(-1, 1), cy = ay + t * dy + chance.between(-1, 1);
    const __int128 det = static_cast<__int128>(ax - cx) * (by - cy) - static_cast<__int128>(ay - cy) * (bx - cx);
    const int sign = det > 0 ? 1 : det < 0 ? -1 : 0;
    const double unit = 0x1p-43;
    const auto d = [unit](int64_t value) { return static_cast<double>(value) * unit; };
    CHECK(raziel::robust::orientSign(d(ax), d(ay), d(bx), d(by), d(cx), d(cy)) == sign);
    CHECK(raziel::robust::orientSignExact({d(ax), 0}, d(ay), {d(bx), 0}, d(by), d(cx), d(cy)) == sign);
  }
  // Beyond the reach of rounded differences: every step of 2^-53 off the line from (12, 12) to (24, 24) is seen.
  const double step = 0x1p-53;
  const __int128 twelve = static_cast<__int128>(12) << 53, half = static_cast<__int128>(1) << 52;
  for (int i = 0; i < 128; i++) {
    for (int j = 0; j < 128; j++) {
      const __int128 det = (twelve - half - i) * (2 * twelve - half - j) - (twelve - half - j) * (2 * twelve - half - i);
      const int sign = det > 0 ? 1 : det < 0 ? -1 : 0;
      CHECK(raziel::robust::orientSign(12, 12, 24, 24, 0.5 + i * step, 0.5 + j * step) == sign);
    }
  }
}

/** References and ways that meet vertices and run along edges: the exact walk against the oracle at a reference that is really moved. */
void tiesAreBrokenAsIfTheWayWereMoved() {
  Chance chance(seed() + 4);
  constexpr int64_t kFine = 1 << 14;  // to move by less than any distance between a grid point and an edge
  for (int round = 0; round < 3000; round++) {
    Ring ring;
    std::vector<double> vertices;
    const int64_t count = chance.between(2, 9);
    for (int64_t i = 0; i < count; i++) ring.push_back({chance.between(0, 5) * kFine, chance.between(0, 5) * kFine});
    ring.push_back(ring.front());
    for (const Point& p : ring) vertices.insert(vertices.end(), {double(p.x / kFine), double(p.y / kFine)});
    const uint32_t run = static_cast<uint32_t>(count - 1);
    for (int64_t at = 0; at < 36 * 36; at += chance.between(1, 5)) {
      const Point reference{at / 36 / 6, at / 36 % 6};
      const Point point{at % 36 / 6, at % 6};
      const Point moved{reference.x * kFine + kFine / 256, reference.y * kFine + kFine / 16384};
      const bool inside = oracle::inFlatRing(ring, moved) == oracle::Where::inside;
      const Cell cell{&run, &run + 1, vertices.data(), double(reference.x), double(reference.y), inside};
      const auto expected = oracle::inFlatRing(ring, {point.x * kFine, point.y * kFine});
      const Side side = locateExactly<false>(cell, double(point.x), double(point.y));
      CHECK(static_cast<int>(side) == static_cast<int>(expected));
      const auto quick = locateQuickly(cell, double(point.x), double(point.y));
      CHECK(!quick.has_value() || (expected != oracle::Where::boundary && *quick == (expected == oracle::Where::inside)));
    }
  }
}

int64_t onMap(int64_t x) {
  while (x > 180 * kUnit) x -= oracle::kTurn;
  while (x < -180 * kUnit) x += oracle::kTurn;
  return x;
}

Ring closed(Ring ring) {
  ring.push_back(ring.front());
  return ring;
}

/** Random positions: crosses itself at will, has vertices on vertices and on edges. */
Ring scribble(Chance& chance, Point middle, int64_t reach, int64_t unit, int count) {
  Ring ring;
  for (int i = 0; i < count; i++) {
    ring.push_back({onMap(middle.x + chance.between(-reach, reach) * unit), middle.y + chance.between(-reach, reach) * unit});
  }
  return closed(ring);
}

Ring star(Chance& chance, Point middle, double radius, double jitter, int count) {
  Ring ring;
  for (int i = 0; i < count; i++) {
    const double angle = 2 * M_PI * i / count;
    const double r = radius * (1 - jitter * chance.unit());
    ring.push_back({onMap(middle.x + std::llround(r * std::cos(angle))), middle.y + std::llround(r * std::sin(angle))});
  }
  return closed(ring);
}

/** Around the axis, in steps of less than half a turn. */
Ring aroundAxis(Chance& chance, int64_t south, int64_t north, int count, bool westward) {
  Ring ring;
  const int64_t start = chance.between(-180, 179) * kUnit;
  for (int i = 0; i < count; i++) {
    const int64_t x = start + oracle::kTurn * i / count;
    ring.push_back({onMap(westward ? 2 * start - x : x), chance.between(south, north)});
  }
  return closed(ring);
}

void compare(const std::vector<TestZone>& zones, const std::vector<Point>& points) {
  LayerMaker maker("layer");
  for (const TestZone& zone : zones) maker.add(zone);
  const Snapshot snapshot = Snapshot::attach(snapshotOf(7, {maker.build()}));
  Hits hits;
  for (const Point& p : points) {
    snapshot.lookup(degrees(p.y), degrees(p.x), hits);
    for (const TestZone& zone : zones) {
      bool expected = false;
      for (const Polygon& part : zone.parts) {
        expected |= oracle::covers(part, p);
      }
      bool found = false;
      for (const std::string& id : idsOf(snapshot, hits)) found |= id == zone.id;
      const bool shape = snapshot.findZone("layer", zone.id)->contains(degrees(p.y), degrees(p.x));
      if (found != expected || shape != expected) {
        std::fprintf(stderr, "zone %s, lat %.17g lon %.17g: oracle %d, lookup %d, contains %d\n", zone.id.c_str(), degrees(p.y),
                     degrees(p.x), expected, found, shape);
        for (const Polygon& part : zone.parts) {
          for (const Ring& ring : part) {
            for (const Point& v : ring) std::fprintf(stderr, "[%g,%g],", degrees(v.x), degrees(v.y));
            std::fprintf(stderr, "\n");
          }
        }
      }
      CHECK(found == expected && shape == expected);
    }
  }
}

std::vector<Point> probes(Chance& chance, const TestZone& zone, Point middle, int64_t reach, int64_t unit, int count) {
  std::vector<Point> points;
  for (int i = 0; i < count; i++) {
    points.push_back({onMap(middle.x + chance.between(-2 * reach, 2 * reach) * unit / 2),
                      std::clamp(middle.y + chance.between(-2 * reach, 2 * reach) * unit / 2, -90 * kUnit, 90 * kUnit)});
  }
  for (const Polygon& part : zone.parts) {
    for (const Ring& ring : part) {
      for (size_t i = 1; i < ring.size() && i < 200; i++) {
        points.push_back(ring[i]);
        points.push_back({(ring[i].x + ring[i - 1].x) / 2, (ring[i].y + ring[i - 1].y) / 2});
        points.push_back({ring[i].x, std::clamp(ring[i].y + chance.between(-1, 1), -90 * kUnit, 90 * kUnit)});
      }
    }
  }
  points.push_back({180 * kUnit, middle.y});
  points.push_back({-180 * kUnit, middle.y});
  return points;
}

void scribblesAgreeWithTheOracle() {
  Chance chance(seed() + 1);
  for (int round = 0; round < 400; round++) {
    const int64_t reach = chance.between(2, 12);
    const int64_t unit = chance.between(0, 1) ? kUnit : chance.between(1, 40);
    const Point middle = {chance.between(-180, 180) * kUnit, chance.between(-60, 60) * kUnit};
    std::vector<TestZone> zones;
    std::vector<Point> points;
    for (int i = 0; i < 3; i++) {
      TestZone zone{"z" + std::to_string(i), {}};
      for (int64_t part = chance.between(0, 1); part >= 0; part--) {
        Polygon rings;
        for (int64_t ring = chance.between(0, 3); ring >= 0; ring--) {
          rings.push_back(scribble(chance, middle, reach, unit, static_cast<int>(chance.between(1, 60))));
        }
        zone.parts.push_back(rings);
      }
      const auto more = probes(chance, zone, middle, reach, unit, 60);
      points.insert(points.end(), more.begin(), more.end());
      zones.push_back(zone);
    }
    compare(zones, points);
  }
}

void starsAgreeWithTheOracle() {
  Chance chance(seed() + 2);
  for (int round = 0; round < 60; round++) {
    const Point middle = {chance.between(-180, 180) * kUnit, chance.between(-30, 30) * kUnit};
    const double radius = std::exp(chance.unit() * 10) + 20;
    const double jitter = chance.between(0, 1) ? 0.9 : 0.05;
    const int count = static_cast<int>(std::exp(chance.unit() * 7)) + 3;
    TestZone zone{"star", {{star(chance, middle, radius, jitter, count), star(chance, middle, radius / 12, jitter, count)}}};
    compare({zone}, probes(chance, zone, middle, static_cast<int64_t>(radius) + 2, 1, 300));
  }
}

void polesAreHeldByTheRingsAroundThem() {
  Chance chance(seed() + 3);
  for (int round = 0; round < 200; round++) {
    const bool north = chance.between(0, 1) == 1;
    const int64_t south = north ? 20 * kUnit : -80 * kUnit;
    const int count = static_cast<int>(chance.between(3, 90));
    TestZone zone{"pole", {{aroundAxis(chance, south, south + 60 * kUnit, count, chance.between(0, 1) == 1)}}};
    if (chance.between(0, 1)) {
      zone.parts[0].push_back(scribble(chance, {chance.between(-180, 180) * kUnit, (north ? 85 : -85) * kUnit}, 4, kUnit, 6));
      if (chance.between(0, 1)) zone.parts[0].push_back(aroundAxis(chance, south, south + 60 * kUnit, 5, false));
    }
    std::vector<Point> points = probes(chance, zone, {0, 0}, 90, kUnit, 200);
    for (int64_t lon = -180; lon <= 180; lon += 15) {
      points.push_back({lon * kUnit, 90 * kUnit});
      points.push_back({lon * kUnit, -90 * kUnit});
    }
    compare({zone}, points);
  }
}

void mapsCutAtTheAntimeridianWork() {
  const int64_t u = kUnit;
  // Antarctica as maps cut it: down the antimeridian, along −90, and up again.
  TestZone cut{"cut", {{{{-180 * u, -80 * u}, {0, -70 * u}, {180 * u, -80 * u}, {180 * u, -90 * u}, {-180 * u, -90 * u}, {-180 * u, -80 * u}}}}};
  TestZone world{"world", {{{{-180 * u, -90 * u}, {180 * u, -90 * u}, {180 * u, 90 * u}, {-180 * u, 90 * u}, {-180 * u, -90 * u}}}}};
  TestZone east{"east", {{{{170 * u, 0}, {180 * u, 0}, {180 * u, 10 * u}, {170 * u, 10 * u}, {170 * u, 0}}}}};
  TestZone west{"west", {{{{-180 * u, 0}, {-170 * u, 0}, {-170 * u, 10 * u}, {-180 * u, 10 * u}, {-180 * u, 0}}}}};
  TestZone across{"across", {{{{170 * u, 0}, {-170 * u, 0}, {-170 * u, 10 * u}, {170 * u, 10 * u}, {170 * u, 0}}}}};
  std::vector<Point> points;
  for (int64_t lat = -90; lat <= 90; lat += 5) {
    for (int64_t lon = -180; lon <= 180; lon += 5) points.push_back({lon * u, lat * u});
  }
  compare({cut, world, east, west, across}, points);
}

void longEdgesAcrossTheAntimeridianStayExact() {
  // 170.1 to −9.95 goes 179.95° eastward, and neither end moves by a turn without rounding: the point half way is still on the edge.
  const double lonA = 90.1, lonB = -90.3;
  LayerMaker maker("long");
  maker.addRing("z", {lonA, 10, lonB, 10 + 0x1p-40, lonB, 30, lonA, 30, lonA, 10});
  const Snapshot snapshot = Snapshot::attach(snapshotOf(1, {maker.build()}));
  Hits hits;
  for (const double lon : {lonA, 100.0, 180.0, -180.0, -100.0, lonB}) {
    snapshot.lookup(20, lon, hits);
    CHECK(hits.size() == 1);
    snapshot.lookup(9.99, lon, hits);
    CHECK(hits.size() == 0);
  }
  for (const double lat : {10 + 0x1p-40, 20.0, 30.0}) {
    snapshot.lookup(lat, lonB, hits);
    CHECK(hits.size() == 1);
    snapshot.lookup(lat, std::nextafter(lonB, 0), hits);
    CHECK(hits.size() == 0);
  }
}

void answersComeByLayerPriorityAreaAndId() {
  const int64_t u = kUnit;
  const Polygon square = {{{0, 0}, {u, 0}, {u, u}, {0, u}, {0, 0}}};
  LayerMaker b("b");
  b.add({"z", {square}, 0, 5});
  b.add({"y", {square}, 0, 5});
  b.add({"small", {square}, 0, 1});
  b.add({"first", {square, square}, 2, 9});
  b.add({"last", {square}, -1, 0});
  LayerMaker a("a");
  a.add({"only", {square}});
  const Snapshot snapshot = Snapshot::attach(snapshotOf(3, {b.build(), a.build()}));
  CHECK(snapshot.version() == 3);
  Hits hits;
  snapshot.lookup(0.5, 0.5, hits);
  CHECK((idsOf(snapshot, hits) == std::vector<std::string>{"only", "first", "small", "y", "z", "last"}));
  snapshot.lookupInLayer(*snapshot.findLayer("a"), 0.5, 0.5, hits);
  CHECK((idsOf(snapshot, hits) == std::vector<std::string>{"only"}));
  CHECK(snapshot.findLayer("c") == nullptr);
  CHECK(!snapshot.findZone("a", "z").has_value());
  const auto zone = snapshot.findZone("b", "first");
  CHECK(zone.has_value());
  int boxes = 0;
  zone->forEachBox([&](double west, double south, double east, double north) {
    boxes++;
    CHECK(west == 0 && south == 0 && east == 1 && north == 1);
  });
  CHECK(boxes == 2);
  const LayerView& layer = *snapshot.findLayer("b");
  CHECK(layer.answerOf(zone->record()) == "answer:first");
}

void emptyLayersAndSnapshotsAnswerNothing() {
  Hits hits;
  const Snapshot none = Snapshot::attach(snapshotOf(1, {}));
  none.lookup(0, 0, hits);
  CHECK(hits.size() == 0 && none.zoneCount() == 0);
  const Snapshot empty = Snapshot::attach(snapshotOf(1, {LayerMaker("empty").build()}));
  empty.lookup(0, 0, hits);
  CHECK(hits.size() == 0 && empty.findLayer("empty") != nullptr);
}

template <typename Call>
bool refuses(Call&& call) {
  try {
    call();
    return false;
  } catch (const std::exception&) {
    return true;
  }
}

void contradictingInputIsRefused() {
  const std::vector<double> square = {0, 0, 1, 0, 1, 1, 0, 0};
  const std::vector<uint32_t> one = {1};
  const std::vector<uint32_t> four = {4};
  const std::vector<double> number = {0};
  const LayerInput good{"x", square, four, one, one, number, number, "i", one, "a", one};
  CHECK(!refuses([&] { buildLayer(good); }));
  LayerInput bad = good;
  const std::vector<uint32_t> wrong = {5};
  bad.ringEnds = wrong;
  CHECK(refuses([&] { buildLayer(bad); }));
  bad = good;
  const std::vector<double> open = {0, 0, 1, 0, 1, 1, 0, 1};
  bad.coordinates = open;
  CHECK(refuses([&] { buildLayer(bad); }));
  const std::vector<double> off = {0, 0, 181, 0, 1, 1, 0, 0};
  bad.coordinates = off;
  CHECK(refuses([&] { buildLayer(bad); }));
  bad = good;
  bad.name = "";
  CHECK(refuses([&] { buildLayer(bad); }));
  bad = good;
  bad.areas = {};
  CHECK(refuses([&] { buildLayer(bad); }));
  const Bytes layer = buildLayer(good);
  CHECK(refuses([&] { snapshotOf(1, {layer, layer}); }));
}

}  // namespace

int main() {
  std::printf("zones_test, RAZIEL_SEED=%llu\n", static_cast<unsigned long long>(seed()));
  RUN(orientationAgreesWithIntegers);
  RUN(tiesAreBrokenAsIfTheWayWereMoved);
  RUN(scribblesAgreeWithTheOracle);
  RUN(starsAgreeWithTheOracle);
  RUN(polesAreHeldByTheRingsAroundThem);
  RUN(mapsCutAtTheAntimeridianWork);
  RUN(longEdgesAcrossTheAntimeridianStayExact);
  RUN(answersComeByLayerPriorityAreaAndId);
  RUN(emptyLayersAndSnapshotsAnswerNothing);
  RUN(contradictingInputIsRefused);
  std::printf("zones_test: 10 passed, 0 failed\n");
}
