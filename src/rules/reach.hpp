// How far a statement reaches beyond what it names, and whether it would have to wait.
#pragma once

#include "rules/rule.hpp"

namespace db_guard::rules {

// Tables, views and the like that the statement locks at least so strongly without naming them, and
// that are no partitions or children of what it names.
Vector<ddl::Relation> also_locked(const Context& context, ddl::Lock at_least);

// The relation with all that inherit from it, at any depth.
Vector<ddl::Relation> family_of(ddl::Facts& facts, const ddl::Relation& relation);

// No lock_timeout is set, and somebody holds a lock that this one would queue behind: everybody
// else would queue behind it.
bool would_queue(const Context& context);

// A strong lock that is brief once it is there: kBlock where it would have to queue, kNote where
// only nobody has limited the waiting; nullopt with a lock_timeout.
std::optional<Severity> severity_of_brief_lock(const Context& context);

// Why that lock matters, as a sentence.
Text brief_lock_detail(const Context& context);

// The statement in a transaction whose locks do not wait long.
Text under_lock_timeout(std::string_view statement);

// "public.users (12 MB) and public.items (41 GB)"; beyond a few, how many more.
Text names_with_sizes(ddl::Facts& facts, const Vector<ddl::Relation>& relations);

// Heap and TOAST of all of them, each by itself.
std::uint64_t bytes_of(ddl::Facts& facts, const Vector<ddl::Relation>& relations);

// The action is the first of its kind: for what is said once a statement.
bool is_first_of_kind(const Context& context);

// A finding on what is no relation.
Finding make_object_finding(const Context& context, std::string_view rule, Severity severity);

}  // namespace db_guard::rules
