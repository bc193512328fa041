// The hazards of adding and changing columns.
#pragma once

#include "hazards.hpp"

namespace db_guard::rules {

inline ddl::ColumnPart column_part(ddl::PartKind kind, const char* sql, const char* name = "") {
  ddl::ColumnPart part;
  part.kind = kind;
  part.sql = sql;
  part.constraint = name;
  return part;
}

// ADD COLUMN of one that is not there yet, which has this part.
inline void with_part(World& world, ddl::PartKind kind, const char* sql) {
  world.action.column = "fresh";
  world.action.parts.push_back(column_part(kind, sql));
}

inline void with_work(World& world, bool ddl::Work::*kind) {
  ddl::Work work;
  work.*kind = true;
  world.predictor.work = work;
}

inline const Hazard kColumnHazards[] = {
    {"column_check",
     {"add-column-check"},
     false,
     [](World& world) {
       with_part(world, ddl::PartKind::kCheck, "CHECK (fresh > 0)");
       with_work(world, &ddl::Work::scan);
     }},
    {"column_domain",
     {"add-column-constrained-domain"},
     false,
     [](World& world) {
       world.action.column = "fresh";
       world.facts.added.constrained_domain = true;
     }},
    {"column_references",
     {"add-column-foreign-key"},
     false,
     [](World& world) { with_part(world, ddl::PartKind::kReferences, "REFERENCES users"); }},
    {"column_references_with_default",
     {"add-column-foreign-key"},
     false,
     [](World& world) {
       with_part(world, ddl::PartKind::kReferences, "REFERENCES users");
       with_work(world, &ddl::Work::fk_check);
     }},
    {"column_json",
     {"add-column-json"},
     true,
     [](World& world) {
       world.action.column = "fresh";
       world.facts.added.type = "json";
     }},
    {"column_limit",
     {"add-column-limit"},
     true,
     [](World& world) {
       world.action.column = "fresh";
       world.table().columns = 1499;
     }},
    {"generated",
     {"generated-column"},
     false,
     [](World& world) {
       world.action.column = "fresh";
       world.facts.added.stored_generated = true;
     }},
    {"set_expression",
     {"generated-column"},
     false,
     [](World& world) {
       world.action.kind = ActionKind::kSetExpression;
       with_work(world, &ddl::Work::rewrite);
     }},
    {"values_change",
     {"alter-column-type-narrowing"},
     true,
     [](World& world) {
       world.action.kind = ActionKind::kSetColumnType;
       world.facts.change.fit = ddl::Fit::kChanged;
       world.facts.found_misfits.searched = true;
       world.facts.found_misfits.examples.emplace_back("1.5 becomes 2");
       // As if another rule had nothing to say of the rewrite.
       world.facts.change.old_type = world.facts.change.new_type;
       world.facts.change.converts = true;
     }},
    {"statistics",
     {"alter-column-type-statistics"},
     false,
     [](World& world) { world.action.kind = ActionKind::kSetColumnType; }},
    {"added_again",
     {"alter-without-effect"},
     false,
     [](World& world) { world.action.if_not_exists = true; }},
    {"not_null_again",
     {"alter-without-effect"},
     false,
     [](World& world) {
       world.action.kind = ActionKind::kSetNotNull;
       world.action.column = "id";
       world.predictor.work = ddl::Work();
     }},
    {"same_type",
     {"alter-without-effect"},
     false,
     [](World& world) {
       world.action.kind = ActionKind::kSetColumnType;
       world.facts.change.new_type = world.facts.change.old_type;
     }},
    {"volatile_default_later",
     {"change-default"},
     true,
     [](World& world) {
       world.action.kind = ActionKind::kSetDefault;
       world.facts.volatile_default = true;
     }},
    {"drop_default",
     {"change-default"},
     true,
     [](World& world) {
       world.action.kind = ActionKind::kDropDefault;
       world.action.column = "id";
       world.facts.columns[1][0].has_default = true;
     }},
    {"drop_not_null",
     {"drop-not-null"},
     true,
     [](World& world) {
       world.action.kind = ActionKind::kDropNotNull;
       world.action.column = "id";
     }},
    {"storage",
     {"set-column-storage"},
     false,
     [](World& world) { world.action.kind = ActionKind::kSetStorage; }},
    {"logged",
     {"change-table-storage"},
     false,
     [](World& world) {
       world.action.kind = ActionKind::kSetLogged;
       with_work(world, &ddl::Work::rewrite);
     }},
    {"access_method",
     {"change-table-storage"},
     false,
     [](World& world) {
       world.action.kind = ActionKind::kSetAccessMethod;
       with_work(world, &ddl::Work::rewrite);
     }},
    {"tablespace",
     {"change-table-storage"},
     false,
     [](World& world) {
       world.action.kind = ActionKind::kSetTablespace;
       with_work(world, &ddl::Work::rewrite);
     }},
    {"unlogged",
     {"set-unlogged"},
     true,
     [](World& world) {
       world.action.kind = ActionKind::kSetUnlogged;
       with_work(world, &ddl::Work::rewrite);
     }},
};

}  // namespace db_guard::rules
