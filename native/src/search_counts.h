// What a search looked at, and what each condition refused; `explain` shows it, and the budget of candidates is measured by it.

#pragma once

#include <cstdint>

namespace raziel {

/** A driver counts under the first condition that refused it. */
struct SearchCounts {
  uint64_t cells = 0;
  uint64_t candidates = 0;
  uint64_t expired = 0;
  uint64_t maxAge = 0;
  uint64_t tags = 0;
  uint64_t anyTags = 0;
  uint64_t notTags = 0;
  /** Beyond the distance, or outside the area. */
  uint64_t outside = 0;
  /** Outside the zone of the filter. */
  uint64_t zone = 0;
  /** Edges of polygons and zones. */
  uint64_t edges = 0;
};

}  // namespace raziel
