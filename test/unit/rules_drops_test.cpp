// When the rules about dropping, partitions, maintenance and changes of data fire, and when not.
#include <gtest/gtest.h>

#include "hazards_drops.hpp"
#include "rules/losses.hpp"
#include "rules/reach.hpp"
#include "rules/steps_batches.hpp"
#include "rules/steps_partitions.hpp"

namespace db_guard::rules {
namespace {

using core::Text;

World world_of(ActionKind kind) {
  World world;
  world.action.kind = kind;
  return world;
}

std::string message_of(World& world) { return readable(world.findings().front().message); }
std::string detail_of(World& world) { return readable(world.findings().front().detail); }
Severity severity_of(World& world) { return world.findings().front().severity; }

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// --- tables
// -----------------------------------------------------------------------------------------

TEST(DropTable, OfAnEmptyTableMattersWhereItIsUsed) {
  World world = world_of(ActionKind::kDropRelation);
  world.size().bytes = 0;
  EXPECT_EQ(world.rules(), Strings{});
  world.facts.usage.scans = 1;
  EXPECT_EQ(world.rules(), Strings{"drop-table"});
  world.facts.usage.scans = 0;
  world.facts.usage.changes = 1;
  EXPECT_EQ(world.rules(), Strings{"drop-table"});
  world.facts.usage.changes = 0;
  world.facts.dependents.push_back({"publication", Text("p"), true});
  EXPECT_EQ(world.rules(), Strings{});
  world.facts.dependents.push_back(function_by_its_text());
  EXPECT_EQ(world.rules(), Strings{"drop-table"});
  EXPECT_FALSE(contains(message_of(world), "loses its rows"));
}

TEST(DropTable, WithPagesThatHoldNoRowsIsEmpty) {
  World world = world_of(ActionKind::kDropRelation);
  world.size().rows = 0;
  EXPECT_EQ(world.rules(), Strings{});
}

TEST(DropTable, TellsWhichTablesAreLockedAsWell) {
  World world = world_of(ActionKind::kDropRelation);
  world.facts.add_table("users");
  EXPECT_TRUE(contains(message_of(world), ", and takes ACCESS EXCLUSIVE on public.users as well"));
  world.predictor.lock = ddl::Lock::kShareRowExclusive;
  EXPECT_FALSE(contains(message_of(world), "as well"));
}

TEST(DropTable, LeavesItsPartitionsOutOfTheLocks) {
  World world = world_of(ActionKind::kDropRelation);
  world.table().kind = 'p';
  world.facts.add_partition(1, world.facts.add_table("north").id);
  EXPECT_FALSE(contains(message_of(world), "as well"));
}

TEST(DropTable, TellsHowItIsUsed) {
  World world = world_of(ActionKind::kDropRelation);
  world.facts.usage.scans = 12;
  world.facts.usage.changes = 3;
  world.facts.usage.stats_since = "2026-11-01";
  world.facts.usage.last_scan = "2026-11-22";
  EXPECT_TRUE(contains(detail_of(world), "It was scanned 12 times and 3 rows changed since "
                                         "2026-11-01, last scanned at 2026-11-22. "));
}

TEST(DropView, IsAWarningWhereItIsUsed) {
  for (const char kind : std::string("vmSf")) {
    World world = world_of(ActionKind::kDropRelation);
    world.table().kind = kind;
    EXPECT_EQ(world.rules(), Strings{"drop-view"}) << kind;
    EXPECT_EQ(severity_of(world), Severity::kNote) << kind;
    world.facts.usage.scans = 1;
    EXPECT_EQ(severity_of(world), kind == 'm' ? Severity::kWarn : Severity::kNote) << kind;
    world.facts.dependents.push_back(function_by_its_text());
    EXPECT_EQ(severity_of(world), Severity::kWarn) << kind;
  }
}

TEST(DropPartition, IsBriefWithATimeout) {
  World world = world_of(ActionKind::kDropRelation);
  world.size().bytes = 0;
  make_partition(world);
  EXPECT_EQ(world.rules(), Strings{"drop-partition"});
  EXPECT_EQ(severity_of(world), Severity::kNote);
  world.facts.sessions.push_back({4711, {}, -1});
  EXPECT_EQ(severity_of(world), Severity::kBlock);
  world.facts.lock_timeout = 2000;
  EXPECT_EQ(world.rules(), Strings{});
}

TEST(DropPartition, OfASmallParentIsNoHazard) {
  World world = world_of(ActionKind::kDropRelation);
  world.size().bytes = 0;
  make_partition(world);
  world.facts.sizes[2].bytes = kSmall;
  EXPECT_EQ(world.rules(), Strings{});
}

// --- cascade
// ----------------------------------------------------------------------------------------

TEST(DropCascade, ThatTakesNothingAlongIsNone) {
  World world = world_of(ActionKind::kDropColumn);
  world.action.cascade = true;
  EXPECT_EQ(world.rules(), Strings{"drop-column"});
}

TEST(DropCascade, IsSaidOncePerStatement) {
  World world = world_of(ActionKind::kDropColumn);
  ddl::Statement statement;
  statement.actions.push_back(world.action);
  world.action.cascade = true;
  world.action.column = "id";
  statement.actions.push_back(world.action);
  statement.actions.push_back(world.action);
  world.predictor.losses.push_back({Text("view"), Text("public.v")});
  const Findings findings = evaluate(statement, world.predictor, world.facts, kSmall);
  EXPECT_EQ(rules_of(findings),
            (Strings{"drop-column", "drop-cascade", "drop-column", "drop-column"}));
  EXPECT_TRUE(contains(readable(findings[1].message), "dropping column id of"));
}

TEST(DropCascade, CountsTheRowsThatGo) {
  World world = world_of(ActionKind::kDropObject);
  world.action.target.name = "money";
  world.action.object_kind = "type";
  world.action.cascade = true;
  world.facts.add_table("lines");
  world.predictor.losses = {{Text("table"), Text("public.lines"), 2},
                            {Text("table column"), Text("public.orders.total"), 1},
                            {Text("policy"), Text("a on public.orders")},
                            {Text("policy"), Text("b on public.orders")}};
  EXPECT_EQ(world.rules(), (Strings{"drop-cascade", "drop-object"}));
  EXPECT_EQ(message_of(world),
            "dropping type money with CASCADE takes 1 table, 2 policies and 1 table column along, "
            "with 41 GB of rows");
  EXPECT_TRUE(contains(detail_of(world), "It would drop table public.lines, table column "
                                         "public.orders.total, policy a on public.orders"));
}

TEST(DropOwned, TellsWhatIsOwned) {
  World world = world_of(ActionKind::kDropOwned);
  world.action.target.name = "alice";
  EXPECT_EQ(world.rules(), Strings{});
  world.predictor.losses = {{Text("table"), Text("public.orders"), 1}};
  EXPECT_EQ(world.rules(), Strings{"drop-cascade"});
  EXPECT_EQ(message_of(world), "DROP OWNED BY alice drops 1 table, with 41 GB of rows");
}

TEST(DropSchema, BlocksWhereRowsAreLost) {
  World world = world_of(ActionKind::kDropSchema);
  world.action.target.name = "app";
  world.action.cascade = true;
  EXPECT_EQ(world.rules(), Strings{});
  world.predictor.losses = {{Text("function"), Text("app.f()")},
                            {Text("table"), Text("app.orders"), 1}};
  EXPECT_EQ(world.rules(), Strings{"drop-schema"});
  EXPECT_EQ(severity_of(world), Severity::kBlock);
  EXPECT_EQ(message_of(world),
            "dropping schema app with CASCADE drops 1 table and 1 function, with 41 GB of rows");
  world.size().bytes = 0;
  EXPECT_EQ(severity_of(world), Severity::kNote);
  EXPECT_EQ(message_of(world), "dropping schema app with CASCADE drops 1 table and 1 function");
}

TEST(DropSchema, OfThisSessionsOwnTablesLosesNothing) {
  World world = world_of(ActionKind::kDropSchema);
  world.predictor.losses = {{Text("table"), Text("app.orders"), 1}};
  world.facts.nobody_else = true;
  EXPECT_EQ(severity_of(world), Severity::kNote);
}

// --- other objects
// ----------------------------------------------------------------------------------

TEST(DropDatabase, IsAboutOneThatIsThere) {
  World world = world_of(ActionKind::kDropDatabase);
  world.action.target.name = "Old shop";
  EXPECT_EQ(world.rules(), Strings{"drop-database"});
  EXPECT_EQ(message_of(world), "dropping database \"Old shop\" loses everything in it");
  world.facts.database_exists = false;
  EXPECT_EQ(world.rules(), Strings{});
}

TEST(DropObject, IsAWarningWhereATextMentionsIt) {
  World world = world_of(ActionKind::kDropObject);
  world.action.target.name = "tax";
  world.action.object_kind = "function";
  EXPECT_EQ(severity_of(world), Severity::kNote);
  world.facts.mentioned_by.push_back(function_by_its_text());
  EXPECT_EQ(severity_of(world), Severity::kWarn);
  world.facts.object_exists = false;
  EXPECT_EQ(world.rules(), Strings{});
}

TEST(DropObject, LetsTheGuardItselfGo) {
  World world = world_of(ActionKind::kDropObject);
  world.action.object_kind = "extension";
  world.action.target.name = "hstore";
  EXPECT_EQ(world.rules(), Strings{"drop-object"});
  world.action.target.name = "db_guard";
  EXPECT_EQ(world.rules(), Strings{});
}

TEST(DropLastPolicy, IsAboutTheLastOne) {
  World world(kDropHazards[10]);
  ASSERT_EQ(world.rules(), Strings{"drop-last-policy"});
  world.action.part = "restrictive";
  EXPECT_EQ(world.rules(), Strings{});
  world.action.part = "own";
  world.facts.security.permissive_policies.emplace_back("another");
  EXPECT_EQ(world.rules(), Strings{});
  world.facts.security.permissive_policies.pop_back();
  world.facts.security.enabled = false;
  EXPECT_EQ(world.rules(), Strings{});
}

TEST(EnableRowSecurity, WithAPolicyIsFine) {
  World world = world_of(ActionKind::kChangeRowSecurity);
  EXPECT_EQ(world.rules(), Strings{});
  world.action.object_kind = "enable";
  EXPECT_EQ(world.rules(), Strings{"enable-row-security"});
  world.facts.security.permissive_policies.emplace_back("own");
  EXPECT_EQ(world.rules(), Strings{});
  world.facts.security.permissive_policies.clear();
  world.facts.security.enabled = true;
  EXPECT_EQ(world.rules(), Strings{});
}

TEST(RenameSchema, OfAnEmptySchemaIsFine) {
  World world = world_of(ActionKind::kRenameSchema);
  world.action.target.name = "app";
  world.action.new_name = "shop";
  EXPECT_EQ(world.rules(), Strings{});
  world.facts.schema_objects = 2;
  EXPECT_EQ(world.rules(), Strings{"rename-schema"});
  EXPECT_TRUE(contains(message_of(world), "renaming schema app (2 objects) to shop breaks"));
}

TEST(RenameEnumValue, OfAnUnusedTypeIsFine) {
  World world = world_of(ActionKind::kRenameEnumValue);
  world.action.target = {Text("public"), Text("mood")};
  world.action.part = "ok";
  world.action.new_name = "fine";
  EXPECT_EQ(world.rules(), Strings{});
  world.facts.typed_columns.push_back({world.table(), Text("total"), false});
  EXPECT_EQ(world.rules(), Strings{"rename-enum-value"});
  EXPECT_EQ(message_of(world),
            "renaming value 'ok' of type public.mood to 'fine' breaks every running statement that "
            "uses the old value");
}

TEST(RenameObject, IsAWarningWhereATextMentionsIt) {
  World world = world_of(ActionKind::kRenameObject);
  world.action.target.name = "tax";
  world.action.object_kind = "function";
  world.action.new_name = "vat";
  EXPECT_EQ(severity_of(world), Severity::kNote);
  EXPECT_TRUE(contains(message_of(world), "renaming function tax to vat breaks"));
  world.facts.mentioned_by.push_back(function_by_its_text());
  EXPECT_EQ(severity_of(world), Severity::kWarn);
  world.action.new_name = world.action.other.schema = "shop";
  EXPECT_TRUE(contains(message_of(world), "moving function tax to schema shop breaks"));
}

TEST(RenameConstraint, ThatNobodyNamesIsFine) {
  World world = world_of(ActionKind::kRenameConstraint);
  world.action.constraint = "positive";
  EXPECT_EQ(world.rules(), Strings{});
}

TEST(SetSchema, ToTheSameOneIsFine) {
  World world = world_of(ActionKind::kSetSchema);
  world.action.new_name = "public";
  EXPECT_EQ(world.rules(), Strings{});
  world.action.new_name = "archive";
  EXPECT_TRUE(contains(message_of(world), "to schema archive breaks every running statement"));
}

TEST(CreateTableIfNotExists, ComparesWithWhatIsThere) {
  World world = world_of(ActionKind::kCreateTable);
  EXPECT_EQ(world.rules(), Strings{});
  world.facts.different.emplace_back("it has no column note");
  EXPECT_EQ(world.rules(), Strings{"create-table-if-not-exists"});
  EXPECT_TRUE(contains(detail_of(world), "Of what exists: it has no column note."));
  world.facts.different.clear();
  world.table().kind = 'v';
  EXPECT_EQ(world.rules(), Strings{"create-table-if-not-exists"});
  world.action.target.name = "no_such";
  EXPECT_EQ(world.rules(), Strings{});
}

// --- truncate
// ---------------------------------------------------------------------------------------

TEST(Truncate, OfASmallTableIsANote) {
  World world = world_of(ActionKind::kTruncate);
  EXPECT_EQ(severity_of(world), Severity::kBlock);
  world.size().bytes = kSmall;
  EXPECT_EQ(severity_of(world), Severity::kNote);
  world.size().bytes = 0;
  EXPECT_EQ(world.rules(), Strings{});
}

TEST(Truncate, NeedsNoOwner) {
  World world = world_of(ActionKind::kTruncate);
  world.table().owned = false;
  EXPECT_EQ(world.rules(), Strings{});
  world.facts.granted.insert(ActionKind::kTruncate);
  EXPECT_EQ(world.rules(), Strings{"truncate"});
}

TEST(TruncateCascade, OfEmptyTablesIsFine) {
  World world = world_of(ActionKind::kTruncate);
  world.action.cascade = true;
  world.facts.add_table("lines");
  world.facts.sizes[2].bytes = 0;
  EXPECT_EQ(world.rules(), Strings{"truncate"});
  world.facts.sizes[2].bytes = 8192;
  EXPECT_EQ(world.rules(), (Strings{"truncate", "truncate-cascade"}));
  EXPECT_TRUE(contains(readable(world.findings().back().message),
                       "empties 1 more table: public.lines (8192 bytes, about 210 million rows)"));
  world.action.cascade = false;
  EXPECT_EQ(world.rules(), Strings{"truncate"});
}

// --- partitions
// -------------------------------------------------------------------------------------

TEST(AttachPartition, IsAboutTheSizeOfThePartition) {
  World world(kDropHazards[0]);
  world.facts.sizes[2].bytes = kSmall;
  EXPECT_EQ(world.rules(), Strings{});
  world.facts.sizes[2].bytes = kSmall + 1;
  EXPECT_EQ(world.rules(), Strings{"attach-partition"});
  world.predictor.work.emplace();
  EXPECT_EQ(world.rules(), Strings{});
}

TEST(AttachPartition, TellsAllThatIsDone) {
  World world(kDropHazards[0]);
  world.predictor.work->index_build = world.predictor.work->fk_check = true;
  EXPECT_TRUE(
      contains(message_of(world),
               "builds the indexes it lacks, checks foreign keys row by row and scans every "
               "row; its reads and writes wait"));
  world.predictor.work->scan = false;
  EXPECT_TRUE(contains(message_of(world), "builds the indexes it lacks and checks foreign keys"));
}

TEST(AttachPartition, LooksIntoItsPartitions) {
  World world(kDropHazards[0]);
  world.facts.relations[1].kind = 'p';
  world.facts.sizes[2].bytes = 0;
  const std::uint32_t leaf = world.facts.add_table("leaf").id;
  world.facts.add_partition(2, leaf);
  EXPECT_EQ(world.rules(), Strings{"attach-partition"});
  world.facts.sizes[leaf].bytes = 0;
  EXPECT_EQ(world.rules(), Strings{});
}

TEST(DefaultPartitionScan, IsAboutTheDefaultPartition) {
  World world = world_of(ActionKind::kCreatePartition);
  with_partition(world, ActionKind::kCreatePartition);
  with_default_partition(world);
  world.facts.lock_timeout = 2000;
  world.predictor.work.emplace().scan = true;
  EXPECT_EQ(world.rules(), Strings{"default-partition-scan"});
  EXPECT_TRUE(
      contains(message_of(world), "on the default partition public.rest (41 GB) and scans"));
  world.facts.sizes[3].bytes = kSmall;
  EXPECT_EQ(world.rules(), Strings{});
}

TEST(CreatePartition, ThatIsThereAlreadyLocksNothing) {
  World world = world_of(ActionKind::kCreatePartition);
  with_partition(world, ActionKind::kCreatePartition);
  EXPECT_EQ(world.rules(), Strings{"create-partition"});
  world.predictor.lock = ddl::Lock::kAccessShare;
  EXPECT_EQ(world.rules(), Strings{});
}

TEST(DetachPartition, ConcurrentlyIsTheSafeWay) {
  World world = world_of(ActionKind::kDetachPartition);
  with_partition(world, ActionKind::kDetachPartition);
  world.action.concurrently = true;
  EXPECT_EQ(world.rules(), Strings{});
}

TEST(DetachPartition, SaysWhereConcurrentlyIsNotPossible) {
  World world = world_of(ActionKind::kDetachPartition);
  with_partition(world, ActionKind::kDetachPartition);
  EXPECT_FALSE(contains(detail_of(world), "not possible"));
  with_default_partition(world);
  EXPECT_TRUE(contains(detail_of(world), "CONCURRENTLY is not possible while there is a default "
                                         "partition (public.rest)"));
}

TEST(LockFanOut, IsAboutTheShareOfTheTableOfLocks) {
  World world = world_of(ActionKind::kSetDefault);
  world.facts.locks = 400;
  world.predictor.other_effects.resize(99);
  EXPECT_EQ(world.rules(), Strings{});
  world.predictor.other_effects.resize(100);
  EXPECT_EQ(world.rules(), Strings{"lock-fan-out"});
}

// --- maintenance
// ------------------------------------------------------------------------------------

TEST(ChangeManyRows, GoesByTheEstimate) {
  World world = world_of(ActionKind::kUpdate);
  world.facts.rows_changed = 5000;
  EXPECT_EQ(world.rules(), Strings{});
  // 41 GB of 210 million rows: 10 MB are 50 thousand of them.
  world.facts.rows_changed = 40'000;
  EXPECT_EQ(world.rules(), Strings{});
  world.facts.rows_changed = 60'000;
  EXPECT_EQ(world.rules(), Strings{"change-many-rows"});
  EXPECT_TRUE(
      contains(message_of(world), "this UPDATE writes about 60 thousand rows of public.orders"))
      << message_of(world);
}

TEST(CopyManyRows, IsAboutWhatIsRead) {
  World world = world_of(ActionKind::kCreateTableAs);
  world.action.target.name = "copy";
  world.action.object_kind = "CREATE TABLE AS";
  EXPECT_EQ(world.rules(), Strings{});
  world.predictor.work.emplace().scan = true;
  EXPECT_EQ(world.rules(), Strings{"copy-many-rows"});
  EXPECT_EQ(message_of(world), "CREATE TABLE AS copy reads public.orders (41 GB, about 210 million "
                               "rows) in one transaction");
  world.action.with_data = false;
  EXPECT_EQ(world.rules(), Strings{});
}

TEST(RefreshMaterializedView, ConcurrentlyIsTheSafeWay) {
  World world = world_of(ActionKind::kRefreshView);
  world.table().kind = 'm';
  EXPECT_EQ(world.rules(), Strings{});
  world.facts.view.populated = true;
  EXPECT_EQ(world.rules(), Strings{"refresh-materialized-view"});
  world.action.concurrently = true;
  EXPECT_EQ(world.rules(), Strings{});
}

TEST(RefreshMaterializedView, WithoutDataEmptiesIt) {
  World world = world_of(ActionKind::kRefreshView);
  world.table().kind = 'm';
  world.facts.view.populated = true;
  EXPECT_TRUE(contains(message_of(world), "reads wait until it is done"));
  world.action.with_data = false;
  EXPECT_TRUE(contains(message_of(world), "and empties it"));
}

TEST(VacuumFull, OfTheWholeDatabase) {
  World world = world_of(ActionKind::kRebuildAll);
  world.action.object_kind = "CLUSTER";
  world.action.target.name = "";
  world.predictor.work.emplace().rewrite = true;
  EXPECT_EQ(world.rules(), Strings{"vacuum-full"});
  EXPECT_TRUE(contains(message_of(world), "CLUSTER of all tables (41 GB) takes ACCESS EXCLUSIVE"));
  world.size().bytes = kSmall;
  EXPECT_EQ(world.rules(), Strings{});
}

TEST(AutovacuumDisabled, KnowsEveryWordForFalse) {
  for (const char* word : {"off", "of", "FALSE", "f", "no", "N", "0"}) {
    World world = world_of(ActionKind::kSetOptions);
    world.action.options.push_back({Text("toast.autovacuum_enabled"), Text(word)});
    EXPECT_EQ(world.rules(), Strings{"autovacuum-disabled"}) << word;
  }
  for (const char* word : {"on", "true", "t", "yes", "1", "", "o", "offs"}) {
    World world = world_of(ActionKind::kSetOptions);
    world.action.options.push_back({Text("autovacuum_enabled"), Text(word)});
    EXPECT_EQ(world.rules(), Strings{}) << word;
  }
  World world = world_of(ActionKind::kSetOptions);
  world.action.options.push_back({Text("fillfactor"), Text("0")});
  EXPECT_EQ(world.rules(), Strings{});
}

TEST(IdentityBehindValues, LooksAtTheStart) {
  World world = world_of(ActionKind::kAddIdentity);
  world.action.column = "id";
  EXPECT_EQ(world.rules(), Strings{});
  world.facts.largest = 1000;
  EXPECT_TRUE(contains(message_of(world), "starts at 1, though there are values up to 1000"));
  world.action.options.push_back({Text("start"), Text("1000")});
  EXPECT_EQ(world.rules(), Strings{"identity-behind-values"});
  world.action.options[0].value = "1001";
  EXPECT_EQ(world.rules(), Strings{});
  world.action.options[0] = {Text("minvalue"), Text("2000")};
  EXPECT_EQ(world.rules(), Strings{});
  world.action.options[0] = {Text("increment"), Text("-1")};
  EXPECT_EQ(world.rules(), Strings{});
}

TEST(LockTable, WithALimitIsFine) {
  World world = world_of(ActionKind::kLockTable);
  EXPECT_EQ(severity_of(world), Severity::kWarn);
  world.predictor.lock = ddl::Lock::kShare;
  EXPECT_EQ(severity_of(world), Severity::kNote);
  world.predictor.lock = ddl::Lock::kRowExclusive;
  EXPECT_EQ(world.rules(), Strings{});
  world.predictor.lock = ddl::Lock::kAccessExclusive;
  world.action.nowait = true;
  EXPECT_EQ(world.rules(), Strings{});
  world.action.nowait = false;
  world.facts.lock_timeout = 2000;
  EXPECT_EQ(world.rules(), Strings{});
}

// --- reach
// ------------------------------------------------------------------------------------------

TEST(WouldQueue, AsksAboutEveryTableThatIsLocked) {
  World world = world_of(ActionKind::kCreatePartition);
  with_partition(world, ActionKind::kCreatePartition);
  world.facts.sessions.push_back({4711, {}, -1});
  EXPECT_EQ(severity_of(world), Severity::kBlock);
  EXPECT_TRUE(contains(detail_of(world), "there is no lock_timeout: the statement would wait"));
}

// --- texts
// ------------------------------------------------------------------------------------------

struct Cut {
  const char* statement;
  const char* target;
  const char* changes;
  const char* condition;
};

TEST(SplitChange, KeepsWhatWasTyped) {
  for (const Cut& cut : std::vector<Cut>{
           {"UPDATE orders SET a = 1", "orders", "a = 1", ""},
           {"update only \"Set\" o set a = (select 1 where true), b = 'where' where o.id > 1 ",
            "only \"Set\" o", "a = (select 1 where true), b = 'where'", "o.id > 1"},
           {"/* set */ UPDATE t SET x=$$ where $$ WHERE y -- z", "t", "x=$$ where $$", "y -- z"},
           {"DELETE FROM t", "t", "", ""},
           {"delete from public.t as u where exists (select from v where v.id = u.id)",
            "public.t as u", "", "exists (select from v where v.id = u.id)"},
       }) {
    const auto text = split_change(cut.statement);
    ASSERT_TRUE(text.has_value()) << cut.statement;
    EXPECT_EQ(readable(text->target), cut.target);
    EXPECT_EQ(readable(text->changes), cut.changes);
    EXPECT_EQ(readable(text->condition), cut.condition);
  }
}

TEST(SplitChange, LeavesAloneWhatHasMoreParts) {
  for (const char* statement :
       {"", "UPDATE", "SELECT 1", "WITH x AS (SELECT 1) UPDATE t SET a = 1",
        "UPDATE t SET a = 1 FROM u", "UPDATE t SET a = 1 RETURNING a", "DELETE FROM t USING u",
        "DELETE FROM t WHERE CURRENT OF c", "DELETE", "DELETE FROM"}) {
    EXPECT_FALSE(split_change(statement).has_value()) << statement;
  }
}

TEST(SplitPartitionOf, KeepsWhatWasTyped) {
  const auto plain = split_partition_of(
      "CREATE TABLE IF NOT EXISTS \"Partition of\" PARTITION OF ONLY_a.t FOR VALUES FROM (1) TO "
      "(2)");
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(readable(plain->head), "CREATE TABLE IF NOT EXISTS \"Partition of\"");
  EXPECT_EQ(readable(plain->elements), "");
  EXPECT_EQ(readable(plain->tail), "");
  const auto full = split_partition_of("create unlogged table a partition of b (check (x > 0), "
                                       "unique (y)) for values in ('x', 'y)') "
                                       "partition by hash (z) with (fillfactor = 70)");
  ASSERT_TRUE(full.has_value());
  EXPECT_EQ(readable(full->head), "create unlogged table a");
  EXPECT_EQ(readable(full->elements), "check (x > 0), unique (y)");
  EXPECT_EQ(readable(full->tail), " partition by hash (z) with (fillfactor = 70)");
  const auto hash = split_partition_of(
      "CREATE TABLE a PARTITION OF b FOR VALUES WITH (MODULUS 4, REMAINDER 0) TABLESPACE fast");
  ASSERT_TRUE(hash.has_value());
  EXPECT_EQ(readable(hash->tail), " TABLESPACE fast");
  const auto rest = split_partition_of("CREATE TABLE a PARTITION OF b DEFAULT");
  ASSERT_TRUE(rest.has_value());
  EXPECT_EQ(readable(rest->tail), "");
}

TEST(SplitPartitionOf, LeavesAloneWhatItDoesNotKnow) {
  for (const char* statement :
       {"", "CREATE TABLE a (b int)", "CREATE TABLE a PARTITION", "CREATE TABLE a PARTITION OF",
        "CREATE TABLE a PARTITION OF b", "CREATE TABLE a PARTITION OF b (c",
        "CREATE TABLE a "
        "PARTITION OF b FOR VALUES FROM (1)"}) {
    EXPECT_FALSE(split_partition_of(statement).has_value()) << statement;
  }
}

}  // namespace
}  // namespace db_guard::rules
