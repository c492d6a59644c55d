// Frames answered together, beside the same frames one by one.

#include <string_view>

#include "../src/frames.h"
#include "check.h"
#include "world.h"

namespace raziel::test {
namespace {

constexpr uint32_t kAll = 7;
constexpr size_t kRoom = 1 << 16;

using FrameBytes = std::vector<uint8_t>;

template <typename Fill>
FrameBytes frameOf(Fill&& fill) {
  FrameBytes bytes(4096);
  MsgpackWriter out(bytes.data(), bytes.size());
  fill(out);
  bytes.resize(out.size());
  return bytes;
}

FrameBytes nearestFrame(double lat, double lon, uint32_t k, double radius, const std::string& tag = "") {
  return frameOf([&](MsgpackWriter& out) {
    out.map(tag.empty() ? 5 : 6);
    out.key("op");
    out.string("nearest");
    out.key("lat");
    out.number(lat);
    out.key("lon");
    out.number(lon);
    out.key("k");
    out.number(k);
    out.key("radius");
    out.number(radius);
    if (tag.empty()) return;
    out.key("tags");
    out.array(1);
    out.string(tag);
  });
}

FrameBytes zonesFrame(double lat, double lon) {
  return frameOf([&](MsgpackWriter& out) {
    out.map(4);
    out.key("op");
    out.string("zonesAt");
    out.key("ref");
    out.string("z");
    out.key("lat");
    out.number(lat);
    out.key("lon");
    out.number(lon);
  });
}

FrameBytes locationsFrame(const std::vector<TestFix>& fixes) {
  const std::vector<uint8_t> batch = encodeBatch(fixes);
  return frameOf([&](MsgpackWriter& out) {
    out.map(2);
    out.key("op");
    out.string("locations");
    out.key("batch");
    out.raw(batch.data(), batch.size());
  });
}

FrameBytes pingFrame() {
  return frameOf([&](MsgpackWriter& out) {
    out.map(1);
    out.key("op");
    out.string("ping");
  });
}

/** Frames as JavaScript stages them. */
struct Stage {
  explicit Stage(const std::vector<FrameBytes>& frames) : allowed(frames.size(), kAll) {
    for (const FrameBytes& frame : frames) {
      bytes.insert(bytes.end(), frame.begin(), frame.end());
      ends.push_back(uint32_t(bytes.size()));
    }
  }
  StagedFrames view() const { return {bytes.data(), ends.data(), allowed.data()}; }
  uint32_t count() const { return uint32_t(ends.size()); }

  std::vector<uint8_t> bytes;
  std::vector<uint32_t> ends;
  std::vector<uint8_t> allowed;
};

/** An answer without what it took, which comes last. */
std::string withoutMicros(const uint8_t* bytes, int32_t size) {
  const std::string text(reinterpret_cast<const char*>(bytes), size_t(std::max(size, 0)));
  return text.substr(0, text.find("tookMicros"));
}

struct Engine {
  explicit Engine(uint64_t seed) : random(seed), session(makeStore()) {
    std::vector<TestFix> fixes;
    for (uint32_t i = 0; i < 3000; ++i) {
      // Clusters about a few cities, one beside the antimeridian and one at a pole, where the scan does not apply.
      static constexpr double kCities[][2] = {{51.5, -0.1}, {1.3, 103.8}, {0, 179.99}, {89.9, 10}};
      const auto& city = kCities[i % 4];
      fixes.push_back({"d" + std::to_string(i), std::min(90.0, city[0] + uniform(-0.05, 0.05)), city[1] + uniform(-0.009, 0.009), kNow,
                       {i % 3 == 0 ? "free" : "busy"}});
    }
    CHECK(put(session, fixes).accepted == fixes.size());
  }
  double uniform(double from, double to) { return std::uniform_real_distribution<double>(from, to)(random); }

  FrameBytes randomFrame() {
    static constexpr double kPlaces[][2] = {{51.5, -0.1}, {1.3, 103.8}, {0, 179.99}, {89.9, 10}, {-40, 20}};
    const auto& place = kPlaces[random() % 5];
    const double lat = std::min(90.0, place[0] + uniform(-0.06, 0.06));
    const double lon = place[1] + uniform(-0.009, 0.009);
    switch (random() % 8) {
      case 0: return zonesFrame(lat, lon);
      case 1: return locationsFrame({{"d" + std::to_string(random() % 3500), lat, lon, kNow + double(++moves), {"free"}}});
      default: return nearestFrame(lat, lon, 1 + uint32_t(random() % 30), uniform(0, 80'000), random() % 3 == 0 ? "free" : "");
    }
  }

  std::mt19937_64 random;
  Session session;
  uint32_t moves = 0;
  zones::Publisher publisher;
  zones::ZoneReader zones{publisher};
  FrameAnswerer answerer{session, &zones};
};

void frames_together_are_answered_as_one_by_one() {
  // Two engines with the same drivers: each frame may change what the next ones see.
  Engine together(77669839702851584);
  Engine single(77669839702851584);
  for (uint32_t round = 0; round < 200; ++round) {
    std::vector<FrameBytes> frames;
    for (uint64_t count = 1 + together.random() % 40; count > 0; --count) frames.push_back(together.randomFrame());
    const Stage stage(frames);
    std::vector<uint8_t> out(kRoom * 8);
    std::vector<FrameRow> rows(frames.size());
    const FrameRules rules{kNow + together.moves, 100, 0};
    size_t end = 0;
    for (uint32_t from = 0, next = 0; from < stage.count(); from = next) {
      // On a slow machine it takes several turns.
      next = together.answerer.answerAll(stage.view(), from, stage.count(), rules, out.data() + end, out.size() - end, rows.data() + from);
      CHECK(next > from);
      for (uint32_t i = from; i < next; ++i) end += size_t(rows[i].result);
    }
    size_t at = 0;
    for (uint32_t i = 0; i < stage.count(); ++i) {
      std::vector<uint8_t> expected(kRoom);
      MsgpackWriter writer(expected.data(), expected.size());
      FrameRow row;
      single.answerer.answer(stage.view().at(i), {rules.nowMs, 100, kAll}, writer, row);
      CHECK(row.op == rows[i].op && row.accepted == rows[i].accepted && rows[i].result > 0);
      CHECK(withoutMicros(out.data() + at, rows[i].result) == withoutMicros(expected.data(), row.result));
      at += size_t(rows[i].result);
    }
  }
}

void a_search_sees_the_batch_before_it() {
  Engine engine(1);
  const Stage stage({nearestFrame(-60, 60, 5, 100), locationsFrame({{"new", -60, 60}}), nearestFrame(-60, 60, 5, 100)});
  std::vector<uint8_t> out(kRoom);
  std::vector<FrameRow> rows(3);
  CHECK(engine.answerer.answerAll(stage.view(), 0, 3, {kNow, 100, 0}, out.data(), out.size(), rows.data()) == 3);
  const std::string_view first(reinterpret_cast<const char*>(out.data()), size_t(rows[0].result));
  const std::string_view last(reinterpret_cast<const char*>(out.data()) + rows[0].result + rows[1].result, size_t(rows[2].result));
  CHECK(first.find("new") == std::string_view::npos);
  CHECK(last.find("new") != std::string_view::npos);
}

void it_stops_where_others_must_deal_with_a_frame() {
  Engine engine(2);
  const FrameBytes search = nearestFrame(51.5, -0.1, 10, 5000);
  Stage stage({search, pingFrame(), search, locationsFrame({{"bad", 91, 0}}), search, search});
  stage.allowed[5] = kSkipped;
  std::vector<uint8_t> out(kRoom);
  std::vector<FrameRow> rows(6);
  const auto answer = [&](uint32_t from, size_t room) {
    return engine.answerer.answerAll(stage.view(), from, 6, {kNow, 100, 0}, out.data(), room, rows.data());
  };
  CHECK(answer(0, out.size()) == 2 && rows[0].result > 0 && rows[1].result == kFrameNotHot);
  CHECK(answer(2, out.size()) == 4 && rows[0].result > 0 && rows[1].result == kFrameRejections && rows[1].rejected == 1);
  CHECK(answer(4, out.size()) == 6 && rows[0].result > 0 && rows[1].result == kFrameSkipped);
  // Not allowed is not hot.
  stage.allowed[0] = kAll & ~2u;
  CHECK(answer(0, out.size()) == 1 && rows[0].result == kFrameNotHot);
  // No room for the second, and then for the first.
  CHECK(answer(4, 256) == 4 && rows[0].result <= kFrameNeeds - 256);
  CHECK(answer(4, 100) == 4 && rows[0].result <= kFrameNeeds - 100);
}

void a_search_that_was_begun_sees_who_moves_meanwhile() {
  auto store = makeStore();
  Session session(store);
  Session other(store);
  std::vector<TestFix> fixes;
  for (uint32_t i = 0; i < 500; ++i) fixes.push_back({"d" + std::to_string(i), 10 + (i % 25) * 1e-3, 20 + (i / 25) * 1e-3});
  put(session, fixes);
  const Origin origin(10.012, 20.01);
  const double far = haversineOfMeters(10'000);
  SearchScratch scratch;
  for (uint32_t round = 1; round <= 200; ++round) {
    const TestFix home = fixes[(round * 37) % fixes.size()];
    TestFix away = home;
    // To where no leaf was when the search was begun, though within what it covers, and home again.
    away.lat = 10.08;
    away.lon = 20 + round * 1e-4;
    away.timeMs = kNow + 2 * round;
    TestFix back = home;
    back.timeMs = kNow + 2 * round + 1;
    {
      EpochPin pinned = session.pin();
      scratch.begin(*store, origin, 500, far, Filter{});
      for (uint32_t steps = round % 5; steps > 0 && scratch.advance(*store); --steps) {
      }
      put(other, {away}, kNow + 2 * round);
      CHECK(scratch.nearest(*store, origin, 500, far, Filter{}, kNow + 2 * round) == SearchScratch::Outcome::Found);
      CHECK(scratch.hits().size() == fixes.size());
    }
    put(other, {back}, kNow + 2 * round + 1);
    for (int i = 0; i < 20; ++i) other.sweep(kNow + 2 * round);
  }
}

}  // namespace
}  // namespace raziel::test

int main() {
  using namespace raziel::test;
  RUN(frames_together_are_answered_as_one_by_one);
  RUN(a_search_sees_the_batch_before_it);
  RUN(it_stops_where_others_must_deal_with_a_frame);
  RUN(a_search_that_was_begun_sees_who_moves_meanwhile);
  std::printf("frames_test: 4 passed, 0 failed\n");
}
