// From checked coordinates to bytes: builds the section of one layer, and puts sections together to a snapshot.
//
// Any thread; nothing is shared; the inputs are borrowed for the call, the result is the caller's. What comes in has been checked by the
// ingestion (src/zones): rings are closed and positions on the globe. Numbers that contradict each other throw all the same.

#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace raziel::zones {

/** A layer as flat arrays. `…Ends[i]` is one past the last item of the next finer kind that belongs to i. */
struct LayerInput {
  std::string_view name;
  /** Positions: lon, lat, lon, lat, … */
  std::span<const double> coordinates;
  /** Per ring, in positions. A ring has 2 positions or more, its first equal to its last. */
  std::span<const uint32_t> ringEnds;
  /** Per polygon, in rings: the shell, then its holes. What an odd number of them go around is inside. */
  std::span<const uint32_t> partEnds;
  /** Per zone, in polygons. A zone has one polygon or more. */
  std::span<const uint32_t> zoneEnds;
  std::span<const double> priorities;
  /** Square metres, to order by. */
  std::span<const double> areas;
  std::string_view ids;
  /** Per zone, in bytes of `ids`. */
  std::span<const uint32_t> idEnds;
  /** What an answer says of each zone: MessagePack. */
  std::string_view answers;
  /** Per zone, in bytes of `answers`. */
  std::span<const uint32_t> answerEnds;
};

using Bytes = std::vector<uint8_t>;

/** @throws std::invalid_argument for arrays that do not fit together, std::length_error for a layer past the format's limits. */
Bytes buildLayer(const LayerInput& input);

/**
 * Puts sections together, whatever their order; their names must differ.
 * @throws std::invalid_argument for bytes that are no sections, or two of one name.
 */
Bytes assembleSnapshot(uint64_t version, std::span<const std::span<const uint8_t>> sections);

}  // namespace raziel::zones
