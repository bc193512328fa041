#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "foreign-key-type-mismatch";

Text consequence(const ddl::KeyMismatch& mismatch) {
  return Text(mismatch.too_narrow ? "it cannot hold every key that may come to exist there"
                                  : "no index on it can find the rows that reference a key");
}

void check(const Context& context, Findings& findings) {
  const auto other = context.facts.relation(context.action.other);
  if (!other) return;
  for (const ddl::KeyMismatch& mismatch :
       context.facts.key_mismatches(context.relation(), *other, context.action)) {
    Finding finding = make_finding(context, kSlug, Severity::kWarn);
    finding.place.column = mismatch.column;
    finding.place.constraint = context.action.constraint;
    finding.message =
        concat({"column ", context.facts.quote(mismatch.column), " (", mismatch.type, ") of ",
                table_with_size(context), " refers to ", context.facts.quote(mismatch.other_column),
                " (", mismatch.other_type, ") of ", other->display, ": ", consequence(mismatch)});
    finding.detail = concat(
        {mismatch.too_narrow
             ? "The day a key does not fit, rows that refer to it cannot be written. "
             : "The server converts the column before it compares, so that every DELETE on the "
               "referenced table reads this table as a whole. ",
         "Give the column the type ", mismatch.other_type,
         " before the key is added; where that rewrites a large table, db_guard says how to do it "
         "online when you try."});
    findings.push_back(std::move(finding));
  }
}

}  // namespace

extern const Rule foreign_key_type_mismatch;
constexpr Rule foreign_key_type_mismatch = {
    kSlug,
    "constraints",
    Severity::kWarn,
    "A foreign key between different types",
    "The two columns compare, so the server takes the key. But a narrower column cannot hold every "
    "key of the other table, and where the server has to convert the column to compare, no index "
    "on "
    "it can serve. Harmless differences, such as a wider column or text for varchar, are not "
    "reported.",
    "An integer column that refers to a bigint key works until the two billionth key, and changing "
    "its type is a rewrite by then.",
    "Give the column the type of the key before the key is added: while the table is small it is "
    "cheap.",
    "CREATE TABLE users (id bigint PRIMARY KEY);\nINSERT INTO users SELECT generate_series(1, "
    "1000);\nCREATE TABLE orders (id bigint PRIMARY KEY, user_id integer, buyer_id "
    "bigint);\nCREATE "
    "INDEX ON orders (user_id);\nCREATE INDEX ON orders (buyer_id);\nINSERT INTO orders SELECT g, "
    "g, g FROM generate_series(1, 1000) g;",
    "ALTER TABLE orders ADD CONSTRAINT orders_user_id_fkey FOREIGN KEY (user_id) REFERENCES users "
    "NOT VALID;",
    "ALTER TABLE orders ADD CONSTRAINT orders_buyer_id_fkey FOREIGN KEY (buyer_id) REFERENCES "
    "users "
    "NOT VALID;",
    "0.1.0",
    ddl::Lock::kShareRowExclusive,
    "none",
    {ddl::ActionKind::kAddForeignKey},
    check,
};

}  // namespace db_guard::rules
