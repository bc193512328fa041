// Any string of bytes is read to its end without a step past it, and numbers come back as they
// were.
#include "core/byte_reader.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace db_guard::core;
  ByteReader reader(data, size);
  while (reader.left() > 0 && !reader.damaged()) {
    const std::uint64_t value = reader.varint();
    if (reader.damaged()) break;
    unsigned char bytes[kMaxVarintLength];
    unsigned char* end = write_varint(bytes, value);
    ByteReader again(bytes, static_cast<std::size_t>(end - bytes));
    if (again.varint() != value || again.left() != 0 || again.damaged()) std::abort();
    if (zigzag(unzigzag(value)) != value) std::abort();
    const unsigned char* taken = reader.bytes(value % 8);
    if (taken != nullptr && (taken < data || taken + value % 8 > data + size)) std::abort();
  }
  return 0;
}
