#include "guard/judge.hpp"

#include "core/error.hpp"
#include "core/json.hpp"
#include "core/text.hpp"
#include "ddl/catalog_facts.hpp"
#include "ddl/read_declarations.hpp"
#include "ddl/session_tables.hpp"
#include "ddl/translate.hpp"
#include "effects/catalog_predictor.hpp"
#include "guard/ddl_log.hpp"
#include "guard/message.hpp"
#include "guard/settings.hpp"
#include "guard/transaction_state.hpp"
#include "guard/unseen_commands.hpp"
#include "pg/entry.hpp"
#include "pg/subtransaction.hpp"
#include "policy/choice_settings.hpp"
#include "policy/rule_policy.hpp"
#include "rules/evaluate.hpp"
#include "rules/packs.hpp"
#include "rules/wording.hpp"

extern "C" {
#include "access/xact.h"
#include "utils/inval.h"
#include "utils/snapmgr.h"
}

namespace db_guard::guard {

namespace {

using core::concat;
using core::Severity;

std::uint64_t small_table_bytes() { return std::uint64_t(settings().small_table_size_kb) * 1024; }

PolicyInput policy_input() {
  PolicyInput input;
  input.blocks = mode() == Mode::kBlock;
  input.warns = mode() == Mode::kBlock || mode() == Mode::kWarn;
  input.allow = settings().allow;
  input.reason = settings().allow_reason;
  input.require_reason = settings().require_reason;
  input.override_role = settings().override_role;
  input.may_override = pg::call([] { return may_override(); });
  return input;
}

// What the analysis brings out of its subtransaction.
struct Judgement {
  Decision decision;
  Text findings;  // JSON of all of them, allowed ones too
  Message message;
  Text first_object;
  bool found = false;
  bool rewrites = false;
};

// Empty where only the text around the statement is known.
std::string_view text_of(const Event& event) {
  const Frame& frame = *event.frame;
  if (!frame.located || frame.query == nullptr) return {};
  const std::string_view text = std::string_view(frame.query).substr(std::size_t(frame.location));
  return frame.length > 0 ? text.substr(0, std::size_t(frame.length)) : text;
}

void conclude(const Event& event, Vector<Finding> findings, Judgement& judgement) {
  if (findings.empty()) return;
  // Only where there is something to decide: most statements have no finding.
  policy::apply_policy(policy::read_policy(), text_of(event), findings);
  judgement.found = true;
  judgement.first_object = findings.front().object;
  judgement.findings = core::findings_json(findings);
  judgement.rewrites = std::any_of(findings.begin(), findings.end(),
                                   [](const Finding& finding) { return finding.rewrites; });
  judgement.decision = decide(findings, policy_input());
  judgement.decision.outside_blocks = event.tree != nullptr && runs_outside_blocks(event.tree);
  if (judgement.decision.verdict == Verdict::kBlock) {
    judgement.message = describe(judgement.decision);
  }
}

// A statement may be judged twice, at its start and at a rewrite.
Text joined(const char* earlier, const Text& findings) {
  if (earlier == nullptr) return findings;
  Text text(earlier);
  text.back() = ',';
  return text.append(findings, 1);
}

void keep(Frame& frame, const Judgement& judgement) {
  const Text all = joined(frame.findings, judgement.findings);
  const char* findings = all.c_str();
  const bool warned = judgement.decision.verdict == Verdict::kWarn;
  const bool allowed = judgement.decision.overridden;
  const bool rewrites = judgement.rewrites;
  pg::call([&] {
    frame.foresaw_rewrite = frame.foresaw_rewrite || rewrites;
    frame.findings = keep_in_frame(frame, findings);
    if (warned && frame.outcome == nullptr) frame.outcome = "warned";
    if (allowed) frame.outcome = "allowed";
  });
}

void raise_note(int level, const Finding& finding) {
  const Message text = describe(finding);
  const char* message = text.message.c_str();
  const char* detail = text.detail.c_str();
  const char* hint = text.hint.c_str();
  pg::call([&] {
    ereport(level, (errcode(ERRCODE_WARNING), errmsg_internal("%s", message),
                    errdetail_internal("%s", detail), *hint != '\0' ? errhint("%s", hint) : 0));
  });
}

void speak(const Decision& decision) {
  if (mode() == Mode::kLog) return;
  for (const Finding& finding : decision.findings) {
    if (finding.severity != Severity::kNote) {
      raise_note(WARNING, finding);
    } else if (settings().show_notes) {
      raise_note(NOTICE, finding);
    }
  }
}

void record_blocked(const Event& event, const Judgement& judgement) {
  if (!settings().log_ddl) return;
  const char* findings = judgement.findings.c_str();
  pg::call([&] {
    const LogObject object = object_of(*event.frame, event.tree);
    LogEntry entry = entry_of_session(*event.frame, event.tree, event.tag, object.name);
    entry.outcome = "blocked";
    entry.findings = findings;
    insert_entry_elsewhere(entry);
  });
}

// Blocks, warns or lets pass, as the judgement says.
void act(const Event& event, const Judgement& judgement) {
  if (judgement.decision.verdict == Verdict::kBlock) {
    record_blocked(event, judgement);
    const Message& text = judgement.message;
    throw core::Error("DG001", text.message, text.detail, text.hint)
        .at(judgement.decision.findings.front().place);
  }
  keep(*event.frame, judgement);
  speak(judgement.decision);
}

// A defect of the analysis must not stop a deployment.
void report_analysis_failure(const Event& event, const char* why) {
  pg::call([&] {
    event.frame->analysis_error = keep_in_frame(*event.frame, why);
    ereport(WARNING,
            (errmsg("db_guard could not analyse this statement and lets it pass"),
             errdetail_internal("%s", why),
             errhint("This is a defect of db_guard: please report the statement and the table.")));
  });
}

// Nothing is locked while it is looked at, so a relation may be dropped between two looks, and what
// the caches still say of it may contradict the catalogs. A second look finds it gone.
void forget_what_was_read() {
  pg::call([] {
    InvalidateCatalogSnapshot();
    InvalidateSystemCaches();
  });
}

constexpr int kMostLooks = 3;

template <class Analysis>
bool analyse(const Event& event, Analysis&& analysis) {
  for (int look = 1;; look++) {
    try {
      pg::rolled_back(analysis);
      return true;
    } catch (const ddl::Refused&) {
      return false;
    } catch (const pg::PgError& error) {
      if (error.is_interruption()) throw;
      if (look == kMostLooks) {
        report_analysis_failure(event, error.what());
        return false;
      }
    } catch (const std::bad_alloc&) {
      report_analysis_failure(event, "out of memory");
      return false;
    } catch (const std::exception& error) {
      report_analysis_failure(event, error.what());
      return false;
    }
    forget_what_was_read();
  }
}

// Nobody is connected who could be hurt now, and no lock outlives the statement: what only a busy
// server or a longer transaction make hazardous need not be looked for.
bool is_alone(const Event& event, bool in_block) {
  return !event.frame->nested && !in_block && !is_anything_noted() &&
         !pg::call([] { return ddl::may_meet_others(); });
}

// The way out must be open whatever hangs on it.
bool drops_the_guard(const Node* tree) {
  if (tree == nullptr || !IsA(tree, DropStmt)) return false;
  const auto* statement = reinterpret_cast<const DropStmt*>(tree);
  if (statement->removeType != OBJECT_EXTENSION) return false;
  ListCell* cell = nullptr;
  foreach (cell, statement->objects) {
    if (strcmp(strVal(lfirst(cell)), "db_guard") == 0) return true;
  }
  return false;
}

bool is_worth_judging(const Event& event, const ddl::Statement& statement, bool in_block) {
  const bool judged =
      is_alone(event, in_block) ? rules::is_judged_alone(statement) : rules::is_judged(statement);
  return judged && !drops_the_guard(event.tree) && !ddl::concerns_nobody_else(statement);
}

// Nothing where the packs have nothing to say: most statements are done before a subtransaction
// would have begun.
ddl::Declarations noteworthy_declarations(const Event& event, const ddl::Source& source) {
  const rules::Choices choices = policy::choices();
  if (choices.packs.empty()) return {};
  ddl::Declarations declarations = ddl::read_declarations(event.tree, source);
  try {
    if (!rules::review(declarations, choices).empty()) return declarations;
  } catch (const std::exception& error) {
    report_analysis_failure(event, error.what());
  }
  return {};
}

void append(Vector<Finding> more, Vector<Finding>& findings) {
  std::move(more.begin(), more.end(), std::back_inserter(findings));
}

}  // namespace

void judge_statement(const Event& event) {
  const char* text = event.frame->located ? event.frame->query : nullptr;
  const ddl::Source source{text, event.frame->location, event.frame->length};
  const ddl::Declarations declarations = noteworthy_declarations(event, source);
  const bool in_block = pg::call([] { return IsTransactionBlock(); });
  // Without its text, which only messages quote: most statements are not worth judging.
  const bool judged = is_worth_judging(event, ddl::translate(event.tree, event.tag, {}), in_block);
  if (!judged && declarations.items.empty()) return;
  const ddl::Statement statement = ddl::translate(event.tree, event.tag, source);
  const ddl::Transaction before = pg::call([] { return current_transaction(); });
  ddl::Transaction after;
  Judgement judgement;
  const bool analysed = analyse(event, [&] {
    SessionFacts facts(before, in_block);
    effects::CatalogPredictor predictor;
    Vector<Finding> findings;
    if (judged) findings = rules::evaluate(statement, predictor, facts, small_table_bytes());
    append(rules::review(declarations, policy::choices(), facts), findings);
    conclude(event, std::move(findings), judgement);
    after = before;
    if (judged) after.note(statement, predictor.last(), facts);
  });
  if (!analysed) return;
  if (judgement.found) act(event, judgement);
  pg::call([&] { keep_transaction(before, after); });
}

namespace {

Finding rewrite_finding(const ddl::Relation& relation, const ddl::Size& size) {
  Finding finding;
  finding.rule = "table-rewrite";
  finding.object = relation.display;
  finding.place.schema = relation.schema;
  finding.place.table = relation.name;
  rules::add_evidence(finding, "lock", Text(ddl::lock_mode(ddl::Lock::kAccessExclusive)));
  rules::add_evidence(finding, "bytes", double(size.bytes));
  finding.message = concat({"this statement rewrites ", relation.display, " (",
                            core::pretty_bytes(size.bytes), ", ", core::pretty_rows(size.rows),
                            ") under ACCESS EXCLUSIVE; reads and writes wait until it is done"});
  finding.detail = Text(
      "The server has just announced the rewrite. The lock is held already; this error gives it "
      "back before any row is written.");
  return finding;
}

}  // namespace

void judge_rewrite(const Event& event, Oid table) {
  Judgement judgement;
  const bool analysed = analyse(event, [&] {
    const auto relation = ddl::read_relation_by_id(table);
    if (!relation || relation->temporary || relation->created_in_transaction) return;
    const ddl::Size size = ddl::size_of(*relation);
    if (size.bytes <= small_table_bytes() || ddl::is_known_to_nobody_else(*relation)) return;
    conclude(event, {rewrite_finding(*relation, size)}, judgement);
  });
  if (analysed && judgement.found) act(event, judgement);
}

namespace {

void judge_end(const Event& event) {
  const ddl::Transaction transaction = pg::call([] { return current_transaction(); });
  const bool in_block = pg::call([] { return IsTransactionBlock(); });
  Judgement judgement;
  const bool analysed = analyse(event, [&] {
    SessionFacts facts(transaction, in_block);
    conclude(event, rules::evaluate_end(transaction, facts, small_table_bytes()), judgement);
  });
  if (!analysed || !judgement.found) return;
  const char* object = judgement.first_object.c_str();
  pg::call([&] { event.frame->object = keep_in_frame(*event.frame, object); });
  act(event, judgement);
}

// The statements have rows of their own; this one is for what only all of them together do.
void log_end(const Event& event) {
  if (event.frame->findings == nullptr || !settings().log_ddl) return;
  LogEntry entry = entry_of_session(*event.frame, event.tree, event.tag, event.frame->object);
  if (event.frame->outcome != nullptr && strcmp(event.frame->outcome, "allowed") == 0) {
    entry.allow_reason = settings().allow_reason;
  }
  insert_entry(entry);
}

}  // namespace

void judge_transaction() {
  if (mode() == Mode::kOff) return;
  Frame frame;
  // Gone with the transaction even if this ends in an error.
  frame.memory =
      AllocSetContextCreate(TopTransactionContext, "db_guard transaction", ALLOCSET_SMALL_SIZES);
  const Event event{nullptr, "COMMIT", &frame};
  pg::enter([&] { judge_end(event); });
  log_end(event);
  MemoryContextDelete(frame.memory);
}

}  // namespace db_guard::guard
