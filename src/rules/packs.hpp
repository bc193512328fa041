// What the rules of the packs say of what a statement declares.
#pragma once

#include "rules/choices.hpp"
#include "rules/rule.hpp"

namespace db_guard::rules {

// As it is written: pure, and quick.
Findings review(const ddl::Declarations& declarations, const Choices& choices);

// With what the database knows of it. Temporary tables, and tables that the role may not alter, are
// left alone; those that nobody else can see yet are here to stay, and are not.
Findings review(const ddl::Declarations& declarations, const Choices& choices, ddl::Facts& facts);

}  // namespace db_guard::rules
