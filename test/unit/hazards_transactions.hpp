// The hazards that only what a transaction has done before makes hazardous.
#pragma once

#include "hazards.hpp"

namespace db_guard::rules {

// Another table, public.users, that an earlier statement has locked and this one leaves alone.
inline ddl::Touched& with_held_table(World& world, ddl::Lock lock = ddl::Lock::kAccessExclusive) {
  const std::uint32_t users = world.facts.add_table("users").id;
  world.predictor.untouched.insert(users);
  ddl::Touched& touched = *world.facts.earlier.touch(users);
  touched.lock = lock;
  return touched;
}

inline void with_validation(World& world) {
  world.action.kind = ActionKind::kValidateConstraint;
  world.action.constraint = "positive";
  world.predictor.lock = ddl::Lock::kShareUpdateExclusive;
  world.predictor.work = ddl::Work{};
  world.predictor.work->scan = true;
}

inline const Hazard kTransactionHazards[] = {
    {"validate_what_was_added",
     {"validate-constraint-blocking"},
     false,
     [](World& world) {
       with_validation(world);
       world.facts.earlier.touch(1)->lock = ddl::Lock::kAccessExclusive;
     }},
    {"validate_in_one_statement",
     {"validate-constraint-blocking"},
     false,
     [](World& world) {
       with_validation(world);
       world.predictor.lock = ddl::Lock::kAccessExclusive;
     }},
    {"work_after_lock",
     {"work-after-lock"},
     false,
     [](World& world) {
       with_validation(world);
       with_held_table(world);
     }},
    {"several_tables",
     {"several-tables-locked"},
     true,
     [](World& world) {
       world.action.kind = ActionKind::kSetDefault;
       world.facts.lock_timeout = 2000;
       with_held_table(world);
     }},
    {"concurrent_index",
     {"concurrent-index-waits"},
     true,
     [](World& world) {
       world.action.kind = ActionKind::kCreateIndex;
       world.action.key.concurrently = true;
       world.predictor.lock = ddl::Lock::kShareUpdateExclusive;
       world.facts.waited_for.push_back({4713, core::Text("etl"), 3'600'000});
     }},
};

}  // namespace db_guard::rules
