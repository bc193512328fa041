// The safe ways of the rules about dropping, partitions, maintenance and changes of data, in full.
#include <gtest/gtest.h>

#include "hazards_drops.hpp"

namespace db_guard::rules {
namespace {

using core::Text;

Strings steps_of(World& world, std::string_view rule) {
  for (const Finding& found : world.findings()) {
    if (found.rule == rule) return readable(found.safe_sql);
  }
  ADD_FAILURE() << rule << " found nothing";
  return {};
}

World world_of(ActionKind kind) {
  World world;
  world.action.kind = kind;
  return world;
}

std::string allowed(const std::string& rule, const std::string& reason, const std::string& sql) {
  return "BEGIN;\nSET LOCAL lock_timeout = '2s';\nSET LOCAL db_guard.allow = '" + rule +
         "';\nSET LOCAL db_guard.allow_reason = '" + reason + "';\n" + sql + "\nCOMMIT;";
}

const std::string kSet = "SET lock_timeout = '2s';";
const std::string kReset = "RESET lock_timeout;";

// --- drops
// ------------------------------------------------------------------------------------------

const std::string kDropTable =
    "-- deploy the code that no longer uses it and keep what is worth "
    "keeping, then:\n" +
    allowed("drop-table", "no code uses it any more", "DROP TABLE public.orders;");

TEST(StepsOfDrops, DropTableLetsItsKeysGoFirst) {
  World world = world_of(ActionKind::kDropRelation);
  ddl::ForeignKey key;
  key.constraint = "Key";
  world.facts.keys.push_back(key);
  EXPECT_EQ(
      steps_of(world, "drop-table"),
      (Strings{kSet, "ALTER TABLE public.orders DROP CONSTRAINT \"Key\";", kDropTable, kReset}));
}

TEST(StepsOfDrops, DropTableDetachesAPartition) {
  World world = world_of(ActionKind::kDropRelation);
  make_partition(world);
  const std::string detach =
      "ALTER TABLE public.sales DETACH PARTITION public.orders CONCURRENTLY;";
  EXPECT_EQ(steps_of(world, "drop-table"), (Strings{detach, kDropTable}));
  const std::string drop_rows =
      allowed("drop-table", "its rows are not needed any more", "DROP TABLE public.orders;");
  EXPECT_EQ(steps_of(world, "drop-partition"), (Strings{detach, drop_rows}));
  world.facts.partition.default_partition = world.table();
  EXPECT_EQ(steps_of(world, "drop-table"), Strings{kDropTable});
  EXPECT_EQ(steps_of(world, "drop-partition"), Strings{drop_rows});
}

TEST(StepsOfDrops, DropView) {
  World world = world_of(ActionKind::kDropRelation);
  world.table().kind = 'm';
  world.action.cascade = true;
  EXPECT_EQ(steps_of(world, "drop-view"),
            Strings{"-- deploy the code that no longer uses it, then:\n" +
                    allowed("drop-view", "no code uses it any more",
                            "DROP MATERIALIZED VIEW public.orders CASCADE;")});
}

TEST(StepsOfDrops, KeepTheStatementAsTyped) {
  World world = world_of(ActionKind::kDropRelation);
  world.action.cascade = true;
  world.predictor.losses.push_back({Text("view"), Text("public.v")});
  EXPECT_EQ(steps_of(world, "drop-cascade"), Strings{});
  world.text = "drop TABLE /* both */ orders,\n  \"Users\" cascade";
  EXPECT_EQ(steps_of(world, "drop-cascade"),
            Strings{"-- drop or change first what is still needed elsewhere, then:\n" +
                    allowed("drop-cascade,drop-table", "nothing that goes along is needed",
                            "drop TABLE /* both */ orders,\n  \"Users\" cascade;")});
}

TEST(StepsOfDrops, DropDatabaseOutsideOfABlock) {
  World world = world_of(ActionKind::kDropDatabase);
  world.action.target.name = "Old";
  EXPECT_EQ(
      steps_of(world, "drop-database"),
      (Strings{"-- nobody can connect any more, and everything is still there:\nALTER DATABASE "
               "\"Old\" WITH ALLOW_CONNECTIONS false;",
               "-- keep a dump, wait for complaints, then:\nSET db_guard.allow = "
               "'drop-database';",
               "SET db_guard.allow_reason = 'nobody has missed it';", "DROP DATABASE \"Old\";",
               "RESET db_guard.allow;", "RESET db_guard.allow_reason;"}));
}

TEST(StepsOfDrops, DropLastPolicy) {
  World world = world_of(ActionKind::kDropPolicy);
  world.facts.security.enabled = true;
  world.facts.security.permissive_policies.emplace_back("Own rows");
  world.action.part = "Own rows";
  EXPECT_EQ(steps_of(world, "drop-last-policy"),
            Strings{"-- create the policy that takes its place, then:\n" +
                    allowed("drop-last-policy", "another policy is there",
                            "DROP POLICY \"Own rows\" ON public.orders;")});
}

TEST(StepsOfDrops, TruncateNamesEveryTable) {
  World world = world_of(ActionKind::kTruncate);
  EXPECT_EQ(
      steps_of(world, "truncate"),
      Strings{"-- keep a dump of what is worth keeping, then:\n" +
              allowed("truncate", "the rows are not needed any more", "TRUNCATE public.orders;")});
  world.action.only = true;
  EXPECT_EQ(steps_of(world, "truncate"),
            Strings{"-- keep a dump of what is worth keeping, then:\n" +
                    allowed("truncate", "the rows are not needed any more",
                            "TRUNCATE ONLY public.orders;")});
  world.action.only = false;
  world.action.cascade = true;
  world.facts.add_table("order lines");
  EXPECT_EQ(steps_of(world, "truncate"), Strings{});
  EXPECT_EQ(steps_of(world, "truncate-cascade"),
            Strings{"-- where all of them are meant:\n" +
                    allowed("truncate,truncate-cascade", "the rows are not needed any more",
                            "TRUNCATE public.orders, public.\"order lines\";")});
}

// --- names
// ------------------------------------------------------------------------------------------

TEST(StepsOfDrops, SetSchemaLeavesAView) {
  World world = world_of(ActionKind::kSetSchema);
  world.action.new_name = "The archive";
  EXPECT_EQ(
      steps_of(world, "rename-table"),
      (Strings{allowed("rename-table", "a view takes over the old name",
                       "ALTER TABLE public.orders SET SCHEMA \"The archive\";\nCREATE VIEW "
                       "public.orders WITH (security_invoker = true) AS SELECT * FROM \"The "
                       "archive\".orders;"),
               "-- deploy the code that uses the new name, then:\nDROP VIEW public.orders;"}));
}

TEST(StepsOfDrops, RenameSchema) {
  World world = world_of(ActionKind::kRenameSchema);
  world.action.target.name = "app";
  world.action.new_name = "Shop";
  world.facts.schema_objects = 1;
  EXPECT_EQ(
      steps_of(world, "rename-schema"),
      Strings{"-- deploy code that finds its tables by search_path, let the new name be in it "
              "beside the old one, then:\n" +
              allowed("rename-schema", "no code uses the old name any more",
                      "ALTER SCHEMA app RENAME TO \"Shop\";")});
}

TEST(StepsOfDrops, RenameEnumValueAddsOne) {
  World world = world_of(ActionKind::kRenameEnumValue);
  world.action.target = {Text("public"), Text("mood")};
  world.action.part = "it's ok";
  world.action.new_name = "fine";
  world.facts.typed_columns.push_back({world.table(), Text("total"), false});
  world.facts.typed_columns.push_back({world.facts.add_table("tags"), Text("All"), true});
  world.facts.typed_columns.push_back({world.facts.add_table("remote", 'f'), Text("x"), false});
  const Strings steps = steps_of(world, "rename-enum-value");
  ASSERT_EQ(steps.size(), 3U);
  EXPECT_EQ(steps[0], "ALTER TYPE public.mood ADD VALUE IF NOT EXISTS 'fine' AFTER 'it''s ok';");
  EXPECT_EQ(steps[1].rfind("-- deploy code that reads both values and writes the new one, then:\n"
                           "DO $backfill$\n",
                           0),
            0U);
  EXPECT_NE(steps[1].find("UPDATE public.orders SET total = 'fine'\n     WHERE (total = 'it''s "
                          "ok')"),
            std::string::npos);
  EXPECT_NE(steps[2].find("UPDATE public.tags SET \"All\" = array_replace(\"All\", 'it''s ok', "
                          "'fine')\n     WHERE ('it''s ok' = ANY (\"All\"))"),
            std::string::npos);
}

TEST(StepsOfDrops, RenameConstraint) {
  World world = world_of(ActionKind::kRenameConstraint);
  world.action.constraint = "Old";
  world.action.new_name = "new";
  world.action.only = true;
  world.facts.mentioned_by.push_back(function_by_its_text());
  EXPECT_EQ(steps_of(world, "rename-constraint"),
            Strings{"-- let ON CONFLICT name the columns, then:\n" +
                    allowed("rename-constraint", "nothing names it any more",
                            "ALTER TABLE ONLY public.orders RENAME CONSTRAINT \"Old\" TO new;")});
}

// --- partitions
// -------------------------------------------------------------------------------------

World attaching() {
  World world;
  with_partition(world, ActionKind::kAttachPartition);
  world.facts.partition.bound = "FOR VALUES FROM (1) TO (10)";
  world.facts.partition.constraint = "((id >= 1) AND (id < 10))";
  world.predictor.work.emplace().scan = true;
  return world;
}

const std::string kAttach =
    "ALTER TABLE public.orders ATTACH PARTITION public.north FOR VALUES FROM (1) TO (10);";

TEST(StepsOfDrops, AttachWithAProof) {
  World world = attaching();
  EXPECT_EQ(
      steps_of(world, "attach-partition"),
      (Strings{kSet,
               "ALTER TABLE public.north ADD CONSTRAINT north_in_bounds CHECK (((id >= 1) AND "
               "(id < 10))) NOT VALID;",
               "ALTER TABLE public.north VALIDATE CONSTRAINT north_in_bounds;", kAttach,
               "ALTER TABLE public.north DROP CONSTRAINT north_in_bounds;", kReset}));
}

TEST(StepsOfDrops, AttachWithIndexesAndKeys) {
  World world = attaching();
  world.predictor.work->scan = false;
  world.predictor.work->index_build = world.predictor.work->fk_check = true;
  world.facts.partition.missing_indexes.push_back(
      {Text("id"), Text("PRIMARY KEY"), Text(" DEFERRABLE"), Text(" USING btree (id)"), true});
  world.facts.partition.missing_indexes.push_back(
      {Text("total"), Text(), Text(), Text(" USING hash (total)"), false});
  world.facts.partition.missing_keys.emplace_back("FOREIGN KEY (id) REFERENCES public.ids(id)");
  EXPECT_EQ(
      steps_of(world, "attach-partition"),
      (Strings{
          "CREATE UNIQUE INDEX CONCURRENTLY north_pkey ON public.north USING btree (id);", kSet,
          "ALTER TABLE public.north ADD CONSTRAINT north_pkey PRIMARY KEY USING INDEX "
          "north_pkey DEFERRABLE;",
          kReset, "CREATE INDEX CONCURRENTLY north_total_idx ON public.north USING hash (total);",
          kSet,
          "ALTER TABLE public.north ADD CONSTRAINT north_fkey FOREIGN KEY (id) REFERENCES "
          "public.ids(id) NOT VALID;",
          "ALTER TABLE public.north VALIDATE CONSTRAINT north_fkey;", kAttach, kReset}));
}

TEST(StepsOfDrops, AttachBesideADefaultPartition) {
  World world = attaching();
  with_default_partition(world);
  const Strings expected = {
      kSet,
      "ALTER TABLE public.north ADD CONSTRAINT north_in_bounds CHECK (((id >= 1) AND (id < 10))) "
      "NOT VALID;",
      "ALTER TABLE public.north VALIDATE CONSTRAINT north_in_bounds;",
      "ALTER TABLE public.rest ADD CONSTRAINT rest_not_in_new CHECK ((NOT (id < 10))) NOT VALID;",
      "ALTER TABLE public.rest VALIDATE CONSTRAINT rest_not_in_new;",
      kAttach,
      "ALTER TABLE public.north DROP CONSTRAINT north_in_bounds;",
      "ALTER TABLE public.rest DROP CONSTRAINT rest_not_in_new;",
      kReset};
  EXPECT_EQ(steps_of(world, "attach-partition"), expected);
  EXPECT_EQ(steps_of(world, "default-partition-scan"), expected);
}

TEST(StepsOfDrops, CreatePartitionAsATableThatIsAttached) {
  World world;
  with_partition(world, ActionKind::kCreatePartition);
  world.action.other = {Text("My schema"), Text("north")};
  world.facts.partition.bound = "FOR VALUES FROM (1) TO (10)";
  EXPECT_EQ(steps_of(world, "create-partition"), Strings{});
  world.text =
      "CREATE UNLOGGED TABLE \"My schema\".north PARTITION OF orders (CHECK (id > 0)) for values "
      "FROM (1) to (10) PARTITION BY HASH (id)";
  EXPECT_EQ(
      steps_of(world, "create-partition"),
      (Strings{"CREATE UNLOGGED TABLE \"My schema\".north (LIKE public.orders INCLUDING DEFAULTS "
               "INCLUDING CONSTRAINTS INCLUDING GENERATED INCLUDING STORAGE INCLUDING COMPRESSION, "
               "CHECK (id > 0)) PARTITION BY HASH (id);",
               kSet,
               "ALTER TABLE public.orders ATTACH PARTITION \"My schema\".north FOR VALUES FROM (1) "
               "TO (10);",
               kReset}));
  world.action.other_columns.emplace_back("total");
  EXPECT_EQ(steps_of(world, "create-partition"), Strings{});
}

TEST(StepsOfDrops, CreatePartitionBesideADefaultPartition) {
  World world;
  with_partition(world, ActionKind::kCreatePartition);
  with_default_partition(world);
  world.facts.lock_timeout = 2000;
  world.facts.partition.bound = "FOR VALUES IN (1)";
  world.predictor.work.emplace().scan = true;
  world.text = "CREATE TABLE north PARTITION OF orders FOR VALUES IN (1)";
  EXPECT_EQ(
      steps_of(world, "default-partition-scan"),
      (Strings{"CREATE TABLE north (LIKE public.orders INCLUDING DEFAULTS INCLUDING CONSTRAINTS "
               "INCLUDING GENERATED INCLUDING STORAGE INCLUDING COMPRESSION);",
               kSet,
               "ALTER TABLE public.rest ADD CONSTRAINT rest_not_in_new CHECK ((NOT (id < 10))) NOT "
               "VALID;",
               "ALTER TABLE public.rest VALIDATE CONSTRAINT rest_not_in_new;",
               "ALTER TABLE public.orders ATTACH PARTITION north FOR VALUES IN (1);",
               "ALTER TABLE public.rest DROP CONSTRAINT rest_not_in_new;", kReset}));
}

TEST(StepsOfDrops, DetachPartition) {
  World world;
  with_partition(world, ActionKind::kDetachPartition);
  EXPECT_EQ(steps_of(world, "detach-partition"),
            Strings{"ALTER TABLE public.orders DETACH PARTITION public.north CONCURRENTLY;"});
  with_default_partition(world);
  EXPECT_EQ(steps_of(world, "detach-partition"),
            Strings{"BEGIN;\nSET LOCAL lock_timeout = '2s';\nALTER TABLE public.orders DETACH "
                    "PARTITION public.north;\nCOMMIT;"});
}

// --- maintenance
// ------------------------------------------------------------------------------------

TEST(StepsOfDrops, UpdateAlongThePrimaryKey) {
  World world = world_of(ActionKind::kUpdate);
  world.text = "UPDATE ONLY orders o SET total = total + 1 WHERE note <> '' -- all";
  EXPECT_EQ(steps_of(world, "change-many-rows"),
            Strings{"DO $batches$\n"
                    "DECLARE\n"
                    "  batch_start bigint := (SELECT id FROM public.orders ORDER BY id LIMIT 1);\n"
                    "  batch_end bigint;\n"
                    "BEGIN\n"
                    "  WHILE batch_start IS NOT NULL LOOP\n"
                    "    batch_end := (SELECT id FROM public.orders WHERE id > batch_start\n"
                    "                   ORDER BY id OFFSET 4999 LIMIT 1);\n"
                    "    UPDATE ONLY orders o SET total = total + 1\n"
                    "     WHERE id >= batch_start AND (batch_end IS NULL OR id < batch_end)\n"
                    "       AND (note <> '' -- all\n"
                    "     );\n"
                    "    COMMIT;\n"
                    "    batch_start := batch_end;\n"
                    "  END LOOP;\n"
                    "END $batches$;"});
}

TEST(StepsOfDrops, UpdateOfTheKeyItselfHasNone) {
  World world = world_of(ActionKind::kUpdate);
  for (const char* text :
       {"UPDATE orders SET id = id + 1", "UPDATE orders SET ID = 1", "UPDATE orders SET \"id\" = 1",
        "UPDATE orders SET total = 1 FROM u", "UPDATE orders SET total = '$batches$'", ""}) {
    world.text = text;
    EXPECT_EQ(steps_of(world, "change-many-rows"), Strings{}) << text;
  }
  world.text = "UPDATE orders SET paid = 1";
  EXPECT_EQ(steps_of(world, "change-many-rows").size(), 1U);
  world.facts.key_columns = {"id", "total"};
  EXPECT_EQ(steps_of(world, "change-many-rows"), Strings{});
  world.facts.key_columns = {};
  EXPECT_EQ(steps_of(world, "change-many-rows"), Strings{});
}

TEST(StepsOfDrops, DeletePageByPage) {
  World world = world_of(ActionKind::kDelete);
  world.text = "DELETE FROM orders WHERE total = 0";
  EXPECT_EQ(
      steps_of(world, "change-many-rows"),
      Strings{
          "DO $batches$\n"
          "DECLARE\n"
          "  batch_start bigint := 0;\n"
          "  batch_end bigint;\n"
          "BEGIN\n"
          "  SELECT pg_relation_size('public.orders') / current_setting('block_size')::int INTO "
          "batch_end;\n"
          "  LOOP\n"
          "    DELETE FROM orders\n"
          "     WHERE ctid >= format('(%s,0)', batch_start)::tid\n"
          "       AND ctid < format('(%s,0)', batch_start + 500)::tid\n"
          "       AND (total = 0\n"
          "     );\n"
          "    COMMIT;\n"
          "    batch_start := batch_start + 500;\n"
          "    CONTINUE WHEN batch_start <= batch_end;\n"
          "    EXIT WHEN NOT EXISTS (SELECT FROM orders WHERE (total = 0\n"
          "     ));\n"
          "    batch_start := 0;\n"
          "  END LOOP;\n"
          "END $batches$;"});
  world.text = "DELETE FROM orders";
  world.table().kind = 'p';
  const Strings steps = steps_of(world, "change-many-rows");
  ASSERT_EQ(steps.size(), 1U);
  EXPECT_NE(steps[0].find("WITH RECURSIVE tables (id)"), std::string::npos);
  EXPECT_NE(steps[0].find("\n    EXIT;\n"), std::string::npos);
}

TEST(StepsOfDrops, Maintenance) {
  World world = world_of(ActionKind::kRebuildTable);
  world.predictor.work.emplace().rewrite = true;
  world.action.object_kind = "CLUSTER";
  EXPECT_EQ(steps_of(world, "vacuum-full"), Strings{});
  world.action.object_kind = "VACUUM FULL";
  EXPECT_EQ(steps_of(world, "vacuum-full"), Strings{"VACUUM public.orders;"});
  world.action.kind = ActionKind::kRebuildAll;
  EXPECT_EQ(steps_of(world, "vacuum-full"), Strings{"VACUUM;"});
}

TEST(StepsOfDrops, RefreshMaterializedView) {
  World world = world_of(ActionKind::kRefreshView);
  world.table().kind = 'm';
  world.facts.view.populated = true;
  EXPECT_EQ(steps_of(world, "refresh-materialized-view"), Strings{});
  world.facts.view.has_unique_index = true;
  EXPECT_EQ(steps_of(world, "refresh-materialized-view"),
            Strings{"REFRESH MATERIALIZED VIEW CONCURRENTLY public.orders;"});
}

TEST(StepsOfDrops, AutovacuumDisabled) {
  World world = world_of(ActionKind::kSetOptions);
  world.action.options.push_back({Text("toast.autovacuum_enabled"), Text("off")});
  EXPECT_EQ(steps_of(world, "autovacuum-disabled"),
            (Strings{kSet,
                     "-- to spread its work instead:\nALTER TABLE public.orders SET "
                     "(toast.autovacuum_vacuum_cost_delay = 10);",
                     kReset}));
}

TEST(StepsOfDrops, IdentityBehindValues) {
  World world = world_of(ActionKind::kAddIdentity);
  world.action.column = "id";
  world.facts.largest = 1000;
  EXPECT_EQ(steps_of(world, "identity-behind-values"), Strings{});
  world.action.clause = "alter id add generated always as identity";
  EXPECT_EQ(
      steps_of(world, "identity-behind-values"),
      Strings{"BEGIN;\nSET LOCAL lock_timeout = '2s';\nALTER TABLE public.orders alter id add "
              "generated always as identity;\nSELECT "
              "setval(pg_get_serial_sequence('public.orders', 'id'), (SELECT max(id) FROM "
              "public.orders));\nCOMMIT;"});
}

TEST(StepsOfDrops, EnableRowSecurity) {
  World world = world_of(ActionKind::kChangeRowSecurity);
  world.action.object_kind = "enable";
  EXPECT_EQ(steps_of(world, "enable-row-security"),
            Strings{"-- with the condition that is meant; this one lets everybody see "
                    "everything:\nBEGIN;\nSET LOCAL lock_timeout = '2s';\nCREATE POLICY orders_all "
                    "ON public.orders USING (true);\nALTER TABLE public.orders ENABLE ROW LEVEL "
                    "SECURITY;\nCOMMIT;"});
}

TEST(StepsOfDrops, LockTable) {
  World world = world_of(ActionKind::kLockTable);
  EXPECT_EQ(steps_of(world, "lock-table"), Strings{});
  world.text = "lock orders";
  EXPECT_EQ(steps_of(world, "lock-table"),
            Strings{"-- and again when the time is over:\nBEGIN;\nSET LOCAL lock_timeout = "
                    "'2s';\nlock orders;\n-- what has to happen under the lock\nCOMMIT;"});
}

}  // namespace
}  // namespace db_guard::rules
