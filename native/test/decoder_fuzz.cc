// Hostile bytes for everything that decodes what clients send: batches of fixes, hot frames, texts.
//
// Built with clang and -fsanitize=fuzzer it is a libFuzzer target. Built otherwise it mutates valid batches and frames with a seed
// for a bounded time:  decoder_fuzz [seconds] [seed]. Run under the address and undefined-behaviour sanitizers either way.

#include <chrono>
#include <cstdlib>

#include "../src/fix_decoder.h"
#include "../src/frames.h"
#include "../src/text.h"
#include "check.h"
#include "world.h"

namespace raziel::test {
namespace {

/** One engine for all inputs: whatever they leave behind must not harm the next. */
struct Target {
  Target() : session(makeStore(2000)) {}
  Session session;
  zones::Publisher publisher;
  zones::ZoneReader zones{publisher};
  FrameAnswerer answerer{session, &zones};
  std::vector<uint8_t> reply = std::vector<uint8_t>(1 << 16);
};

Target& target() {
  static Target one;
  return one;
}

void decodeAnything(const uint8_t* data, size_t size) {
  Target& on = target();
  // A copy of exactly this size, so that reading past its end is seen.
  const std::vector<uint8_t> bytes(data, data + size);

  MsgpackReader whole(bytes.data(), bytes.size());
  whole.skip();
  MsgpackReader reader(bytes.data(), bytes.size());
  if (reader.peek() == MsgpackReader::Type::Array) {
    MsgpackReader header = reader;
    const uint32_t count = header.readArray();
    if (count <= 10'000 && on.session.decode(reader, kNow)) {
      // What the decoder takes to be whole, skipping takes to be whole, and every fix is accounted for.
      CHECK(whole.ok());
      const BatchOutcome& outcome = on.session.applyDecoded(kNow);
      CHECK(outcome.accepted + outcome.stale + outcome.duplicate + outcome.rejected.size() == count);
    }
  }
  MsgpackWriter out(on.reply.data(), on.reply.size());
  FrameRow row;
  on.answerer.answer({bytes.data(), uint32_t(bytes.size())}, {kNow, 10'000, 7}, out, row);

  const Bytes text{bytes.data(), uint32_t(bytes.size())};
  isPlainUtf8(text);
  isTag(text);
  const double time = parseIsoTime(text);
  CHECK(std::isnan(time) || std::abs(time) < 1e15);
}

/** Valid inputs to begin with. */
std::vector<std::vector<uint8_t>> seeds() {
  std::vector<std::vector<uint8_t>> all;
  all.push_back(encodeBatch({{"driver:1", 37.7, -122.4, kNow, {"free", "xl"}}, {"driver:2", -90, 180, kNow, {}}}));
  all.push_back(encodeBatch({{std::string(128, 'x'), 0, 0}, {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x9a\x95", 1, 1}}));
  const auto frame = [&](auto&& fill) {
    std::vector<uint8_t> bytes(4096);
    MsgpackWriter out(bytes.data(), bytes.size());
    fill(out);
    bytes.resize(out.size());
    all.push_back(bytes);
  };
  frame([](MsgpackWriter& out) {
    out.array(2);
    out.array(9);
    out.string("row");
    out.number(1.5);
    out.number(-2.5);
    out.string("2014-09-18T01:46:40.123+02:00");
    for (int i = 0; i < 3; ++i) out.number(i * 100.5);
    out.array(1);
    out.string("free");
    out.number(60);
    out.array(3);
    out.string("short");
    out.number(1);
    out.number(2);
  });
  frame([](MsgpackWriter& out) {
    out.map(8);
    out.key("op");
    out.string("nearest");
    out.key("ref");
    out.number(7);
    out.key("lat");
    out.number(37.7);
    out.key("lon");
    out.number(-122.4);
    out.key("k");
    out.number(5);
    out.key("radius");
    out.number(100'000);
    out.key("tags");
    out.array(1);
    out.string("free");
    out.key("maxAge");
    out.number(30);
  });
  frame([](MsgpackWriter& out) {
    out.map(5);
    out.key("op");
    out.string("zonesAt");
    out.key("ref");
    out.number(8);
    out.key("lat");
    out.number(37.7);
    out.key("lon");
    out.number(-122.4);
    out.key("layer");
    out.string("districts");
  });
  const std::vector<uint8_t> batch = encodeBatch({{"driver:3", 37.7, -122.4, kNow, {"free"}}});
  frame([&](MsgpackWriter& out) {
    out.map(4);
    out.key("op");
    out.string("locations");
    out.key("ref");
    out.string("a");
    out.key("ack");
    out.string("applied");
    out.key("batch");
    out.raw(batch.data(), batch.size());
  });
  const std::string iso = "2014-02-29T23:59:59.999Z";
  all.emplace_back(iso.begin(), iso.end());
  return all;
}

[[maybe_unused]] std::vector<uint8_t> mutated(std::vector<uint8_t> bytes, std::mt19937_64& random) {
  static constexpr uint8_t kTelling[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc4, 0xc6, 0xc9, 0xca,
                                         0xcb, 0xcf, 0xd3, 0xd8, 0xd9, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xff};
  for (uint64_t changes = 1 + random() % 4; changes > 0 && !bytes.empty(); --changes) {
    const size_t at = random() % bytes.size();
    switch (random() % 6) {
      case 0: bytes[at] = uint8_t(random()); break;
      case 1: bytes[at] = kTelling[random() % sizeof kTelling]; break;
      case 2: bytes[at] ^= uint8_t(1u << random() % 8); break;
      case 3: bytes.resize(at); break;
      case 4: bytes.insert(bytes.begin() + long(at), kTelling[random() % sizeof kTelling]); break;
      default: bytes.erase(bytes.begin() + long(at)); break;
    }
  }
  return bytes;
}

}  // namespace
}  // namespace raziel::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  raziel::test::decodeAnything(data, size);
  return 0;
}

#ifndef RAZIEL_LIBFUZZER
int main(int argc, char** argv) {
  using namespace raziel::test;
  const double seconds = argc > 1 ? std::atof(argv[1]) : 5;
  const uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 77669839702851584u;
  std::mt19937_64 random(seed);
  std::vector<std::vector<uint8_t>> corpus = seeds();
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  uint64_t inputs = 0;
  for (const auto& input : corpus) {
    // Cut at every byte.
    for (size_t size = 0; size <= input.size(); ++size) decodeAnything(input.data(), size);
  }
  std::printf("  fuzzing for %g s from seed %llu\n", seconds, static_cast<unsigned long long>(seed));
  for (; std::chrono::steady_clock::now() < end; ++inputs) {
    std::vector<uint8_t> input = mutated(corpus[random() % corpus.size()], random);
    decodeAnything(input.data(), input.size());
    if (inputs % 50 == 0) target().session.sweep(kNow + double(inputs));
    // Now and then a mutant is mutated further.
    if (random() % 1000 == 0 && corpus.size() < 500) corpus.push_back(std::move(input));
  }
  std::printf("decoder_fuzz: 1 passed, 0 failed (%llu inputs)\n", static_cast<unsigned long long>(inputs));
}
#endif
