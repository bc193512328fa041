// A number that stands for some texts, the same on every machine and in every version. Pure.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace db_guard::core {

// FNV-1a, 64 bits. Anybody can make two texts that share one: where that matters, compare the
// texts.
std::uint64_t fingerprint_of(std::initializer_list<std::string_view> texts);

}  // namespace db_guard::core
