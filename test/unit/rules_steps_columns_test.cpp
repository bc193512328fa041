// The safe ways of adding and changing columns, in full: they are what people will paste.
#include <gtest/gtest.h>

#include <algorithm>

#include "hazards_columns.hpp"

namespace db_guard::rules {
namespace {

using core::Text;
using ddl::PartKind;

Strings operator+(Strings left, const Strings& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

// Steps whose locks are brief, so that they need not be waited for.
Strings under_timeout(const Strings& steps) {
  return Strings{"SET lock_timeout = '2s';"} + steps + Strings{"RESET lock_timeout;"};
}

Strings steps(World& world, std::string_view rule) {
  for (const Finding& finding : world.findings()) {
    if (finding.rule == rule) return readable(finding.safe_sql);
  }
  ADD_FAILURE() << rule << " found nothing";
  return {};
}

Strings validated(const std::string& name, const std::string& definition) {
  return {"ALTER TABLE public.orders ADD CONSTRAINT " + name + " " + definition + " NOT VALID;",
          "ALTER TABLE public.orders VALIDATE CONSTRAINT " + name + ";"};
}

// The loop, by the one line of it that differs.
std::string backfill_line(const Strings& all) {
  for (const std::string& step : all) {
    const auto start = step.find("UPDATE ");
    if (step.rfind("DO ", 0) != 0 || start == std::string::npos) continue;
    return step.substr(start, step.find("\n       AND ctid") - start);
  }
  return "none";
}

// --- adding
// -----------------------------------------------------------------------------------------

TEST(AddColumnSteps, ACheckComesLater) {
  World world;
  with_part(world, PartKind::kDefault, "DEFAULT 0 + 0");
  world.action.parts.push_back(column_part(PartKind::kNotNull, "NOT /* never */ NULL", "needed"));
  world.action.parts.push_back(column_part(PartKind::kCheck, "check (fresh >= 0)", "Positive"));
  world.action.parts.push_back(column_part(PartKind::kCheck, "CHECK (fresh < 9)"));
  world.facts.added.has_default = world.facts.added.not_null = true;
  world.facts.added.default_sql = "0";
  with_work(world, &ddl::Work::scan);
  EXPECT_EQ(steps(world, "add-column-check"),
            under_timeout(Strings{"ALTER TABLE public.orders ADD COLUMN fresh bigint DEFAULT 0 "
                                  "CONSTRAINT needed NOT /* never */ NULL;"} +
                          validated("\"Positive\"", "check (fresh >= 0)") +
                          validated("orders_fresh_check", "CHECK (fresh < 9)")));
}

TEST(AddColumnSteps, ACheckThatIsNotEnforcedComesAtOnce) {
  World world;
  with_part(world, PartKind::kCheck, "CHECK (fresh > 0)");
  world.action.parts.push_back(column_part(PartKind::kCheck, "CHECK (fresh > 9) NOT ENFORCED"));
  world.action.parts.back().enforced = false;
  with_work(world, &ddl::Work::scan);
  EXPECT_EQ(steps(world, "add-column-check"),
            under_timeout(Strings{"ALTER TABLE public.orders ADD COLUMN fresh bigint CHECK (fresh "
                                  "> 9) NOT ENFORCED;"} +
                          validated("orders_fresh_check", "CHECK (fresh > 0)")));
}

TEST(AddColumnSteps, AreNoneWhereTheTextIsNotKnown) {
  for (const PartKind kind : {PartKind::kCheck, PartKind::kReferences, PartKind::kGenerated}) {
    World world;
    with_part(world, PartKind::kCheck, "CHECK (fresh > 0)");
    world.action.parts.push_back(column_part(kind, ""));
    with_work(world, &ddl::Work::scan);
    EXPECT_EQ(steps(world, "add-column-check"), Strings{}) << int(kind);
  }
  World world;
  with_part(world, PartKind::kCheck, "CHECK (fresh > 0)");
  world.action.parts.push_back(column_part(PartKind::kNotNull, ""));
  world.facts.added.not_null = true;
  with_work(world, &ddl::Work::scan);
  EXPECT_NE(steps(world, "add-column-check"), Strings{});
}

TEST(AddColumnSteps, KeepIfNotExists) {
  World world;
  with_part(world, PartKind::kCheck, "CHECK (fresh > 0)");
  world.action.if_not_exists = true;
  with_work(world, &ddl::Work::scan);
  EXPECT_EQ(steps(world, "add-column-check").at(1),
            "ALTER TABLE public.orders ADD COLUMN IF NOT EXISTS fresh bigint;");
}

TEST(AddColumnSteps, ADomainGivesItsConstraintsToTheTable) {
  World world;
  world.action.column = "Fresh";
  world.facts.added.type = "app.percentage";
  world.facts.added.base_type = "numeric COLLATE x";
  world.facts.added.constrained_domain = world.facts.added.not_null = true;
  world.facts.added.domain_checks = {Text("VALUE > 0"), Text("f(VALUE, 'VALUE')")};
  EXPECT_EQ(steps(world, "add-column-constrained-domain"),
            under_timeout(
                Strings{"ALTER TABLE public.orders ADD COLUMN \"Fresh\" numeric COLLATE x;"} +
                validated("\"orders_Fresh_check\"", "CHECK (\"Fresh\" > 0)") +
                validated("\"orders_Fresh_check\"", "CHECK (f(\"Fresh\", 'VALUE'))") +
                Strings{"-- deploy the code that writes it, fill the old rows in batches, then:\n"
                        "ALTER TABLE public.orders ADD CONSTRAINT \"orders_Fresh_not_null\" CHECK "
                        "(\"Fresh\" IS NOT NULL) NOT VALID;",
                        "ALTER TABLE public.orders VALIDATE CONSTRAINT \"orders_Fresh_not_null\";",
                        "ALTER TABLE public.orders ALTER COLUMN \"Fresh\" SET NOT NULL;",
                        "ALTER TABLE public.orders DROP CONSTRAINT \"orders_Fresh_not_null\";"}));
}

World world_with_references() {
  World world;
  with_part(world, PartKind::kReferences, "REFERENCES users (id) ON DELETE CASCADE");
  world.facts.added.has_default = true;
  world.facts.added.default_sql = "1";
  with_work(world, &ddl::Work::fk_check);
  return world;
}

TEST(AddColumnSteps, AForeignKeyComesLaterThanTheDefault) {
  World world = world_with_references();
  EXPECT_EQ(steps(world, "add-column-foreign-key"),
            under_timeout(Strings{"ALTER TABLE public.orders ADD COLUMN fresh bigint DEFAULT 1;"} +
                          validated("orders_fresh_fkey",
                                    "FOREIGN KEY (fresh) REFERENCES users (id) ON DELETE "
                                    "CASCADE")));
}

// Where it cannot be NOT VALID it comes first, when there is nothing to check.
TEST(AddColumnSteps, AForeignKeyOfPartitionsComesFirst) {
  World world = world_with_references();
  world.table().kind = 'p';
  const Strings all = steps(world, "add-column-foreign-key");
  EXPECT_EQ(all.at(1),
            "ALTER TABLE public.orders ADD COLUMN fresh bigint REFERENCES users (id) ON DELETE "
            "CASCADE;");
  EXPECT_EQ(all.at(2), "ALTER TABLE public.orders ALTER COLUMN fresh SET DEFAULT 1;");
  EXPECT_EQ(backfill_line(all),
            "UPDATE public.orders SET fresh = DEFAULT\n     WHERE (fresh IS NULL)");
  EXPECT_EQ(all.size(), 5U);
  world.facts.major = 18;
  EXPECT_EQ(steps(world, "add-column-foreign-key").size(), 5U);
  EXPECT_EQ(backfill_line(steps(world, "add-column-foreign-key")), "none");
}

TEST(AddColumnSteps, AVolatileDefaultBringsTheKeyFirst) {
  World world = world_with_references();
  world.facts.added.volatile_default = true;
  world.facts.added.default_sql = "f()";
  world.predictor.work->rewrite = true;
  const Strings all = steps(world, "add-column-volatile-default");
  EXPECT_EQ(all.at(1),
            "ALTER TABLE public.orders ADD COLUMN fresh bigint REFERENCES users (id) ON DELETE "
            "CASCADE;");
  EXPECT_EQ(all.at(2), "ALTER TABLE public.orders ALTER COLUMN fresh SET DEFAULT f();");
}

TEST(AddColumnSteps, ForeignKeyWithoutADefaultHasNothingBetter) {
  World world;
  with_part(world, PartKind::kReferences, "REFERENCES users");
  const Findings findings = world.findings();
  EXPECT_EQ(findings.front().severity, Severity::kNote);
  EXPECT_EQ(findings.front().safe_sql.size(), 0U);
}

TEST(AddColumnSteps, AnIdentityKeepsItsOptions) {
  World world;
  with_part(world, PartKind::kIdentity,
            "GENERATED ALWAYS AS IDENTITY /* ( */ (START WITH 10 INCREMENT BY 2 -- even\n)");
  world.facts.added.identity = world.facts.added.identity_always = true;
  const Strings all = steps(world, "add-column-auto-increment");
  EXPECT_EQ(all.at(2),
            "CREATE SEQUENCE public.orders_fresh_start AS bigint START WITH 10 INCREMENT BY 2;");
  const std::string swap = all.at(all.size() - 2);
  EXPECT_NE(swap.find("ADD GENERATED ALWAYS AS IDENTITY (START WITH 10 INCREMENT BY 2);"),
            std::string::npos)
      << swap;
}

TEST(AddColumnSteps, TheNameOfAnIdentitysSequenceIsItsOwn) {
  World world;
  with_part(world, PartKind::kIdentity, "GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME s)");
  world.facts.added.identity = true;
  EXPECT_EQ(steps(world, "add-column-auto-increment").at(2),
            "CREATE SEQUENCE public.orders_fresh_start AS bigint;");
}

World world_with_generated() {
  World world;
  with_part(world, PartKind::kGenerated, "GENERATED ALWAYS AS (total * 2) STORED");
  world.facts.added.stored_generated = true;
  world.facts.computed.expression = "total * 2";
  world.facts.computed.expression_of_new = "new.total * 2";
  return world;
}

TEST(AddColumnSteps, ATriggerComputesInPlaceOfTheServer) {
  World world = world_with_generated();
  const Strings all = steps(world, "generated-column");
  const Strings first(all.begin(), all.begin() + 4);
  EXPECT_EQ(
      first,
      (Strings{"SET lock_timeout = '2s';", "ALTER TABLE public.orders ADD COLUMN fresh bigint;",
               "CREATE FUNCTION public.orders_fresh_compute() RETURNS trigger LANGUAGE "
               "plpgsql AS $sync$\nBEGIN\n  NEW.fresh := new.total * 2;\n  RETURN NEW;\nEND "
               "$sync$;",
               "CREATE TRIGGER orders_fresh_compute BEFORE INSERT OR UPDATE ON "
               "public.orders\n  FOR EACH ROW EXECUTE FUNCTION "
               "public.orders_fresh_compute();"}));
  EXPECT_EQ(backfill_line(all),
            "UPDATE public.orders SET fresh = total * 2\n     WHERE (fresh IS NULL AND (total * 2) "
            "IS NOT NULL)");
  EXPECT_EQ(all.size(), 6U);
  world.facts.computed.expression.clear();
  EXPECT_EQ(steps(world, "generated-column"), Strings{});
}

TEST(AddColumnSteps, AVirtualColumnIsVerifiedLater) {
  World world;
  with_part(world, PartKind::kGenerated, "GENERATED ALWAYS AS (total * 2) VIRTUAL");
  world.action.parts.push_back(column_part(PartKind::kNotNull, "NOT NULL", "told"));
  world.facts.added.virtual_generated = world.facts.added.not_null = true;
  world.facts.major = 18;
  EXPECT_EQ(steps(world, "generated-column"),
            under_timeout({
                "ALTER TABLE public.orders ADD COLUMN fresh bigint GENERATED ALWAYS AS (total * 2) "
                "VIRTUAL;",
                "ALTER TABLE public.orders ADD CONSTRAINT told NOT NULL fresh NOT VALID;",
                "ALTER TABLE public.orders VALIDATE CONSTRAINT told;",
            }));
}

// --- changing
// ---------------------------------------------------------------------------------------

TEST(ChangeColumnSteps, AnExpressionGivesWayToATrigger) {
  World world = world_with_generated();
  world.action.kind = ActionKind::kSetExpression;
  world.action.column = "total";
  with_work(world, &ddl::Work::rewrite);
  const Strings all = steps(world, "generated-column");
  EXPECT_EQ(all.at(1),
            "BEGIN;\nSET LOCAL lock_timeout = '2s';\n"
            "ALTER TABLE public.orders ALTER COLUMN total DROP EXPRESSION;\n"
            "CREATE TRIGGER orders_total_compute BEFORE INSERT OR UPDATE ON public.orders\n"
            "  FOR EACH ROW EXECUTE FUNCTION public.orders_total_compute();\nCOMMIT;");
  EXPECT_EQ(backfill_line(all),
            "UPDATE public.orders SET total = total * 2\n     WHERE (total IS DISTINCT FROM (total "
            "* 2))");
  EXPECT_EQ(all.size(), 3U);
  world.facts.computed.comparable = false;
  EXPECT_EQ(backfill_line(steps(world, "generated-column")),
            "UPDATE public.orders SET total = total * 2\n     WHERE (total::text IS DISTINCT FROM "
            "(total * 2)::text)");
}

TEST(ChangeColumnSteps, AnUnvalidatedConstraintIsValidated) {
  World world;
  world.action.kind = ActionKind::kSetNotNull;
  world.facts.promise = {Text("There Already"), false};
  EXPECT_EQ(steps(world, "set-not-null"),
            under_timeout({
                "ALTER TABLE public.orders VALIDATE CONSTRAINT \"There Already\";",
                "ALTER TABLE public.orders ALTER COLUMN total SET NOT NULL;",
            }));
  world.facts.major = 18;
  EXPECT_EQ(steps(world, "set-not-null").size(), 4U);
  world.facts.promise.native = true;
  EXPECT_EQ(steps(world, "set-not-null"),
            under_timeout({"ALTER TABLE public.orders VALIDATE CONSTRAINT \"There Already\";"}));
}

World world_with_narrowing(ddl::Fit fit) {
  World world;
  world.action.kind = ActionKind::kSetColumnType;
  world.facts.change.rewrite = true;
  world.facts.change.fit = fit;
  world.facts.change.fits = "total < 10";
  world.facts.change.conversion = "total";
  world.facts.found_misfits.searched = world.facts.found_misfits.complete = true;
  return world;
}

// What comes before the new column, but for the timeout of the locks.
Strings steps_before_the_column(World& world) {
  Strings all = steps(world, "alter-column-type-rewrite");
  const auto added = std::find_if(all.begin(), all.end(), [](const std::string& step) {
    return step.find(" ADD COLUMN ") != std::string::npos;
  });
  EXPECT_NE(added, all.end());
  all.erase(added, all.end());
  EXPECT_EQ(all.front(), "SET lock_timeout = '2s';");
  all.erase(all.begin());
  return all;
}

TEST(ChangeColumnSteps, ThatTheValuesFitIsShownFirst) {
  World world = world_with_narrowing(ddl::Fit::kSome);
  Strings shown = validated("orders_total_fits", "CHECK (total < 10)");
  EXPECT_EQ(steps_before_the_column(world), shown);
  world.facts.found_misfits.examples.emplace_back("12");
  shown[0].insert(0, "-- change the values that do not fit, then:\n");
  EXPECT_EQ(steps_before_the_column(world), shown);
  // Who wants the values rounded gets them rounded.
  world.facts.change.fit = ddl::Fit::kChanged;
  EXPECT_EQ(steps_before_the_column(world), Strings{});
}

// A proof alone changes no type.
TEST(ChangeColumnSteps, NothingIsShownWhereNoColumnCanTakeOver) {
  World world = world_with_narrowing(ddl::Fit::kSome);
  world.facts.change.conversion.clear();
  EXPECT_EQ(steps(world, "alter-column-type-rewrite"), Strings{});
}

TEST(ChangeColumnSteps, StatisticsAreMadeAnew) {
  World world;
  world.action.kind = ActionKind::kSetColumnType;
  world.action.clause = "ALTER total TYPE text -- longer";
  EXPECT_EQ(steps(world, "alter-column-type-statistics"),
            under_timeout({"ALTER TABLE public.orders ALTER total TYPE text;",
                           "ANALYZE public.orders (total);"}));
}

TEST(ChangeColumnSteps, AColumnIsAddedWhereItIsNotThere) {
  World world;
  world.action.if_not_exists = true;
  world.action.clause = "ADD IF NOT EXISTS total text DEFAULT '$add$' -- again";
  EXPECT_EQ(steps(world, "alter-without-effect"),
            Strings{"DO $add1$\nBEGIN\n"
                    "  IF NOT EXISTS (SELECT FROM pg_catalog.pg_attribute\n"
                    "      WHERE attrelid = 'public.orders'::regclass AND attname = 'total'\n"
                    "        AND NOT attisdropped) THEN\n"
                    "    ALTER TABLE public.orders ADD IF NOT EXISTS total text DEFAULT '$add$';\n"
                    "  END IF;\nEND $add1$;"});
}

TEST(ChangeColumnSteps, AnIndexMovesByReindex) {
  World world;
  world.action.kind = ActionKind::kSetTablespace;
  world.action.column = "Fast";
  world.table().kind = 'i';
  world.facts.add_index("orders", world.table());
  with_work(world, &ddl::Work::rewrite);
  EXPECT_EQ(steps(world, "change-table-storage"),
            Strings{"REINDEX (TABLESPACE \"Fast\") INDEX CONCURRENTLY public.orders;"});
  // Neither tables nor indexes of EXCLUDE constraints.
  world.facts.indexes[0].first.exclusion = true;
  EXPECT_EQ(steps(world, "change-table-storage"), Strings{});
  world.facts.indexes[0].first.exclusion = false;
  world.table().kind = 'r';
  EXPECT_EQ(steps(world, "change-table-storage"), Strings{});
}

// --- what is said
// -----------------------------------------------------------------------------------

Finding narrowing(World& world) {
  for (const Finding& finding : world.findings()) {
    if (finding.rule == "alter-column-type-narrowing") return finding;
  }
  return {};
}

TEST(Narrowing, IsAsBadAsWhatIsFound) {
  World world = world_with_narrowing(ddl::Fit::kSome);
  ddl::Misfits& found = world.facts.found_misfits;
  EXPECT_EQ(narrowing(world).severity, Severity::kNote);
  found.complete = false;
  EXPECT_EQ(narrowing(world).severity, Severity::kWarn);
  EXPECT_NE(narrowing(world).detail.find("that proves nothing"), Text::npos);
  found.searched = false;
  EXPECT_EQ(narrowing(world).severity, Severity::kWarn);
  EXPECT_NE(narrowing(world).detail.find("without waiting"), Text::npos);
  found.error = "integer out of range";
  EXPECT_EQ(narrowing(world).severity, Severity::kBlock);
  EXPECT_EQ(narrowing(world).detail, "The server says: integer out of range.");
}

TEST(Narrowing, OfASmallTableIsAboutValuesThatChange) {
  World world = world_with_narrowing(ddl::Fit::kSome);
  world.size().bytes = kSmall;
  world.facts.found_misfits.examples.emplace_back("12");
  EXPECT_EQ(world.rules(), Strings{});
  world.facts.change.fit = ddl::Fit::kChanged;
  EXPECT_EQ(world.rules(), Strings{"alter-column-type-narrowing"});
  world.size().bytes = 0;
  EXPECT_EQ(world.rules(), Strings{});
}

// Of an expression, or a domain, only what was found can be said.
TEST(Narrowing, OfAnExpressionIsAboutErrors) {
  World world = world_with_narrowing(ddl::Fit::kSome);
  world.facts.change.fits.clear();
  EXPECT_EQ(world.rules(), Strings{"alter-column-type-rewrite"});
  world.facts.found_misfits.error = "invalid input syntax";
  EXPECT_EQ(world.rules(), (Strings{"alter-column-type-narrowing", "alter-column-type-rewrite"}));
}

TEST(Limit, CountsTheNewColumnsOfTheStatementOnce) {
  World world;
  world.table().columns = 1498;
  ddl::Statement statement;
  for (const char* column : {"a", "b"}) {
    world.action.column = column;
    statement.actions.push_back(world.action);
  }
  const Findings findings = evaluate(statement, world.predictor, world.facts, kSmall);
  ASSERT_EQ(rules_of(findings), Strings{"add-column-limit"});
  EXPECT_EQ(findings[0].severity, Severity::kWarn);
  EXPECT_NE(
      findings[0].message.find("comes to 1500 columns, and the server refuses more than 1600"),
      Text::npos);
  world.table().columns = 1599;
  EXPECT_EQ(evaluate(statement, world.predictor, world.facts, kSmall)[0].severity,
            Severity::kBlock);
  statement.actions[0].column = "total";  // which is there
  statement.actions[0].if_not_exists = true;
  EXPECT_EQ(evaluate(statement, world.predictor, world.facts, kSmall)[0].severity, Severity::kWarn);
}

TEST(Quiet, ColumnsThatAreThereAlready) {
  World world;
  world.facts.added.type = "json";
  EXPECT_EQ(world.rules(), Strings{});
  world.action.parts.push_back(column_part(PartKind::kReferences, "REFERENCES users"));
  EXPECT_EQ(world.rules(), Strings{});
}

TEST(Quiet, DefaultsThatNobodyRelyOn) {
  World world;
  world.action.kind = ActionKind::kSetDefault;
  EXPECT_EQ(world.rules(), Strings{});
  world.facts.volatile_default = true;
  world.action.column = "id";  // NOT NULL: every row has a value
  EXPECT_EQ(world.rules(), Strings{});
  world.action.kind = ActionKind::kDropDefault;
  EXPECT_EQ(world.rules(), Strings{});  // it has none
  world.action.column = "total";
  world.facts.columns[1][1].has_default = true;
  EXPECT_EQ(world.rules(), Strings{});
}

TEST(Quiet, StorageThatStaysWhereItIs) {
  for (const ActionKind kind : {ActionKind::kSetLogged, ActionKind::kSetUnlogged,
                                ActionKind::kSetTablespace, ActionKind::kSetAccessMethod}) {
    World world;
    world.action.kind = kind;
    EXPECT_EQ(world.rules(), Strings{}) << int(kind);
  }
}

TEST(MoveAll, CountsWhatIsMoved) {
  World world;
  world.action = Action();
  world.action.kind = ActionKind::kMoveAll;
  world.action.target.name = "old";
  world.action.new_name = "New";
  with_work(world, &ddl::Work::rewrite);
  const Findings findings = world.findings();
  ASSERT_EQ(rules_of(findings), Strings{"change-table-storage"});
  EXPECT_EQ(readable(findings[0].message),
            "moving all from tablespace old to \"New\" takes ACCESS EXCLUSIVE on 1 relation (41 "
            "GB) and copies them; reads and writes wait until all are done");
  world.size().bytes = kSmall;
  EXPECT_EQ(world.rules(), Strings{});
}

}  // namespace
}  // namespace db_guard::rules
