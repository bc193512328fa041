// When rules fire: every rule on its hazard, and none where nobody could be hurt.
#include "rules/evaluate.hpp"

#include <gtest/gtest.h>

#include <set>

#include "hazards_columns.hpp"
#include "hazards_constraints.hpp"
#include "hazards_drops.hpp"
#include "hazards_seed.hpp"
#include "hazards_transactions.hpp"
#include "rules/registry.hpp"

namespace db_guard::rules {
namespace {

// Each family of rules has a header of its own.
std::vector<Hazard> all_hazards() {
  std::vector<Hazard> all;
  all.insert(all.end(), std::begin(kSeedHazards), std::end(kSeedHazards));
  all.insert(all.end(), std::begin(kConstraintHazards), std::end(kConstraintHazards));
  all.insert(all.end(), std::begin(kDropHazards), std::end(kDropHazards));
  all.insert(all.end(), std::begin(kTransactionHazards), std::end(kTransactionHazards));
  all.insert(all.end(), std::begin(kColumnHazards), std::end(kColumnHazards));
  return all;
}

const std::vector<Hazard> kHazards = all_hazards();

class Hazards : public testing::TestWithParam<Hazard> {};

TEST_P(Hazards, AreFoundOnALargeTable) {
  World world(GetParam());
  EXPECT_EQ(world.rules(), GetParam().rules);
  EXPECT_EQ(world.facts.asked_who_knows, 1);
}

TEST_P(Hazards, NameTheirObjectAndTheirNumbers) {
  World world(GetParam());
  const Findings findings = world.findings();
  ASSERT_FALSE(findings.empty());
  const Finding& finding = findings.front();
  const bool of_index = GetParam().rules.front().rfind("drop-index", 0) == 0;
  EXPECT_EQ(readable(finding.object), of_index ? "public.orders_total_idx" : "public.orders");
  EXPECT_EQ(readable(finding.place.schema), "public");
  EXPECT_EQ(readable(finding.place.table), "orders");
  EXPECT_NE(finding.message.find("public.orders (41 GB, about 210 million rows)"), core::Text::npos)
      << finding.message;
  EXPECT_EQ(finding.message.find('\n'), core::Text::npos);
  EXPECT_NE(finding.message.back(), '.');
  EXPECT_EQ(finding.detail.back(), '.');
  ASSERT_GE(finding.evidence.size(), 3U);
  EXPECT_EQ(finding.evidence[0].key, "lock");
  EXPECT_EQ(finding.evidence[1].key, "bytes");
  EXPECT_EQ(finding.evidence[1].number, double(41 * kGigabyte));
  EXPECT_EQ(finding.evidence[2].key, "rows");
  EXPECT_EQ(finding.evidence[2].number, 210e6);
}

TEST_P(Hazards, OfTimeAreNoneOnASmallTable) {
  World world(GetParam());
  world.size().bytes = kSmall;
  EXPECT_EQ(world.rules(), GetParam().at_any_size ? GetParam().rules : Strings{});
  world.size().bytes = kSmall + 1;
  EXPECT_EQ(world.rules(), GetParam().rules);
}

TEST_P(Hazards, AreNoneInATemporaryTable) {
  World world(GetParam());
  world.table().temporary = true;
  EXPECT_EQ(world.rules(), Strings{});
}

TEST_P(Hazards, AreNoneInATableOfThisTransaction) {
  World world(GetParam());
  world.table().created_in_transaction = true;
  EXPECT_EQ(world.rules(), Strings{});
}

TEST_P(Hazards, AreNoneWhereTheServerWillRefuse) {
  World world(GetParam());
  world.table().owned = false;
  EXPECT_EQ(world.rules(), Strings{});
  World gone(GetParam());
  gone.action.target.name = "no_such";
  EXPECT_EQ(gone.rules(), Strings{});
}

TEST_P(Hazards, AreNoneInATableThatNobodyElseKnows) {
  World world(GetParam());
  world.facts.nobody_else = true;
  EXPECT_EQ(world.rules(), Strings{});
}

TEST_P(Hazards, TellOnceWhoIsInTheWay) {
  World world(GetParam());
  world.facts.sessions.push_back({4711, core::Text("reports"), 180'000});
  world.facts.sessions.push_back({4712, {}, -1});
  const Findings findings = world.findings();
  const std::string detail = readable(findings.front().detail);
  for (const char* words :
       {" It would wait now for process 4711 (reports, in a transaction for 3 min)",
        " process 4712."}) {
    EXPECT_NE(detail.find(words), std::string::npos) << detail;
  }
  for (std::size_t i = 1; i < findings.size(); i++) {
    EXPECT_EQ(findings[i].detail.find("It would wait"), core::Text::npos);
  }
}

TEST(InTheWay, IsSaidAsFarAsItIsKnown) {
  const std::pair<ddl::Session, const char*> sessions[] = {
      {{42, core::Text("app"), 300'000}, "process 42 (app, in a transaction for 5 min)"},
      {{42, core::Text("app"), 999}, "process 42 (app)"},
      {{42, {}, 300'000}, "process 42 (in a transaction for 5 min)"},
      {{42, {}, -1}, "process 42"},
      {{0, {}, 300'000}, "a prepared transaction (see pg_prepared_xacts)"},
  };
  for (const auto& [session, words] : sessions) {
    World world;
    world.action.kind = ActionKind::kDropColumn;
    world.facts.sessions.push_back(session);
    const std::string detail = readable(world.findings().front().detail);
    const std::string end = std::string(" It would wait now for ") + words + ".";
    ASSERT_GE(detail.size(), end.size());
    EXPECT_EQ(detail.substr(detail.size() - end.size()), end);
  }
}

INSTANTIATE_TEST_SUITE_P(Every, Hazards, testing::ValuesIn(kHazards),
                         [](const auto& info) { return std::string(info.param.name); });

// A rule without a hazard here would be a rule without a test.
TEST(Evaluate, TheHazardsCoverEveryRule) {
  // Announced by the server, or asked before commit, or about no table in particular and tested by
  // itself.
  std::set<std::string> covered = {"table-rewrite",
                                   "alter-domain-scan",
                                   "backfill-under-lock",
                                   "drop-role-in-use",
                                   "lock-queue",
                                   "power-granted",
                                   "unsafe-setting",
                                   "triggers-left-disabled",
                                   "enum-value-uncommitted"};
  covered.insert(std::begin(kRulesOfObjects), std::end(kRulesOfObjects));
  for (const Hazard& hazard : kHazards) covered.insert(hazard.rules.begin(), hazard.rules.end());
  for (const Rule* rule : all_rules()) {
    // How things are declared is no hazard of a table: rules_review_test.cpp.
    if (rule->review != nullptr) continue;
    EXPECT_EQ(covered.count(std::string(rule->slug)), 1U) << std::string(rule->slug);
  }
}

TEST(Evaluate, HarmlessActionsAskNobodyAnything) {
  World world;
  world.facts.added.default_sql = "0";
  world.facts.added.has_default = true;
  EXPECT_EQ(world.rules(), Strings{});
  EXPECT_EQ(world.facts.asked_who_knows, 0);
  EXPECT_EQ(world.facts.asked_who_is_in_the_way, 1);
  world.facts.lock_timeout = 2000;
  EXPECT_EQ(world.rules(), Strings{});
  EXPECT_EQ(world.facts.asked_who_is_in_the_way, 1);
}

TEST(Evaluate, WorstFirstAndThenInOrder) {
  World world;
  with_index(world);
  ddl::Statement statement;
  statement.actions.push_back(world.action);  // only warns
  Action drop;
  drop.kind = ActionKind::kDropColumn;
  drop.target.name = "orders";
  drop.column = "total";
  statement.actions.push_back(drop);
  drop.kind = ActionKind::kRenameColumn;
  statement.actions.push_back(drop);
  const Findings findings = evaluate(statement, world.predictor, world.facts, kSmall);
  EXPECT_EQ(rules_of(findings), (Strings{"drop-column", "rename-column", "drop-index-blocking"}));
  EXPECT_EQ(findings.back().severity, Severity::kWarn);
}

// --- an existing column
// -----------------------------------------------------------------------------

TEST(AddColumn, RequiredIsFineWithAValueForOldRows) {
  World world;
  world.facts.added.not_null = true;
  EXPECT_EQ(world.rules(), Strings{"add-column-required"});
  world.facts.added.default_sql = "0";
  world.facts.added.has_default = true;
  EXPECT_EQ(world.rules(), Strings{});
  world.facts.added.default_sql = "";
  world.facts.added.has_default = false;
  world.facts.added.virtual_generated = true;
  EXPECT_EQ(world.rules(), Strings{"generated-column"});
}

TEST(AddColumn, RequiredIsFineInAnEmptyTable) {
  World world;
  world.facts.added.not_null = true;
  world.size().bytes = 0;
  EXPECT_EQ(world.rules(), Strings{});
  world.size().bytes = 8192;
  EXPECT_EQ(world.rules(), Strings{"add-column-required"});
}

// --- missing columns
// --------------------------------------------------------------------------------

TEST(Evaluate, AsksTheServerOnlyAboutWhatIsInReach) {
  World world;
  world.table().created_in_transaction = true;
  EXPECT_EQ(world.rules(), Strings{});
  EXPECT_EQ(world.predictor.asked, 0);
  world.table().created_in_transaction = false;
  EXPECT_EQ(world.rules(), Strings{});
  EXPECT_EQ(world.predictor.asked, 1);
}

TEST(Evaluate, LeavesToTheServerWhatItWillRefuse) {
  World world(kHazards[0]);
  world.predictor.refuses = true;
  EXPECT_THROW(world.rules(), ddl::Refused);
}

TEST(MissingColumn, IsTheServersBusiness) {
  for (const ActionKind kind : {ActionKind::kDropColumn, ActionKind::kRenameColumn}) {
    World world;
    world.action.kind = kind;
    world.action.column = "no_such";
    EXPECT_EQ(world.rules(), Strings{}) << int(kind);
  }
}

// --- types
// ------------------------------------------------------------------------------------------

TEST(AlterType, ARewriteIsReportedOnceForIndexesAndChecks) {
  World world;
  world.action.kind = ActionKind::kSetColumnType;
  world.facts.change.rewrite = true;
  world.facts.change.rebuilt_indexes.emplace_back("public.i");
  world.facts.change.checked.emplace_back("positive");
  EXPECT_EQ(world.rules(), Strings{"alter-column-type-rewrite"});
}

TEST(AlterType, ALargeTableBehindAForeignKeyCounts) {
  World world;
  world.action.kind = ActionKind::kSetColumnType;
  world.size().bytes = 8192;
  world.facts.change.rewrite = world.facts.change.foreign_keys_checked = true;
  ddl::ForeignKey key;
  key.other_bytes = kSmall;
  world.facts.change.foreign_keys.push_back(key);
  EXPECT_EQ(world.rules(), Strings{});
  world.facts.change.foreign_keys[0].other_bytes = kSmall + 1;
  EXPECT_EQ(world.rules(), Strings{"alter-column-type-foreign-key"});
}

TEST(AlterType, CountsTheTablesBehindForeignKeysOnce) {
  World world;
  world.action.kind = ActionKind::kSetColumnType;
  world.facts.change.rewrite = world.facts.change.foreign_keys_checked = true;
  ddl::ForeignKey key;
  key.other_table = "public.orders";
  world.facts.change.foreign_keys.push_back(key);
  EXPECT_NE(world.findings().front().message.find(
                "rows), and checks the foreign keys of the column row by row"),
            core::Text::npos);
  key.other_table = "public.users";
  world.facts.change.foreign_keys.push_back(key);
  world.facts.change.foreign_keys.push_back(key);
  EXPECT_NE(world.findings().front().message.find("rows) and on 1 table tied to it"),
            core::Text::npos);
}

// --- indexes
// ----------------------------------------------------------------------------------------

TEST(CreateIndex, ConcurrentlyIsTheSafeWay) {
  World world;
  world.action.kind = ActionKind::kCreateIndex;
  world.action.key.concurrently = true;
  EXPECT_EQ(world.rules(), Strings{});
}

TEST(CreateIndex, ThatIsThereAlreadyIsNoHazard) {
  World world;
  world.action.kind = ActionKind::kCreateIndex;
  world.action.key.name = "orders_total_idx";
  world.facts.add_index("orders_total_idx", world.table());
  EXPECT_EQ(world.rules(), Strings{"create-index-blocking"});
  world.action.key.if_not_exists = true;
  EXPECT_EQ(world.rules(), Strings{});
  world.action.key.name = "another";
  EXPECT_EQ(world.rules(), Strings{"create-index-blocking"});
}

TEST(DropIndex, BlocksWhereItWouldQueueForEver) {
  World world;
  with_index(world);
  EXPECT_EQ(world.findings().front().severity, Severity::kWarn);
  world.facts.sessions.push_back({4711, {}, -1});
  EXPECT_EQ(world.findings().front().severity, Severity::kBlock);
  world.facts.lock_timeout = 2000;
  EXPECT_EQ(world.findings().front().severity, Severity::kWarn);
}

TEST(DropIndex, ConcurrentlyOfAnUnusedIndexIsTheSafeWay) {
  World world;
  with_index(world);
  world.action.concurrently = true;
  EXPECT_EQ(world.rules(), Strings{});
}

TEST(DropIndex, ThatTheServerRefusesIsNoHazard) {
  for (bool ddl::Index::*reason : {&ddl::Index::backs_constraint, &ddl::Index::is_partition}) {
    World world;
    with_index(world);
    world.facts.indexes[0].first.unique = true;
    world.facts.indexes[0].first.*reason = true;
    EXPECT_EQ(world.rules(), Strings{});
  }
}

TEST(DropIndex, OfAPartitionedTableHasNoConcurrentWay) {
  World world;
  with_index(world);
  world.facts.indexes[0].first.partitioned = true;
  EXPECT_EQ(world.rules(), Strings{});
}

TEST(DropIndex, ThatServesNobodyIsNotInUse) {
  World world;
  with_index(world);
  world.action.concurrently = true;
  world.facts.use.scans = 17;
  world.facts.indexes[0].first.valid = false;
  EXPECT_EQ(world.rules(), Strings{});
  world.facts.indexes[0].first.valid = true;
  world.facts.use.twin = "public.another";
  EXPECT_EQ(world.rules(), Strings{});
}

// --- renames
// ----------------------------------------------------------------------------------------

TEST(RenameTable, IsAboutWhatQueriesName) {
  for (const char kind : std::string("rpvmf")) {
    World world;
    world.action.kind = ActionKind::kRenameRelation;
    world.table().kind = kind;
    EXPECT_EQ(world.rules(), Strings{"rename-table"}) << kind;
  }
  for (const char kind : std::string("iISc")) {
    World world;
    world.action.kind = ActionKind::kRenameRelation;
    world.table().kind = kind;
    EXPECT_EQ(world.rules(), Strings{}) << kind;
  }
}

// --- partitions
// -------------------------------------------------------------------------------------

TEST(Partitioned, MessagesCountThePartitions) {
  World world;
  world.action.kind = ActionKind::kDropColumn;
  world.table().kind = 'p';
  world.size().leaves = 12;
  EXPECT_NE(
      world.findings().front().message.find("(41 GB, about 210 million rows in 12 partitions)"),
      core::Text::npos);
  world.table().kind = 'r';
  EXPECT_NE(world.findings().front().message.find("(41 GB, about 210 million rows in 13 tables)"),
            core::Text::npos);
}

}  // namespace
}  // namespace db_guard::rules
