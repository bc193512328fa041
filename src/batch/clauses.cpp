#include "batch/clauses.hpp"

#include "core/error.hpp"
#include "core/text.hpp"
#include "pg/call.hpp"
#include "pg/server_version.hpp"

extern "C" {
#include "nodes/parsenodes.h"
#include "parser/parser.h"
}

namespace db_guard::batch {

namespace {

using core::concat;
using core::Error;
using core::Text;

// Parses by the server's grammar; its error would point into a text that the user did not write.
const List* parse(const Text& sql, RawParseMode mode, std::string_view what) {
  try {
    return pg::call([&] { return raw_parser(sql.c_str(), mode); });
  } catch (const pg::PgError& error) {
    if (error.is_interruption()) throw;
    throw Error("42601", concat({what, " is not valid: ", error.what()}));
  }
}

const Node* only_statement(const List* statements) {
  if (list_length(statements) != 1) return nullptr;
  return static_cast<const RawStmt*>(linitial(statements))->stmt;
}

bool is_bare_update(const Node* node) {
  if (node == nullptr || !IsA(node, UpdateStmt)) return false;
  const auto* update = reinterpret_cast<const UpdateStmt*>(node);
  return update->whereClause == nullptr && update->fromClause == NIL &&
         update->withClause == nullptr && !pg::has_returning(update);
}

bool is_bare_expression(const Node* node) {
  if (node == nullptr || !IsA(node, SelectStmt)) return false;
  const auto* select = reinterpret_cast<const SelectStmt*>(node);
  return list_length(select->targetList) == 1 && select->distinctClause == NIL &&
         select->fromClause == NIL && select->whereClause == nullptr &&
         select->groupClause == NIL && select->havingClause == nullptr &&
         select->windowClause == NIL && select->sortClause == NIL &&
         select->limitOffset == nullptr && select->limitCount == nullptr &&
         select->lockingClause == NIL && select->op == SETOP_NONE;
}

bool has_alias(const Node* node) {
  const auto* select = reinterpret_cast<const SelectStmt*>(node);
  return static_cast<const ResTarget*>(linitial(select->targetList))->name != nullptr;
}

}  // namespace

void check_set_clause(std::string_view clause) {
  const List* parsed =
      parse(concat({"UPDATE db_guard SET ", clause, "\n"}), RAW_PARSE_DEFAULT, "set_clause");
  if (is_bare_update(only_statement(parsed))) return;
  throw Error("42601", Text("set_clause is more than what stands between SET and WHERE"), {},
              Text("Write assignments only, such as: total = price * amount. The condition goes to "
                   "where_clause; other tables can be reached by subqueries."));
}

void check_where_clause(std::string_view clause) {
  const List* parsed = parse(concat({clause, "\n"}), RAW_PARSE_PLPGSQL_EXPR, "where_clause");
  const Node* node = only_statement(parsed);
  if (is_bare_expression(node) && !has_alias(node)) return;
  throw Error("42601", Text("where_clause is more than a condition"), {},
              Text("Write what stands behind WHERE, such as: total IS NULL. Other tables can be "
                   "reached by subqueries."));
}

}  // namespace db_guard::batch
