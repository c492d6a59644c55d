// CRC-32 as zlib computes it (polynomial 0xEDB88320, reflected), eight bytes at a step, after Intel's "slicing-by-8" (Kounavis and Berry,
// 2005). The checksum of stored drivers, which JavaScript checks with node:zlib. Any thread.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace raziel {

namespace crc {

using Tables = std::array<std::array<uint32_t, 256>, 8>;

constexpr Tables makeTables() {
  Tables tables{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ (value & 1 ? 0xEDB88320u : 0);
    tables[0][i] = value;
  }
  for (uint32_t i = 0; i < 256; ++i) {
    for (int t = 1; t < 8; ++t) tables[t][i] = (tables[t - 1][i] >> 8) ^ tables[0][tables[t - 1][i] & 0xff];
  }
  return tables;
}

inline constexpr Tables kTables = makeTables();

}  // namespace crc

/** @param before the checksum of what comes before these bytes, or any seed */
inline uint32_t crc32(const uint8_t* at, size_t length, uint32_t before = 0) {
  const crc::Tables& t = crc::kTables;
  uint32_t value = ~before;
  for (; length >= 8; at += 8, length -= 8) {
    uint32_t low, high;
    std::memcpy(&low, at, 4);
    std::memcpy(&high, at + 4, 4);
    low ^= value;
    value = t[7][low & 0xff] ^ t[6][(low >> 8) & 0xff] ^ t[5][(low >> 16) & 0xff] ^ t[4][low >> 24] ^
            t[3][high & 0xff] ^ t[2][(high >> 8) & 0xff] ^ t[1][(high >> 16) & 0xff] ^ t[0][high >> 24];
  }
  for (; length > 0; ++at, --length) value = (value >> 8) ^ t[0][(value ^ *at) & 0xff];
  return ~value;
}

}  // namespace raziel
