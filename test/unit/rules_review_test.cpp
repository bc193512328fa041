// The rules of the packs: what they say of a declaration, and where they keep silent.
#include <gtest/gtest.h>

#include "hazards.hpp"
#include "review_world.hpp"

namespace db_guard::rules {
namespace {

constexpr auto kTable = DeclarationKind::kTable;

// --- which statements are looked at

Draft with_timestamp(DeclarationKind kind) {
  Draft draft(kind);
  draft.column("placed_at", "timestamp");
  return draft;
}

TEST(Review, LooksAtNewTablesAndDomains) {
  EXPECT_TRUE(with_timestamp(kTable).reports("prefer-timestamptz"));
  EXPECT_TRUE(with_timestamp(DeclarationKind::kDomain).reports("prefer-timestamptz"));
}

TEST(Review, LeavesTemporaryTablesAndShapesFromElsewhereAlone) {
  for (bool ddl::TableSpec::*reason : {&ddl::TableSpec::temporary, &ddl::TableSpec::derived}) {
    Draft draft = with_timestamp(kTable);
    draft.declaration.table.*reason = true;
    EXPECT_EQ(draft.rules(), Strings{});
  }
}

TEST(Review, AsksForAPackOnlyWhereItIsOn) {
  Draft draft = with_timestamp(kTable);
  draft.choices.packs = packs_of("names, structure");
  EXPECT_EQ(draft.rules(), Strings{"missing-primary-key"});
  draft.choices.packs = packs_of("");
  EXPECT_EQ(draft.rules(), Strings{});
}

TEST(Review, FindingsAreNotesThatNameTheirObject) {
  Draft draft = with_timestamp(kTable);
  for (const Finding& finding : draft.findings()) {
    EXPECT_EQ(finding.severity, Severity::kNote);
    EXPECT_EQ(readable(finding.object), "shop.orders");
    EXPECT_EQ(readable(finding.place.schema), "shop");
    EXPECT_EQ(readable(finding.place.table), "orders");
    EXPECT_NE(finding.message.back(), '.');
    EXPECT_EQ(finding.detail.back(), '.');
    EXPECT_TRUE(finding.evidence.empty());
  }
}

TEST(Review, OfAnExistingTableNamesItAsTheDatabaseDoes) {
  World world;
  const Draft draft = with_timestamp(DeclarationKind::kNewColumn);
  const auto found = [&] { return review(draft.declarations(), draft.choices, world.facts); };
  EXPECT_EQ(readable(found().front().message),
            "column placed_at of public.orders is timestamp without time zone, not timestamptz");
  EXPECT_EQ(readable(found().front().place.schema), "public");
  // New, but here to stay.
  world.table().created_in_transaction = true;
  EXPECT_EQ(rules_of(found()), Strings{"prefer-timestamptz"});
  world.table().temporary = true;
  EXPECT_EQ(rules_of(found()), Strings{});
  world.table().temporary = false;
  world.table().owned = false;
  EXPECT_EQ(rules_of(found()), Strings{});
}

// A policy by schema is to hold, wherever the schema comes from.
TEST(Review, OfSomethingNewKnowsItsSchema) {
  World world;
  Draft draft = with_timestamp(kTable);
  const auto schema = [&] {
    const Findings found = review(draft.declarations(), draft.choices, world.facts);
    return found.empty() ? "nothing" : readable(found.front().place.schema);
  };
  EXPECT_EQ(schema(), "shop");
  draft.declaration.target.schema.clear();
  EXPECT_EQ(schema(), "public");
  world.facts.first_schema = "pg_temp_3";
  EXPECT_EQ(schema(), "nothing");
  draft = Draft(DeclarationKind::kExtension, "hstore");
  draft.declaration.target.schema.clear();
  EXPECT_EQ(schema(), "");
}

// --- types

struct TypeCase {
  const char* rule;
  const char* name;
  const char* type;
  int modifier;
  bool reported;
};

constexpr TypeCase kTypeCases[] = {
    {"prefer-timestamptz", "at", "timestamp", -1, true},
    {"prefer-timestamptz", "at", "timestamp", 3, true},
    {"prefer-timestamptz", "at", "timestamptz", -1, false},
    {"prefer-timestamptz", "starts_local", "timestamp", -1, false},
    {"prefer-timestamptz", "at", "date", -1, false},
    {"prefer-text", "note", "varchar", 50, true},
    {"prefer-text", "note", "varchar", 4, true},
    {"prefer-text", "note", "varchar", 3, false},
    {"prefer-text", "note", "varchar", -1, false},
    {"prefer-text", "note", "text", -1, false},
    {"padded-char", "code", "bpchar", 10, true},
    {"padded-char", "code", "bpchar", 2, false},
    {"padded-char", "code", "bpchar", -1, false},
    {"padded-char", "code", "char", -1, false},
    {"prefer-jsonb", "extra", "json", -1, true},
    {"prefer-jsonb", "extra", "jsonb", -1, false},
    {"money-type", "total", "money", -1, true},
    {"money-type", "money", "numeric", -1, false},
    {"float-money", "price", "float8", -1, true},
    {"float-money", "unit_price", "float4", -1, true},
    {"float-money", "price_eur", "float8", -1, true},
    {"float-money", "price", "numeric", -1, false},
    {"float-money", "price_ratio", "float8", -1, false},
    {"float-money", "total", "float8", -1, false},
    {"float-money", "eur", "float8", -1, false},
    {"float-money", "priceless", "float8", -1, false},
    {"time-with-zone", "due", "timetz", -1, true},
    {"time-with-zone", "due", "time", -1, false},
    {"rounded-time", "due", "timestamptz", 0, true},
    {"rounded-time", "due", "timestamp", 0, true},
    {"rounded-time", "due", "timestamptz", 3, false},
    {"rounded-time", "due", "timestamptz", -1, false},
    {"prefer-identity", "number", "serial", -1, true},
    {"prefer-identity", "number", "bigserial", -1, true},
    {"prefer-identity", "number", "serial2", -1, true},
    {"prefer-identity", "number", "int4", -1, false},
};

TEST(Types, AreReportedByTheirRuleAlone) {
  for (const TypeCase& test : kTypeCases) {
    Draft draft(kTable);
    draft.column(test.name, test.type, test.modifier);
    EXPECT_EQ(draft.reports(test.rule), test.reported)
        << test.rule << " " << test.name << " " << test.type;
  }
}

TEST(Types, OfOtherSchemasAreOthers) {
  for (const TypeCase& test : kTypeCases) {
    Draft draft(kTable);
    draft.column(test.name, test.type, test.modifier).type.builtin = false;
    EXPECT_FALSE(draft.reports(test.rule)) << test.rule << " " << test.type;
  }
}

TEST(Types, OfSeveralColumnsAreOneFinding) {
  Draft draft(kTable);
  for (const char* name : {"a", "b", "c", "d", "e", "f", "g"}) draft.column(name, "json");
  EXPECT_EQ(draft.rules("prefer-jsonb"), Strings{"prefer-jsonb"});
  EXPECT_EQ(draft.message("prefer-jsonb"),
            "columns a, b, c, d, e and 2 more of shop.orders are json, not jsonb");
}

TEST(Types, MessagesSayTheLength) {
  Draft draft(kTable);
  draft.column("a", "varchar", 50);
  EXPECT_EQ(draft.message("prefer-text"), "column a of shop.orders is varchar(50), not text");
  draft.column("b", "varchar", 70);
  EXPECT_EQ(draft.message("prefer-text"),
            "columns a, b of shop.orders are varchar with a length, not text");
  draft.column("c", "bpchar", 7);
  EXPECT_EQ(draft.message("padded-char"), "column c of shop.orders is char(7), not text");
  draft.column("d", "bpchar", 8);
  EXPECT_EQ(draft.message("padded-char"),
            "columns c, d of shop.orders are char with a length, not text");
}

TEST(Types, AreExchangedWhereTheyStand) {
  Draft draft(kTable);
  draft.sql =
      "  CREATE TABLE orders (\n  a timestamp (3) without time zone, -- when\n  b varchar(9)[]);";
  draft.column("a", "timestamp", 3);
  draft.typed("timestamp");
  draft.column("b", "varchar", 9);
  draft.typed("varchar");
  EXPECT_EQ(draft.offered("prefer-timestamptz"),
            "CREATE TABLE orders (\n  a timestamptz(3), -- when\n  b varchar(9)[]);|");
  EXPECT_EQ(draft.offered("prefer-text"),
            "CREATE TABLE orders (\n  a timestamp (3) without time zone, -- when\n  b text[]);|");
}

// The values that are there would become others.
TEST(Types, OfAnOldColumnAreNotExchanged) {
  for (const auto& [type, rule] : {std::pair{"timestamp", "prefer-timestamptz"},
                                   {"json", "prefer-jsonb"},
                                   {"money", "money-type"},
                                   {"varchar", "prefer-text"}}) {
    Draft draft(DeclarationKind::kColumnType);
    draft.sql = std::string("ALTER TABLE orders ALTER a TYPE ") + type;
    draft.column("a", type, 9);
    draft.typed(type);
    EXPECT_EQ(draft.offered(rule), "");
  }
}

// What one rule offers is not to be what the other reports.
TEST(Types, RoundedLocalTimeBecomesAMoment) {
  Draft draft(kTable);
  draft.sql = "CREATE TABLE orders (a timestamp(0))";
  draft.column("a", "timestamp", 0);
  draft.typed("timestamp");
  for (const char* rule : {"prefer-timestamptz", "rounded-time"}) {
    EXPECT_EQ(draft.offered(rule), "CREATE TABLE orders (a timestamptz);|");
  }
}

TEST(Types, WithoutTheTextNothingIsOffered) {
  Draft draft(kTable);
  draft.column("a", "json");
  EXPECT_EQ(draft.offered("prefer-jsonb"), "");
}

TEST(Types, OfADomain) {
  Draft draft(DeclarationKind::kDomain, "moment");
  draft.sql = "CREATE DOMAIN shop.moment AS timestamp";
  draft.column("", "timestamp");
  draft.typed("timestamp");
  EXPECT_EQ(draft.rules(), Strings{"prefer-timestamptz"});
  EXPECT_EQ(draft.message("prefer-timestamptz"),
            "domain shop.moment is timestamp without time zone, not timestamptz");
  EXPECT_EQ(draft.offered("prefer-timestamptz"), "CREATE DOMAIN shop.moment AS timestamptz;|");
}

// A length by name is what people make domains for.
TEST(Types, LengthsOfDomainsAreMeant) {
  Draft draft(DeclarationKind::kDomain, "email");
  draft.column("", "varchar", 254);
  EXPECT_EQ(draft.rules(), Strings{});
}

// --- keys

Draft keyed(const char* name, const char* type, bool numbered) {
  Draft draft(kTable);
  draft.column(name, type).numbered = numbered;
  draft.primary_key({name});
  return draft;
}

TEST(KeyType, UuidInsteadOfNumbers) {
  for (const char* type : {"int4", "int8", "int2", "serial", "bigserial"}) {
    Draft draft = keyed("id", type, false);
    EXPECT_EQ(draft.rules(), Strings{"key-type"}) << type;
    EXPECT_EQ(draft.message("key-type"), "primary key id of shop.orders is a number, not a uuid");
  }
  EXPECT_EQ(keyed("number", "int8", true).rules(), Strings{"key-type"});
}

TEST(KeyType, LeavesNumbersAloneThatMeanSomething) {
  EXPECT_EQ(keyed("year", "int4", false).rules(), Strings{});
  EXPECT_EQ(keyed("code", "text", false).rules(), Strings{});
  EXPECT_EQ(keyed("id", "uuid", false).rules(), Strings{});
}

TEST(KeyType, LeavesKeysOfOtherTablesAlone) {
  Draft draft = keyed("id", "int8", false);
  draft.references({"id"});
  EXPECT_FALSE(draft.reports("key-type"));
  Draft several(kTable);
  several.column("id", "int8");
  several.column("part", "int8");
  several.primary_key({"id", "part"});
  EXPECT_EQ(several.rules(), Strings{});
}

TEST(KeyType, BigintWhereThatIsChosen) {
  Draft draft = keyed("id", "uuid", false);
  draft.choices.key_type = KeyType::kBigint;
  EXPECT_EQ(draft.message("key-type"), "primary key id of shop.orders is a uuid, not a bigint");
  Draft number = keyed("id", "int8", true);
  number.choices.key_type = KeyType::kBigint;
  EXPECT_EQ(number.rules(), Strings{});
}

TEST(KeyType, AnyIsAny) {
  for (const char* type : {"uuid", "int8"}) {
    Draft draft = keyed("id", type, true);
    draft.choices.key_type = KeyType::kAny;
    EXPECT_EQ(draft.rules(), Strings{}) << type;
  }
}

TEST(KeyType, OffersTheOtherKey) {
  Draft draft(kTable);
  draft.sql =
      "CREATE TABLE orders (id bigint GENERATED BY DEFAULT AS IDENTITY (START 5) PRIMARY KEY)";
  draft.column("id", "int8").identity_at = ddl::Offset(draft.sql.find("GENERATED"));
  draft.typed("bigint").primary_key({"id"});
  EXPECT_EQ(draft.offered("key-type"),
            "CREATE TABLE orders (id uuid DEFAULT gen_random_uuid() PRIMARY KEY);|");
  // What a default makes of a number is not known for a uuid.
  draft.declaration.table.columns[0].has_default = true;
  EXPECT_EQ(draft.offered("key-type"), "");
}

TEST(PreferBigint, WhatCountsOn) {
  Draft draft = keyed("id", "int4", false);
  EXPECT_FALSE(draft.reports("prefer-bigint"));  // the key's own rule says it
  for (const KeyType chosen : {KeyType::kBigint, KeyType::kAny}) {
    draft.choices.key_type = chosen;
    EXPECT_EQ(draft.rules(), Strings{"prefer-bigint"});
  }
  Draft number(kTable);
  number.column("number", "int4").numbered = true;
  EXPECT_TRUE(number.reports("prefer-bigint"));
}

TEST(PreferBigint, LeavesOtherNumbersAlone) {
  Draft draft(kTable);
  draft.choices.key_type = KeyType::kAny;
  draft.column("quantity", "int4");
  draft.column("floor", "int2").numbered = true;
  draft.column("number", "int8").numbered = true;
  draft.column("year", "int4");
  draft.primary_key({"year"});
  EXPECT_EQ(draft.rules(), Strings{});
}

TEST(PreferBigint, OfASequence) {
  Draft draft(DeclarationKind::kSequence, "numbers");
  draft.sql = "CREATE SEQUENCE shop.numbers AS integer";
  draft.column("", "int4").numbered = true;
  draft.typed("integer");
  EXPECT_EQ(draft.message("prefer-bigint"),
            "sequence shop.numbers is numbered within integer, which ends at 2,147,483,647");
  EXPECT_EQ(draft.offered("prefer-bigint"), "CREATE SEQUENCE shop.numbers AS bigint;|");
}

TEST(PreferIdentity, LeavesKeysToTheirRule) {
  Draft draft = keyed("id", "bigserial", true);
  EXPECT_EQ(draft.rules(), Strings{"key-type"});
  draft.choices.key_type = KeyType::kAny;
  EXPECT_EQ(draft.rules(), Strings{"prefer-identity"});
}

TEST(PreferIdentity, KeepsTheWidth) {
  for (const auto& [typed, type] :
       {std::pair{"bigserial", "bigint"}, {"serial4", "integer"}, {"smallserial", "smallint"}}) {
    Draft draft(kTable);
    draft.sql = std::string("CREATE TABLE orders (number ") + typed + ")";
    draft.column("number", typed).numbered = true;
    draft.typed(typed);
    EXPECT_EQ(draft.offered("prefer-identity"), std::string("CREATE TABLE orders (number ") + type +
                                                    " GENERATED BY DEFAULT AS IDENTITY);|");
  }
}

// Whichever way they are declared, the rows that are there have to be numbered.
TEST(PreferIdentity, OffersNothingForATableThatIsThere) {
  Draft draft(DeclarationKind::kNewColumn);
  draft.sql = "ALTER TABLE orders ADD COLUMN number serial";
  draft.column("number", "serial").numbered = true;
  draft.typed("serial");
  for (const char* rule : {"prefer-identity", "prefer-bigint"}) {
    EXPECT_EQ(draft.offered(rule), "") << rule;
  }
}

// --- enums

TEST(Enum, IsNoted) {
  Draft draft(DeclarationKind::kEnum, "mood");
  draft.declaration.values = 3;
  EXPECT_EQ(draft.message("enum-type"),
            "type shop.mood is an enum of 3 values: values can be added, but never removed");
}

TEST(Enum, ValuesHaveAPlace) {
  Draft draft(DeclarationKind::kEnumValue, "mood");
  draft.declaration.value = "angry";
  EXPECT_EQ(draft.message("enum-value-order"),
            "value \"angry\" of type shop.mood goes to the end of the order");
  draft.declaration.placed = true;
  EXPECT_EQ(draft.rules(), Strings{});
}

// --- names

TEST(NameCase, WantsSnakeCase) {
  for (const char* name : {"created_at", "a1", "_hidden", "stra\303\237e", "with$sign"}) {
    Draft draft(kTable);
    draft.column(name, "text");
    EXPECT_FALSE(draft.reports("name-case")) << name;
  }
  for (const char* name : {"createdAt", "ID", "with blank", "1st", "with-dash"}) {
    Draft draft(kTable);
    draft.column(name, "text");
    EXPECT_TRUE(draft.reports("name-case")) << name;
  }
  EXPECT_TRUE(Draft(kTable, "orderLines").reports("name-case"));
}

TEST(NameCase, SeesWhatTheServerFolds) {
  Draft draft(kTable);
  draft.sql = "CREATE TABLE shop.orderLines (createdAt date, TOTAL int, \"total\" int, aB text)";
  draft.declaration.table.name.at = 13;
  draft.declaration.table.name.raw = draft.declaration.table.name.quoted = "orderlines";
  ColumnSpec& column = draft.column("createdat", "date");
  column.name.at = ddl::Offset(draft.sql.find("createdAt"));
  EXPECT_EQ(
      draft.message("name-case"),
      "the names orderLines (stored as orderlines), createdAt (stored as createdat) in shop.orders "
      "lose their capitals");
}

TEST(NameCase, CapitalsThroughoutAreAStyleOfSql) {
  Draft draft(kTable);
  draft.sql = "CREATE TABLE ORDERS (TOTAL INT)";
  draft.declaration.table.name.at = 13;
  draft.column("total", "int4").name.at = ddl::Offset(draft.sql.find("TOTAL"));
  EXPECT_FALSE(draft.reports("name-case"));
}

TEST(NameReserved, NamesTheWords) {
  Draft draft(kTable);
  draft.column("order", "text").name.reserved = true;
  draft.declaration.table.columns.back().name.quoted = "\"order\"";
  draft.column("value", "text");
  EXPECT_EQ(draft.message("name-reserved"),
            "the name \"order\" in shop.orders is a reserved word of SQL");
  draft.declaration.table.name.reserved = true;
  EXPECT_EQ(draft.message("name-reserved"),
            "the names orders, \"order\" in shop.orders are reserved words of SQL");
}

TEST(NameTruncated, IsSaidOnceAStatement) {
  ddl::Declarations declarations = Draft(DeclarationKind::kEnum).declarations();
  Choices choices;
  choices.packs = packs_of("names");
  EXPECT_EQ(rules_of(review(declarations, choices)), Strings{});
  declarations.cut_names.emplace_back("so_long");
  declarations.items.push_back(declarations.items.front());
  const Findings findings = review(declarations, choices);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(readable(findings[0].message),
            "the server cuts the name so_long, which is longer than 63 bytes");
}

TEST(TableNameNumber, PluralUnlessChosenOtherwise) {
  EXPECT_EQ(Draft(kTable, "customer").message("table-name-number"),
            "table shop.customer has a name in the singular, not customers");
  EXPECT_EQ(Draft(kTable, "user_address").message("table-name-number"),
            "table shop.user_address has a name in the singular, not user_addresses");
  for (const char* name : {"customers", "order_status", "news", "kunde", "userAddress", "a_"}) {
    EXPECT_FALSE(Draft(kTable, name).reports("table-name-number")) << name;
  }
}

TEST(TableNameNumber, SingularWhereThatIsChosen) {
  Draft draft(kTable, "order_items");
  draft.choices.table_names = TableNames::kSingular;
  EXPECT_EQ(draft.message("table-name-number"),
            "table shop.order_items has a name in the plural, not order_item");
  Draft fine(kTable, "order_item");
  fine.choices.table_names = TableNames::kSingular;
  EXPECT_FALSE(fine.reports("table-name-number"));
}

TEST(TableNameNumber, AnyIsAny) {
  for (const char* name : {"customer", "customers"}) {
    Draft draft(kTable, name);
    draft.choices.table_names = TableNames::kAny;
    EXPECT_FALSE(draft.reports("table-name-number"));
  }
}

TEST(TableNameNumber, OffersTheName) {
  Draft draft(kTable, "customer");
  draft.sql = "CREATE TABLE shop.customer (customer text)";
  draft.declaration.table.name.at = 13;
  EXPECT_EQ(draft.offered("table-name-number"), "CREATE TABLE shop.customers (customer text);|");
  draft.references({"customer"});
  EXPECT_EQ(draft.offered("table-name-number"), "");
}

TEST(ForeignKeyName, EndsInId) {
  const auto reports = [](const char* name, const char* type, const char* other_column) {
    Draft draft(kTable);
    draft.column(name, type);
    if (*other_column == '\0') {
      draft.references({name});
    } else {
      draft.references({name}, {other_column});
    }
    return draft.reports("foreign-key-name");
  };
  EXPECT_TRUE(reports("author", "uuid", ""));
  EXPECT_TRUE(reports("author", "int8", "id"));
  for (const char* name :
       {"author_id", "id", "created_by", "author_uuid", "product_code", "authorId"}) {
    EXPECT_FALSE(reports(name, "uuid", "")) << name;
  }
  EXPECT_FALSE(reports("currency", "bpchar", ""));  // the value itself
  EXPECT_FALSE(reports("isbn", "int8", "isbn"));
}

TEST(ForeignKeyName, OfSeveralColumnsIsNotJudged) {
  Draft draft(kTable);
  draft.column("tenant", "uuid");
  draft.column("author", "uuid");
  draft.references({"tenant", "author"});
  EXPECT_FALSE(draft.reports("foreign-key-name"));
}

// --- structure

TEST(MissingPrimaryKey, IsFineWhereRowsComeFromElsewhere) {
  Draft draft(kTable);
  draft.column("note", "text");
  EXPECT_EQ(draft.rules(), Strings{"missing-primary-key"});
  draft.declaration.table.inherits = true;
  EXPECT_EQ(draft.rules(), Strings{});
  draft.declaration.table.inherits = false;
  draft.declaration.table.unlogged = true;
  EXPECT_EQ(draft.rules(), Strings{"unlogged-table"});
}

Draft standard(const char* wanted) {
  Draft draft = keyed("id", "uuid", false);
  draft.choices.standard_columns = wanted;
  return draft;
}

TEST(StandardColumns, AreAskedFor) {
  Draft draft = standard("created_at, updated_at,deleted_at");
  EXPECT_EQ(draft.message("missing-standard-columns"),
            "table shop.orders has no columns created_at, updated_at, deleted_at");
  draft.column("created_at", "timestamptz");
  draft.column("deleted_at", "timestamptz");
  EXPECT_EQ(draft.message("missing-standard-columns"),
            "table shop.orders has no column updated_at");
  draft.column("updated_at", "timestamptz");
  EXPECT_EQ(draft.rules(), Strings{});
}

TEST(StandardColumns, UnderOtherNamesCount) {
  for (const char* name : {"createdAt", "inserted_at", "created_on", "created"}) {
    Draft draft = standard("created_at");
    draft.column(name, "timestamptz");
    EXPECT_FALSE(draft.reports("missing-standard-columns")) << name;
  }
  // Whichever of the names is the one that is asked for.
  Draft draft = standard("inserted_at, tenant_id");
  draft.column("created_at", "timestamptz");
  EXPECT_EQ(draft.message("missing-standard-columns"), "table shop.orders has no column tenant_id");
}

TEST(StandardColumns, AreNotForLinksAndLogs) {
  Draft draft(kTable);
  draft.choices.standard_columns = "created_at";
  draft.column("user_id", "uuid");
  draft.column("role_id", "uuid");
  draft.references({"user_id"});
  EXPECT_TRUE(draft.reports("missing-standard-columns"));
  draft.references({"role_id"});
  EXPECT_FALSE(draft.reports("missing-standard-columns"));
  draft.column("note", "text");
  EXPECT_TRUE(draft.reports("missing-standard-columns"));
  for (const char* name : {"login_log", "price_history", "schema_migrations", "log"}) {
    Draft other(kTable, name);
    other.choices.standard_columns = "created_at";
    EXPECT_FALSE(other.reports("missing-standard-columns")) << name;
  }
}

TEST(StandardColumns, AreOfferedBehindTheOthers) {
  Draft draft = standard("created_at, created_by");
  draft.sql = "CREATE TABLE orders (\n  id uuid -- so\n) WITH (fillfactor = 90)";
  draft.declaration.table.name.at = 13;
  EXPECT_EQ(draft.offered("missing-standard-columns"),
            "CREATE TABLE orders (\n  id uuid,\n  created_at timestamptz NOT NULL DEFAULT now(),\n"
            "  created_by text NOT NULL DEFAULT CURRENT_USER -- so\n) WITH (fillfactor = 90);|");
  // Of others nobody knows the type.
  draft.choices.standard_columns = "created_at, tenant_id";
  EXPECT_EQ(draft.offered("missing-standard-columns"), "");
}

TEST(UnloggedTable, OffersAPlainOne) {
  Draft draft(kTable);
  draft.sql = "CREATE UNLOGGED TABLE orders (note text)";
  draft.declaration.table.unlogged = true;
  EXPECT_EQ(draft.offered("unlogged-table"), "CREATE TABLE orders (note text);|");
}

TEST(WideTable, HasMoreThanFiftyColumns) {
  Draft draft(kTable);
  for (int i = 0; i < 50; i++) draft.column("note", "text");
  EXPECT_FALSE(draft.reports("wide-table"));
  draft.column("note", "text");
  EXPECT_EQ(draft.message("wide-table"), "table shop.orders has 51 columns, more than 50");
}

TEST(Extension, WithoutAVersion) {
  Draft draft(DeclarationKind::kExtension, "hstore");
  EXPECT_EQ(draft.rules(), Strings{"create-extension-unpinned"});
  draft.declaration.version = "1.8";
  EXPECT_EQ(draft.rules(), Strings{});
}

// --- security

Draft grant() {
  Draft draft(DeclarationKind::kGrant);
  draft.declaration.display = "table shop.orders";
  draft.declaration.grant.privileges = "SELECT, INSERT";
  draft.declaration.grant.grantees = "clerks";
  return draft;
}

TEST(Grant, ToPublic) {
  Draft draft = grant();
  EXPECT_EQ(draft.rules(), Strings{});
  draft.declaration.grant.to_public = true;
  EXPECT_EQ(draft.message("grant-to-public"),
            "every role, now and later, gets SELECT, INSERT on table shop.orders");
  draft.declaration.grant.usual_for_public = true;
  EXPECT_EQ(draft.rules(), Strings{});
}

TEST(Grant, WithGrantOption) {
  Draft draft = grant();
  draft.declaration.grant.with_grant_option = true;
  EXPECT_EQ(draft.message("grant-option"),
            "clerks can pass on SELECT, INSERT on table shop.orders");
}

TEST(SecurityDefiner, IsAWarningWithoutASearchPath) {
  Draft draft(DeclarationKind::kFunction, "purge");
  EXPECT_EQ(draft.rules(), Strings{});
  draft.declaration.security_definer = true;
  EXPECT_EQ(draft.rules(), Strings{"security-definer-search-path"});
  EXPECT_EQ(draft.findings().front().severity, Severity::kWarn);
  draft.declaration.pins_search_path = true;
  EXPECT_EQ(draft.rules(), Strings{});
}

}  // namespace
}  // namespace db_guard::rules
