// CREATE FUNCTION: the server reads the body of a function in SQL, and opens what it names.
#include "effects/statements.hpp"

#include "effects/queries.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "parser/parse_type.h"
#include "parser/parser.h"
#include "utils/guc.h"
}

namespace db_guard::effects {

namespace {

const DefElem* find_option(const CreateFunctionStmt* create, const char* name) {
  ListCell* cell = nullptr;
  foreach (cell, create->options) {
    const auto* option = static_cast<const DefElem*>(lfirst(cell));
    if (strcmp(option->defname, name) == 0) return option;
  }
  return nullptr;
}

bool is_in_sql(const CreateFunctionStmt* create) {
  const DefElem* language = find_option(create, "language");
  return language == nullptr ? create->sql_body != nullptr
                             : pg_strcasecmp(strVal(language->arg), "sql") == 0;
}

// The server cannot know what a polymorphic body means until it is called.
bool is_polymorphic(const CreateFunctionStmt* create) {
  ListCell* cell = nullptr;
  foreach (cell, create->parameters) {
    const auto* parameter = static_cast<const FunctionParameter*>(lfirst(cell));
    // The type of a column is none, and looking it up says so aloud.
    if (parameter->argType->pct_type) continue;
    const Oid type = LookupTypeNameOid(nullptr, parameter->argType, true);
    if (OidIsValid(type) && IsPolymorphicType(type)) return true;
  }
  return false;
}

// The query within a command that the server analyses along with the function.
Node* wrapped_query(Node* tree) {
  switch (nodeTag(tree)) {
    case T_CreateTableAsStmt:
      return castNode(CreateTableAsStmt, tree)->query;
    case T_DeclareCursorStmt:
      return castNode(DeclareCursorStmt, tree)->query;
    case T_ExplainStmt:
      return castNode(ExplainStmt, tree)->query;
    default:
      return nullptr;
  }
}

bool is_query(const Node* tree) {
  return IsA(tree, SelectStmt) || IsA(tree, InsertStmt) || IsA(tree, UpdateStmt) ||
         IsA(tree, DeleteStmt) || IsA(tree, MergeStmt);
}

struct Body {
  QueryStep step;
  bool recorded;  // kept as a tree, with its dependencies
};

void predict_query_in_body(Prediction& prediction, Node* query, const Body& body) {
  if (body.recorded) predict_recorded_query(prediction, query);
  predict_raw_query(prediction, query, body.step);
}

void predict_body(Prediction& prediction, Node* tree, const Body& body) {
  if (tree == nullptr) return;
  if (IsA(tree, List)) {
    ListCell* cell = nullptr;
    foreach (cell, castNode(List, tree)) {
      predict_body(prediction, static_cast<Node*>(lfirst(cell)), body);
    }
  } else if (IsA(tree, RawStmt)) {
    predict_body(prediction, castNode(RawStmt, tree)->stmt, body);
  } else if (IsA(tree, ReturnStmt)) {
    auto* select = makeNode(SelectStmt);
    select->valuesLists = list_make1(list_make1(castNode(ReturnStmt, tree)->returnval));
    predict_query_in_body(prediction, reinterpret_cast<Node*>(select), body);
  } else if (wrapped_query(tree) != nullptr) {
    predict_body(prediction, wrapped_query(tree), {QueryStep::kParsed, false});
  } else if (is_query(tree)) {
    predict_query_in_body(prediction, tree, body);
  }
}

}  // namespace

void predict_function(Prediction& prediction, const CreateFunctionStmt* create) {
  ListCell* cell = nullptr;
  foreach (cell, create->parameters) {
    predict_recorded_expression(prediction,
                                static_cast<const FunctionParameter*>(lfirst(cell))->defexpr);
  }
  if (!is_in_sql(create)) return;
  if (create->sql_body != nullptr) {
    const QueryStep step = check_function_bodies ? QueryStep::kRewritten : QueryStep::kParsed;
    predict_body(prediction, create->sql_body, {step, true});
    return;
  }
  const DefElem* source = find_option(create, "as");
  if (source == nullptr || !check_function_bodies || is_polymorphic(create)) return;
  const char* text = strVal(linitial(castNode(List, source->arg)));
  List* trees = raw_parser(text, RAW_PARSE_DEFAULT);
  predict_body(prediction, reinterpret_cast<Node*>(trees), {QueryStep::kRewritten, false});
}

}  // namespace db_guard::effects
