#include "guard/utility_hook.hpp"

#include "core/error.hpp"
#include "core/text.hpp"
#include "guard/frame.hpp"
#include "guard/unseen_commands.hpp"
#include "pg/entry.hpp"
#include "pg/setting_names.hpp"

extern "C" {
#include "access/xact.h"
#include "tcop/utility.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
}

namespace db_guard::guard {

namespace {

ProcessUtility_hook_type next_hook = nullptr;

bool gets_a_frame(const PlannedStmt* statement, ProcessUtilityContext context) {
  if (context == PROCESS_UTILITY_SUBCOMMAND) return false;
  Node* tree = statement->utilityStmt;
  // Event triggers see REINDEX from 17 on, though the server does not call it DDL.
  return GetCommandLogLevel(tree) == LOGSTMT_DDL || IsA(tree, ReindexStmt) ||
         (is_preloaded() && is_unseen(tree));
}

constexpr std::string_view kPrefix = "db_guard.";

core::Text suggestion(std::string_view name, const core::Vector<core::Text>& settings) {
  // What they all begin with would make them all look alike.
  core::Vector<std::string_view> names;
  for (const core::Text& setting : settings) {
    names.push_back(std::string_view(setting).substr(kPrefix.size()));
  }
  core::Vector<core::Text> matches = core::closest(name.substr(kPrefix.size()), names);
  if (!matches.empty()) {
    for (core::Text& match : matches) match.insert(0, kPrefix);
    return core::concat({"Did you mean ", core::list_of(matches, matches.size()), "?"});
  }
  return core::concat({"The settings are: ", core::list_of(settings, settings.size()), "."});
}

void reject_unknown_setting(const char* name) {
  core::Text setting(name);
  for (char& c : setting) c = static_cast<char>(pg_tolower(static_cast<unsigned char>(c)));
  const core::Vector<core::Text> settings = pg::setting_names(kPrefix);
  if (std::find(settings.begin(), settings.end(), setting) != settings.end()) return;
  throw core::Error("42704", core::concat({"db_guard has no setting \"", name, "\""}), {},
                    suggestion(setting, settings));
}

// The server refuses an unknown db_guard.* too, but does not say what was meant.
void check_setting_name(const Node* tree) {
  if (!IsA(tree, VariableSetStmt)) return;
  const char* name = reinterpret_cast<const VariableSetStmt*>(tree)->name;
  if (name == nullptr || pg_strncasecmp(name, kPrefix.data(), kPrefix.size()) != 0) return;
  pg::enter([&] { reject_unknown_setting(name); });
}

void call_next(PlannedStmt* statement, const char* query, bool read_only_tree,
               ProcessUtilityContext context, ParamListInfo parameters,
               QueryEnvironment* environment, DestReceiver* destination,
               QueryCompletion* completion) {
  const auto next = next_hook != nullptr ? next_hook : standard_ProcessUtility;
  next(statement, query, read_only_tree, context, parameters, environment, destination, completion);
}

void process_utility(PlannedStmt* statement, const char* query, bool read_only_tree,
                     ProcessUtilityContext context, ParamListInfo parameters,
                     QueryEnvironment* environment, DestReceiver* destination,
                     QueryCompletion* completion) {
  if (!gets_a_frame(statement, context)) {
    check_setting_name(statement->utilityStmt);
    call_next(statement, query, read_only_tree, context, parameters, environment, destination,
              completion);
    return;
  }
  Frame frame;
  frame.query = query;
  frame.location = statement->stmt_location < 0 ? 0 : statement->stmt_location;
  frame.length = statement->stmt_len;
  frame.started = GetCurrentTimestamp();
  frame.nested = context != PROCESS_UTILITY_TOPLEVEL;
  open_frame(frame);
  // The server may scribble on the tree while it runs the command.
  Node* unseen = is_preloaded() && is_unseen(statement->utilityStmt)
                     ? static_cast<Node*>(copyObjectImpl(statement->utilityStmt))
                     : nullptr;
  PG_TRY();
  {
    if (unseen != nullptr) begin_unseen(frame, unseen);
    call_next(statement, query, read_only_tree, context, parameters, environment, destination,
              completion);
    if (unseen != nullptr) end_unseen(frame, unseen);
  }
  PG_FINALLY();
  { close_frame(frame); }
  PG_END_TRY();
}

}  // namespace

void install_utility_hook() {
  next_hook = ProcessUtility_hook;
  ProcessUtility_hook = process_utility;
}

}  // namespace db_guard::guard
