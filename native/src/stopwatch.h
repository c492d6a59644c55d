// How long things take that are done one after the other, with one reading of the clock for each. A reading waits for every load before it,
// so that a second one for each search of a group would make them wait for memory one by one.

#pragma once

#include <chrono>

namespace raziel {

class Stopwatch {
 public:
  /** Microseconds since the last call of this, or since the beginning. */
  double lapMicros() {
    const Clock::time_point now = Clock::now();
    const double micros = std::chrono::duration<double, std::micro>(now - last_).count();
    last_ = now;
    return micros;
  }

 private:
  using Clock = std::chrono::steady_clock;

  Clock::time_point last_ = Clock::now();
};

}  // namespace raziel
