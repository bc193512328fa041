// Words that several rules share.
#pragma once

#include "core/text.hpp"
#include "rules/rule.hpp"

namespace db_guard::rules {

// "public.orders (41 GB, about 210 million rows)"; with "in 12 partitions" where there are any.
Text table_with_size(const Context& context);

// The same for relations without rows of their own (views, foreign tables): "view public.v".
Text subject(const Context& context);

// "41 GB", or that it is not known.
Text size_words(std::uint64_t bytes, bool assumed);

// " and 3 indexes are rebuilt", or empty where there are none.
Text rebuilt_indexes(const Context& context);

// Too little data for work that only costs time to matter.
bool is_small(const Context& context);

// A finding on the context's relation with size and lock as evidence.
Finding make_finding(const Context& context, std::string_view rule, Severity severity);

void add_evidence(Finding& finding, std::string_view key, double number);
void add_evidence(Finding& finding, std::string_view key, Text text);

// "users (email, name)" style list of quoted identifiers.
Text quoted_list(ddl::Facts& facts, const Vector<Text>& names);

// Text about rows that would break a unique index, or empty when none were found or looked for.
Text duplicates_text(const Context& context);

// "changing column c from integer to bigint takes ACCESS EXCLUSIVE on public.t (41 GB)".
Text type_change_words(const Context& context, const ddl::TypeChange& change);

// " It would wait now for process 4711 (app), in a transaction for 3 min." or empty.
Text in_the_way_text(const Context& context);

// The same sessions by name: "process 4711 (app), process 4712 and 2 more". None: empty.
Text sessions_text(Vector<ddl::Session> sessions);

// Relations other than the statement's own that the transaction holds locks on which block writes,
// from earlier statements. Without new ones, and without partitions next to a parent.
struct HeldRelation {
  ddl::Relation relation;
  ddl::Lock lock;
  std::int64_t held_ms;
};
Vector<HeldRelation> held_relations(const Context& context);

// "ACCESS EXCLUSIVE on public.orders, held for 5 min already, and SHARE on public.users".
Text held_text(const Vector<HeldRelation>& held);

// "In this database it is used by view public.v, function f() (by its text)." or that nothing does.
Text dependents_text(const Vector<ddl::Dependent>& dependents);

}  // namespace db_guard::rules
