#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

Text table_with_size(const Context& context) {
  const ddl::Size size = context.size();
  Text text = concat({context.relation().display, " (", core::pretty_bytes(size.bytes)});
  if (size.rows >= 0) text.append(concat({", ", core::pretty_rows(size.rows)}));
  if (size.leaves > 0) {
    text.append(concat({" in ", core::counted(size.leaves, "partition", "partitions")}));
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

bool is_small(const Context& context) { return context.size().bytes <= context.small_table_size; }

Finding make_finding(const Context& context, std::string_view rule, Severity severity) {
  Finding finding;
  finding.rule = rule;
  finding.severity = severity;
  finding.object = context.relation().display;
  finding.place.schema = context.relation().schema;
  finding.place.table = context.relation().name;
  add_evidence(finding, "lock", Text(ddl::lock_mode(context.effect.lock)));
  const ddl::Size size = context.size();
  add_evidence(finding, "bytes", double(size.bytes));
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

void append_not_null_steps(const Context& context, std::string_view column,
                           Vector<Text>& steps) {
  ddl::Facts& facts = context.facts;
  const Text& table = context.relation().display;
  const Text name = facts.quote(facts.free_name(context.relation(), column, "not_null"));
  const Text quoted = facts.quote(column);
  // From 18 on the constraint is NOT NULL itself, and nothing is left to drop.
  const bool native = facts.server_major() >= 18;
  const Text body =
      native ? concat({"NOT NULL ", quoted}) : concat({"CHECK (", quoted, " IS NOT NULL)"});
  steps.push_back(
      concat({"ALTER TABLE ", table, " ADD CONSTRAINT ", name, " ", body, " NOT VALID;"}));
  steps.push_back(concat({"ALTER TABLE ", table, " VALIDATE CONSTRAINT ", name, ";"}));
  if (native) return;
  steps.push_back(concat({"ALTER TABLE ", table, " ALTER COLUMN ", quoted, " SET NOT NULL;"}));
  steps.push_back(concat({"ALTER TABLE ", table, " DROP CONSTRAINT ", name, ";"}));
}

Text backfill_step(const Context& context, std::string_view assignment,
                     std::string_view condition) {
  const Text& table = context.relation().display;
  const Text literal = context.facts.quote_literal(table);
  // A row that a concurrent UPDATE moves to a page already passed is found by the final EXISTS.
  return concat({"DO $backfill$\n"
                 "DECLARE\n"
                 "  page bigint := 0;\n"
                 "  pages bigint;\n"
                 "BEGIN\n"
                 "  LOOP\n"
                 "    SELECT max(pg_relation_size(relid)) / current_setting('block_size')::int INTO pages\n"
                 "      FROM pg_partition_tree(",
                 literal,
                 ");\n"
                 "    UPDATE ",
                 table, " SET ", assignment, " WHERE (", condition,
                 ")\n"
                 "      AND ctid >= format('(%s,0)', page)::tid"
                 " AND ctid < format('(%s,0)', page + 500)::tid;\n"
                 "    COMMIT;\n"
                 "    page := page + 500;\n"
                 "    CONTINUE WHEN page <= pages;\n"
                 "    EXIT WHEN NOT EXISTS (SELECT FROM ",
                 table, " WHERE ", condition,
                 ");\n"
                 "    page := 0;\n"
                 "  END LOOP;\n"
                 "END $backfill$;"});
}

void append_sync_steps(const Context& context, const SyncedColumns& columns,
                       Vector<Text>& steps) {
  steps.push_back(concat({"CREATE FUNCTION ", columns.name,
                          "() RETURNS trigger LANGUAGE plpgsql AS $sync$\n"
                          "BEGIN\n"
                          "  IF TG_OP = 'INSERT' THEN\n"
                          "    IF NEW.",
                          columns.to, " IS NULL THEN NEW.", columns.to, " := ", columns.forward,
                          ";\n"
                          "    ELSE NEW.",
                          columns.from, " := ", columns.backward,
                          "; END IF;\n"
                          "  ELSIF NEW.",
                          columns.to, " IS DISTINCT FROM OLD.", columns.to,
                          "\n    AND NEW.", columns.from, " IS NOT DISTINCT FROM OLD.", columns.from,
                          "\n    AND NEW.", columns.to, " IS DISTINCT FROM (", columns.forward,
                          ") THEN\n"
                          "    NEW.",
                          columns.from, " := ", columns.backward,
                          ";\n"
                          "  ELSE\n"
                          "    NEW.",
                          columns.to, " := ", columns.forward,
                          ";\n"
                          "  END IF;\n"
                          "  RETURN NEW;\n"
                          "END $sync$;"}));
  steps.push_back(concat({"CREATE TRIGGER ", columns.trigger, " BEFORE INSERT OR UPDATE ON ",
                          context.relation().display, " FOR EACH ROW EXECUTE FUNCTION ",
                          columns.name, "();"}));
}

Text allowed_step(std::string_view rule, std::string_view reason, std::string_view statements) {
  return concat({"BEGIN;\n"
                 "SET LOCAL lock_timeout = '2s';\n"
                 "SET LOCAL db_guard.allow = '",
                 rule,
                 "';\n"
                 "SET LOCAL db_guard.allow_reason = '",
                 reason, "';\n", statements, "\nCOMMIT;"});
}

namespace {

Text create_index_sql(const Context& context, const OnlineIndex& index, std::string_view how,
                        std::string_view name, std::string_view table) {
  // Without a name the server chooses one; a trailing comment must not swallow the semicolon.
  const bool commented = index.definition.find("--") != Text::npos;
  return concat({"CREATE ", index.unique ? "UNIQUE " : "", "INDEX ", how,
                 index.if_not_exists ? "IF NOT EXISTS " : "",
                 name.empty() ? Text() : context.facts.quote(name), name.empty() ? "" : " ", "ON ",
                 table, index.definition, commented ? "\n;" : ";"});
}

Text qualified(ddl::Facts& facts, std::string_view schema, std::string_view name) {
  return concat({facts.quote(schema), ".", facts.quote(name)});
}

// Partitions of any depth: the parent's empty index first, then each child's, then the attachment.
void append_partition_steps(const Context& context, const ddl::Relation& parent,
                            std::string_view parent_index, const OnlineIndex& index,
                            Vector<Text>& steps) {
  ddl::Facts& facts = context.facts;
  for (const ddl::Relation& child : facts.partitions(parent)) {
    const Text name = facts.free_name(child, index.part, "idx");
    if (child.partitioned()) {
      steps.push_back(create_index_sql(context, index, "", name, concat({"ONLY ", child.display})));
      append_partition_steps(context, child, name, index, steps);
    } else {
      steps.push_back(create_index_sql(context, index, "CONCURRENTLY ", name, child.display));
    }
    steps.push_back(concat({"ALTER INDEX ", qualified(facts, parent.schema, parent_index),
                            " ATTACH PARTITION ", qualified(facts, child.schema, name), ";"}));
  }
}

}  // namespace

void append_index_steps(const Context& context, const OnlineIndex& index, Vector<Text>& steps) {
  const ddl::Relation& relation = context.relation();
  if (!relation.partitioned()) {
    steps.push_back(
        create_index_sql(context, index, "CONCURRENTLY ", index.name, relation.display));
    return;
  }
  OnlineIndex named = index;
  if (named.name.empty()) named.name = context.facts.free_name(relation, index.part, "idx");
  steps.push_back(
      create_index_sql(context, named, "", named.name, concat({"ONLY ", relation.display})));
  append_partition_steps(context, relation, named.name, named, steps);
}

namespace {

// CREATE INDEX has NULLS NOT DISTINCT behind the columns, a constraint in front of them.
enum class Syntax : std::uint8_t { kIndex, kConstraint };

Text key_definition(ddl::Facts& facts, const ddl::KeySpec& key, Syntax syntax) {
  const std::string_view nulls = key.nulls_not_distinct ? " NULLS NOT DISTINCT" : "";
  const bool first = syntax == Syntax::kConstraint;
  Text text = concat({first ? nulls : "", " (", quoted_list(facts, key.columns), ")"});
  if (!key.include.empty()) {
    text.append(concat({" INCLUDE (", quoted_list(facts, key.include), ")"}));
  }
  if (!first) text.append(nulls);
  text.append(key.storage);
  return text;
}

Text deferral(const ddl::KeySpec& key) {
  if (key.initially_deferred) return Text(" DEFERRABLE INITIALLY DEFERRED");
  return Text(key.deferrable ? " DEFERRABLE" : "");
}

Text key_name(const Context& context, bool primary) {
  const ddl::KeySpec& key = context.action.key;
  if (!key.name.empty()) return key.name;
  return context.facts.free_name(context.relation(), primary ? "" : key.columns.front(),
                                 primary ? "pkey" : "key");
}

// A key constraint on a partitioned table: declared on the parent alone, then completed by
// attaching each partition's own index.
void append_partitioned_key_steps(const Context& context, std::string_view kind,
                                  const OnlineIndex& index, Vector<Text>& steps) {
  steps.push_back(concat({"ALTER TABLE ONLY ", context.relation().display, " ADD CONSTRAINT ",
                          context.facts.quote(index.name), " ", kind,
                          key_definition(context.facts, context.action.key, Syntax::kConstraint),
                          deferral(context.action.key), ";"}));
  append_partition_steps(context, context.relation(), index.name, index, steps);
}

}  // namespace

void append_key_steps(const Context& context, std::string_view kind, Vector<Text>& steps) {
  ddl::Facts& facts = context.facts;
  const ddl::KeySpec& key = context.action.key;
  const bool primary = kind == "PRIMARY KEY";
  OnlineIndex index;
  index.name = key_name(context, primary);
  index.unique = true;
  index.part = key.columns.front();
  index.definition = key_definition(facts, key, Syntax::kIndex);
  if (primary) {
    for (const Text& name : key.columns) {
      const auto column = facts.column(context.relation(), name);
      if (column && !column->not_null) append_not_null_steps(context, name, steps);
    }
  }
  if (context.relation().partitioned()) {
    append_partitioned_key_steps(context, kind, index, steps);
    return;
  }
  append_index_steps(context, index, steps);
  const Text quoted = facts.quote(index.name);
  steps.push_back(concat({"ALTER TABLE ", context.relation().display, " ADD CONSTRAINT ", quoted,
                          " ", kind, " USING INDEX ", quoted, deferral(key), ";"}));
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

void append_new_column_steps(const Context& context, const ddl::TypeChange& change,
                             Vector<Text>& steps) {
  ddl::Facts& facts = context.facts;
  const ddl::Relation& relation = context.relation();
  const auto& column = context.effect.column;
  const Text fresh = facts.free_column_name(relation, column->name, "new");
  const Text old = facts.free_column_name(relation, column->name, "old");
  const Text from = facts.quote(column->name);
  const Text to = facts.quote(fresh);
  const Text name = facts.quote(facts.free_name(relation, column->name, "sync"));
  SyncedColumns synced;
  synced.from = from;
  synced.to = to;
  synced.forward = concat({"NEW.", from, "::", change.new_type});
  synced.backward = concat({"NEW.", to, "::", change.old_type});
  synced.name = concat({facts.quote(relation.schema), ".", name});
  synced.trigger = name;
  steps.push_back(concat(
      {"ALTER TABLE ", relation.display, " ADD COLUMN ", to, " ", change.new_type, ";"}));
  append_sync_steps(context, synced, steps);
  steps.push_back(backfill_step(context, concat({to, " = ", from, "::", change.new_type}),
                                concat({from, " IS NOT NULL AND ", to, " IS NULL"})));
  if (column->not_null) append_not_null_steps(context, fresh, steps);
  steps.push_back(concat(
      {"-- give ", to, " the indexes (CONCURRENTLY), constraints and default of ", from,
       ", then swap the names:\n",
       allowed_step("rename-column", "the column of the new type takes over",
                    concat({"DROP TRIGGER ", name, " ON ", relation.display, ";\nALTER TABLE ",
                            relation.display, " RENAME COLUMN ", from, " TO ", facts.quote(old),
                            ";\nALTER TABLE ", relation.display, " RENAME COLUMN ", to, " TO ",
                            from, ";"}))}));
  steps.push_back(concat({"DROP FUNCTION ", synced.name, "();"}));
  steps.push_back(allowed_step(
      "drop-column", "replaced by the column of the new type",
      concat({"ALTER TABLE ", relation.display, " DROP COLUMN ", facts.quote(old), ";"})));
}

Text type_change_words(const Context& context, const ddl::TypeChange& change) {
  return concat({"changing column ", context.facts.quote(context.action.column), " from ",
                 change.old_type, " to ", change.new_type, " takes ACCESS EXCLUSIVE on ",
                 table_with_size(context)});
}

void append_inline_column(const Context& context, Vector<Text>& steps) {
  if (context.action.kind != ddl::ActionKind::kAddColumn) return;
  const auto& added = context.effect.added;
  steps.push_back(concat({"ALTER TABLE ", context.relation().display, " ADD COLUMN ",
                          context.facts.quote(context.action.column), " ", added->type,
                          added->default_sql.empty() ? "" : " DEFAULT ", added->default_sql, ";"}));
}

Text dependents_text(const Vector<ddl::Dependent>& dependents) {
  if (dependents.empty()) {
    return Text("Nothing in this database is known to use it; code outside cannot be seen here.");
  }
  Vector<Text> names;
  for (const ddl::Dependent& dependent : dependents) {
    names.push_back(concat(
        {dependent.kind, " ", dependent.name, dependent.certain ? "" : " (by its text)"}));
  }
  return concat({"In this database it is used by ", core::list_of(names, 12), "."});
}

}  // namespace db_guard::rules
