#include "rules/reach.hpp"

#include <algorithm>

#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

void add_family(ddl::Facts& facts, const ddl::Relation& relation, Vector<ddl::Relation>& family) {
  family.push_back(relation);
  if (!relation.has_children && !relation.partitioned()) return;
  for (const ddl::Relation& child : facts.partitions(relation)) add_family(facts, child, family);
}

bool contains(const Vector<ddl::Relation>& relations, std::uint32_t id) {
  return std::any_of(relations.begin(), relations.end(),
                     [&](const ddl::Relation& relation) { return relation.id == id; });
}

Vector<ddl::Relation> named_with_families(const Context& context) {
  Vector<ddl::Relation> named;
  for (const ddl::Action& action : context.statement.actions) {
    if (!ddl::has_existing_target(action.kind)) continue;
    const auto target = context.facts.relation(action.target);
    if (target) add_family(context.facts, *target, named);
  }
  return named;
}

bool is_queried(const ddl::Relation& relation) {
  return std::string_view("rpvmf").find(relation.kind) != std::string_view::npos;
}

}  // namespace

Vector<ddl::Relation> family_of(ddl::Facts& facts, const ddl::Relation& relation) {
  Vector<ddl::Relation> family;
  add_family(facts, relation, family);
  return family;
}

Vector<ddl::Relation> also_locked(const Context& context, ddl::Lock at_least) {
  const Vector<ddl::Relation> named = named_with_families(context);
  Vector<ddl::Relation> others;
  for (const ddl::Effect& effect : context.effects.relations) {
    if (effect.lock < at_least || contains(named, effect.relation)) continue;
    const auto relation = context.facts.relation_by_id(effect.relation);
    if (relation && is_queried(*relation)) others.push_back(*relation);
  }
  return others;
}

bool would_queue(const Context& context) {
  if (context.facts.lock_timeout_ms() > 0) return false;
  // Many partitions are asked about one by one; a few speak for all.
  constexpr std::size_t kMostAsked = 100;
  const auto& effects = context.effects.relations;
  for (std::size_t i = 0; i < std::min(effects.size(), kMostAsked); i++) {
    if (!ddl::blocks_writes(effects[i].lock)) continue;
    ddl::Relation relation;
    relation.id = effects[i].relation;
    if (!context.facts.sessions_in_the_way(relation, effects[i].lock).empty()) return true;
  }
  return false;
}

std::optional<Severity> severity_of_brief_lock(const Context& context) {
  if (context.facts.lock_timeout_ms() > 0) return std::nullopt;
  return would_queue(context) ? Severity::kBlock : Severity::kNote;
}

Text brief_lock_detail(const Context& context) {
  return Text(would_queue(context)
                  ? "Another session holds a lock in the way and there is no lock_timeout: the "
                    "statement would wait for it, and everybody else would wait behind the "
                    "statement."
                  : "The lock is brief once it is there, but everybody waits behind it while it "
                    "waits.");
}

Text under_lock_timeout(std::string_view statement) {
  return concat({"BEGIN;\nSET LOCAL lock_timeout = '2s';\n", statement, "\nCOMMIT;"});
}

Text names_with_sizes(ddl::Facts& facts, const Vector<ddl::Relation>& relations) {
  constexpr std::size_t kMostNames = 5;
  Vector<Text> names;
  for (std::size_t i = 0; i < relations.size(); i++) {
    if (i >= kMostNames || !relations[i].has_rows()) {
      names.push_back(relations[i].display);
      continue;
    }
    const ddl::Size size = facts.size(relations[i]);
    names.push_back(concat({relations[i].display, " (", size_words(size.bytes, size.assumed), ", ",
                            core::pretty_rows(size.rows), ")"}));
  }
  return core::list_of(names, kMostNames);
}

std::uint64_t bytes_of(ddl::Facts& facts, const Vector<ddl::Relation>& relations) {
  std::uint64_t bytes = 0;
  for (ddl::Relation relation : relations) {
    relation.only = true;
    if (relation.has_rows()) bytes += facts.size(relation).bytes;
  }
  return bytes;
}

bool is_first_of_kind(const Context& context) {
  const auto& actions = context.statement.actions;
  const auto first = std::find_if(actions.begin(), actions.end(), [&](const ddl::Action& action) {
    return action.kind == context.action.kind;
  });
  return &*first == &context.action;
}

Finding make_object_finding(const Context& context, std::string_view rule, Severity severity) {
  Finding finding;
  finding.rule = rule;
  finding.severity = severity;
  finding.object = context.relation().display;
  finding.place.schema = context.relation().schema;
  return finding;
}

}  // namespace db_guard::rules
