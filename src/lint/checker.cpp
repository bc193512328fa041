#include "lint/checker.hpp"

#include "core/plpgsql_text.hpp"
#include "core/text.hpp"
#include "ddl/read_declarations.hpp"
#include "ddl/translate.hpp"
#include "effects/catalog_predictor.hpp"
#include "lint/allowances.hpp"
#include "lint/script_facts.hpp"
#include "pg/subtransaction.hpp"
#include "policy/choice_settings.hpp"
#include "rules/evaluate.hpp"
#include "rules/packs.hpp"
#include "rules/registry.hpp"

extern "C" {
#include "tcop/utility.h"
#include "utils/guc.h"
}

namespace db_guard::lint {

namespace {

using core::concat;

// What the server says where it raises an error; empty otherwise.
template <class Callable>
Text attempt(Callable&& callable) {
  try {
    pg::rolled_back([&] { pg::call(callable); });
  } catch (const pg::PgError& error) {
    if (error.is_interruption()) throw;
    return Text(error.what());
  }
  return {};
}

int count_lines(std::string_view text) { return int(std::count(text.begin(), text.end(), '\n')); }

bool is_rule(std::string_view slug) {
  if (rules::find_rule(slug) != nullptr) return true;
  return std::any_of(std::begin(kNotices), std::end(kNotices),
                     [&](const Notice* notice) { return notice->slug == slug; });
}

std::string_view setting(const char* name) {
  const char* value = pg::call([&] { return GetConfigOption(name, true, false); });
  return value != nullptr ? std::string_view(value) : std::string_view();
}

// db_guard.small_table_size; the guard keeps its settings to itself.
std::uint64_t small_table_bytes() {
  return pg::call([] {
    int kilobytes = 0;
    const char* value = GetConfigOption("db_guard.small_table_size", false, false);
    if (!parse_int(value, &kilobytes, GUC_UNIT_KB, nullptr)) elog(ERROR, "no size: %s", value);
    return std::uint64_t(kilobytes) * 1024;
  });
}

void append(core::Vector<core::Finding> more, core::Vector<core::Finding>& findings) {
  std::move(more.begin(), more.end(), std::back_inserter(findings));
}

void remember(effects::ScriptState& script, ScriptTypes& types, Node* tree) {
  effects::note_statement(script, tree);
  note_type(types, tree);
}

// Of an UPDATE or DELETE.
bool has_condition(const Node* tree) {
  if (IsA(tree, UpdateStmt))
    return reinterpret_cast<const UpdateStmt*>(tree)->whereClause != nullptr;
  return IsA(tree, DeleteStmt) && reinterpret_cast<const DeleteStmt*>(tree)->whereClause != nullptr;
}

// By the db_guard.allow in force, which is most often the script's own.
bool is_allowed(std::string_view rule) {
  const Vector<Text> allowed = core::split_list(setting("db_guard.allow"));
  const bool named = std::any_of(allowed.begin(), allowed.end(),
                                 [&](const Text& item) { return item == "all" || item == rule; });
  return named &&
         (setting("db_guard.require_reason") != "on" ||
          setting("db_guard.allow_reason").find_first_not_of(' ') != std::string_view::npos);
}

}  // namespace

Checker::Checker(ScriptSettings& settings, bool by_policy)
    : settings_(settings), by_policy_(by_policy), small_table_size_(small_table_bytes()) {}

void Checker::add(const Place& place, core::Finding finding) {
  ReportedFinding reported;
  reported.file = file_;
  reported.statement = place.statement;
  reported.line = place.line;
  reported.rule = finding.rule;
  reported.severity = finding.severity;
  reported.object = std::move(finding.object);
  reported.message = std::move(finding.message);
  reported.detail = std::move(finding.detail);
  reported.safe_sql = std::move(finding.safe_sql);
  reported.text = place.text;
  findings_.push_back(std::move(reported));
}

void Checker::add(const Place& place, const Notice& notice, Text message) {
  core::Finding finding;
  finding.rule = notice.slug;
  finding.severity = notice.severity;
  finding.message = std::move(message);
  finding.detail = notice.what;
  add(place, std::move(finding));
}

void Checker::check_file(std::string_view file, const char* sql) {
  file_ = file;
  const std::size_t first = findings_.size();
  Allowances allowances(sql, 1, findings_);
  for (const ScriptStatement& statement : parse_script(sql)) {
    pg::check_for_interrupts();
    allowances.begin_statement();
    check_statement(statement);
    allowances.end_statement(statement.line, statement.text);
  }
  end_file();
  if (by_policy_) allowances.apply(file, is_rule);
  drop_allowed(findings_);
  std::stable_sort(
      findings_.begin() + std::ptrdiff_t(first), findings_.end(),
      [](const ReportedFinding& a, const ReportedFinding& b) { return a.line < b.line; });
  script_.file++;
}

void Checker::check_statement(const ScriptStatement& statement) {
  const Place place{statement.number, statement.line, statement.text};
  if (statement.tree != nullptr) {
    check_tree(place, statement.tree, {statement.source, statement.location, statement.length});
  } else {
    add(place, statement.psql_command ? kPsqlCommand : kUnparsable, Text(statement.problem));
  }
}

void Checker::check_tree(const Place& place, Node* tree, const ddl::Source& source) {
  switch (nodeTag(tree)) {
    case T_DoStmt:
      check_do(place, reinterpret_cast<const DoStmt*>(tree));
      break;
    case T_TransactionStmt:
      follow_transaction(place, reinterpret_cast<const TransactionStmt*>(tree));
      break;
    case T_VariableSetStmt:
      follow_setting(place, reinterpret_cast<VariableSetStmt*>(tree));
      break;
    default:
      judge(place, tree, source);
      note(tree);
  }
}

void Checker::follow_setting(const Place& place, VariableSetStmt* statement) {
  auto follow = [&] { settings_.follow(statement); };
  // Tried first: a wrong value spoils its own statement and no other.
  const Text problem = attempt(follow);
  if (problem.empty()) {
    pg::call(follow);
  } else {
    add(place, kNotJudged, concat({"the server will refuse this statement: ", problem}));
  }
}

void Checker::note(Node* tree) {
  if (pg::call([&] { return GetCommandLogLevel(tree); }) != LOGSTMT_DDL) return;
  // What goes wrong here is the server's to say, when the statement runs.
  (void)attempt([&] { remember(script_, types_, tree); });
  noted_.push_back({tree, Text(setting("search_path")), script_.file});
  transaction_.count_statement();
  changed_ = true;
}

// After a ROLLBACK: what still stands is read once more, from the start.
void Checker::take_back() {
  if (noted_.size() == transaction_.standing()) return;
  noted_.resize(transaction_.standing());
  const int file = script_.file;
  script_ = {};
  types_ = {};
  for (const Noted& noted : noted_) {
    script_.file = noted.file;
    const char* search_path = noted.search_path.c_str();
    (void)attempt([&] {
      const int level = NewGUCNestLevel();
      (void)set_config_option("search_path", search_path, PGC_USERSET, PGC_S_SESSION,
                              GUC_ACTION_SAVE, true, 0, false);
      remember(script_, types_, noted.tree);
      AtEOXact_GUC(false, level);
    });
  }
  script_.file = file;
  changed_ = !noted_.empty();
}

// What rules say before a commit is asked first; savepoints have no such end.
ddl::TransactionSlip Checker::take_step(const Place& place, const TransactionStmt* statement) {
  const std::string_view savepoint =
      statement->savepoint_name != nullptr ? statement->savepoint_name : "";
  switch (statement->kind) {
    case TRANS_STMT_BEGIN:
    case TRANS_STMT_START:
      if (!transaction_.in_block()) block_start_ = place;
      return transaction_.begin();
    case TRANS_STMT_COMMIT:
    case TRANS_STMT_PREPARE:
      judge_commit(place);
      return transaction_.commit(statement->chain);
    case TRANS_STMT_ROLLBACK:
      return transaction_.roll_back(statement->chain);
    case TRANS_STMT_SAVEPOINT:
      return transaction_.savepoint(savepoint);
    case TRANS_STMT_ROLLBACK_TO:
      return transaction_.roll_back_to(savepoint);
    case TRANS_STMT_RELEASE:
      return transaction_.release(savepoint);
    default:
      return ddl::TransactionSlip::kNone;
  }
}

void Checker::follow_transaction(const Place& place, const TransactionStmt* statement) {
  const ddl::TransactionSlip slip = take_step(place, statement);
  take_back();
  pg::call([&] { settings_.follow(statement); });
  if (slip != ddl::TransactionSlip::kNone) add(place, kTransactionSlip, Text(words_of(slip)));
}

void Checker::end_file() {
  pg::call([&] { settings_.end_file(); });
  const ddl::TransactionSlip slip = transaction_.end_of_script();
  take_back();
  if (slip != ddl::TransactionSlip::kNone) {
    add(block_start_, kTransactionSlip, Text(words_of(slip)));
  }
}

// The one place where statements meet the rules.
core::Vector<core::Finding> Checker::evaluate(const ddl::Statement& statement) {
  ScriptFacts facts(script_, lent_, transaction_.now(), transaction_.in_block());
  effects::CatalogPredictor predictor(changed_ ? &script_ : nullptr);
  core::Vector<core::Finding> found =
      rules::evaluate(statement, predictor, facts, small_table_size_);
  transaction_.note(statement, predictor.last(), facts);
  return found;
}

// And the one where declarations do. A table that the script makes is in no catalog.
core::Vector<core::Finding> Checker::review(const ddl::Declarations& declarations,
                                            const Node* tree) {
  const rules::Choices choices = policy::choices();
  const Target target = pg::call([&] { return find_missing_target(script_, tree); });
  if (target.made != nullptr) {
    if (strcmp(target.made->schema, "pg_temp") == 0) return {};
    return rules::review(declarations, choices);
  }
  ScriptFacts facts(script_, lent_, transaction_.now(), transaction_.in_block());
  return rules::review(declarations, choices, facts);
}

void Checker::report(const Place& place, core::Vector<core::Finding> found) {
  if (!found.empty() && by_policy_) {
    if (!policy_) policy_ = policy::read_policy();
    policy::apply_policy(*policy_, place.text, found);
  }
  for (core::Finding& finding : found) {
    if (finding.severity == Severity::kOff || is_allowed(finding.rule)) continue;
    add(place, std::move(finding));
  }
}

// What only all statements of the transaction together do.
void Checker::judge_commit(const Place& place) {
  const ddl::Transaction& transaction = transaction_.now();
  if (transaction.size() == 0) return;
  core::Vector<core::Finding> found;
  try {
    pg::rolled_back([&] {
      ScriptFacts facts(script_, lent_, transaction, transaction_.in_block());
      found = rules::evaluate_end(transaction, facts, small_table_size_);
    });
  } catch (const pg::PgError& error) {
    if (error.is_interruption()) throw;
    add(place, kNotJudged, concat({"db_guard could not judge this transaction: ", error.what()}));
  }
  report(place, std::move(found));
}

void Checker::judge(const Place& place, Node* tree, const ddl::Source& source) {
  const char* tag = pg::call([&] { return CreateCommandName(tree); });
  Node* known = pg::call([&] { return with_known_types(types_, tree); });
  const ddl::Statement statement = ddl::translate(known, tag, source);
  const ddl::Declarations declarations = ddl::read_declarations(tree, source);
  const bool judged = rules::is_judged(statement);
  const bool noted = !rules::review(declarations, policy::choices()).empty();
  if (!judged && !noted) return;
  core::Vector<core::Finding> found;
  try {
    pg::rolled_back([&] {
      if (!is_here(place, tree) || is_filtered_by_variables(place, statement)) return;
      if (judged) found = evaluate(statement);
      if (noted) append(review(declarations, tree), found);
    });
  } catch (const ddl::Refused&) {
    say_why_refused(place, known);
  } catch (const pg::PgError& error) {
    if (error.is_interruption()) throw;
    add(place, kNotJudged, concat({"db_guard could not judge this statement: ", error.what()}));
  }
  report(place, std::move(found));
  if (transaction_.in_block()) return;
  judge_commit(place);
  transaction_.end_of_statement();
}

// False where what the statement is about is nowhere; says so then.
bool Checker::is_here(const Place& place, const Node* tree) {
  const Target target = pg::call([&] { return find_missing_target(script_, tree); });
  if (target.name == nullptr) return true;
  const Text name(pg::call([&] { return qualified_name(target.name); }));
  if (target.made == nullptr) {
    if (target.may_miss) return true;
    add(place, kNotJudged,
        concat({"relation ", name,
                " is not in this database, and no earlier statement of the script makes it"}));
    return false;
  }
  if (target.made->file < script_.file) {
    add(place, kMadeEarlier,
        concat({"table ", name, " is made by an earlier file, and so judged as new"}));
  }
  return true;
}

// How many rows such a change is about, only the run will know.
bool Checker::is_filtered_by_variables(const Place& place, const ddl::Statement& statement) {
  if (!place.in_body || !has_condition(static_cast<const Node*>(statement.tree))) return false;
  ScriptFacts facts(script_, lent_, transaction_.now(), transaction_.in_block());
  if (facts.changed_rows(statement.actions.front()) >= 0) return false;
  add(place, kOpaque, Text("not judged, since its condition has variables of the body"));
  return true;
}

void Checker::say_why_refused(const Place& place, const Node* tree) {
  effects::Prediction prediction{};
  if (changed_) prediction.script = &script_;
  Text why = attempt(
      [&] { effects::predict_statement(prediction, static_cast<Node*>(copyObjectImpl(tree))); });
  if (why.empty() && prediction.refused != nullptr) why = prediction.refused;
  add(place, kNotJudged,
      why.empty() ? Text("this is about something that the script itself makes")
                  : concat({"as things are now, the server would refuse this: ", why}));
}

// The body is a transaction of its own where none is open.
void Checker::check_do(const Place& place, const DoStmt* statement) {
  const DoBody body = pg::call([&] { return read_body(statement); });
  if (body.text == nullptr) {
    add(place, kOpaque, concat({"a body in language ", body.language, " is not read"}));
    return;
  }
  const auto start = place.text.find(body.text);
  const int line =
      place.line + (start != std::string_view::npos ? count_lines(place.text.substr(0, start)) : 0);
  const bool own_block = pg::call([&] { return settings_.begin_block(); });
  if (own_block) (void)transaction_.begin();
  check_body(place, body.text, line);
  if (!own_block) return;
  judge_commit(place);
  (void)transaction_.commit();
  pg::call([&] { settings_.end_block(true, false); });
}

void Checker::check_body(const Place& place, std::string_view body, int first_line) {
  Allowances allowances(body, first_line, findings_);
  std::size_t counted = 0;
  int line = first_line;
  for (const core::EmbeddedStatement& embedded : core::find_embedded(body)) {
    line += count_lines(body.substr(counted, embedded.offset - counted));
    counted = embedded.offset;
    allowances.begin_statement();
    check_embedded(
        {place.statement, line, body.substr(counted, embedded.length), !embedded.executed},
        embedded);
    allowances.end_statement(line, body.substr(counted, embedded.length));
  }
  if (by_policy_) allowances.apply(file_, is_rule);
}

void Checker::check_embedded(const Place& place, const core::EmbeddedStatement& embedded) {
  if (embedded.sql.empty()) {
    add(place, kOpaque, Text("EXECUTE of a text that only the run will know"));
    return;
  }
  for (const ScriptStatement& statement : parse_script(embedded.sql.c_str())) {
    if (statement.tree == nullptr) {
      add(place, kOpaque, concat({"not read, since it is no SQL by itself: ", statement.problem}));
    } else {
      check_tree(place, statement.tree, {statement.source, statement.location, statement.length});
    }
  }
}

}  // namespace db_guard::lint
