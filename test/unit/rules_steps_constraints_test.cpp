// The safe ways of constraints and indexes, in full, and what the rules say where it depends.
#include <gtest/gtest.h>

#include "hazards_constraints.hpp"

namespace db_guard::rules {
namespace {

Strings under_timeout(Strings steps) {
  steps.insert(steps.begin(), "SET lock_timeout = '2s';");
  steps.emplace_back("RESET lock_timeout;");
  return steps;
}

Strings steps_of(World& world) { return readable(world.findings().front().safe_sql); }

// What follows the table's name, as typed.
World adding(ActionKind kind, const char* clause, const char* name = "") {
  World world;
  world.action.kind = kind;
  world.action.clause = clause;
  world.action.constraint = name;
  return world;
}

// public.orders gets a partition "north" with one of its own, "North 1", and "south".
void make_partitioned(World& world) {
  world.table().kind = 'p';
  FakeFacts& facts = world.facts;
  const std::uint32_t north = facts.add_table("north", 'p').id;
  const std::uint32_t north_1 = facts.add_table("North 1").id;
  const std::uint32_t south = facts.add_table("south").id;
  facts.add_partition(1, north);
  facts.add_partition(north, north_1);
  facts.add_partition(1, south);
}

// --- CHECK
// ------------------------------------------------------------------------------------------

TEST(CheckSteps, KeepTheClauseAsTyped) {
  World world =
      adding(ActionKind::kAddCheck, "Add Constraint \"Pos\" check (total > 0) /* all */", "Pos");
  EXPECT_EQ(steps_of(world),
            under_timeout({"ALTER TABLE public.orders Add Constraint \"Pos\" check (total > 0) NOT "
                           "VALID /* all */\n;",
                           "ALTER TABLE public.orders VALIDATE CONSTRAINT \"Pos\";"}));
}

TEST(CheckSteps, PutTheNameInThatTheServerWouldChoose) {
  World world = adding(ActionKind::kAddCheck, "ADD/**/CHECK (total > 0) -- CHECK");
  world.facts.check.column = "total";
  EXPECT_EQ(steps_of(world),
            under_timeout({"ALTER TABLE public.orders ADD CONSTRAINT orders_total_check/**/CHECK "
                           "(total > 0) NOT VALID -- CHECK\n;",
                           "ALTER TABLE public.orders VALIDATE CONSTRAINT orders_total_check;"}));
  world.facts.check.column.clear();
  EXPECT_EQ(steps_of(world)[2], "ALTER TABLE public.orders VALIDATE CONSTRAINT orders_check;");
}

TEST(CheckSteps, KeepOnly) {
  World world = adding(ActionKind::kAddCheck, "ADD CONSTRAINT c CHECK (a > 0) NO INHERIT", "c");
  world.action.only = true;
  EXPECT_EQ(steps_of(world)[1],
            "ALTER TABLE ONLY public.orders ADD CONSTRAINT c CHECK (a > 0) NO INHERIT NOT VALID;");
}

TEST(CheckSteps, AreNoneWhereTheTextIsNotKnown) {
  World world = adding(ActionKind::kAddCheck, "");
  EXPECT_EQ(steps_of(world), Strings{});
}

TEST(VolatileCheck, OfAStableFunctionIsANote) {
  World world = adding(ActionKind::kAddCheck, "", "c");
  world.action.not_valid = true;
  world.facts.check.unsteady_call = "now()";
  EXPECT_EQ(world.findings().front().severity, Severity::kNote);
}

// --- foreign keys
// -----------------------------------------------------------------------------------

TEST(ForeignKeySteps, NameAllColumns) {
  World world = adding(ActionKind::kAddForeignKey, "ADD FOREIGN KEY (total, id) REFERENCES users");
  with_users(world);
  world.action.key.columns.emplace_back("id");
  EXPECT_EQ(steps_of(world),
            under_timeout({"ALTER TABLE public.orders ADD CONSTRAINT orders_total_id_fkey FOREIGN "
                           "KEY (total, id) REFERENCES users NOT VALID;",
                           "ALTER TABLE public.orders VALIDATE CONSTRAINT orders_total_id_fkey;"}));
}

TEST(ForeignKeySteps, OfPartitionsGoLeafByLeafBefore18) {
  World world = adding(ActionKind::kAddForeignKey,
                       "ADD CONSTRAINT f FOREIGN KEY (total) "
                       "REFERENCES orders",
                       "f");
  world.action.other.name = "orders";
  make_partitioned(world);
  const std::string key = " ADD CONSTRAINT f FOREIGN KEY (total) REFERENCES orders";
  EXPECT_EQ(steps_of(world), under_timeout({"ALTER TABLE public.\"North 1\"" + key + " NOT VALID;",
                                            "ALTER TABLE public.\"North 1\" VALIDATE CONSTRAINT f;",
                                            "ALTER TABLE public.south" + key + " NOT VALID;",
                                            "ALTER TABLE public.south VALIDATE CONSTRAINT f;",
                                            "ALTER TABLE public.orders" + key + ";"}));
  world.facts.major = 18;
  EXPECT_EQ(steps_of(world), under_timeout({"ALTER TABLE public.orders" + key + " NOT VALID;",
                                            "ALTER TABLE public.orders VALIDATE CONSTRAINT f;"}));
}

TEST(ForeignKey, NamesTheOtherTableUnlessItIsItself) {
  World world = adding(ActionKind::kAddForeignKey, "");
  with_users(world);
  EXPECT_NE(world.findings().front().message.find("rows) and on public.users and checks"),
            core::Text::npos);
  world.action.other.name = "orders";
  EXPECT_NE(world.findings().front().message.find("rows) and checks"), core::Text::npos);
}

TEST(ForeignKeyIndex, ComesFirst) {
  World world;
  with_foreign_key(world);
  world.facts.key_indexed = false;
  world.action.clause = "ADD FOREIGN KEY (total) REFERENCES users NOT VALID";
  EXPECT_EQ(
      steps_of(world),
      (Strings{"CREATE INDEX CONCURRENTLY ON public.orders (total);", "SET lock_timeout = '2s';",
               "ALTER TABLE public.orders ADD FOREIGN KEY (total) REFERENCES users NOT VALID;",
               "RESET lock_timeout;"}));
  world.action.not_enforced = true;
  EXPECT_EQ(world.rules(), Strings{});
}

TEST(SeveralForeignKeys, AreReportedOnceAndTakenApart) {
  World world;
  with_foreign_key(world);
  world.facts.sizes[world.facts.add_table("items").id].bytes = 0;
  world.action.clause = "ADD FOREIGN KEY (total) REFERENCES users NOT VALID";
  ddl::Statement statement;
  statement.actions = {world.action, world.action};
  statement.actions[1].clause = "ADD FOREIGN KEY (id) REFERENCES items NOT VALID";
  const Findings findings = evaluate(statement, world.predictor, world.facts, kSmall);
  ASSERT_EQ(rules_of(findings), Strings{"several-foreign-keys"});
  EXPECT_NE(findings[0].message.find("for its foreign keys, public.users, public.items, and"),
            core::Text::npos);
  EXPECT_EQ(readable(findings[0].safe_sql),
            under_timeout(
                {"ALTER TABLE public.orders ADD FOREIGN KEY (total) REFERENCES users NOT VALID;",
                 "ALTER TABLE public.orders ADD FOREIGN KEY (id) REFERENCES items NOT VALID;"}));
  // A partition goes with its parent.
  world.facts.relations[2].is_partition = true;
  EXPECT_EQ(rules_of(evaluate(statement, world.predictor, world.facts, kSmall)), Strings{});
}

TEST(DropForeignKey, BlocksWhereItWouldQueueForEver) {
  World world;
  with_users(world);
  world.action.kind = ActionKind::kDropConstraint;
  world.action.constraint = "f";
  world.facts.constraints["f"].type = 'f';
  world.facts.constraints["f"].other = 2;
  EXPECT_EQ(world.findings().front().severity, Severity::kNote);
  EXPECT_EQ(steps_of(world), under_timeout({"ALTER TABLE public.orders DROP CONSTRAINT f;"}));
  world.facts.sessions.push_back({4711, {}, -1});
  EXPECT_EQ(world.findings().front().severity, Severity::kBlock);
  world.facts.lock_timeout = 2000;
  EXPECT_EQ(world.rules(), Strings{});
}

TEST(EnforceForeignKey, GoesByWayOfAnother) {
  World world = adding(ActionKind::kAlterConstraint, "", "f");
  world.facts.constraints["f"].type = 'f';
  world.facts.constraints["f"].definition = "FOREIGN KEY (a) REFERENCES users(id) NOT ENFORCED";
  EXPECT_EQ(steps_of(world),
            under_timeout({"ALTER TABLE public.orders ADD CONSTRAINT orders_f_new FOREIGN KEY (a) "
                           "REFERENCES users(id) NOT VALID;",
                           "ALTER TABLE public.orders VALIDATE CONSTRAINT orders_f_new;",
                           "ALTER TABLE public.orders DROP CONSTRAINT f;",
                           "ALTER TABLE public.orders RENAME CONSTRAINT orders_f_new TO f;"}));
}

// --- VALIDATE
// ---------------------------------------------------------------------------------------

TEST(Validate, AloneIsTheSafeWay) {
  World world = adding(ActionKind::kValidateConstraint, "VALIDATE CONSTRAINT c", "c");
  world.predictor.lock = ddl::Lock::kShareUpdateExclusive;
  EXPECT_EQ(world.rules(), Strings{});
  world.facts.held = ddl::Lock::kRowExclusive;
  EXPECT_EQ(world.rules(), Strings{});
  world.facts.held = ddl::Lock::kShare;
  EXPECT_EQ(steps_of(world), under_timeout({"ALTER TABLE public.orders VALIDATE CONSTRAINT c;"}));
}

TEST(Validate, IsParted) {
  World world;
  ddl::Statement statement;
  world.action.kind = ActionKind::kValidateConstraint;
  world.action.constraint = "C 1";
  world.action.clause = "VALIDATE CONSTRAINT \"C 1\"";
  statement.actions.push_back(world.action);
  world.action.kind = ActionKind::kDropNotNull;
  world.action.clause = "ALTER COLUMN a DROP NOT NULL -- no more";
  statement.actions.push_back(world.action);
  world.action.clause = "ALTER COLUMN b DROP NOT NULL";
  statement.actions.push_back(world.action);
  const Findings findings = evaluate(statement, world.predictor, world.facts, kSmall);
  ASSERT_EQ(rules_of(findings), Strings{"validate-constraint-blocking"});
  EXPECT_EQ(readable(findings[0].safe_sql),
            under_timeout({"ALTER TABLE public.orders ALTER COLUMN a DROP NOT NULL -- no more\n"
                           ", ALTER COLUMN b DROP NOT NULL;",
                           "ALTER TABLE public.orders VALIDATE CONSTRAINT \"C 1\";"}));
}

// --- keys
// -------------------------------------------------------------------------------------------

TEST(DropKey, SaysWhatRelies) {
  World world;
  with_key(world, ActionKind::kDropConstraint, 'p');
  world.facts.constraints["orders_total_idx"].dependents.emplace_back("f of public.items");
  world.facts.use.replica_identity = true;
  EXPECT_EQ(steps_of(world), Strings{});
  std::string detail = readable(world.findings().front().detail);
  EXPECT_NE(detail.find("rely on it: f of public.items; without CASCADE"), std::string::npos);
  EXPECT_EQ(detail.find("replica identity"), std::string::npos);
  world.action.cascade = true;
  world.facts.publications.emplace_back("everything");
  detail = readable(world.findings().front().detail);
  EXPECT_NE(detail.find("CASCADE drops them"), std::string::npos);
  EXPECT_NE(detail.find("because publication everything has the table"), std::string::npos);
  const Strings steps = steps_of(world);
  ASSERT_EQ(steps.size(), 4U);
  EXPECT_EQ(steps[1], "ALTER TABLE public.orders REPLICA IDENTITY FULL;");
  EXPECT_NE(steps[2].find("DROP CONSTRAINT orders_total_idx CASCADE;"), std::string::npos);
}

TEST(DropKey, ThatAnotherReplacesIsNone) {
  World world;
  with_key(world, ActionKind::kDropConstraint, 'u');
  world.facts.use.twin = "public.i";
  EXPECT_EQ(world.rules(), Strings{});
  world.facts.constraints["orders_total_idx"].dependents.emplace_back("f of public.items");
  EXPECT_EQ(world.rules(), Strings{"drop-key-constraint"});
}

TEST(DropKey, ThatTheStatementReplaces) {
  World world;
  with_key(world, ActionKind::kDropConstraint, 'p');
  world.facts.key.columns = {"id", "total"};
  ddl::Statement statement;
  Action added = world.action;
  added.kind = ActionKind::kAddPrimaryKey;
  added.constraint = "fresh";
  added.key.existing_index = "orders_total_idx";
  statement.actions = {world.action, added};
  EXPECT_EQ(rules_of(evaluate(statement, world.predictor, world.facts, kSmall)), Strings{});
  statement.actions[1].key.existing_index.clear();
  statement.actions[1].key.columns = {"id"};
  world.predictor.work.emplace();
  const Findings findings = evaluate(statement, world.predictor, world.facts, kSmall);
  ASSERT_EQ(rules_of(findings), Strings{"drop-key-constraint"});
  EXPECT_EQ(findings[0].severity, Severity::kWarn);
}

TEST(UnfitIndex, ThatIsInvalidIsBuiltAgain) {
  World world;
  with_key(world, ActionKind::kAddUnique, 'u');
  world.action.key.existing_index = "orders_total_idx";
  world.action.clause = "ADD UNIQUE USING INDEX orders_total_idx";
  world.facts.key.flaw = "it is invalid";
  world.facts.key.definition = "CREATE UNIQUE INDEX orders_total_idx ON public.orders (total)";
  world.facts.indexes[0].first.valid = false;
  world.facts.indexes[0].first.unique = true;
  EXPECT_EQ(steps_of(world),
            (Strings{"DROP INDEX CONCURRENTLY public.orders_total_idx;",
                     "CREATE UNIQUE INDEX CONCURRENTLY orders_total_idx ON public.orders (total);",
                     "SET lock_timeout = '2s';",
                     "ALTER TABLE public.orders ADD UNIQUE USING INDEX orders_total_idx;",
                     "RESET lock_timeout;"}));
  // Not where it may just be in the making.
  world.facts.sessions.push_back({4711, {}, -1});
  EXPECT_EQ(steps_of(world), Strings{});
}

TEST(UnfitIndex, OfAnotherTableIsTheServersBusiness) {
  World world;
  with_key(world, ActionKind::kAddUnique, 'u');
  world.action.key.existing_index = "orders_total_idx";
  world.facts.key.flaw = "it is partial";
  world.facts.add_table("items");
  world.facts.indexes[0].second = 2;
  EXPECT_EQ(world.rules(), Strings{});
}

TEST(PrimaryKeyOverNulls, GetsNotNullFirst) {
  World world;
  with_key(world, ActionKind::kAddPrimaryKey, 'p');
  world.action.key.existing_index = "orders_total_idx";
  world.action.clause = "ADD PRIMARY KEY USING INDEX orders_total_idx";
  world.facts.key.columns = {"id", "total"};
  world.predictor.work.emplace();
  world.predictor.work->scan = true;
  const std::string alter = "ALTER TABLE public.orders ";
  EXPECT_EQ(steps_of(world),
            under_timeout({alter + "ADD CONSTRAINT orders_total_not_null CHECK (total IS NOT NULL) "
                                   "NOT VALID;",
                           alter + "VALIDATE CONSTRAINT orders_total_not_null;",
                           alter + "ALTER COLUMN total SET NOT NULL;",
                           alter + "DROP CONSTRAINT orders_total_not_null;",
                           alter + "ADD PRIMARY KEY USING INDEX orders_total_idx;"}));
}

// --- domains
// ----------------------------------------------------------------------------------------

World of_domain(ActionKind kind, const char* statement) {
  World world;
  world.action.kind = kind;
  world.action.target = {"public", "Email"};
  world.action.clause = statement;
  world.predictor.lock = ddl::Lock::kShare;
  return world;
}

TEST(Domain, BindsNewValuesOnly) {
  World world = of_domain(ActionKind::kAddDomainConstraint,
                          "ALTER DOMAIN \"Email\" ADD CHECK (VALUE <> '') -- filled");
  const Finding finding = world.findings().front();
  EXPECT_EQ(readable(finding.object), "public.\"Email\"");
  EXPECT_EQ(readable(finding.place.table), "orders");
  EXPECT_NE(finding.message.find("scans them all: public.orders (41 GB); writes"),
            core::Text::npos);
  EXPECT_EQ(steps_of(world),
            Strings{"ALTER DOMAIN \"Email\" ADD CHECK (VALUE <> '') NOT VALID -- filled\n;"});
}

TEST(Domain, NotNullIsACheckThatIsNotValid) {
  World world = of_domain(ActionKind::kSetDomainNotNull, "ALTER DOMAIN \"Email\" SET NOT NULL");
  EXPECT_EQ(steps_of(world),
            Strings{"ALTER DOMAIN public.\"Email\" ADD CHECK (VALUE IS NOT NULL) NOT VALID;"});
}

TEST(Domain, HasNoOnlineWayToValidate) {
  World world = of_domain(ActionKind::kValidateDomainConstraint, "");
  EXPECT_EQ(world.rules(), Strings{"alter-domain-scan"});
  EXPECT_EQ(steps_of(world), Strings{});
}

TEST(Domain, OfSmallOrOwnTablesIsNone) {
  World world = of_domain(ActionKind::kSetDomainNotNull, "");
  world.size().bytes = kSmall;
  EXPECT_EQ(world.rules(), Strings{});
  world.size().bytes = kSmall + 1;
  EXPECT_EQ(world.rules(), Strings{"alter-domain-scan"});
  world.table().temporary = true;
  EXPECT_EQ(world.rules(), Strings{});
  world.table().temporary = false;
  world.table().created_in_transaction = true;
  EXPECT_EQ(world.rules(), Strings{});
}

// --- indexes
// ----------------------------------------------------------------------------------------

Strings reindexed(const char* statement) {
  World world;
  world.action.kind = ActionKind::kReindexTable;
  world.action.clause = statement;
  return steps_of(world);
}

TEST(Reindex, GetsConcurrentlyWhereItBelongs) {
  EXPECT_EQ(reindexed("REINDEX TABLE orders"), Strings{"REINDEX TABLE CONCURRENTLY orders;"});
  EXPECT_EQ(reindexed("reindex (verbose, tablespace \"x)\") /* all */ table public.orders -- now"),
            Strings{"reindex (verbose, tablespace \"x)\") /* all */ table CONCURRENTLY "
                    "public.orders -- now\n;"});
  EXPECT_EQ(reindexed(""), Strings{});
}

TEST(Reindex, OfManySumsUp) {
  World world;
  world.action.kind = ActionKind::kReindexMany;
  world.action.target.name = "app";
  world.action.clause = "REINDEX SCHEMA app";
  EXPECT_EQ(steps_of(world), Strings{"REINDEX SCHEMA CONCURRENTLY app;"});
  EXPECT_NE(world.findings().front().message.find("SHARE on 1 table (41 GB) one after the other"),
            core::Text::npos);
  world.action.concurrently = true;
  EXPECT_EQ(world.rules(), Strings{});
  world.facts.in_block = true;
  EXPECT_EQ(world.rules(), Strings{"concurrently-in-transaction"});
}

TEST(Concurrently, StandsByItself) {
  World world;
  world.facts.in_block = true;
  world.action.kind = ActionKind::kDetachPartition;
  world.action.concurrently = true;
  world.action.clause = "DETACH PARTITION p1 CONCURRENTLY";
  EXPECT_EQ(steps_of(world),
            Strings{"ALTER TABLE public.orders DETACH PARTITION p1 CONCURRENTLY;"});
  with_index(world);
  EXPECT_EQ(steps_of(world), Strings{"DROP INDEX CONCURRENTLY public.orders_total_idx;"});
  world.facts.in_block = false;
  EXPECT_EQ(world.rules(), Strings{});
}

TEST(InvalidNamesake, IsReplacedUnlessItIsInTheMaking) {
  World world;
  with_index(world);
  world.facts.indexes[0].first.valid = false;
  world.action.target.name = "orders";
  world.action.kind = ActionKind::kCreateIndex;
  world.action.key.name = "orders_total_idx";
  world.action.key.tail = " (total)";
  world.action.key.if_not_exists = true;
  EXPECT_EQ(steps_of(world),
            (Strings{"DROP INDEX CONCURRENTLY public.orders_total_idx;",
                     "CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_total_idx ON public.orders "
                     "(total);"}));
  world.facts.sessions.push_back({4711, {}, -1});
  EXPECT_EQ(world.findings().front().severity, Severity::kWarn);
  EXPECT_EQ(steps_of(world), Strings{});
  // One that waits for those of the partitions.
  world.facts.indexes[0].first.partitioned = true;
  EXPECT_EQ(world.rules(), Strings{"lock-queue"});
}

TEST(RedundantIndex, ThatGoesOnIsANote) {
  World world;
  world.action.kind = ActionKind::kCreateIndex;
  world.action.key.concurrently = true;
  world.facts.similar = ddl::SimilarIndex{core::Text("public.i"), false};
  EXPECT_EQ(world.findings().front().severity, Severity::kNote);
  world.action.key.columns = {"a", "b", "c"};
  EXPECT_EQ(world.rules(), Strings{"create-index-redundant"});
}

TEST(CreateIndex, SaysWhereMemoryIsShort) {
  World world;
  world.action.kind = ActionKind::kCreateIndex;
  world.facts.maintenance_kb = 64 * 1024;
  EXPECT_NE(world.findings().front().detail.find("maintenance_work_mem is 64 MB"),
            core::Text::npos);
  world.facts.maintenance_kb++;
  EXPECT_EQ(world.findings().front().detail.find("maintenance_work_mem"), core::Text::npos);
}

}  // namespace
}  // namespace db_guard::rules
