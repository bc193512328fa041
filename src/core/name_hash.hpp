// 64 bits of a name, the same in every version and on every machine.
#pragma once

#include <cstdint>
#include <string_view>

namespace db_guard::core {

std::uint64_t name_hash(std::string_view name) noexcept;

}  // namespace db_guard::core
