// The rules that look at a whole transaction, and those about the server and its roles.
#include <gtest/gtest.h>

#include "hazards_transactions.hpp"
#include "rules/registry.hpp"

namespace db_guard::rules {
namespace {

using ddl::Lock;

Finding only(const Findings& findings) {
  EXPECT_EQ(findings.size(), 1U);
  return findings.empty() ? Finding{} : findings.front();
}

bool says(const core::Text& text, const char* words) {
  return text.find(words) != core::Text::npos;
}

// --- a lock that is held
// --------------------------------------------------------------------------

TEST(WorkAfterLock, NamesWhatIsHeldAndForHowLong) {
  World world;
  with_validation(world);
  with_held_table(world, Lock::kShareRowExclusive).held_ms = 180'000;
  const Finding finding = only(world.findings());
  EXPECT_EQ(finding.severity, Severity::kBlock);
  EXPECT_TRUE(says(finding.message,
                   "while this transaction holds SHARE ROW EXCLUSIVE on public.users (for 3 min "
                   "already); writes wait there until it is done"))
      << finding.message;
}

TEST(WorkAfterLock, OnlyWarnsWhereTheLockedTableIsSmall) {
  World world;
  with_validation(world);
  const std::uint32_t users = with_held_table(world).relation;
  world.facts.sizes[users].bytes = kSmall;
  EXPECT_EQ(only(world.findings()).severity, Severity::kWarn);
}

TEST(WorkAfterLock, LeavesTheWordToTheRuleOfTheWork) {
  World world;
  world.action.kind = ActionKind::kCreateIndex;
  with_held_table(world);
  EXPECT_EQ(world.rules(), Strings{"create-index-blocking"});
}

struct Harmless {
  const char* name;
  void (*set)(World&, ddl::Touched&);
};

class HeldLocks : public testing::TestWithParam<Harmless> {};

TEST_P(HeldLocks, HurtNobody) {
  for (const ActionKind kind : {ActionKind::kValidateConstraint, ActionKind::kSetDefault}) {
    World world;
    with_validation(world);
    world.action.kind = kind;
    if (kind == ActionKind::kSetDefault) world.predictor.lock = Lock::kAccessExclusive;
    ddl::Touched& touched = with_held_table(world);
    EXPECT_NE(world.rules(), Strings{});
    GetParam().set(world, touched);
    EXPECT_EQ(world.rules(), Strings{}) << int(kind);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Of, HeldLocks,
    testing::Values(
        Harmless{"a_weak_lock",
                 [](World&, ddl::Touched& held) { held.lock = Lock::kShareUpdateExclusive; }},
        Harmless{"a_savepoint_rolled_back",
                 [](World&, ddl::Touched& held) { held.lock = Lock::kNone; }},
        Harmless{"a_new_table",
                 [](World& world, ddl::Touched&) {
                   world.facts.relations[1].created_in_transaction = true;
                 }},
        Harmless{"a_temporary_table",
                 [](World& world, ddl::Touched&) { world.facts.relations[1].temporary = true; }},
        Harmless{"an_index",
                 [](World& world, ddl::Touched&) { world.facts.relations[1].kind = 'i'; }},
        Harmless{"a_dropped_table", [](World&, ddl::Touched& held) { held.relation = 99; }},
        Harmless{"the_same_table",
                 [](World& world, ddl::Touched&) { world.predictor.untouched.clear(); }}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(SeveralTables, IsANoteUntilSomebodyWouldWait) {
  World world;
  world.action.kind = ActionKind::kSetDefault;
  with_held_table(world);
  EXPECT_EQ(only(world.findings()).severity, Severity::kNote);
  world.facts.lock_timeout = 2000;
  world.facts.sessions.push_back({4711, {}, -1});
  EXPECT_EQ(only(world.findings()).severity, Severity::kNote);
  world.facts.lock_timeout = 0;
  EXPECT_EQ(world.rules(), (Strings{"lock-queue", "several-tables-locked"}));
  EXPECT_EQ(world.findings().back().severity, Severity::kWarn);
}

TEST(SeveralTables, CountsEachTableOnce) {
  World world;
  world.action.kind = ActionKind::kSetDefault;
  with_held_table(world);
  EXPECT_EQ(world.rules(), Strings{"several-tables-locked"});
  world.facts.earlier.touch(1)->lock = Lock::kAccessExclusive;
  EXPECT_EQ(world.rules(), Strings{});
}

TEST(SeveralTables, APartitionBelongsToItsParent) {
  World world;
  world.action.kind = ActionKind::kSetDefault;
  with_held_table(world);
  world.facts.relations[1].kind = 'p';
  world.table().is_partition = true;
  EXPECT_EQ(world.rules(), Strings{});
  // And the other way round: of what is held, the parent stands for its partitions.
  World parent;
  parent.action.kind = ActionKind::kSetDefault;
  with_held_table(parent);
  parent.facts.relations[1].kind = 'p';
  const std::uint32_t leaf = parent.facts.add_table("users_1").id;
  parent.facts.relations[leaf - 1].is_partition = true;
  parent.predictor.untouched.insert(leaf);
  parent.facts.earlier.touch(leaf)->lock = Lock::kAccessExclusive;
  EXPECT_TRUE(says(only(parent.findings()).message, "ACCESS EXCLUSIVE on public.users; whoever"));
}

TEST(SeveralTables, ListsThreeAndCountsTheRest) {
  World world;
  world.action.kind = ActionKind::kSetDefault;
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    const std::uint32_t id = world.facts.add_table(name).id;
    world.predictor.untouched.insert(id);
    world.facts.earlier.touch(id)->lock = Lock::kAccessExclusive;
  }
  EXPECT_TRUE(says(only(world.findings()).message, "public.c and 2 more; whoever"));
}

// --- the queue
// --------------------------------------------------------------------------------------

TEST(LockQueue, IsAWarningWhereSomebodyIsInTheWay) {
  World world;
  world.action.kind = ActionKind::kSetDefault;
  EXPECT_EQ(world.rules(), Strings{});
  world.facts.sessions.push_back({4711, core::Text("report"), 300'000});
  const Finding finding = only(world.findings());
  EXPECT_EQ(readable(core::Text(finding.rule)), "lock-queue");
  EXPECT_EQ(finding.severity, Severity::kWarn);
  EXPECT_TRUE(says(finding.detail, "It would wait now for process 4711 (report, in a transaction"));
  world.predictor.lock = Lock::kShareUpdateExclusive;
  EXPECT_EQ(world.rules(), Strings{});
  world.predictor.lock = Lock::kShareRowExclusive;
  EXPECT_EQ(world.rules(), Strings{"lock-queue"});
  world.facts.lock_timeout = 1;
  EXPECT_EQ(world.rules(), Strings{});
}

TEST(LockQueue, IsAnErrorWhereTheOtherNeverGivesWay) {
  World world;
  world.action.kind = ActionKind::kSetDefault;
  ddl::Session vacuum{4711, {}, 180'000};
  vacuum.wraparound_vacuum = true;
  world.facts.sessions.push_back({17, {}, -1});
  world.facts.sessions.push_back(vacuum);
  const Finding finding = only(world.findings());
  EXPECT_EQ(finding.severity, Severity::kBlock);
  EXPECT_TRUE(says(finding.detail, "process 4711 (autovacuum against transaction ID wraparound, "
                                   "which does not give way, in a transaction for 3 min)"))
      << finding.detail;
}

TEST(LockQueue, IsSilentWhereAnotherRuleObjects) {
  World world;
  world.action.kind = ActionKind::kDropColumn;
  world.facts.sessions.push_back({4711, {}, -1});
  EXPECT_EQ(world.rules(), Strings{"drop-column"});
}

TEST(ConcurrentIndex, AsksForThoseThatTheCommandWaitsFor) {
  struct {
    ActionKind kind;
    Lock lock;
    bool snapshots;
    const char* words;
  } const cases[] = {
      {ActionKind::kCreateIndex, Lock::kShare, true, "CREATE INDEX CONCURRENTLY on public.orders"},
      {ActionKind::kDropIndex, Lock::kAccessExclusive, false, "DROP INDEX CONCURRENTLY on public."},
      {ActionKind::kDetachPartition, Lock::kAccessExclusive, false, "DETACH PARTITION CONCURR"},
  };
  for (const auto& one : cases) {
    World world;
    world.facts.add_index("orders_total_idx", world.table());
    world.action.kind = one.kind;
    if (one.kind == ActionKind::kDropIndex) world.action.target.name = "orders_total_idx";
    world.action.concurrently = world.action.key.concurrently = true;
    world.predictor.lock = Lock::kShareUpdateExclusive;
    EXPECT_EQ(world.rules(), Strings{});
    EXPECT_EQ(world.facts.asked_lock, one.lock);
    EXPECT_EQ(world.facts.asked_snapshots, one.snapshots);
    world.facts.waited_for.push_back({4713, core::Text("etl"), 300'000});
    const Finding finding = only(world.findings());
    EXPECT_TRUE(says(finding.message, one.words)) << finding.message;
    EXPECT_TRUE(
        says(finding.message, "has to wait for process 4713 (etl, in a transaction for 5 min)"));
    world.action.concurrently = world.action.key.concurrently = false;
    for (const std::string& rule : world.rules()) EXPECT_NE(rule, "concurrent-index-waits");
  }
}

// --- before commit
// ----------------------------------------------------------------------------------

class End : public testing::Test {
 protected:
  End() : touched(*world.facts.earlier.touch(1)) {}
  Findings findings() { return evaluate_end(world.facts.earlier, world.facts, kSmall); }
  Strings rules() { return rules_of(findings()); }

  World world;
  ddl::Touched& touched;
};

TEST_F(End, OfAnOrdinaryTransactionIsQuiet) {
  touched.lock = Lock::kAccessExclusive;
  EXPECT_EQ(rules(), Strings{});
}

TEST_F(End, TellsOfRowsWrittenUnderAStrongLock) {
  touched.bytes_written = kSmall + 1;
  touched.lock = Lock::kRowExclusive;
  EXPECT_EQ(rules(), Strings{});
  touched.lock = Lock::kShareRowExclusive;
  const Finding finding = only(findings());
  EXPECT_EQ(finding.severity, Severity::kWarn);
  EXPECT_EQ(readable(finding.message),
            "this transaction has written about 10 MB to public.orders (41 GB, about 210 million "
            "rows) under SHARE ROW EXCLUSIVE; writes wait until it ends");
  EXPECT_EQ(readable(finding.object), "public.orders");
  touched.bytes_written = kSmall;
  EXPECT_EQ(rules(), Strings{});
}

TEST_F(End, TellsOfTriggersLeftDisabled) {
  world.facts.disabled.push_back({core::Text("Quiet"), {}});
  EXPECT_EQ(rules(), Strings{});
  touched.triggers_disabled = true;
  EXPECT_EQ(only(findings()).severity, Severity::kNote);
  world.facts.in_block = true;
  const Finding finding = only(findings());
  EXPECT_EQ(finding.severity, Severity::kWarn);
  EXPECT_TRUE(says(finding.message, "ends with trigger \"Quiet\" of public.orders ("));
  EXPECT_EQ(readable(finding.safe_sql),
            (Strings{"ALTER TABLE public.orders ENABLE TRIGGER \"Quiet\";"}));
}

TEST_F(End, TellsOfForeignKeysThatAreNotCheckedAnyMore) {
  touched.triggers_disabled = true;
  world.facts.disabled.push_back(
      {core::Text("RI_ConstraintTrigger_c_1"), core::Text("orders_fkey")});
  world.facts.disabled.push_back(
      {core::Text("RI_ConstraintTrigger_c_2"), core::Text("orders_fkey")});
  world.facts.disabled.push_back({core::Text("quiet"), {}});
  const Finding finding = only(findings());
  EXPECT_EQ(finding.severity, Severity::kWarn);
  EXPECT_TRUE(says(finding.message, "foreign key orders_fkey, trigger quiet of"))
      << finding.message;
  EXPECT_EQ(readable(finding.safe_sql), (Strings{"ALTER TABLE public.orders ENABLE TRIGGER ALL;"}));
}

TEST_F(End, BelievesAScriptThatDisablesTriggers) {
  touched.triggers_disabled = true;
  EXPECT_EQ(rules(), Strings{});
  world.facts.earlier.predicted = true;
  EXPECT_EQ(rules(), Strings{"triggers-left-disabled"});
}

TEST_F(End, TellsOfForeignKeysWithoutAnIndex) {
  ddl::KeyColumns key;
  key.constraint = "orders_user_fkey";
  key.columns = {core::Text("user id"), core::Text("region")};
  key.other_table = "public.users";
  world.facts.unindexed.push_back(key);
  EXPECT_EQ(rules(), Strings{});
  touched.foreign_keys_added = true;
  const Finding finding = only(findings());
  EXPECT_EQ(finding.severity, Severity::kWarn);
  EXPECT_EQ(readable(finding.message),
            "no index serves the new foreign key orders_user_fkey (\"user id\", region) of "
            "public.orders (41 GB, about 210 million rows); every DELETE and every change of a key "
            "in public.users scans it");
  EXPECT_EQ(readable(finding.safe_sql),
            (Strings{"CREATE INDEX CONCURRENTLY ON public.orders (\"user id\", region);"}));
  world.size().bytes = kSmall;
  EXPECT_EQ(only(findings()).severity, Severity::kNote);
}

TEST_F(End, SaysNothingOfTablesThatNobodyElseKnows) {
  touched.lock = Lock::kAccessExclusive;
  touched.bytes_written = kSmall + 1;
  ASSERT_EQ(rules(), Strings{"backfill-under-lock"});
  world.facts.nobody_else = true;
  EXPECT_EQ(rules(), Strings{});
  world.facts.nobody_else = false;
  world.table().temporary = true;
  EXPECT_EQ(rules(), Strings{});
  world.table().temporary = false;
  world.table().created_in_transaction = true;
  EXPECT_EQ(rules(), Strings{});
}

// --- roles and settings
// -------------------------------------------------------------------------------

World about_server(ActionKind kind, const char* setting, const char* value) {
  World world;
  world.action = {};
  world.action.kind = kind;
  world.action.column = setting;
  world.action.new_name = value;
  return world;
}

Findings findings_of(World& world, const char* tag) {
  ddl::Statement statement;
  statement.tag = tag;
  statement.actions.push_back(world.action);
  return evaluate(statement, world.predictor, world.facts, kSmall);
}

TEST(UnsafeSetting, IsAboutTheValue) {
  struct {
    const char* setting;
    const char* value;
    const char* severity;
  } const cases[] = {{"fsync", "off", "block"},
                     {"fsync", "false", "block"},
                     {"fsync", "0", "block"},
                     {"fsync", "on", ""},
                     {"full_page_writes", "no", "block"},
                     {"zero_damaged_pages", "1", "block"},
                     {"zero_damaged_pages", "off", ""},
                     {"autovacuum", "off", "warn"},
                     {"synchronous_commit", "off", "warn"},
                     {"synchronous_commit", "local", ""},
                     {"work_mem", "off", ""}};
  for (const auto& one : cases) {
    World world = about_server(ActionKind::kChangeSetting, one.setting, one.value);
    const Findings findings = findings_of(world, "ALTER SYSTEM");
    EXPECT_EQ(findings.empty() ? "" : std::string(core::severity_name(findings[0].severity)),
              one.severity)
        << one.setting << one.value;
    world.facts.superuser = false;
    EXPECT_TRUE(findings_of(world, "ALTER SYSTEM").empty());
  }
}

TEST(UnsafeSetting, SaysForWhom) {
  World world = about_server(ActionKind::kChangeSetting, "session_replication_role", "replica");
  EXPECT_TRUE(says(only(findings_of(world, "ALTER SYSTEM")).message, "for the whole server: "));
  EXPECT_TRUE(says(only(findings_of(world, "ALTER ROLE")).message, "for every role: "));
  world.action.target.name = "Etl";
  EXPECT_TRUE(says(only(findings_of(world, "ALTER ROLE")).message, "for role \"Etl\": "));
  EXPECT_TRUE(says(only(findings_of(world, "ALTER DATABASE")).message, "for database \"Etl\": "));
}

TEST(PowerGranted, WarnsOfSuperusersAndTheirLike) {
  World world = about_server(ActionKind::kGrantPower, "", "SUPERUSER");
  EXPECT_TRUE(
      says(only(findings_of(world, "ALTER ROLE")).message, "this makes the current role SUPER"));
  world.action.target.name = "app";
  world.action.new_name = "pg_read_server_files";
  EXPECT_TRUE(says(only(findings_of(world, "GRANT ROLE")).message,
                   "role app a member of pg_read_server_files: it"));
  world.action.new_name = "pg_monitor";
  EXPECT_TRUE(findings_of(world, "GRANT ROLE").empty());
  world.action.new_name = "SUPERUSER";
  world.facts.superuser = false;
  EXPECT_TRUE(findings_of(world, "ALTER ROLE").empty());
}

TEST(DropRole, WarnsWhereItIsLoggedIn) {
  World world = about_server(ActionKind::kDropRole, "", "");
  world.action.target.name = "app's";
  EXPECT_TRUE(findings_of(world, "DROP ROLE").empty());
  world.facts.role_sessions = 2;
  const Finding finding = only(findings_of(world, "DROP ROLE"));
  EXPECT_EQ(readable(finding.message),
            "dropping role \"app's\" while 2 sessions are logged in as it");
  EXPECT_EQ(readable(finding.safe_sql),
            (Strings{"ALTER ROLE \"app's\" NOLOGIN;",
                     "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = "
                     "'app''s';",
                     "DROP ROLE \"app's\";"}));
}

// --- when it is worth asking
// ---------------------------------------------------------------------------

TEST(Alone, RulesThatNeedCompanyAreNotAsked) {
  EXPECT_TRUE(is_judged(ActionKind::kSetReplicaIdentity));
  EXPECT_FALSE(is_judged_alone(ActionKind::kSetReplicaIdentity));
  EXPECT_TRUE(is_judged_alone(ActionKind::kSetNotNull));
  EXPECT_TRUE(is_judged_alone(ActionKind::kDisableTriggers));
}

TEST(EnumValueUncommitted, SpeaksInTransactionBlocks) {
  World world;
  world.action = {};
  world.action.kind = ActionKind::kAddEnumValue;
  world.action.target.name = "mood";
  world.action.part = "angry";
  EXPECT_EQ(world.rules(), Strings{});
  world.facts.in_block = true;
  EXPECT_EQ(world.rules(), Strings{"enum-value-uncommitted"});
  EXPECT_EQ(readable(world.findings().front().message),
            "value 'angry' of type mood cannot be used before this transaction is committed");
  // Of a type that is as new as the value it can, from 17 on.
  world.facts.new_type = true;
  EXPECT_EQ(world.rules(), Strings{"enum-value-uncommitted"});
  world.facts.major = 17;
  EXPECT_EQ(world.rules(), Strings{});
}

}  // namespace
}  // namespace db_guard::rules
