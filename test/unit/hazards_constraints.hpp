// The hazards of constraints and of indexes.
#pragma once

#include "hazards_seed.hpp"

namespace db_guard::rules {

// A second, empty table that a foreign key of orders refers to.
inline void with_users(World& world) {
  const std::uint32_t users = world.facts.add_table("users").id;
  world.facts.sizes[users].bytes = 0;
  world.action.other.name = "users";
  world.action.key.columns.emplace_back("total");
}

inline void with_foreign_key(World& world) {
  with_users(world);
  world.action.kind = ActionKind::kAddForeignKey;
  world.action.not_valid = true;
}

// The index orders_total_idx, and an action about a constraint.
inline void with_key(World& world, ActionKind kind, char type) {
  with_index(world);
  world.action.target.name = "orders";
  world.action.kind = kind;
  world.action.constraint = "orders_total_idx";
  world.facts.constraints["orders_total_idx"].type = type;
}

inline const Hazard kConstraintHazards[] = {
    {"check",
     {"add-check-constraint"},
     false,
     [](World& world) { world.action.kind = ActionKind::kAddCheck; }},
    {"volatile_check",
     {"check-constraint-volatile"},
     true,
     [](World& world) {
       world.action.kind = ActionKind::kAddCheck;
       world.action.not_valid = true;
       world.facts.check.unsteady_call = "random()";
       world.facts.check.calls_volatile = true;
     }},
    {"foreign_key",
     {"add-foreign-key"},
     false,
     [](World& world) {
       with_foreign_key(world);
       world.action.not_valid = false;
     }},
    {"foreign_key_without_index",
     {"foreign-key-without-index"},
     false,
     [](World& world) {
       with_foreign_key(world);
       world.facts.key_indexed = false;
     }},
    {"foreign_key_types",
     {"foreign-key-type-mismatch"},
     true,
     [](World& world) {
       with_foreign_key(world);
       world.facts.mismatches.emplace_back();
     }},
    {"several_foreign_keys",
     {"several-foreign-keys"},
     false,
     [](World& world) {
       with_foreign_key(world);
       world.facts.sizes[world.facts.add_table("items").id].bytes = 0;
     }},
    {"exclusion",
     {"add-exclusion-constraint"},
     false,
     [](World& world) { world.action.kind = ActionKind::kAddExclusion; }},
    {"validate",
     {"validate-constraint-blocking"},
     false,
     [](World& world) { world.action.kind = ActionKind::kValidateConstraint; }},
    {"validate_in_a_transaction",
     {"validate-constraint-blocking"},
     false,
     [](World& world) {
       world.action.kind = ActionKind::kValidateConstraint;
       world.predictor.lock = ddl::Lock::kShareUpdateExclusive;
       world.facts.held = ddl::Lock::kAccessExclusive;
     }},
    {"enforce",
     {"enforce-foreign-key"},
     false,
     [](World& world) { world.action.kind = ActionKind::kAlterConstraint; }},
    {"drop_foreign_key",
     {"drop-foreign-key"},
     false,
     [](World& world) {
       with_users(world);
       world.action.kind = ActionKind::kDropConstraint;
       world.action.constraint = "orders_user_id_fkey";
       ddl::KnownConstraint& key = world.facts.constraints["orders_user_id_fkey"];
       key.type = 'f';
       key.other = 2;
     }},
    {"drop_key",
     {"drop-key-constraint"},
     true,
     [](World& world) { with_key(world, ActionKind::kDropConstraint, 'u'); }},
    {"unfit_index",
     {"key-using-unfit-index"},
     true,
     [](World& world) {
       with_key(world, ActionKind::kAddUnique, 'u');
       world.action.key.existing_index = "orders_total_idx";
       world.facts.key.flaw = "it is partial";
     }},
    {"primary_key_over_nulls",
     {"add-primary-key"},
     false,
     [](World& world) {
       with_key(world, ActionKind::kAddPrimaryKey, 'p');
       world.action.key.existing_index = "orders_total_idx";
       world.predictor.work.emplace();
       world.predictor.work->scan = true;
     }},
    {"concurrently_on_partitions",
     {"create-index-blocking"},
     false,
     [](World& world) {
       world.action.kind = ActionKind::kCreateIndex;
       world.action.key.concurrently = true;
       world.table().kind = 'p';
     }},
    {"concurrently_in_transaction",
     {"concurrently-in-transaction"},
     true,
     [](World& world) {
       world.action.kind = ActionKind::kCreateIndex;
       world.action.key.concurrently = true;
       world.facts.in_block = true;
     }},
    {"invalid_namesake",
     {"create-index-over-invalid"},
     true,
     [](World& world) {
       with_index(world);
       world.facts.indexes[0].first.valid = false;
       world.action.target.name = "orders";
       world.action.kind = ActionKind::kCreateIndex;
       world.action.key.name = "orders_total_idx";
       world.action.key.if_not_exists = true;
     }},
    {"redundant_index",
     {"create-index-redundant"},
     false,
     [](World& world) {
       world.action.kind = ActionKind::kCreateIndex;
       world.action.key.concurrently = true;
       world.facts.similar = ddl::SimilarIndex{core::Text("public.i"), true};
     }},
    {"wide_index",
     {"create-index-wide"},
     false,
     [](World& world) {
       world.action.kind = ActionKind::kCreateIndex;
       world.action.key.concurrently = true;
       world.action.key.columns = {"a", "b", "c", "d"};
     }},
    {"reindex_table",
     {"reindex-blocking"},
     false,
     [](World& world) { world.action.kind = ActionKind::kReindexTable; }},
    {"reindex_index",
     {"reindex-blocking"},
     false,
     [](World& world) {
       with_index(world);
       world.action.kind = ActionKind::kReindexIndex;
     }},
};

}  // namespace db_guard::rules
