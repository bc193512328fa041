#include "rules/wording.hpp"

#include <algorithm>

namespace db_guard::rules {

using core::concat;

Text size_words(std::uint64_t bytes, bool assumed) {
  return assumed ? Text("of unknown size, taken for large") : core::pretty_bytes(bytes);
}

Text table_with_size(const Context& context) {
  const ddl::Size size = context.size();
  Text text = concat({context.relation().display, " (", size_words(size.bytes, size.assumed)});
  if (size.rows >= 0) text.append(concat({", ", core::pretty_rows(size.rows)}));
  if (size.leaves > 0) {
    text.append(concat({" in ", context.relation().partitioned()
                                    ? core::counted(size.leaves, "partition", "partitions")
                                    : core::counted(size.leaves + 1, "table", "tables")}));
  }
  text.append(")");
  return text;
}

Text subject(const Context& context) {
  switch (context.relation().kind) {
    case 'v':
      return concat({"view ", context.relation().display});
    case 'f':
      return concat({"foreign table ", context.relation().display});
    default:
      return table_with_size(context);
  }
}

Text rebuilt_indexes(const Context& context) {
  const auto count = context.size().indexes;
  if (count == 0) return {};
  return concat({" and ", core::counted(count, "index is", "indexes are"), " rebuilt"});
}

bool is_small(const Context& context) { return context.size().bytes <= context.small_table_size; }

Finding make_finding(const Context& context, std::string_view rule, Severity severity) {
  Finding finding;
  finding.rule = rule;
  finding.severity = severity;
  finding.rewrites = context.work.rewrite;
  finding.object = context.relation().display;
  finding.place.schema = context.relation().schema;
  finding.place.table = context.relation().name;
  add_evidence(finding, "lock", Text(ddl::lock_mode(context.lock)));
  const ddl::Size size = context.size();
  if (!size.assumed) add_evidence(finding, "bytes", double(size.bytes));
  if (size.rows >= 0) add_evidence(finding, "rows", size.rows);
  return finding;
}

void add_evidence(Finding& finding, std::string_view key, double number) {
  finding.evidence.push_back({key, {}, number, true});
}

void add_evidence(Finding& finding, std::string_view key, Text text) {
  finding.evidence.push_back({key, std::move(text), 0, false});
}

Text quoted_list(ddl::Facts& facts, const Vector<Text>& names) {
  Text list;
  for (const Text& name : names) {
    if (!list.empty()) list.append(", ");
    list.append(facts.quote(name));
  }
  return list;
}

Text type_change_words(const Context& context, const ddl::TypeChange& change) {
  return concat({"changing column ", context.facts.quote(context.action.column), " from ",
                 change.old_type, " to ", change.new_type, " takes ACCESS EXCLUSIVE on ",
                 table_with_size(context)});
}

Text duplicates_text(const Context& context) {
  const ddl::Duplicates found = context.facts.duplicates(context.relation(), context.action);
  if (!found.searched) return {};
  if (!found.examples.empty()) {
    return concat({" It would fail: rows with equal keys exist already, for example ",
                   core::list_of(found.examples, 3), "."});
  }
  return Text(found.complete ? " No rows with equal keys exist now."
                             : " No rows with equal keys were found in the time allowed for "
                               "looking; that proves nothing.");
}

Text dependents_text(const Vector<ddl::Dependent>& dependents) {
  if (dependents.empty()) {
    return Text("Nothing in this database is known to use it; code outside cannot be seen here.");
  }
  Vector<Text> names;
  for (const ddl::Dependent& dependent : dependents) {
    names.push_back(
        concat({dependent.kind, " ", dependent.name, dependent.certain ? "" : " (by its text)"}));
  }
  return concat({"In this database it is used by ", core::list_of(names, 12), "."});
}

namespace {

constexpr std::size_t kMostSessions = 3;
constexpr std::int64_t kNoteworthyMs = 1000;

Text session_text(const ddl::Session& session) {
  if (session.pid == 0) return Text("a prepared transaction (see pg_prepared_xacts)");
  Text text = concat({"process ", core::number(session.pid)});
  Text about = session.wraparound_vacuum
                   ? Text("autovacuum against transaction ID wraparound, which does not give way")
                   : session.application;
  if (session.transaction_ms >= kNoteworthyMs) {
    about.append(concat({about.empty() ? "" : ", ", "in a transaction for ",
                         core::pretty_duration(session.transaction_ms)}));
  }
  if (!about.empty()) text.append(concat({" (", about, ")"}));
  return text;
}

}  // namespace

Text sessions_text(Vector<ddl::Session> sessions) {
  std::stable_sort(sessions.begin(), sessions.end(),
                   [](const ddl::Session& a, const ddl::Session& b) {
                     return a.transaction_ms > b.transaction_ms;
                   });
  Vector<Text> texts;
  for (const ddl::Session& session : sessions) texts.push_back(session_text(session));
  return texts.empty() ? Text() : core::list_of(texts, kMostSessions);
}

Text in_the_way_text(const Context& context) {
  const Text sessions =
      sessions_text(context.facts.sessions_in_the_way(context.relation(), context.lock));
  if (sessions.empty()) return {};
  return concat({" It would wait now for ", sessions, "."});
}

namespace {

bool holds_rows_of_people(const ddl::Relation& relation) {
  return relation.has_rows() && !relation.temporary && !relation.created_in_transaction;
}

void leave_partitions_to_their_parents(Vector<HeldRelation>& held) {
  const auto is_parent = [](const HeldRelation& one) { return one.relation.partitioned(); };
  if (std::none_of(held.begin(), held.end(), is_parent)) return;
  held.erase(std::remove_if(held.begin(), held.end(),
                            [](const HeldRelation& one) { return one.relation.is_partition; }),
             held.end());
}

}  // namespace

Vector<HeldRelation> held_relations(const Context& context) {
  Vector<HeldRelation> held;
  for (const ddl::Touched& touched : context.facts.transaction()) {
    if (!ddl::blocks_writes(touched.lock)) continue;
    if (context.effects.on(touched.relation).lock != ddl::Lock::kNone) continue;
    auto relation = context.facts.relation_by_id(touched.relation);
    if (!relation || !holds_rows_of_people(*relation)) continue;
    held.push_back({std::move(*relation), touched.lock, touched.held_ms});
  }
  leave_partitions_to_their_parents(held);
  return held;
}

Text held_text(const Vector<HeldRelation>& held) {
  Vector<Text> texts;
  for (const HeldRelation& one : held) {
    Text text = concat({ddl::lock_name(one.lock), " on ", one.relation.display});
    if (one.held_ms >= kNoteworthyMs) {
      text.append(concat({" (for ", core::pretty_duration(one.held_ms), " already)"}));
    }
    texts.push_back(std::move(text));
  }
  return core::list_of(texts, kMostSessions);
}

}  // namespace db_guard::rules
