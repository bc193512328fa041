// Reading a string of bytes that may be damaged: nothing is read past its end, and whoever reads
// asks afterwards whether all was there. Plain enough for code that longjmps.
#pragma once

#include <cstddef>
#include <cstdint>

namespace db_guard::core {

// Seven bits a byte, the lowest first; at most ten bytes.
inline constexpr std::size_t kMaxVarintLength = 10;

// Small numbers of either sign become small numbers without one: 0, -1, 1, -2 ... are 0, 1, 2, 3
// ...
constexpr std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

// Writes at `target`, which has room for kMaxVarintLength bytes; returns what comes after.
inline unsigned char* write_varint(unsigned char* target, std::uint64_t value) {
  while (value >= 0x80) {
    *target++ = static_cast<unsigned char>(value | 0x80);
    value >>= 7;
  }
  *target++ = static_cast<unsigned char>(value);
  return target;
}

class ByteReader {
 public:
  ByteReader() = default;
  ByteReader(const unsigned char* data, std::size_t length) : at_(data), end_(data + length) {}

  // 0 where the number is cut off or longer than 64 bits; the reader is then damaged.
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; at_ != end_; shift += 7) {
      const unsigned char byte = *at_++;
      const bool too_long = shift > 63 || (shift == 63 && byte > 1);
      if (too_long) break;
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    fail();
    return 0;
  }

  // The next `length` bytes; null where there are not as many, and the reader is then damaged.
  const unsigned char* bytes(std::size_t length) {
    if (length > left()) {
      fail();
      return nullptr;
    }
    const unsigned char* start = at_;
    at_ += length;
    return start;
  }

  unsigned char byte() {
    const unsigned char* start = bytes(1);
    return start != nullptr ? *start : 0;
  }

  [[nodiscard]] const unsigned char* position() const { return at_; }
  [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  [[nodiscard]] bool damaged() const { return damaged_; }

 private:
  void fail() {
    damaged_ = true;
    at_ = end_;
  }

  const unsigned char* at_ = nullptr;
  const unsigned char* end_ = nullptr;
  bool damaged_ = false;
};

}  // namespace db_guard::core
