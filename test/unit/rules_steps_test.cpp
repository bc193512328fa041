// The safe way that each rule prints, in full: it is what people will paste.
#include "rules/evaluate.hpp"

#include <gtest/gtest.h>

#include "fake_facts.hpp"
#include "fake_predictor.hpp"
#include "readable.hpp"

namespace db_guard::rules {
namespace {

using ddl::Action;
using ddl::ActionKind;

Strings operator+(Strings left, const Strings& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

// Steps whose locks are brief, so that they need not be waited for.
Strings under_timeout(const Strings& steps) {
  return Strings{"SET lock_timeout = '2s';"} + steps + Strings{"RESET lock_timeout;"};
}

std::string backfill_with(const std::string& count_pages, const std::string& table,
                          const std::string& assignment, const std::string& condition) {
  return "DO $backfill$\n"
         "DECLARE\n"
         "  page bigint := 0;\n"
         "  pages bigint;\n"
         "BEGIN\n"
         "  LOOP\n" +
         count_pages + "    UPDATE " + table + " SET " + assignment + "\n     WHERE (" + condition +
         ")\n"
         "       AND ctid >= format('(%s,0)', page)::tid"
         " AND ctid < format('(%s,0)', page + 500)::tid;\n"
         "    COMMIT;\n"
         "    page := page + 500;\n"
         "    CONTINUE WHEN page <= pages;\n"
         "    EXIT WHEN NOT EXISTS (SELECT FROM " +
         table + " WHERE " + condition +
         ");\n"
         "    page := 0;\n"
         "  END LOOP;\n"
         "END $backfill$;";
}

std::string backfill(const std::string& table, const std::string& assignment,
                     const std::string& condition) {
  return backfill_with("    pages := pg_relation_size('" + table +
                           "') / current_setting('block_size')::int;\n",
                       table, assignment, condition);
}

// Of all tables below `table`, which the catalog of inheritance knows for partitions too.
std::string backfill_of_many(const std::string& table, const std::string& assignment,
                             const std::string& condition) {
  return backfill_with("    WITH RECURSIVE tables (id) AS (SELECT '" + table +
                           "'::regclass::oid UNION ALL\n"
                           "      SELECT inhrelid FROM pg_inherits JOIN tables ON inhparent = id)\n"
                           "    SELECT max(pg_relation_size(id)) / "
                           "current_setting('block_size')::int INTO pages FROM tables;\n",
                       table, assignment, condition);
}

Strings not_null(const std::string& table, const std::string& constraint,
                 const std::string& column) {
  const std::string alter = "ALTER TABLE " + table;
  return {
      alter + " ADD CONSTRAINT " + constraint + " CHECK (" + column + " IS NOT NULL) NOT VALID;",
      alter + " VALIDATE CONSTRAINT " + constraint + ";",
      alter + " ALTER COLUMN " + column + " SET NOT NULL;",
      alter + " DROP CONSTRAINT " + constraint + ";",
  };
}

std::string allowed(const std::string& rule, const std::string& reason, const std::string& sql) {
  return "BEGIN;\nSET LOCAL lock_timeout = '2s';\nSET LOCAL db_guard.allow = '" + rule +
         "';\nSET LOCAL db_guard.allow_reason = '" + reason + "';\n" + sql + "\nCOMMIT;";
}

// public.orders: id bigint NOT NULL, total numeric, code varchar(20) NOT NULL.
class Steps : public testing::Test {
 protected:
  Steps() {
    const ddl::Relation table = facts.add_table("orders");
    facts.add_column(table, "id", "bigint", true);
    facts.add_column(table, "total", "numeric");
    facts.add_column(table, "code", "varchar(20)", true);
    action.target.name = "orders";
    facts.added.type = "bigint";
    facts.change.old_type = "numeric";
    facts.change.new_type = "bigint";
  }

  Finding finding(std::string_view rule, ActionKind kind, const char* column = "") {
    action.kind = kind;
    action.column = column;
    ddl::Statement statement;
    statement.actions.push_back(action);
    FakePredictor predictor(facts);
    for (const Finding& found : evaluate(statement, predictor, facts, 0)) {
      if (found.rule == rule) return found;
    }
    ADD_FAILURE() << rule << " found nothing";
    return {};
  }

  Strings steps(std::string_view rule, ActionKind kind, const char* column = "") {
    return readable(finding(rule, kind, column).safe_sql);
  }

  // public.orders becomes a tree: a partition "north" with partitions of its own, and "south".
  void make_partitioned() {
    facts.relations[0].kind = 'p';
    const std::uint32_t north = facts.add_table("north", 'p').id;
    const std::uint32_t north_1 = facts.add_table("North 1").id;
    const std::uint32_t south = facts.add_table("south").id;
    facts.add_partition(1, north);
    facts.add_partition(north, north_1);
    facts.add_partition(1, south);
  }

  // What a column can have that another one must be given.
  void own_everything() {
    facts.owned.keys.resize(2);
    facts.owned.keys[0].name = "by_total";
    facts.owned.keys[0].definition = " USING btree (lower(total))";
    facts.owned.keys[1].name = "Key";
    facts.owned.keys[1].definition = " USING btree (total)";
    facts.owned.keys[1].unique = true;
    facts.owned.keys[1].constraint = "UNIQUE";
    facts.owned.keys[1].deferral = " DEFERRABLE";
    facts.owned.constraints.resize(2);
    facts.owned.constraints[0].name = "positive";
    facts.owned.constraints[0].definition = "CHECK ((total > 0))";
    facts.owned.constraints[0].validated = true;
    facts.owned.constraints[1].name = "To total";
    facts.owned.constraints[1].definition = "FOREIGN KEY (total) REFERENCES public.total(total)";
    facts.owned.references.resize(1);
    facts.owned.references[0].table = facts.add_table("lines");
    facts.owned.references[0].key.name = "of_total";
    facts.owned.references[0].key.definition =
        "FOREIGN KEY (total) REFERENCES public.orders(total)";
    facts.owned.references[0].key.validated = true;
    facts.owned.properties = {Text("ALTER TABLE public.orders ALTER COLUMN total SET DEFAULT 7;")};
    facts.owned.statistics = {Text("CREATE STATISTICS s ON total, code FROM public.orders;")};
  }

  FakeFacts facts;
  Action action;
};

// --- columns
// ----------------------------------------------------------------------------------------

TEST_F(Steps, SetNotNull) {
  EXPECT_EQ(steps("set-not-null", ActionKind::kSetNotNull, "total"),
            under_timeout(not_null("public.orders", "orders_total_not_null", "total")));
}

TEST_F(Steps, SetNotNullFrom18On) {
  facts.major = 18;
  EXPECT_EQ(steps("set-not-null", ActionKind::kSetNotNull, "total"),
            under_timeout({
                "ALTER TABLE public.orders ADD CONSTRAINT orders_total_not_null NOT NULL total NOT "
                "VALID;",
                "ALTER TABLE public.orders VALIDATE CONSTRAINT orders_total_not_null;",
            }));
  facts.major = 17;
  EXPECT_EQ(steps("set-not-null", ActionKind::kSetNotNull, "total").size(), 6U);
}

TEST_F(Steps, QuoteEveryName) {
  facts.relations[0].name = "Order \"items\"";
  facts.relations[0].display = "\"My shop\".\"Order \"\"items\"\"\"";
  action.target.name = "Order \"items\"";
  facts.add_column(facts.relations[0], "Größe", "text");
  EXPECT_EQ(steps("set-not-null", ActionKind::kSetNotNull, "Größe"),
            under_timeout(not_null("\"My shop\".\"Order \"\"items\"\"\"",
                                   "\"Order \"\"items\"\"_Größe_not_null\"", "\"Größe\"")));
}

TEST_F(Steps, AddVolatileDefault) {
  facts.added.volatile_default = true;
  facts.added.default_sql = "clock_timestamp()";
  facts.added.has_default = true;
  const Strings first =
      under_timeout(
          {"ALTER TABLE public.orders ADD COLUMN seen bigint;",
           "ALTER TABLE public.orders ALTER COLUMN seen SET DEFAULT clock_timestamp();"}) +
      Strings{backfill("public.orders", "seen = DEFAULT", "seen IS NULL")};
  EXPECT_EQ(steps("add-column-volatile-default", ActionKind::kAddColumn, "seen"), first);
  facts.added.not_null = true;
  EXPECT_EQ(steps("add-column-volatile-default", ActionKind::kAddColumn, "seen"),
            first + under_timeout(not_null("public.orders", "orders_seen_not_null", "seen")));
}

TEST_F(Steps, AddVolatileDefaultWithAKey) {
  facts.added.volatile_default = facts.added.has_default = true;
  facts.added.default_sql = "f()";
  action.key.unique = true;
  action.key.columns = {Text("token")};
  const Strings key =
      Strings{"CREATE UNIQUE INDEX CONCURRENTLY orders_token_key ON public.orders (token);"} +
      under_timeout({"ALTER TABLE public.orders ADD CONSTRAINT orders_token_key UNIQUE USING INDEX "
                     "orders_token_key;"});
  const Strings all = steps("add-column-volatile-default", ActionKind::kAddColumn, "token");
  ASSERT_GT(all.size(), key.size());
  EXPECT_EQ(Strings(all.end() - std::ptrdiff_t(key.size()), all.end()), key);
  EXPECT_EQ(steps("add-unique-constraint", ActionKind::kAddColumn, "token"), all);
}

TEST_F(Steps, BackfillCountsThePagesOfEveryDescendant) {
  facts.added.volatile_default = true;
  facts.added.default_sql = "f()";
  facts.added.has_default = true;
  for (const char kind : {'p', 'r'}) {
    facts.relations[0].kind = kind;
    facts.relations[0].has_children = true;
    const Strings all = steps("add-column-volatile-default", ActionKind::kAddColumn, "seen");
    EXPECT_EQ(all.back(), backfill_of_many("public.orders", "seen = DEFAULT", "seen IS NULL"));
  }
}

TEST_F(Steps, AddSerial) {
  facts.added.serial = true;
  EXPECT_EQ(
      steps("add-column-auto-increment", ActionKind::kAddColumn, "Pos"),
      under_timeout({
          "ALTER TABLE public.orders ADD COLUMN \"Pos\" bigint;",
          "CREATE SEQUENCE public.\"orders_Pos_seq\" AS bigint OWNED BY public.orders.\"Pos\";",
          "ALTER TABLE public.orders ALTER COLUMN \"Pos\" SET DEFAULT "
          "pg_catalog.nextval('public.\"orders_Pos_seq\"'::regclass);",
      }) + Strings{backfill("public.orders", "\"Pos\" = DEFAULT", "\"Pos\" IS NULL")} +
          under_timeout(not_null("public.orders", "\"orders_Pos_not_null\"", "\"Pos\"")));
}

// The sequence of the default only numbers the old rows; the identity's goes on where it stopped.
TEST_F(Steps, AddIdentity) {
  facts.added.identity = true;
  const auto last = [](const std::string& kind) {
    return Strings{"BEGIN;\nSET LOCAL lock_timeout = '2s';\n"
                   "ALTER TABLE public.orders ALTER COLUMN \"Pos\" DROP DEFAULT,\n"
                   "  ALTER COLUMN \"Pos\" ADD GENERATED " +
                   kind +
                   " AS IDENTITY;\n"
                   "SELECT setval(pg_get_serial_sequence('public.orders', 'Pos'),\n"
                   "  nextval('public.\"orders_Pos_start\"'), false);\n"
                   "DROP SEQUENCE public.\"orders_Pos_start\";\nCOMMIT;"};
  };
  const Strings first = under_timeout({
                            "ALTER TABLE public.orders ADD COLUMN \"Pos\" bigint;",
                            "CREATE SEQUENCE public.\"orders_Pos_start\" AS bigint;",
                            "ALTER TABLE public.orders ALTER COLUMN \"Pos\" SET DEFAULT "
                            "pg_catalog.nextval('public.\"orders_Pos_start\"'::regclass);",
                        }) +
                        Strings{backfill("public.orders", "\"Pos\" = DEFAULT", "\"Pos\" IS NULL")};
  const Strings filled = not_null("public.orders", "\"orders_Pos_not_null\"", "\"Pos\"");
  const auto all = [&] {
    return steps("add-column-auto-increment", ActionKind::kAddColumn, "Pos");
  };
  EXPECT_EQ(all(), first + under_timeout(filled + last("BY DEFAULT")));
  facts.added.identity_always = true;
  EXPECT_EQ(all(), first + under_timeout(filled + last("ALWAYS")));
}

TEST_F(Steps, AddRequired) {
  facts.added.not_null = true;
  Strings rest = not_null("public.orders", "orders_currency_not_null", "currency");
  rest.front() =
      "-- deploy the code that writes it, fill the old rows in batches, then:\n" + rest.front();
  EXPECT_EQ(steps("add-column-required", ActionKind::kAddColumn, "currency"),
            under_timeout(Strings{"ALTER TABLE public.orders ADD COLUMN currency bigint;"} + rest));
}

TEST_F(Steps, DropColumn) {
  EXPECT_EQ(steps("drop-column", ActionKind::kDropColumn, "total"),
            Strings{"-- deploy the code that no longer uses it, then:\n" +
                    allowed("drop-column", "no code uses it any more",
                            "ALTER TABLE public.orders DROP COLUMN total;")});
}

TEST_F(Steps, DropColumnThatNewCodeCouldNotLeaveOut) {
  action.cascade = true;
  EXPECT_EQ(steps("drop-column", ActionKind::kDropColumn, "code"),
            under_timeout({"-- so that new code can leave it out:\n"
                           "ALTER TABLE public.orders ALTER COLUMN code DROP NOT NULL;",
                           "-- deploy the code that no longer uses it, then:\n" +
                               allowed("drop-column", "no code uses it any more",
                                       "ALTER TABLE public.orders DROP COLUMN code CASCADE;")}));
  facts.columns[1][2].has_default = true;
  EXPECT_EQ(steps("drop-column", ActionKind::kDropColumn, "code").size(), 1U);
}

TEST_F(Steps, RenameColumn) {
  action.new_name = "amount";
  const std::string function =
      "CREATE FUNCTION public.orders_amount_sync() RETURNS trigger LANGUAGE plpgsql AS $sync$\n"
      "BEGIN\n"
      "  IF TG_OP = 'INSERT' THEN\n"
      "    IF NEW.amount IS NULL THEN NEW.amount := NEW.total; ELSE NEW.total := NEW.amount; END "
      "IF;\n"
      "  ELSIF NEW.amount IS DISTINCT FROM OLD.amount\n"
      "    AND NEW.total IS NOT DISTINCT FROM OLD.total THEN\n"
      "    NEW.total := NEW.amount;\n"
      "  ELSE\n"
      "    NEW.amount := NEW.total;\n"
      "  END IF;\n"
      "  RETURN NEW;\n"
      "END $sync$;";
  const Strings first =
      under_timeout({
          "ALTER TABLE public.orders ADD COLUMN amount numeric;",
          function,
          "CREATE TRIGGER orders_amount_sync BEFORE INSERT OR UPDATE ON public.orders\n"
          "  FOR EACH ROW EXECUTE FUNCTION public.orders_amount_sync();",
      }) +
      Strings{backfill("public.orders", "amount = total", "amount IS NULL AND total IS NOT NULL")};
  const Strings last = {
      "-- deploy the code that uses amount, then:\n" +
          allowed("drop-column,rename-column",
                  "all code uses the new name, and the column itself takes it",
                  "DROP TRIGGER orders_amount_sync ON public.orders;\n"
                  "ALTER TABLE public.orders DROP COLUMN amount;\n"
                  "ALTER TABLE public.orders RENAME COLUMN total TO amount;"),
      "DROP FUNCTION public.orders_amount_sync();",
  };
  const auto all = [&] { return steps("rename-column", ActionKind::kRenameColumn, "total"); };
  EXPECT_EQ(all(), first + last);
  // The column keeps its NOT NULL, as all else that hangs on it; only lookups need help meanwhile.
  facts.columns[1][1].not_null = true;
  facts.owned.keys.resize(2);
  facts.owned.keys[0].definition = " USING btree (total DESC)";
  facts.owned.keys[1].definition = " USING btree (total, code)";
  facts.owned.keys[0].unique = facts.owned.keys[1].unique = true;
  facts.owned.keys[1].deferral = " DEFERRABLE";
  EXPECT_EQ(all(), (first +
                    Strings{"CREATE UNIQUE INDEX CONCURRENTLY orders_amount_idx ON public.orders "
                            "USING btree (amount DESC);",
                            "CREATE INDEX CONCURRENTLY orders_amount_idx ON public.orders USING "
                            "btree (amount, code);"} +
                    last));
}

TEST_F(Steps, RenameColumnWithoutEqualityComparesText) {
  action.new_name = "payload";
  facts.columns[1][1].type = "json";
  facts.columns[1][1].comparable = false;
  const Strings all = steps("rename-column", ActionKind::kRenameColumn, "total");
  ASSERT_GE(all.size(), 6U);
  EXPECT_NE(all[2].find("  ELSIF NEW.payload::text IS DISTINCT FROM OLD.payload::text\n"
                        "    AND NEW.total::text IS NOT DISTINCT FROM OLD.total::text THEN\n"
                        "    NEW.total := NEW.payload;\n"),
            std::string::npos)
      << all[2];
  // IS NULL needs no equality, and a copy of one type no cast.
  EXPECT_EQ(all[5],
            backfill("public.orders", "payload = total", "payload IS NULL AND total IS NOT NULL"));
}

// (1, NULL) IS NOT NULL is false: such a row would never be copied, and then be dropped.
TEST_F(Steps, RenameColumnOfARowTypeMeansTheValueItself) {
  action.new_name = "place";
  facts.columns[1][1].type = "address";
  facts.columns[1][1].composite = true;
  const Strings all = steps("rename-column", ActionKind::kRenameColumn, "total");
  ASSERT_GE(all.size(), 6U);
  EXPECT_NE(all[2].find("IF NEW.place IS NOT DISTINCT FROM NULL THEN"), std::string::npos);
  EXPECT_EQ(all[5], backfill("public.orders", "place = total",
                             "place IS NOT DISTINCT FROM NULL AND total IS DISTINCT FROM NULL"));
}

TEST_F(Steps, RenameColumnOfAViewHasNone) {
  facts.relations[0].kind = 'v';
  action.new_name = "amount";
  EXPECT_EQ(steps("rename-column", ActionKind::kRenameColumn, "total"), Strings{});
}

// --- renamed relations
// ------------------------------------------------------------------------------

TEST_F(Steps, RenameTable) {
  action.new_name = "purchases";
  const std::pair<char, const char*> kinds[] = {
      {'r', "TABLE"}, {'v', "VIEW"}, {'m', "MATERIALIZED VIEW"}, {'f', "FOREIGN TABLE"}};
  for (const auto& [kind, words] : kinds) {
    facts.relations[0].kind = kind;
    EXPECT_EQ(
        steps("rename-table", ActionKind::kRenameRelation),
        (Strings{allowed("rename-table", "a view takes over the old name",
                         std::string("ALTER ") + words +
                             " public.orders RENAME TO purchases;\n"
                             "CREATE VIEW public.orders WITH (security_invoker = true) AS SELECT "
                             "* FROM public.purchases;"),
                 "-- deploy the code that uses the new name, then:\nDROP VIEW public.orders;"}));
  }
}

// --- keys
// -------------------------------------------------------------------------------------------

TEST_F(Steps, AddPrimaryKey) {
  action.key.columns = {Text("id"), Text("code")};
  const Strings build = {
      "CREATE UNIQUE INDEX CONCURRENTLY orders_pkey ON public.orders (id, code);"};
  const Strings attach =
      under_timeout({"ALTER TABLE public.orders ADD CONSTRAINT orders_pkey PRIMARY KEY USING INDEX "
                     "orders_pkey;"});
  EXPECT_EQ(steps("add-primary-key", ActionKind::kAddPrimaryKey), build + attach);
}

TEST_F(Steps, AddPrimaryKeyOverANullableColumn) {
  action.key.columns = {Text("total")};
  action.key.name = "pk";
  EXPECT_EQ(steps("add-primary-key", ActionKind::kAddPrimaryKey),
            under_timeout(not_null("public.orders", "orders_total_not_null", "total")) +
                Strings{"CREATE UNIQUE INDEX CONCURRENTLY pk ON public.orders (total);"} +
                under_timeout(
                    {"ALTER TABLE public.orders ADD CONSTRAINT pk PRIMARY KEY USING INDEX pk;"}));
}

TEST_F(Steps, AddUniqueWithEverything) {
  action.key.columns = {Text("total"), Text("Größe")};
  action.key.include = {Text("code"), Text("id")};
  action.key.name = "U";
  action.key.storage = " WITH (fillfactor = '70') TABLESPACE fast";
  action.key.nulls_not_distinct = true;
  action.key.deferrable = action.key.initially_deferred = true;
  EXPECT_EQ(steps("add-unique-constraint", ActionKind::kAddUnique),
            Strings{"CREATE UNIQUE INDEX CONCURRENTLY \"U\" ON public.orders (total, \"Größe\") "
                    "INCLUDE (code, id) NULLS NOT DISTINCT WITH (fillfactor = '70') TABLESPACE "
                    "fast;"} +
                under_timeout({"ALTER TABLE public.orders ADD CONSTRAINT \"U\" UNIQUE USING INDEX "
                               "\"U\" DEFERRABLE INITIALLY DEFERRED;"}));
}

TEST_F(Steps, AddUniqueColumn) {
  action.key.columns = {Text("slug")};
  action.key.unique = true;
  facts.added.default_sql = "'x'::text";
  facts.added.has_default = true;
  EXPECT_EQ(
      steps("add-unique-constraint", ActionKind::kAddColumn, "slug"),
      under_timeout({"ALTER TABLE public.orders ADD COLUMN slug bigint DEFAULT 'x'::text;"}) +
          Strings{"CREATE UNIQUE INDEX CONCURRENTLY orders_slug_key ON public.orders (slug);"} +
          under_timeout({"ALTER TABLE public.orders ADD CONSTRAINT orders_slug_key UNIQUE USING "
                         "INDEX orders_slug_key;"}));
}

TEST_F(Steps, AddUniqueToPartitionsOfAnyDepth) {
  make_partitioned();
  action.key.columns = {Text("id")};
  action.key.deferrable = true;
  EXPECT_EQ(
      steps("add-unique-constraint", ActionKind::kAddUnique),
      under_timeout({
          "ALTER TABLE ONLY public.orders ADD CONSTRAINT orders_id_key UNIQUE (id) DEFERRABLE;",
          "ALTER TABLE ONLY public.north ADD CONSTRAINT north_id_key UNIQUE (id) DEFERRABLE;",
      }) +
          Strings{"CREATE UNIQUE INDEX CONCURRENTLY \"North 1_id_key\" ON public.\"North 1\" "
                  "(id);"} +
          under_timeout({
              "ALTER TABLE public.\"North 1\" ADD CONSTRAINT \"North 1_id_key\" UNIQUE USING INDEX "
              "\"North 1_id_key\" DEFERRABLE;",
              "ALTER INDEX public.north_id_key ATTACH PARTITION public.\"North 1_id_key\";",
              "ALTER INDEX public.orders_id_key ATTACH PARTITION public.north_id_key;",
          }) +
          Strings{"CREATE UNIQUE INDEX CONCURRENTLY south_id_key ON public.south (id);"} +
          under_timeout({
              "ALTER TABLE public.south ADD CONSTRAINT south_id_key UNIQUE USING INDEX "
              "south_id_key DEFERRABLE;",
              "ALTER INDEX public.orders_id_key ATTACH PARTITION public.south_id_key;",
          }));
}

TEST_F(Steps, WithoutOverlapsHasNone) {
  action.key.columns = {Text("id")};
  action.key.without_overlaps = true;
  EXPECT_EQ(steps("add-unique-constraint", ActionKind::kAddUnique), Strings{});
  const Finding primary = finding("add-primary-key", ActionKind::kAddPrimaryKey);
  EXPECT_EQ(readable(primary.safe_sql), Strings{});
  EXPECT_NE(primary.detail.find("has no online way"), Text::npos);
}

TEST_F(Steps, DuplicatesAreTold) {
  action.key.columns = {Text("id")};
  const auto detail = [&] {
    return readable(finding("add-unique-constraint", ActionKind::kAddUnique).detail);
  };
  const std::string silent = detail();
  EXPECT_EQ(silent.find("equal keys"), std::string::npos);
  facts.found_duplicates.searched = true;
  EXPECT_EQ(detail(), silent + " No rows with equal keys were found in the time allowed for "
                               "looking; that proves nothing.");
  facts.found_duplicates.complete = true;
  EXPECT_EQ(detail(), silent + " No rows with equal keys exist now.");
  facts.found_duplicates.examples = {Text("(id)=(1) 2 times"), Text("(id)=(7) 3 times")};
  EXPECT_EQ(detail(), silent + " It would fail: rows with equal keys exist already, for example "
                               "(id)=(1) 2 times, (id)=(7) 3 times.");
}

// --- indexes
// ----------------------------------------------------------------------------------------

TEST_F(Steps, CreateIndex) {
  action.key.tail = " USING gin (total) WHERE id > 0";
  EXPECT_EQ(steps("create-index-blocking", ActionKind::kCreateIndex),
            Strings{"CREATE INDEX CONCURRENTLY ON public.orders USING gin (total) WHERE id > 0;"});
  action.key.name = "By total";
  action.key.unique = action.key.if_not_exists = true;
  action.key.tail = " (total) -- hot";
  EXPECT_EQ(steps("create-index-blocking", ActionKind::kCreateIndex),
            Strings{"CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"By total\" ON public.orders "
                    "(total) -- hot\n;"});
}

TEST_F(Steps, CreateIndexWithoutItsTextHasNone) {
  EXPECT_EQ(steps("create-index-blocking", ActionKind::kCreateIndex), Strings{});
}

TEST_F(Steps, CreateIndexOnPartitionsOfAnyDepth) {
  make_partitioned();
  action.key.tail = " (lower(code))";
  action.key.columns = {Text()};
  EXPECT_EQ(steps("create-index-blocking", ActionKind::kCreateIndex),
            (Strings{"CREATE INDEX orders_expr_idx ON ONLY public.orders (lower(code));",
                     "CREATE INDEX north_expr_idx ON ONLY public.north (lower(code));",
                     "CREATE INDEX CONCURRENTLY \"North 1_expr_idx\" ON public.\"North 1\" "
                     "(lower(code));"} +
             under_timeout({
                 "ALTER INDEX public.north_expr_idx ATTACH PARTITION public.\"North 1_expr_idx\";",
                 "ALTER INDEX public.orders_expr_idx ATTACH PARTITION public.north_expr_idx;",
             }) +
             Strings{"CREATE INDEX CONCURRENTLY south_expr_idx ON public.south (lower(code));"} +
             under_timeout({
                 "ALTER INDEX public.orders_expr_idx ATTACH PARTITION public.south_expr_idx;",
             })));
}

TEST_F(Steps, DropIndex) {
  facts.add_index("By total", facts.relations[0]);
  action.target.name = "By total";
  EXPECT_EQ(steps("drop-index-blocking", ActionKind::kDropIndex),
            Strings{"DROP INDEX CONCURRENTLY public.\"By total\";"});
}

TEST_F(Steps, DropIndexInUse) {
  facts.add_index("By total", facts.relations[0]);
  action.target.name = "By total";
  facts.use.scans = 1;
  facts.use.stats_since = "2026-01-01";
  facts.use.definition = "CREATE INDEX \"By total\" ON public.orders USING btree (total)";
  const Finding found = finding("drop-index-in-use", ActionKind::kDropIndex);
  EXPECT_EQ(readable(found.safe_sql),
            (Strings{"SET db_guard.allow = 'drop-index-in-use';",
                     "SET db_guard.allow_reason = 'no query needs it: plans were compared';",
                     "DROP INDEX CONCURRENTLY public.\"By total\";", "RESET db_guard.allow;",
                     "RESET db_guard.allow_reason;"}));
  EXPECT_EQ(readable(found.detail),
            "It was scanned 1 time since 2026-01-01 (when last is not recorded before PostgreSQL "
            "16). Standbys count their own scans: look there too. To have it back: CREATE INDEX "
            "\"By total\" ON public.orders USING btree (total).");
  facts.indexes[0].first.partitioned = true;
  EXPECT_EQ(steps("drop-index-in-use", ActionKind::kDropIndex)[2],
            "DROP INDEX public.\"By total\";");
}

TEST_F(Steps, NameAKeyAsTheServerWould) {
  action.key.columns = {Text("id"), Text("code")};
  action.key.include = {Text("total")};
  EXPECT_EQ(steps("add-unique-constraint", ActionKind::kAddUnique).front(),
            "CREATE UNIQUE INDEX CONCURRENTLY orders_id_code_total_key ON public.orders (id, code) "
            "INCLUDE (total);");
}

// --- types
// ------------------------------------------------------------------------------------------

TEST_F(Steps, AlterTypeByWayOfANewColumn) {
  facts.change.rewrite = true;
  facts.change.conversion = "total::bigint";
  facts.change.conversion_of_new = "NEW.total::bigint";
  const Strings first =
      under_timeout({
          "ALTER TABLE public.orders ADD COLUMN total_new bigint;",
          "CREATE FUNCTION public.orders_total_sync() RETURNS trigger LANGUAGE plpgsql AS $sync$\n"
          "BEGIN\n"
          "  NEW.total_new := NEW.total::bigint;\n"
          "  RETURN NEW;\n"
          "END $sync$;",
          "CREATE TRIGGER orders_total_sync BEFORE INSERT OR UPDATE ON public.orders\n"
          "  FOR EACH ROW EXECUTE FUNCTION public.orders_total_sync();",
      }) +
      Strings{backfill("public.orders", "total_new = total::bigint",
                       "total_new IS NULL AND (total::bigint) IS NOT NULL")};
  const auto last = [](const std::string& swapped) {
    const bool keys = swapped.find("USING INDEX") != std::string::npos;
    return Strings{allowed(keys ? "rename-column,drop-key-constraint" : "rename-column",
                           "the column of the new type takes over",
                           "DROP TRIGGER orders_total_sync ON public.orders;\n"
                           "ALTER TABLE public.orders RENAME COLUMN total TO total_old;\n"
                           "ALTER TABLE public.orders RENAME COLUMN total_new TO total;" +
                               swapped),
                   "DROP FUNCTION public.orders_total_sync();",
                   allowed("drop-column", "replaced by the column of the new type",
                           "ALTER TABLE public.orders DROP COLUMN total_old;")};
  };
  const auto all = [&] {
    return steps("alter-column-type-rewrite", ActionKind::kSetColumnType, "total");
  };
  const Strings analyzed = {"ANALYZE public.orders (total);"};
  EXPECT_EQ(all(), first + last("") + analyzed);
  facts.columns[1][1].not_null = true;
  EXPECT_EQ(all(), first + under_timeout(
                               not_null("public.orders", "orders_total_new_not_null", "total_new") +
                               last("") + analyzed));
  facts.columns[1][1].not_null = false;
  own_everything();
  EXPECT_EQ(
      all(),
      (first +
       Strings{"CREATE INDEX CONCURRENTLY orders_total_new_idx ON public.orders USING "
               "btree (lower(total_new));",
               "CREATE UNIQUE INDEX CONCURRENTLY orders_total_new_idx ON public.orders "
               "USING btree (total_new);"} +
       under_timeout(
           Strings{"ALTER TABLE public.orders ADD CONSTRAINT orders_total_new_check CHECK "
                   "((total_new > 0)) NOT VALID;",
                   "ALTER TABLE public.orders VALIDATE CONSTRAINT orders_total_new_check;",
                   "ALTER TABLE public.orders ADD CONSTRAINT orders_total_new_fkey FOREIGN "
                   "KEY (total_new) REFERENCES public.total(total) NOT VALID;",
                   "ALTER TABLE public.lines ADD CONSTRAINT lines_total_new_fkey FOREIGN KEY "
                   "(total) REFERENCES public.orders(total_new) NOT VALID;",
                   "ALTER TABLE public.lines VALIDATE CONSTRAINT lines_total_new_fkey;"} +
           last("\nALTER TABLE public.orders ALTER COLUMN total SET DEFAULT 7;"
                "\nALTER TABLE public.lines DROP CONSTRAINT of_total;"
                "\nALTER TABLE public.lines RENAME CONSTRAINT lines_total_new_fkey TO of_total;"
                "\nALTER TABLE public.orders DROP CONSTRAINT \"Key\",\n"
                "  ADD CONSTRAINT \"Key\" UNIQUE USING INDEX orders_total_new_idx "
                "DEFERRABLE;") +
           Strings{"ALTER INDEX public.orders_total_new_idx RENAME TO by_total;",
                   "ALTER TABLE public.orders RENAME CONSTRAINT orders_total_new_check TO "
                   "positive;",
                   "ALTER TABLE public.orders RENAME CONSTRAINT orders_total_new_fkey TO "
                   "\"To total\";",
                   "CREATE STATISTICS s ON total, code FROM public.orders;"} +
           analyzed)));
}

TEST_F(Steps, AlterTypeThatNoOtherColumnCanStandInFor) {
  facts.change.rewrite = true;
  const auto found = [&] {
    return finding("alter-column-type-rewrite", ActionKind::kSetColumnType, "total");
  };
  // The conversion could not be read without waiting for a lock.
  EXPECT_EQ(readable(found().safe_sql), Strings{});
  facts.change.conversion = facts.change.conversion_of_new = "x";
  EXPECT_NE(readable(found().safe_sql), Strings{});
  facts.owned.obstacle = "it is an identity column";
  EXPECT_EQ(readable(found().safe_sql), Strings{});
  EXPECT_NE(readable(found().detail).find("take its place: it is an identity column."),
            std::string::npos);
  facts.owned.known = false;
  EXPECT_EQ(readable(found().safe_sql), Strings{});
}

TEST_F(Steps, AlterTypeUnderCheckConstraints) {
  facts.change.checked = {Text("Positive"), Text("small")};
  facts.change.check_definitions = {Text("\"Positive\" CHECK (total > 0)"),
                                    Text("small CHECK (total < 10)")};
  facts.change.rebuilt_indexes = {Text("public.i")};
  EXPECT_EQ(steps("alter-column-type-check", ActionKind::kSetColumnType, "total"), Strings{});
  facts.change.rebuilt_indexes.clear();
  EXPECT_EQ(
      steps("alter-column-type-check", ActionKind::kSetColumnType, "total"),
      under_timeout({
          "ALTER TABLE public.orders DROP CONSTRAINT \"Positive\";",
          "ALTER TABLE public.orders DROP CONSTRAINT small;",
          "ALTER TABLE public.orders ALTER COLUMN total TYPE bigint;",
          "ANALYZE public.orders (total);",
          "ALTER TABLE public.orders ADD CONSTRAINT \"Positive\" CHECK (total > 0) NOT VALID;",
          "ALTER TABLE public.orders ADD CONSTRAINT small CHECK (total < 10) NOT VALID;",
          "ALTER TABLE public.orders VALIDATE CONSTRAINT \"Positive\";",
          "ALTER TABLE public.orders VALIDATE CONSTRAINT small;",
      }));
}

TEST_F(Steps, AlterTypeUnderForeignKeys) {
  facts.change.rewrite = facts.change.foreign_keys_checked = true;
  ddl::ForeignKey own;
  own.constraint = "orders_total_fkey";
  own.other_table = "public.prices";
  own.other_bytes = kGigabyte;
  own.referencing = true;
  ddl::ForeignKey other = own;
  other.constraint = "Bills";
  other.other_table = "public.bills";
  other.referencing = false;
  facts.change.foreign_keys = {own, other};
  const Finding found =
      finding("alter-column-type-foreign-key", ActionKind::kSetColumnType, "total");
  EXPECT_EQ(readable(found.detail),
            "Foreign keys made anew and checked under the lock: orders_total_fkey (references "
            "public.prices, 1024 MB), Bills (referenced by public.bills, 1024 MB).");
  // The same way as for the rewrite, which may be too small to be reported itself.
  EXPECT_EQ(readable(found.safe_sql),
            steps("alter-column-type-rewrite", ActionKind::kSetColumnType, "total"));
}

// --- words
// ------------------------------------------------------------------------------------------

TEST_F(Steps, DependentsAreNamed) {
  const auto detail = [&] {
    return readable(finding("drop-column", ActionKind::kDropColumn, "total").detail);
  };
  EXPECT_EQ(detail(),
            "Nothing in this database is known to use it; code outside cannot be seen here.");
  facts.dependents.push_back({"view", Text("public.v"), true});
  facts.dependents.push_back({"function", Text("public.f()"), false});
  EXPECT_EQ(detail(),
            "In this database it is used by view public.v, function public.f() (by its text).");
  facts.dependents.resize(14, facts.dependents.front());
  EXPECT_NE(detail().find(" and 2 more."), std::string::npos);
}

TEST_F(Steps, SizesAreSaidAsFarAsTheyAreKnown) {
  const auto message = [&] {
    return readable(finding("drop-column", ActionKind::kDropColumn, "total").message);
  };
  const std::string end = " loses its values and breaks every statement that still names it";
  facts.sizes[1].rows = -1;
  EXPECT_EQ(message(), "dropping column total of public.orders (41 GB)" + end);
  facts.relations[0].kind = 'f';
  EXPECT_EQ(message(), "dropping column total of foreign table public.orders" + end);
}

}  // namespace
}  // namespace db_guard::rules
