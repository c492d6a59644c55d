// How long a lookup takes, without Node: percentiles of lookups timed one by one, the clock's own time taken off, and the mean of a batch.
//
//   g++ -std=c++20 -O3 -ffp-contract=off bench/micro/zones/lookup.cc native/src/zones/{attach,snapshot}.cc -o build/zones-lookup
//   build/zones-lookup SNAPSHOT WEST SOUTH EAST NORTH        (build.mjs beside this file writes snapshots)
//
// A million random points in the box, seed 1, seven runs; the best of each figure, because other programs only ever add.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

#include "../../../native/src/zones/snapshot.h"

using namespace raziel::zones;
using Clock = std::chrono::steady_clock;

static double nanosSince(Clock::time_point start) { return std::chrono::duration<double, std::nano>(Clock::now() - start).count(); }

int main(int argc, char** argv) {
  if (argc != 6) return std::fprintf(stderr, "usage: lookup SNAPSHOT WEST SOUTH EAST NORTH\n"), 2;
  std::ifstream file(argv[1], std::ios::binary);
  const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), {});
  const Snapshot snapshot = Snapshot::attach({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});

  constexpr size_t kPoints = 1000000;
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> lon(std::atof(argv[2]), std::atof(argv[4]));
  std::uniform_real_distribution<double> lat(std::atof(argv[3]), std::atof(argv[5]));
  std::vector<std::pair<double, double>> points;
  for (size_t i = 0; i < kPoints; i++) points.emplace_back(lat(random), lon(random));

  std::vector<double> clock(10000);
  for (double& nanos : clock) nanos = nanosSince(Clock::now());
  std::nth_element(clock.begin(), clock.begin() + 5000, clock.end());
  const double clockNanos = clock[5000];

  Hits hits;
  size_t found = 0;
  double mean = 1e18, p50 = 1e18, p99 = 1e18, p999 = 1e18;
  std::vector<double> nanos(kPoints);
  for (int run = 0; run < 7; run++) {
    found = 0;
    const auto start = Clock::now();
    for (const auto& [y, x] : points) {
      snapshot.lookup(y, x, hits);
      found += hits.size();
    }
    mean = std::min(mean, nanosSince(start) / kPoints);
    for (size_t i = 0; i < kPoints; i++) {
      const auto one = Clock::now();
      snapshot.lookup(points[i].first, points[i].second, hits);
      nanos[i] = nanosSince(one) - clockNanos;
    }
    std::sort(nanos.begin(), nanos.end());
    p50 = std::min(p50, nanos[kPoints / 2]);
    p99 = std::min(p99, nanos[kPoints * 99 / 100]);
    p999 = std::min(p999, nanos[kPoints * 999 / 1000]);
  }
  std::printf("%u zones, %zu bytes; %.3f zones a point; mean %.0f ns, p50 %.0f ns, p99 %.0f ns, p99.9 %.0f ns (clock %.0f ns)\n",
              snapshot.zoneCount(), bytes.size(), static_cast<double>(found) / kPoints, mean, p50, p99, p999, clockNanos);
}
