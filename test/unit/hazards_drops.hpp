// The hazards of dropping, of partitions, of maintenance and of changes of data.
#pragma once

#include "hazards.hpp"

namespace db_guard::rules {

// They are about what is no table, and have tests of their own.
inline constexpr const char* kRulesOfObjects[] = {
    "create-table-if-not-exists", "drop-database", "drop-object",   "drop-schema",
    "rename-enum-value",          "rename-object", "rename-schema",
};

inline ddl::Dependent function_by_its_text() { return {"function", core::Text("f()"), false}; }

// public.orders is a partition of public.sales.
inline void make_partition(World& world) {
  const std::uint32_t parent = world.facts.add_table("sales", 'p').id;
  world.facts.add_partition(parent, 1);
}

// The action is about public.orders, partitioned, and a table public.north.
inline void with_partition(World& world, ActionKind kind) {
  world.table().kind = 'p';
  const std::uint32_t north = world.facts.add_table("north").id;
  if (kind == ActionKind::kDetachPartition) world.facts.add_partition(1, north);
  world.action.kind = kind;
  world.action.other.name = "north";
}

inline void with_default_partition(World& world) {
  world.facts.partition.default_partition = world.facts.add_table("rest");
  world.facts.add_partition(1, world.facts.partition.default_partition->id);
  world.facts.partition.default_constraint = "(NOT (id < 10))";
}

inline const Hazard kDropHazards[] = {
    {"attach_partition",
     {"attach-partition"},
     true,
     [](World& world) {
       with_partition(world, ActionKind::kAttachPartition);
       world.predictor.work.emplace().scan = true;
     }},
    {"attach_beside_default",
     {"attach-partition", "default-partition-scan"},
     true,
     [](World& world) {
       with_partition(world, ActionKind::kAttachPartition);
       with_default_partition(world);
       world.predictor.work.emplace().scan = true;
     }},
    {"autovacuum_disabled",
     {"autovacuum-disabled"},
     false,
     [](World& world) {
       world.action.kind = ActionKind::kSetOptions;
       world.action.options.push_back({core::Text("autovacuum_enabled"), core::Text("off")});
     }},
    {"update",
     {"change-many-rows"},
     false,
     [](World& world) { world.action.kind = ActionKind::kUpdate; }},
    {"delete",
     {"change-many-rows"},
     false,
     [](World& world) { world.action.kind = ActionKind::kDelete; }},
    {"insert_select",
     {"copy-many-rows"},
     false,
     [](World& world) {
       world.action.kind = ActionKind::kInsertSelect;
       world.predictor.work.emplace().scan = true;
     }},
    {"create_partition",
     {"create-partition"},
     false,
     [](World& world) { with_partition(world, ActionKind::kCreatePartition); }},
    {"detach_partition",
     {"detach-partition"},
     false,
     [](World& world) { with_partition(world, ActionKind::kDetachPartition); }},
    {"drop_cascade",
     {"drop-cascade", "drop-table"},
     true,
     [](World& world) {
       world.action.kind = ActionKind::kDropRelation;
       world.action.cascade = true;
       world.predictor.losses.push_back({core::Text("view"), core::Text("public.v")});
     }},
    {"drop_column_cascade",
     {"drop-cascade", "drop-column"},
     true,
     [](World& world) {
       world.action.kind = ActionKind::kDropColumn;
       world.action.cascade = true;
       world.predictor.losses.push_back({core::Text("view"), core::Text("public.v")});
     }},
    {"drop_last_policy",
     {"drop-last-policy"},
     true,
     [](World& world) {
       world.action.kind = ActionKind::kDropPolicy;
       world.action.part = "own";
       world.facts.security.enabled = true;
       world.facts.security.permissive_policies.emplace_back("own");
     }},
    {"drop_partition",
     {"drop-table", "drop-partition"},
     true,
     [](World& world) {
       world.action.kind = ActionKind::kDropRelation;
       make_partition(world);
     }},
    {"drop_table",
     {"drop-table"},
     true,
     [](World& world) { world.action.kind = ActionKind::kDropRelation; }},
    {"drop_view",
     {"drop-view"},
     true,
     [](World& world) {
       world.action.kind = ActionKind::kDropRelation;
       world.table().kind = 'm';
     }},
    {"enable_row_security",
     {"enable-row-security"},
     true,
     [](World& world) {
       world.action.kind = ActionKind::kChangeRowSecurity;
       world.action.object_kind = "enable";
     }},
    {"identity_behind_values",
     {"identity-behind-values"},
     true,
     [](World& world) {
       world.action.kind = ActionKind::kAddIdentity;
       world.action.column = "id";
       world.facts.largest = 1000;
     }},
    {"lock_fan_out",
     {"lock-fan-out"},
     true,
     [](World& world) {
       world.action.kind = ActionKind::kSetDefault;
       world.facts.locks = 4;
       world.predictor.other_effects.resize(1);
       world.predictor.other_effects[0].relation = 99;
     }},
    {"lock_table",
     {"lock-table"},
     false,
     [](World& world) { world.action.kind = ActionKind::kLockTable; }},
    {"refresh_materialized_view",
     {"refresh-materialized-view"},
     false,
     [](World& world) {
       world.action.kind = ActionKind::kRefreshView;
       world.table().kind = 'm';
       world.facts.view.populated = true;
     }},
    {"rename_constraint",
     {"rename-constraint"},
     true,
     [](World& world) {
       world.action.kind = ActionKind::kRenameConstraint;
       world.action.constraint = "positive";
       world.facts.mentioned_by.push_back(function_by_its_text());
     }},
    {"set_schema",
     {"rename-table"},
     true,
     [](World& world) {
       world.action.kind = ActionKind::kSetSchema;
       world.action.new_name = "archive";
     }},
    {"truncate",
     {"truncate"},
     true,
     [](World& world) { world.action.kind = ActionKind::kTruncate; }},
    {"truncate_cascade",
     {"truncate", "truncate-cascade"},
     true,
     [](World& world) {
       world.action.kind = ActionKind::kTruncate;
       world.action.cascade = true;
       world.facts.add_table("lines");
     }},
    {"vacuum_full",
     {"vacuum-full"},
     false,
     [](World& world) {
       world.action.kind = ActionKind::kRebuildTable;
       world.action.object_kind = "VACUUM FULL";
       world.predictor.work.emplace().rewrite = true;
     }},
};

}  // namespace db_guard::rules
