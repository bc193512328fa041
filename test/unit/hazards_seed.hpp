// The hazards of the seven dangerous operations and of indexes.
#pragma once

#include "hazards.hpp"

namespace db_guard::rules {

inline void with_index(World& world) {
  world.facts.add_index("orders_total_idx", world.facts.relations[0]);
  world.action.kind = ActionKind::kDropIndex;
  world.action.target.name = "orders_total_idx";
}

inline const Hazard kSeedHazards[] = {
    {"identity",
     {"add-column-auto-increment"},
     false,
     [](World& world) {
       world.facts.added.identity = true;
       world.facts.added.not_null = true;
     }},
    {"serial",
     {"add-column-auto-increment"},
     false,
     [](World& world) { world.facts.added.serial = true; }},
    {"required",
     {"add-column-required"},
     true,
     [](World& world) { world.facts.added.not_null = true; }},
    {"volatile",
     {"add-column-volatile-default"},
     false,
     [](World& world) {
       world.facts.added.volatile_default = true;
       world.facts.added.default_sql = "gen_random_uuid()";
       world.facts.added.has_default = true;
     }},
    {"primary",
     {"add-primary-key"},
     false,
     [](World& world) {
       world.action.kind = ActionKind::kAddPrimaryKey;
       world.action.key.columns.emplace_back("id");
     }},
    {"inline_primary",
     {"add-primary-key"},
     false,
     [](World& world) {
       world.action.key.unique = world.action.key.primary = true;
       world.action.key.columns.emplace_back("note");
     }},
    {"unique",
     {"add-unique-constraint"},
     false,
     [](World& world) {
       world.action.kind = ActionKind::kAddUnique;
       world.action.key.columns.emplace_back("total");
     }},
    {"inline_unique",
     {"add-unique-constraint"},
     false,
     [](World& world) {
       world.action.key.unique = true;
       world.action.key.columns.emplace_back("note");
     }},
    {"type_check",
     {"alter-column-type-check"},
     false,
     [](World& world) {
       world.action.kind = ActionKind::kSetColumnType;
       world.facts.change.checked.emplace_back("positive");
     }},
    {"type_foreign_key",
     {"alter-column-type-foreign-key", "alter-column-type-rewrite"},
     false,
     [](World& world) {
       world.action.kind = ActionKind::kSetColumnType;
       world.facts.change.rewrite = world.facts.change.foreign_keys_checked = true;
       world.facts.change.foreign_keys.emplace_back();
     }},
    {"type_reindex",
     {"alter-column-type-reindex"},
     false,
     [](World& world) {
       world.action.kind = ActionKind::kSetColumnType;
       world.facts.change.rebuilt_indexes.emplace_back("public.i");
     }},
    {"type_rewrite",
     {"alter-column-type-rewrite"},
     false,
     [](World& world) {
       world.action.kind = ActionKind::kSetColumnType;
       world.facts.change.rewrite = true;
     }},
    {"create_index",
     {"create-index-blocking"},
     false,
     [](World& world) { world.action.kind = ActionKind::kCreateIndex; }},
    {"drop_column",
     {"drop-column"},
     true,
     [](World& world) { world.action.kind = ActionKind::kDropColumn; }},
    {"drop_index", {"drop-index-blocking"}, false, with_index},
    {"drop_unique_index_concurrently",
     {"drop-index-in-use"},
     true,
     [](World& world) {
       with_index(world);
       world.facts.indexes[0].first.unique = true;
       world.action.concurrently = true;
     }},
    {"drop_replica_identity",
     {"drop-index-in-use"},
     true,
     [](World& world) {
       with_index(world);
       world.facts.use.replica_identity = true;
       world.action.concurrently = true;
     }},
    {"drop_scanned_index",
     {"drop-index-in-use"},
     false,
     [](World& world) {
       with_index(world);
       world.facts.use.scans = 17;
       world.action.concurrently = true;
     }},
    {"drop_foreign_key_index",
     {"drop-index-in-use"},
     false,
     [](World& world) {
       with_index(world);
       world.facts.use.foreign_keys.emplace_back("orders_user_id_fkey");
       world.action.concurrently = true;
     }},
    {"rename_column",
     {"rename-column"},
     true,
     [](World& world) {
       world.action.kind = ActionKind::kRenameColumn;
       world.action.new_name = "amount";
     }},
    {"rename_table",
     {"rename-table"},
     true,
     [](World& world) {
       world.action.kind = ActionKind::kRenameRelation;
       world.action.new_name = "purchases";
     }},
    {"set_not_null",
     {"set-not-null"},
     false,
     [](World& world) { world.action.kind = ActionKind::kSetNotNull; }},
};

}  // namespace db_guard::rules
