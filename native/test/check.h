// The few lines that the C++ tests need: CHECK stops the test program with the place and the expression that failed.

#pragma once

#include <cstdio>
#include <cstdlib>

#define CHECK(condition)                                                              \
  do {                                                                                \
    if (!(condition)) {                                                               \
      std::fprintf(stderr, "%s:%d: CHECK failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                   \
    }                                                                                 \
  } while (0)

/** Runs one named test and says so. */
#define RUN(test)                           \
  do {                                      \
    std::printf("  %s\n", #test);           \
    std::fflush(stdout);                    \
    test();                                 \
  } while (0)
