// What only a linter has to say: not about a hazard, but about what it could not read, or about the
// comments that let findings pass. Pure.
#pragma once

#include "core/finding.hpp"

namespace db_guard::lint {

struct Notice {
  std::string_view slug;
  core::Severity severity;
  std::string_view title;
  std::string_view what;
};

inline constexpr Notice kMadeEarlier = {
    "made-in-earlier-file", core::Severity::kWarn, "A table that an earlier file makes",
    "The files are read as one script, so that the table is new and nobody uses it. Where the "
    "earlier file has been deployed already, check against a database that has the table."};
inline constexpr Notice kNotJudged = {
    "not-judged", core::Severity::kWarn, "A statement that could not be judged",
    "What it names is not in this database and no earlier statement makes it, or the server would "
    "refuse it as things are. Check against a database in the state before the script."};
inline constexpr Notice kOpaque = {
    "opaque-dynamic-sql", core::Severity::kNote, "SQL that only the run will know",
    "EXECUTE of a text that is put together, or a body in a language that is not read here. The "
    "guard sees the statement when it runs."};
inline constexpr Notice kPsqlCommand = {
    "psql-command", core::Severity::kNote, "A command of psql",
    "It is not for the server, and what it does is not followed; a file that it reads in is not "
    "checked."};
inline constexpr Notice kBadSuppression = {
    "suppression-not-valid", core::Severity::kWarn, "A suppression that does not count",
    "It has no reason, is misspelt, or names a rule that does not exist. The form is: -- db_guard: "
    "allow RULE[, RULE] because REASON"};
inline constexpr Notice kTransactionSlip = {
    "transaction-slip", core::Severity::kWarn, "A transaction that is not what it looks like",
    "The server only warns, and the statements that follow run in another transaction than the "
    "script says."};
inline constexpr Notice kUnparsable = {
    "unparsable", core::Severity::kWarn, "A statement that does not parse",
    "The server will refuse it, too; what it was meant to do is not checked."};
inline constexpr Notice kUnusedSuppression = {
    "unused-suppression", core::Severity::kWarn, "A suppression of nothing",
    "No finding of that rule is on the statement it belongs to. Take it away before it hides "
    "something."};

inline constexpr const Notice* kNotices[] = {&kMadeEarlier, &kNotJudged,        &kOpaque,
                                             &kPsqlCommand, &kBadSuppression,   &kTransactionSlip,
                                             &kUnparsable,  &kUnusedSuppression};

}  // namespace db_guard::lint
