// Reads MessagePack (github.com/msgpack/msgpack, spec.md) in place from bytes that nobody has checked. Nothing is copied or
// allocated, nothing recurses; once something is broken or cut short, `ok()` is false and stays so, and every read is harmless.

#pragma once

#include <cstdint>
#include <cstring>
#include <limits>

namespace raziel {

struct Bytes {
  const uint8_t* data = nullptr;
  uint32_t size = 0;

  bool equals(const char* text) const { return size == std::strlen(text) && std::memcmp(data, text, size) == 0; }
};

class MsgpackReader {
 public:
  enum class Type : uint8_t { Nil, Bool, Number, String, Array, Map, Other };

  MsgpackReader(const uint8_t* data, size_t size) : at_(data), end_(data + size) {}

  bool ok() const { return ok_; }
  bool atEnd() const { return at_ == end_; }
  const uint8_t* position() const { return at_; }

  /** The type of the value that comes next; Other when there is none or it is binary or an extension. */
  Type peek() const {
    if (!ok_ || at_ == end_) return Type::Other;
    const uint8_t b = *at_;
    if (b <= 0x7f || b >= 0xe0) return Type::Number;
    if (b <= 0x8f) return Type::Map;
    if (b <= 0x9f) return Type::Array;
    if (b <= 0xbf) return Type::String;
    return kTypes[b - 0xc0];
  }

  /** The number that comes next (peek() said Number), as a double. */
  double readNumber() {
    const uint8_t b = *at_++;
    if (b <= 0x7f) return b;
    if (b == 0xcb && end_ - at_ >= 8) return readDouble();
    if (b >= 0xe0) return int8_t(b);
    switch (b) {
      case 0xca: {
        const uint32_t bits = uint32_t(big(4));
        float value;
        std::memcpy(&value, &bits, 4);
        return value;
      }
      case 0xcb: fail(); return 0;  // cut short
      case 0xcc: return double(big(1));
      case 0xcd: return double(big(2));
      case 0xce: return double(big(4));
      case 0xcf: return double(big(8));
      case 0xd0: return int8_t(big(1));
      case 0xd1: return int16_t(big(2));
      case 0xd2: return int32_t(big(4));
      default: return double(int64_t(big(8)));
    }
  }

  bool readBool() { return *at_++ == 0xc3; }

  /** The string that comes next (peek() said String). */
  Bytes readString() {
    const uint8_t b = *at_++;
    uint64_t size;
    if (b <= 0xbf) {
      size = b & 0x1f;
    } else {
      size = big(b == 0xd9 ? 1 : b == 0xda ? 2 : 4);
    }
    if (!has(size)) return {};
    const Bytes text{at_, uint32_t(size)};
    at_ += size;
    return text;
  }

  /** The length of the array that comes next (peek() said Array). */
  uint32_t readArray() {
    const uint8_t b = *at_++;
    if (b <= 0x9f) return b & 0x0f;
    return uint32_t(big(b == 0xdc ? 2 : 4));
  }

  /** The number of pairs in the map that comes next (peek() said Map). */
  uint32_t readMap() {
    const uint8_t b = *at_++;
    if (b <= 0x8f) return b & 0x0f;
    return uint32_t(big(b == 0xde ? 2 : 4));
  }

  /** Steps over whatever comes next, however deep. */
  void skip() {
    // Every value takes a byte at least, so the loop ends with the bytes even where a header promises billions.
    for (uint64_t values = 1; values > 0 && ok_; --values) {
      if (at_ == end_) {
        fail();
        return;
      }
      switch (peek()) {
        case Type::Nil:
        case Type::Bool: ++at_; break;
        case Type::Number: readNumber(); break;
        case Type::String: readString(); break;
        case Type::Array: values += readArray(); break;
        case Type::Map: values += 2 * uint64_t{readMap()}; break;
        case Type::Other: skipBinaryOrExtension(); break;
      }
    }
  }

  void fail() {
    ok_ = false;
    at_ = end_;
  }

 private:
  static constexpr Type kTypes[32] = {
      Type::Nil,    Type::Other,  Type::Bool,   Type::Bool,   Type::Other,  Type::Other,  Type::Other,  Type::Other,
      Type::Other,  Type::Other,  Type::Number, Type::Number, Type::Number, Type::Number, Type::Number, Type::Number,
      Type::Number, Type::Number, Type::Number, Type::Number, Type::Other,  Type::Other,  Type::Other,  Type::Other,
      Type::Other,  Type::String, Type::String, Type::String, Type::Array,  Type::Array,  Type::Map,    Type::Map};

  double readDouble() {
    uint64_t bits;
    std::memcpy(&bits, at_, 8);
    bits = __builtin_bswap64(bits);
    at_ += 8;
    double value;
    std::memcpy(&value, &bits, 8);
    return value;
  }

  bool has(uint64_t bytes) {
    if (uint64_t(end_ - at_) >= bytes) return true;
    fail();
    return false;
  }

  /** The big-endian number in the next `bytes` bytes. */
  uint64_t big(uint32_t bytes) {
    if (!has(bytes)) return 0;
    uint64_t value = 0;
    if (bytes == 8) {
      std::memcpy(&value, at_, 8);
      value = __builtin_bswap64(value);
    } else {
      for (uint32_t i = 0; i < bytes; ++i) value = (value << 8) | at_[i];
    }
    at_ += bytes;
    return value;
  }

  void skipBinaryOrExtension() {
    const uint8_t b = *at_++;
    uint64_t size = 0;
    switch (b) {
      case 0xc4: size = big(1); break;
      case 0xc5: size = big(2); break;
      case 0xc6: size = big(4); break;
      case 0xc7: size = big(1) + 1; break;
      case 0xc8: size = big(2) + 1; break;
      case 0xc9: size = big(4) + 1; break;
      case 0xd4: size = 2; break;
      case 0xd5: size = 3; break;
      case 0xd6: size = 5; break;
      case 0xd7: size = 9; break;
      case 0xd8: size = 17; break;
      default: fail(); return;  // 0xc1, which is never used
    }
    if (has(size)) at_ += size;
  }

  const uint8_t* at_;
  const uint8_t* end_;
  bool ok_ = true;
};

}  // namespace raziel
