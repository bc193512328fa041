#include "rules/steps.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "change-table-storage";

bool is_index(const Context& context) { return context.relation().kind == 'i'; }

Text what_is_done(const Context& context) {
  const Text name = context.facts.quote(context.action.column);
  switch (context.action.kind) {
    case ddl::ActionKind::kSetTablespace:
      return concat(
          {"moving ", is_index(context) ? "the index" : "the table", " to tablespace ", name});
    case ddl::ActionKind::kSetAccessMethod:
      return context.action.column.empty() ? Text("changing the access method")
                                           : concat({"changing the access method to ", name});
    default:
      return Text("SET LOGGED");
  }
}

Text who_waits(const Context& context) {
  return Text(is_index(context) ? "; queries on its table wait until it is done"
                                : "; reads and writes wait until it is done");
}

Text why(const Context& context) {
  if (is_index(context)) return Text("The index can be built anew there, with queries going on.");
  if (context.action.kind == ddl::ActionKind::kSetTablespace) {
    return Text(
        "The files are copied under the lock. There is no online way to move a table; its indexes "
        "stay where they are, and can be moved one by one.");
  }
  return concat({"Every row is written anew", rebuilt_indexes(context),
                 ", and all of it goes through the write-ahead log, to standbys and backups. There "
                 "is no online way to do that in place: plan a window, or fill a new table."});
}

// Only for tables: their indexes move by REINDEX.
void append_steps(const Context& context, Vector<Text>& steps) {
  const auto index = context.facts.index(context.action.target);
  if (!is_index(context) || !index || index->exclusion) return;
  steps.push_back(concat({"REINDEX (TABLESPACE ", context.facts.quote(context.action.column),
                          ") INDEX CONCURRENTLY ", context.relation().display, ";"}));
}

Text relations_with_size(const Context& context) {
  std::size_t count = 0;
  for (const ddl::Effect& effect : context.effects.relations) count += effect.rewrite ? 1 : 0;
  return concat({core::counted(count, "relation", "relations"), " (",
                 core::pretty_bytes(context.bytes_at_work()), ")"});
}

// ALL IN TABLESPACE is about no relation in particular.
void check_all(const Context& context, Findings& findings) {
  if (context.bytes_at_work() <= context.small_table_size) return;
  ddl::Facts& facts = context.facts;
  Finding finding;
  finding.rule = kSlug;
  finding.severity = Severity::kBlock;
  finding.rewrites = true;
  finding.object = context.relation().display;
  add_evidence(finding, "lock", Text(ddl::lock_mode(ddl::Lock::kAccessExclusive)));
  add_evidence(finding, "bytes", double(context.bytes_at_work()));
  finding.message = concat({"moving all from tablespace ", facts.quote(context.action.target.name),
                            " to ", facts.quote(context.action.new_name),
                            " takes ACCESS EXCLUSIVE on ", relations_with_size(context),
                            " and copies them; reads and writes wait until all are done"});
  finding.detail = Text(
      "All of them are locked until the last one is copied. Moved one by one, each waits only for "
      "itself; indexes move with REINDEX (TABLESPACE ...) CONCURRENTLY, and nobody waits.");
  findings.push_back(std::move(finding));
}

void check(const Context& context, Findings& findings) {
  if (context.action.kind == ddl::ActionKind::kMoveAll) {
    check_all(context, findings);
    return;
  }
  if (!context.work.rewrite || is_small(context)) return;
  Finding finding = make_finding(context, kSlug, Severity::kBlock);
  finding.message =
      concat({what_is_done(context), " takes ACCESS EXCLUSIVE on ", table_with_size(context),
              context.action.kind == ddl::ActionKind::kSetTablespace ? " and copies it"
                                                                     : " and rewrites it",
              who_waits(context)});
  finding.detail = why(context);
  append_steps(context, finding.safe_sql);
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule change_table_storage;
constexpr Rule change_table_storage = {
    kSlug,
    "types",
    Severity::kBlock,
    "SET TABLESPACE, SET LOGGED and SET ACCESS METHOD",
    "Takes ACCESS EXCLUSIVE and copies the whole table, or writes it anew with all its indexes.",
    "Reads and writes wait until the last byte is written, and the disk needs room for a second "
    "copy.",
    "An index is moved by REINDEX (TABLESPACE ...) INDEX CONCURRENTLY. A table has no online way: "
    "plan a window, or make a new table where it is to be, keep it with triggers, fill it in "
    "batches and swap the names. Partitions can be replaced one by one.",
    "CREATE TABLE imports (id bigint PRIMARY KEY, line text);\nALTER TABLE imports SET UNLOGGED;\n"
    "INSERT INTO imports SELECT g, g FROM generate_series(1, 1000) g;",
    "ALTER TABLE imports SET LOGGED;",
    "CREATE TABLE imports_to_keep (LIKE imports INCLUDING ALL);",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "rewrite",
    {ddl::ActionKind::kMoveAll, ddl::ActionKind::kSetAccessMethod, ddl::ActionKind::kSetLogged,
     ddl::ActionKind::kSetTablespace},
    check,
};

}  // namespace db_guard::rules
