// The definition of ADD COLUMN, cut into its parts by the places that the parser noted.
#include "core/sql_text.hpp"
#include "core/sql_tokens.hpp"
#include "ddl/ddl_version.hpp"
#include "ddl/translate_parts.hpp"
#include "pg/prelude.hpp"

namespace db_guard::ddl {

namespace {

PartKind kind_of(const Constraint* constraint) {
  switch (constraint->contype) {
    case CONSTR_CHECK:
      return PartKind::kCheck;
    case CONSTR_DEFAULT:
      return PartKind::kDefault;
    case CONSTR_GENERATED:
      return PartKind::kGenerated;
    case CONSTR_IDENTITY:
      return PartKind::kIdentity;
    case CONSTR_PRIMARY:
    case CONSTR_UNIQUE:
      return PartKind::kKey;
    case CONSTR_NOTNULL:
      return PartKind::kNotNull;
    case CONSTR_FOREIGN:
      return PartKind::kReferences;
    default:
      return PartKind::kNull;
  }
}

// Where parts begin in the statement: constraints without their attributes, and COLLATE.
Vector<std::size_t> starts_of(const ColumnDef* definition, const Source& source) {
  Vector<std::size_t> starts;
  const auto add = [&](int location) {
    if (location >= source.location) starts.push_back(std::size_t(location - source.location));
  };
  ListCell* cell = nullptr;
  foreach (cell, definition->constraints) {
    const auto* constraint = static_cast<const Constraint*>(lfirst(cell));
    if (!is_attribute(constraint)) add(constraint->location);
  }
  if (definition->collClause != nullptr) add(definition->collClause->location);
  return starts;
}

std::string_view without_name(std::string_view part) {
  const core::Token word = core::next_token(part, 0);
  if (!core::is_keyword(word, "constraint")) return part;
  const std::size_t end = core::end_of_name(part, core::skip_blanks(part, word.end()));
  return end == std::string_view::npos ? std::string_view() : part.substr(end);
}

Text text_of_part(const Constraint* constraint, const Vector<std::size_t>& starts,
                  const Source& source, std::string_view clause) {
  const std::string_view statement = source.statement();
  if (clause.empty() || constraint->location < source.location) return {};
  const auto start = std::size_t(constraint->location - source.location);
  auto end = std::size_t(clause.data() + clause.size() - statement.data());
  if (start >= end) return {};
  for (const std::size_t next : starts) {
    if (next > start && next < end) end = next;
  }
  return Text(core::trim_comments(without_name(statement.substr(start, end - start))));
}

}  // namespace

bool is_attribute(const Constraint* constraint) {
  switch (constraint->contype) {
    case CONSTR_ATTR_DEFERRABLE:
    case CONSTR_ATTR_NOT_DEFERRABLE:
    case CONSTR_ATTR_DEFERRED:
    case CONSTR_ATTR_IMMEDIATE:
      return true;
    default:
      return is_enforcement_attribute(constraint);
  }
}

Vector<ColumnPart> parts_of(const ColumnDef* definition, const Source& source,
                            std::string_view clause) {
  const Vector<std::size_t> starts = starts_of(definition, source);
  Vector<ColumnPart> parts;
  ListCell* cell = nullptr;
  foreach (cell, definition->constraints) {
    const auto* constraint = static_cast<const Constraint*>(lfirst(cell));
    if (is_attribute(constraint)) {
      if (!parts.empty() && is_not_enforced_attribute(constraint)) parts.back().enforced = false;
      continue;
    }
    ColumnPart part;
    part.kind = kind_of(constraint);
    part.constraint = text_of(constraint->conname);
    part.sql = text_of_part(constraint, starts, source, clause);
    parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace db_guard::ddl
