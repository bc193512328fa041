#include "rules/steps.hpp"

#include <algorithm>

#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

// The constraint that is validated afterwards, quoted.
Text append_promise(const Context& context, std::string_view column, std::string_view name,
                    Vector<Text>& steps) {
  ddl::Facts& facts = context.facts;
  const bool native = facts.server_major() >= 18;
  const Text quoted = facts.quote(column);
  const Text given(name);
  const Text constraint =
      facts.quote(given.empty() ? facts.free_name(context.relation(), column, "not_null") : given);
  const Text body =
      native ? concat({"NOT NULL ", quoted}) : concat({"CHECK (", quoted, " IS NOT NULL)"});
  steps.push_back(concat({"ALTER TABLE ", context.relation().display, " ADD CONSTRAINT ",
                          constraint, " ", body, " NOT VALID;"}));
  return constraint;
}

}  // namespace

void append_not_null_steps(const Context& context, std::string_view column, Vector<Text>& steps,
                           std::string_view name) {
  ddl::Facts& facts = context.facts;
  const Text alter = concat({"ALTER TABLE ", context.relation().display});
  const auto known = facts.column(context.relation(), column);
  const ddl::NotNullPromise promise =
      known ? facts.not_null_promise(context.relation(), *known) : ddl::NotNullPromise();
  // One that is there already needs no second one. While one of 18's own is not validated, no other
  // can be added, and SET NOT NULL would read the table under ACCESS EXCLUSIVE.
  const bool promised = !promise.constraint.empty();
  const Text constraint =
      promised ? facts.quote(promise.constraint) : append_promise(context, column, name, steps);
  steps.push_back(concat({alter, " VALIDATE CONSTRAINT ", constraint, ";"}));
  // From 18 on the constraint is NOT NULL itself, and nothing is left to drop.
  if (promised ? promise.native : facts.server_major() >= 18) return;
  steps.push_back(concat({alter, " ALTER COLUMN ", facts.quote(column), " SET NOT NULL;"}));
  if (!promised) steps.push_back(concat({alter, " DROP CONSTRAINT ", constraint, ";"}));
}

namespace {

// Of the largest table that the UPDATE reaches. pg_partition_tree would not do: it knows neither
// ordinary tables nor inheritance.
Text count_pages(const Context& context, std::string_view pages) {
  const ddl::Relation& relation = context.relation();
  const Text table = context.facts.quote_literal(relation.display);
  constexpr std::string_view kBlocks = " / current_setting('block_size')::int";
  if (!relation.has_children && !relation.partitioned()) {
    return concat({"    ", pages, " := pg_relation_size(", table, ")", kBlocks, ";\n"});
  }
  return concat({"    WITH RECURSIVE tables (id) AS (SELECT ", table,
                 "::regclass::oid UNION ALL\n"
                 "      SELECT inhrelid FROM pg_inherits JOIN tables ON inhparent = id)\n"
                 "    SELECT max(pg_relation_size(id))",
                 kBlocks, " INTO ", pages, " FROM tables;\n"});
}

}  // namespace

Text dollar_quote(std::string_view word, std::initializer_list<std::string_view> texts) {
  for (int i = 0;; i++) {
    const Text quote = concat({"$", word, i == 0 ? Text() : core::number(i), "$"});
    const bool inside = std::any_of(texts.begin(), texts.end(), [&](std::string_view text) {
      return text.find(quote) != std::string_view::npos;
    });
    if (!inside) return quote;
  }
}

namespace {

// A variable that no column or table name can be taken for.
Text variable(const Context& context, std::string_view word) {
  Text name(word);
  for (int i = 1; name == context.relation().name || context.facts.column(context.relation(), name);
       i++) {
    name = concat({word, core::number(i)});
  }
  return name;
}

}  // namespace

Text comment_on_one_line(std::string_view text) {
  Text line(text);
  for (char& c : line) c = c == '\n' || c == '\r' ? ' ' : c;
  return line;
}

Text backfill_step(const Context& context, std::string_view assignment,
                   std::string_view condition) {
  const Text& table = context.relation().display;
  const Text page = variable(context, "page");
  const Text pages = variable(context, "pages");
  // A row that a concurrent UPDATE moves to a page already passed is found by the final EXISTS.
  return core::fill(R"sql(DO {quote}
DECLARE
  {page} bigint := 0;
  {pages} bigint;
BEGIN
  LOOP
{count_pages}    UPDATE {table} SET {assignment}
     WHERE ({condition})
       AND ctid >= format('(%s,0)', {page})::tid AND ctid < format('(%s,0)', {page} + 500)::tid;
    COMMIT;
    {page} := {page} + 500;
    CONTINUE WHEN {page} <= {pages};
    EXIT WHEN NOT EXISTS (SELECT FROM {table} WHERE {condition});
    {page} := 0;
  END LOOP;
END {quote};)sql",
                    {{"quote", dollar_quote("backfill", {table, assignment, condition})},
                     {"page", page},
                     {"pages", pages},
                     {"count_pages", count_pages(context, pages)},
                     {"table", table},
                     {"assignment", assignment},
                     {"condition", condition}});
}

namespace {

// Old code writes `from` alone, new code `to` alone; whoever writes decides.
constexpr std::string_view kSyncBothWays =
    R"sql(CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS {quote}
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF {to is null} THEN NEW.{to} := NEW.{from}; ELSE NEW.{from} := NEW.{to}; END IF;
  ELSIF NEW.{to}{as} IS DISTINCT FROM OLD.{to}{as}
    AND NEW.{from}{as} IS NOT DISTINCT FROM OLD.{from}{as} THEN
    NEW.{from} := NEW.{to};
  ELSE
    NEW.{to} := NEW.{from};
  END IF;
  RETURN NEW;
END {quote};)sql";

constexpr std::string_view kSyncForward =
    R"sql(CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS {quote}
BEGIN
  NEW.{to} := {conversion};
  RETURN NEW;
END {quote};)sql";

}  // namespace

Text is_null(std::string_view value, bool composite) {
  return concat({value, composite ? " IS NOT DISTINCT FROM NULL" : " IS NULL"});
}

Text is_not_null(std::string_view value, bool composite) {
  return concat({value, composite ? " IS DISTINCT FROM NULL" : " IS NOT NULL"});
}

void append_sync_steps(const Context& context, const SyncedColumns& columns, Vector<Text>& steps) {
  steps.push_back(
      core::fill(columns.conversion.empty() ? kSyncBothWays : kSyncForward,
                 {{"quote", dollar_quote("sync", {columns.from, columns.to, columns.conversion})},
                  {"function", columns.function},
                  {"from", columns.from},
                  {"to", columns.to},
                  {"as", columns.comparable ? "" : "::text"},
                  {"to is null", is_null(concat({"NEW.", columns.to}), columns.composite)},
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

Text deferral(const ddl::KeySpec& key) {
  if (key.initially_deferred) return Text(" DEFERRABLE INITIALLY DEFERRED");
  return Text(key.deferrable ? " DEFERRABLE" : "");
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
                            std::string_view name, const OnlineIndex& index, Vector<Text>& steps) {
  ddl::Facts& facts = context.facts;
  const Text quoted = facts.quote(name);
  const Text only = concat({"ONLY ", child.display});
  if (!child.partitioned()) {
    steps.push_back(create_index_sql(context, index, "CONCURRENTLY ", name, child.display));
    if (index.constraint.empty()) return;
    steps.push_back(
        concat({"ALTER TABLE ", child.display, " ADD CONSTRAINT ", quoted, " ", index.constraint,
                " USING INDEX ", quoted, deferral(context.action.key), ";"}));
  } else if (index.constraint.empty()) {
    steps.push_back(create_index_sql(context, index, "", name, only));
  } else {
    const ddl::KeySpec& key = context.action.key;
    steps.push_back(concat({"ALTER TABLE ", only, " ADD CONSTRAINT ", quoted, " ", index.constraint,
                            key_definition(facts, key, Syntax::kConstraint), deferral(key), ";"}));
  }
}

// Partitions of any depth: each one's own index, those below it, then the attachment.
void append_partition_steps(const Context& context, const ddl::Relation& parent,
                            std::string_view parent_index, const OnlineIndex& index,
                            Vector<Text>& steps) {
  ddl::Facts& facts = context.facts;
  for (const ddl::Relation& child : facts.partitions(parent)) {
    const Text name = facts.free_name(child, index.part, index.label);
    append_partition_index(context, child, name, index, steps);
    if (child.partitioned()) append_partition_steps(context, child, name, index, steps);
    steps.push_back(concat({"ALTER INDEX ", qualified(facts, parent.schema, parent_index),
                            " ATTACH PARTITION ", qualified(facts, child.schema, name), ";"}));
  }
}

}  // namespace

Text name_part(const ddl::KeySpec& key) {
  Text part;
  for (const Vector<Text>* columns : {&key.columns, &key.include}) {
    for (const Text& column : *columns) {
      if (!part.empty()) part.push_back('_');
      part.append(column.empty() ? std::string_view("expr") : std::string_view(column));
    }
  }
  return part;
}

void append_index_steps(const Context& context, const OnlineIndex& index, Vector<Text>& steps) {
  const ddl::Relation& relation = context.relation();
  if (!relation.partitioned()) {
    steps.push_back(
        create_index_sql(context, index, "CONCURRENTLY ", index.name, relation.display));
    return;
  }
  OnlineIndex named = index;
  if (named.name.empty()) named.name = context.facts.free_name(relation, index.part, index.label);
  steps.push_back(
      create_index_sql(context, named, "", named.name, concat({"ONLY ", relation.display})));
  append_partition_steps(context, relation, named.name, named, steps);
}

namespace {

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
  index.unique = true;
  index.part = primary ? Text() : name_part(key);
  index.label = primary ? "pkey" : "key";
  index.name =
      key.name.empty() ? facts.free_name(context.relation(), index.part, index.label) : key.name;
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

void append_inline_key(const Context& context, Vector<Text>& steps) {
  const ddl::KeySpec& key = context.action.key;
  if (key.unique) append_key_steps(context, key.primary ? "PRIMARY KEY" : "UNIQUE", steps);
}

namespace {

// The first line that is no comment.
std::string_view head_of(std::string_view step) {
  while (step.substr(0, 2) == "--") {
    const auto end = step.find('\n');
    if (end == std::string_view::npos) return {};
    step.remove_prefix(end + 1);
  }
  return step;
}

bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

// A brief strong lock must not queue for long: everybody else would queue behind it. But a timeout
// would leave a CONCURRENTLY build invalid or a partition half detached, and stop a backfill at the
// first locked row.
bool wants_timeout(std::string_view head) {
  return starts_with(head, "ALTER TABLE") || starts_with(head, "ALTER INDEX") ||
         starts_with(head, "CREATE TRIGGER") || starts_with(head, "DROP TRIGGER");
}

bool suffers_from_timeout(std::string_view head) {
  return starts_with(head, "DO ") ||
         head.substr(0, head.find('(')).find("CONCURRENTLY") != std::string_view::npos;
}

}  // namespace

void set_lock_timeouts(Vector<Text>& steps) {
  Vector<Text> result;
  bool set = false;
  for (Text& step : steps) {
    const std::string_view head = head_of(step);
    const bool suffers = suffers_from_timeout(head);
    if (!set && wants_timeout(head) && !suffers) {
      result.emplace_back("SET lock_timeout = '2s';");
      set = true;
    } else if (set && suffers) {
      result.emplace_back("RESET lock_timeout;");
      set = false;
    }
    result.push_back(std::move(step));
  }
  if (set) result.emplace_back("RESET lock_timeout;");
  steps = std::move(result);
}

}  // namespace db_guard::rules
