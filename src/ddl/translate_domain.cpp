// ALTER DOMAIN, as far as it may have to look at rows.
#include "ddl/ddl_version.hpp"
#include "ddl/translate_parts.hpp"
#include "pg/prelude.hpp"

namespace db_guard::ddl {

namespace {

void translate_constraint(const AlterDomainStmt* tree, Action& action) {
  const auto* constraint = reinterpret_cast<const Constraint*>(tree->def);
  const bool not_null = constraint->contype == CONSTR_NOTNULL;
  action.kind = not_null ? ActionKind::kSetDomainNotNull : ActionKind::kAddDomainConstraint;
  action.constraint = text_of(constraint->conname);
  action.not_valid = constraint->skip_validation;
  action.node = constraint;
}

}  // namespace

bool translate_domain(const Node* tree, const Source& source, Statement& statement) {
  if (!IsA(tree, AlterDomainStmt)) return false;
  const auto* alter = reinterpret_cast<const AlterDomainStmt*>(tree);
  Action action;
  switch (alter->subtype) {
    case 'C':
      translate_constraint(alter, action);
      break;
    case 'O':
      action.kind = ActionKind::kSetDomainNotNull;
      break;
    case 'V':
      action.kind = ActionKind::kValidateDomainConstraint;
      action.constraint = text_of(alter->name);
      break;
    default:
      return true;
  }
  action.target = name_of(alter->typeName);
  action.clause = text_of_statement(source);
  statement.actions.push_back(std::move(action));
  return true;
}

}  // namespace db_guard::ddl
