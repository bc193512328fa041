// Statements as the translator would read them, for the rules of the packs.
#pragma once

#include <string>

#include "core/text.hpp"
#include "readable.hpp"
#include "rules/packs.hpp"

namespace db_guard::rules {

using ddl::ColumnSpec;
using ddl::DeclarationKind;

// One declaration, and what the packs say of it. Texts and places are those of `sql`, where it is
// set.
class Draft {
 public:
  explicit Draft(DeclarationKind kind, const char* name = "orders") {
    declaration.kind = kind;
    declaration.target.schema = "shop";
    declaration.target.name = name;
    declaration.display = core::concat({"shop.", name});
    if (kind == DeclarationKind::kTable) {
      declaration.table.name = {core::Text(name), core::Text(name), -1, false};
    }
    choices.standard_columns = "";
  }

  ColumnSpec& column(const char* name, const char* type, int modifier = -1) {
    ColumnSpec column;
    column.name = {core::Text(name), core::Text(name), place_of(name), false};
    column.type = {core::Text(type), true, modifier, -1};
    declaration.table.columns.push_back(column);
    return declaration.table.columns.back();
  }

  // The last column's type is typed so in `sql`.
  Draft& typed(std::string_view type) {
    declaration.table.columns.back().type.at = place_of(type);
    return *this;
  }

  Draft& primary_key(std::initializer_list<const char*> columns) {
    for (const char* column : columns) declaration.table.primary_key.emplace_back(column);
    return *this;
  }

  void references(std::initializer_list<const char*> columns,
                  std::initializer_list<const char*> other_columns = {}) {
    ddl::ForeignKeySpec key;
    for (const char* column : columns) key.columns.emplace_back(column);
    for (const char* column : other_columns) key.other_columns.emplace_back(column);
    declaration.table.foreign_keys.push_back(key);
  }

  [[nodiscard]] ddl::Declarations declarations() const {
    ddl::Declarations declarations;
    declarations.text = sql;
    declarations.items.push_back(declaration);
    return declarations;
  }
  [[nodiscard]] Findings findings() const { return review(declarations(), choices); }
  // The slugs; all others are of no interest where `only` is given.
  [[nodiscard]] Strings rules(std::string_view only = {}) const {
    Strings slugs;
    for (const Finding& finding : findings()) {
      if (only.empty() || finding.rule == only) slugs.emplace_back(finding.rule);
    }
    return slugs;
  }
  [[nodiscard]] bool reports(std::string_view rule) const { return !rules(rule).empty(); }

  // Of the first finding of that rule.
  [[nodiscard]] std::string message(std::string_view rule) const {
    for (const Finding& finding : findings()) {
      if (finding.rule == rule) return readable(finding.message);
    }
    return "nothing";
  }
  [[nodiscard]] std::string offered(std::string_view rule) const {
    for (const Finding& finding : findings()) {
      if (finding.rule != rule) continue;
      std::string steps;
      for (const core::Text& step : finding.safe_sql) steps.append(readable(step)).append("|");
      return steps;
    }
    return "nothing";
  }

  std::string sql;
  ddl::Declaration declaration;
  Choices choices{PackSet::all()};

 private:
  [[nodiscard]] ddl::Offset place_of(std::string_view words) const {
    const auto at = sql.find(words);
    return at == std::string::npos ? -1 : ddl::Offset(at);
  }
};

}  // namespace db_guard::rules
