#include "core/text.hpp"
#include "rules/review.hpp"

namespace db_guard::rules {

using core::concat;
using ddl::DeclarationKind;

namespace {

constexpr std::string_view kSlug = "security-definer-search-path";

void review(const Review& review, Findings& findings) {
  const ddl::Declaration& function = review.declaration;
  if (!function.security_definer || function.pins_search_path) return;
  Finding finding = make_note(review, kSlug);
  finding.severity = Severity::kWarn;
  finding.message =
      concat({function.procedure ? "procedure " : "function ", review.object,
              " runs with its owner's rights and looks up names where the caller says"});
  finding.detail = Text(
      "Whoever can create a table, function or operator in a schema of their search_path can have "
      "it run code of theirs. Add SET search_path = pg_catalog, pg_temp, with the schemas that it "
      "needs before pg_temp.");
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule security_definer_search_path;
constexpr Rule security_definer_search_path = in_pack(
    {
        kSlug,
        "security",
        Severity::kWarn,
        "A SECURITY DEFINER function that trusts the caller's search_path",
        "CREATE FUNCTION or PROCEDURE ... SECURITY DEFINER has no SET search_path. This is a "
        "WARNING, "
        "since it is a hole and no matter of taste.",
        "The function runs with the rights of its owner, but looks up tables, functions and "
        "operators "
        "where the caller says. Whoever may create objects in any schema, or a temporary table, "
        "can "
        "have code of their own run as the owner.",
        "SET search_path = pg_catalog, pg_temp on the function, with the schemas it needs before "
        "pg_temp, which is searched first where it is not named. Functions in C and bodies in "
        "standard "
        "SQL (BEGIN ATOMIC) look nothing up when they run and are left alone.",
        "",
        "CREATE FUNCTION purge() RETURNS void LANGUAGE plpgsql SECURITY DEFINER\n  AS 'BEGIN "
        "DELETE "
        "FROM orders; END';",
        "CREATE FUNCTION purge() RETURNS void LANGUAGE plpgsql SECURITY DEFINER\n  SET search_path "
        "= "
        "pg_catalog, pg_temp\n  AS 'BEGIN DELETE FROM shop.orders; END';",
        "0.1.0",
        ddl::Lock::kNone,
        "none",
    },
    {DeclarationKind::kFunction}, review);

}  // namespace db_guard::rules
