// The tables that a statement reaches beyond the one that it names.
#pragma once

#include "rules/rule.hpp"

namespace db_guard::rules {

struct Reached {
  ddl::Relation relation;
  ddl::Effect effect;
};

// Tables that others can see and that the statement locks; without the action's own, and without
// partitions, which go with their parents.
Vector<Reached> other_tables(const Context& context);

// Tables and partitions that others can see and whose rows the statement works on.
Vector<Reached> tables_at_work(const Context& context);

// Nothing bounds the wait, and somebody is in the way of it on one of these tables.
bool would_queue(const Context& context, const Vector<Reached>& tables);

// Somebody holds the lock on the table that CONCURRENTLY holds for as long as it builds.
bool may_be_building(const Context& context);

}  // namespace db_guard::rules
