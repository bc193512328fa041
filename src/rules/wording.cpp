#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

Text table_with_size(const Context& context) {
  const ddl::Size size = context.size();
  Text text = concat({context.relation().display, " (", core::pretty_bytes(size.bytes)});
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

void append_not_null_steps(const Context& context, std::string_view column, Vector<Text>& steps) {
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

namespace {

// Of the largest table that the UPDATE reaches. pg_partition_tree would not do: it knows neither
// ordinary tables nor inheritance.
Text count_pages(const Context& context) {
  const ddl::Relation& relation = context.relation();
  const Text table = context.facts.quote_literal(relation.display);
  constexpr std::string_view kBlocks = " / current_setting('block_size')::int";
  if (!relation.has_children && !relation.partitioned()) {
    return concat({"    pages := pg_relation_size(", table, ")", kBlocks, ";\n"});
  }
  return concat({"    WITH RECURSIVE tables (id) AS (SELECT ", table,
                 "::regclass::oid UNION ALL\n"
                 "      SELECT inhrelid FROM pg_inherits JOIN tables ON inhparent = id)\n"
                 "    SELECT max(pg_relation_size(id))",
                 kBlocks, " INTO pages FROM tables;\n"});
}

}  // namespace

Text backfill_step(const Context& context, std::string_view assignment,
                   std::string_view condition) {
  // A row that a concurrent UPDATE moves to a page already passed is found by the final EXISTS.
  return core::fill(R"sql(DO $backfill$
DECLARE
  page bigint := 0;
  pages bigint;
BEGIN
  LOOP
{count_pages}    UPDATE {table} SET {assignment}
     WHERE ({condition})
       AND ctid >= format('(%s,0)', page)::tid AND ctid < format('(%s,0)', page + 500)::tid;
    COMMIT;
    page := page + 500;
    CONTINUE WHEN page <= pages;
    EXIT WHEN NOT EXISTS (SELECT FROM {table} WHERE {condition});
    page := 0;
  END LOOP;
END $backfill$;)sql",
                    {{"count_pages", count_pages(context)},
                     {"table", context.relation().display},
                     {"assignment", assignment},
                     {"condition", condition}});
}

namespace {

// Old code writes `from` alone, new code `to` alone; whoever writes decides.
constexpr std::string_view kSyncBothWays =
    R"sql(CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $sync$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.{to} IS NULL THEN NEW.{to} := NEW.{from}; ELSE NEW.{from} := NEW.{to}; END IF;
  ELSIF NEW.{to} IS DISTINCT FROM OLD.{to} AND NEW.{from} IS NOT DISTINCT FROM OLD.{from} THEN
    NEW.{from} := NEW.{to};
  ELSE
    NEW.{to} := NEW.{from};
  END IF;
  RETURN NEW;
END $sync$;)sql";

constexpr std::string_view kSyncForward =
    R"sql(CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $sync$
BEGIN
  NEW.{to} := {conversion};
  RETURN NEW;
END $sync$;)sql";

}  // namespace

void append_sync_steps(const Context& context, const SyncedColumns& columns, Vector<Text>& steps) {
  steps.push_back(core::fill(columns.conversion.empty() ? kSyncBothWays : kSyncForward,
                             {{"function", columns.function},
                              {"from", columns.from},
                              {"to", columns.to},
                              {"conversion", columns.conversion}}));
  steps.push_back(core::fill("CREATE TRIGGER {trigger} BEFORE INSERT OR UPDATE ON {table}\n"
                             "  FOR EACH ROW EXECUTE FUNCTION {function}();",
                             {{"trigger", columns.trigger},
                              {"table", context.relation().display},
                              {"function", columns.function}}));
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

// One partition's own index; where the parent's belongs to a constraint, the server wants the
// partition's to belong to one too.
void append_partition_index(const Context& context, const ddl::Relation& child,
                            std::string_view name, const OnlineIndex& index,
                            Vector<Text>& steps) {
  ddl::Facts& facts = context.facts;
  const Text quoted = facts.quote(name);
  const Text only = concat({"ONLY ", child.display});
  if (!child.partitioned()) {
    steps.push_back(create_index_sql(context, index, "CONCURRENTLY ", name, child.display));
    if (index.constraint.empty()) return;
    steps.push_back(concat({"ALTER TABLE ", child.display, " ADD CONSTRAINT ", quoted, " ",
                            index.constraint, " USING INDEX ", quoted, ";"}));
  } else if (index.constraint.empty()) {
    steps.push_back(create_index_sql(context, index, "", name, only));
  } else {
    const ddl::KeySpec& key = context.action.key;
    steps.push_back(concat({"ALTER TABLE ", only, " ADD CONSTRAINT ", quoted, " ",
                            index.constraint, key_definition(facts, key, Syntax::kConstraint),
                            ";"}));
  }
}

// Partitions of any depth: each one's own index, those below it, then the attachment.
void append_partition_steps(const Context& context, const ddl::Relation& parent,
                            std::string_view parent_index, const OnlineIndex& index,
                            Vector<Text>& steps) {
  ddl::Facts& facts = context.facts;
  for (const ddl::Relation& child : facts.partitions(parent)) {
    const Text name = facts.free_name(child, index.part, "idx");
    append_partition_index(context, child, name, index, steps);
    if (child.partitioned()) append_partition_steps(context, child, name, index, steps);
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
  index.constraint = kind;
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
  if (change.conversion.empty()) return;
  ddl::Facts& facts = context.facts;
  const ddl::Relation& relation = context.relation();
  const Text& table = relation.display;
  const ddl::Column& column = *context.effect.column;
  const Text fresh = facts.free_column_name(relation, column.name, "new");
  const Text from = facts.quote(column.name);
  const Text to = facts.quote(fresh);
  const Text old = facts.quote(facts.free_column_name(relation, column.name, "old"));
  const Text trigger = facts.quote(facts.free_name(relation, column.name, "sync"));
  const Text function = concat({facts.quote(relation.schema), ".", trigger});
  steps.push_back(concat({"ALTER TABLE ", table, " ADD COLUMN ", to, " ", change.new_type, ";"}));
  append_sync_steps(context, {from, to, change.conversion_of_new, function, trigger}, steps);
  steps.push_back(
      backfill_step(context, concat({to, " = ", change.conversion}),
                    concat({to, " IS NULL AND (", change.conversion, ") IS NOT NULL"})));
  if (column.not_null) append_not_null_steps(context, fresh, steps);
  const Text swap = core::fill(
      "DROP TRIGGER {trigger} ON {table};\n"
      "ALTER TABLE {table} RENAME COLUMN {from} TO {old};\n"
      "ALTER TABLE {table} RENAME COLUMN {to} TO {from};",
      {{"trigger", trigger}, {"table", table}, {"from", from}, {"old", old}, {"to", to}});
  steps.push_back(
      concat({"-- give ", to, " the indexes (CONCURRENTLY), constraints and default of ", from,
              ", then swap the names:\n",
              allowed_step("rename-column", "the column of the new type takes over", swap)}));
  steps.push_back(concat({"DROP FUNCTION ", function, "();"}));
  steps.push_back(allowed_step("drop-column", "replaced by the column of the new type",
                               concat({"ALTER TABLE ", table, " DROP COLUMN ", old, ";"})));
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
    names.push_back(
        concat({dependent.kind, " ", dependent.name, dependent.certain ? "" : " (by its text)"}));
  }
  return concat({"In this database it is used by ", core::list_of(names, 12), "."});
}

namespace {

Text session_text(const ddl::Session& session) {
  Text text = concat({"process ", core::number(session.pid)});
  if (!session.application.empty()) text.append(concat({" (", session.application, ")"}));
  if (session.transaction_ms >= 0) {
    text.append(concat({", in a transaction for ", core::pretty_duration(session.transaction_ms)}));
  }
  return text;
}

}  // namespace

Text in_the_way_text(const Context& context) {
  const auto sessions = context.facts.sessions_in_the_way(context.relation(), context.effect.lock);
  if (sessions.empty()) return {};
  Text text(" It would wait now for ");
  for (std::size_t i = 0; i < sessions.size(); i++) {
    if (i > 0) text.append("; ");
    text.append(session_text(sessions[i]));
  }
  return text.append(".");
}

}  // namespace db_guard::rules
