// Singular and plural of nouns that tables are often named after. What is not known for certain has
// neither: other languages, words without a plural, words that end in s all by themselves.
#pragma once

#include <string_view>

#include "core/memory.hpp"

namespace db_guard::core {

// Of a known noun in the singular, its plural; otherwise empty.
Text plural_of(std::string_view noun);

// Of the plural of a known noun, its singular; otherwise empty.
std::string_view singular_of(std::string_view plural);

}  // namespace db_guard::core
