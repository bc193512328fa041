// What a change of type would lose: told from the types where they are known, and looked for in the
// rows.
#include "ddl/narrowing.hpp"

#include "core/text.hpp"
#include "ddl/catalog_facts.hpp"
#include "ddl/probe.hpp"
#include "pg/search_path.hpp"
#include "pg/spi.hpp"
#include "pg/subtransaction.hpp"
#include "pg/time_limit.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/typcache.h"
}

namespace db_guard::ddl {

namespace {

using core::concat;

constexpr FitPlan kFits = {Fit::kEvery, nullptr};

// Digits in front of the point that the largest value has; 0: no integer.
int digits_of_integer(Oid type) {
  switch (type) {
    case INT2OID:
      return 5;
    case INT4OID:
      return 10;
    case INT8OID:
      return 19;
    default:
      return 0;
  }
}

bool is_float(Oid type) { return type == FLOAT4OID || type == FLOAT8OID; }

bool is_string(Oid type) { return type == VARCHAROID || type == BPCHAROID || type == TEXTOID; }

bool is_moment(Oid type) { return type == TIMESTAMPOID || type == TIMESTAMPTZOID; }

bool is_clock(Oid type) { return type == TIMEOID || type == TIMETZOID; }

// "(12,2)" as two numbers; any number of digits where `constrained` is false.
struct Digits {
  bool constrained;
  int in_front;
  int behind;
};

Digits digits_of(int32 modifier) {
  if (modifier < VARHDRSZ) return {false, 0, 0};
  const int precision = ((modifier - VARHDRSZ) >> 16) & 0xffff;
  const int scale = (((modifier - VARHDRSZ) & 0x7ff) ^ 1024) - 1024;
  return {true, precision - scale, scale};
}

const char* round_trip(const TypeOf& before, const TypeOf& after, const char* column) {
  const char* there = format_type_with_typemod(after.type, after.modifier);
  const char* back = format_type_with_typemod(before.type, before.modifier);
  return psprintf("%s::%s::%s = %s", column, there, back, column);
}

FitPlan fit_of_strings(const TypeOf& before, const TypeOf& after, const char* column) {
  if (after.type == TEXTOID || after.modifier < VARHDRSZ) return kFits;
  const bool enough =
      before.type != TEXTOID && before.modifier >= VARHDRSZ && before.modifier <= after.modifier;
  if (enough) return kFits;
  // The server cuts blanks at the end, and nothing else.
  return {Fit::kSome, psprintf("pg_catalog.char_length(pg_catalog.rtrim(%s)) <= %d", column,
                               after.modifier - VARHDRSZ)};
}

FitPlan fit_of_integers(Oid before, Oid after, const char* column) {
  if (digits_of_integer(before) <= digits_of_integer(after)) return kFits;
  const char* range = after == INT2OID ? "-32768 AND 32767" : "-2147483648 AND 2147483647";
  return {Fit::kSome, psprintf("%s BETWEEN %s", column, range)};
}

FitPlan fit_of_numerics(const TypeOf& before, const TypeOf& after, const char* column) {
  const Digits from = digits_of(before.modifier);
  const Digits to = digits_of(after.modifier);
  if (!to.constrained) return kFits;
  const bool rounds = !from.constrained || to.behind < from.behind;
  if (!rounds && to.in_front >= from.in_front) return kFits;
  return {rounds ? Fit::kChanged : Fit::kSome, round_trip(before, after, column)};
}

FitPlan fit_of_numbers(const TypeOf& before, const TypeOf& after, const char* column) {
  const int from = digits_of_integer(before.type);
  const int to = digits_of_integer(after.type);
  if (from > 0 && to > 0) return fit_of_integers(before.type, after.type, column);
  if (before.type == NUMERICOID && after.type == NUMERICOID) {
    return fit_of_numerics(before, after, column);
  }
  if (from > 0 && after.type == NUMERICOID) {
    const Digits digits = digits_of(after.modifier);
    if (!digits.constrained || digits.in_front >= from) return kFits;
    return {Fit::kSome, round_trip(before, after, column)};
  }
  // A float8 holds 15 decimal digits, a float4 six.
  const bool holds = (after.type == FLOAT8OID && (from == 5 || from == 10)) ||
                     (after.type == FLOAT4OID && from == 5);
  const bool widens = before.type == FLOAT4OID && after.type == FLOAT8OID;
  if (holds || widens || before.type == after.type) return kFits;
  return {Fit::kChanged, round_trip(before, after, column)};
}

bool is_number(Oid type) {
  return digits_of_integer(type) > 0 || is_float(type) || type == NUMERICOID;
}

FitPlan fit_of_times(const TypeOf& before, const TypeOf& after, const char* column) {
  constexpr int kMostDecimals = 6;
  const bool same = before.type == after.type ||
                    (is_moment(before.type) && is_moment(after.type)) ||
                    (is_clock(before.type) && is_clock(after.type));
  if (same) {
    const int from = before.modifier < 0 ? kMostDecimals : before.modifier;
    const int to = after.modifier < 0 ? kMostDecimals : after.modifier;
    if (to >= from) return kFits;
    return {Fit::kChanged, round_trip(before, after, column)};
  }
  // The time of day has no way back to a moment, and a date none to a time of day.
  if (is_moment(before.type) && after.type == DATEOID) {
    return {Fit::kChanged, round_trip(before, after, column)};
  }
  return kFits;
}

FitPlan fit_of_bits(const TypeOf& before, const TypeOf& after, const char* column) {
  if (after.modifier < 0) return kFits;
  const bool exact = after.type == BITOID;
  const bool enough =
      before.modifier >= 0 && (exact ? before.type == BITOID && before.modifier == after.modifier
                                     : before.modifier <= after.modifier);
  if (enough) return kFits;
  return {Fit::kSome,
          psprintf("pg_catalog.length(%s) %s %d", column, exact ? "=" : "<=", after.modifier)};
}

FitPlan fit_between(const TypeOf& before, const TypeOf& after, const char* column) {
  const auto both = [&](auto&& is) { return is(before.type) && is(after.type); };
  if (both(is_string)) return fit_of_strings(before, after, column);
  if (both(is_number)) return fit_of_numbers(before, after, column);
  if (both([](Oid type) { return type == BITOID || type == VARBITOID; })) {
    return fit_of_bits(before, after, column);
  }
  if (both([](Oid type) { return is_moment(type) || is_clock(type) || type == DATEOID; })) {
    return fit_of_times(before, after, column);
  }
  return kFits;
}

// What a probe asks of the rows, as SQL; null where there is nothing to ask.
struct Question {
  const char* value;  // that the server computes of each row
  FitPlan fit;        // without `fits` it is enough that it can be computed
};

const char* print_value(Oid relation, const TypePlan& plan) {
  const char* name = get_rel_name(relation);
  if (name == nullptr) return nullptr;
  List* context = deparse_context_for(name, relation);
  return psprintf("(%s)::%s", deparse_expression(plan.value, context, false, false),
                  format_type_with_typemod(plan.after.type, plan.after.modifier));
}

// The lock that printing needs is held by now.
Question question_of(Oid relation, const char* column, const ColumnDef* definition) {
  const TypePlan plan = plan_type_change(relation, column, definition);
  if (plan.refused != nullptr || contain_volatile_functions(plan.value)) return {};
  const bool converts = definition->raw_default != nullptr;
  return pg::under_pinned_search_path([&] {
    return Question{print_value(relation, plan),
                    converts ? FitPlan{} : plan_fit(plan, quote_identifier(column))};
  });
}

Text probe_sql(const Relation& relation, const Text& column, const Question& question) {
  if (question.fit.fits == nullptr) {
    return concat({"SELECT count(", question.value, ") FROM ", relation.display});
  }
  return concat({"SELECT left(", column, "::text, 40), left((", question.value,
                 ")::text, 40) FROM ", relation.display, " WHERE NOT (", question.fit.fits,
                 ") LIMIT ", core::number(kMostExamples)});
}

void read_examples(const Question& question, const pg::Rows& rows, Misfits& found) {
  if (question.fit.fits == nullptr) return;
  for (int i = 0; i < rows.rows; i++) {
    Text example(rows.text(i, 0));
    if (question.fit.fit == Fit::kChanged) example.append(concat({" becomes ", rows.text(i, 1)}));
    found.examples.push_back(std::move(example));
  }
}

void search(const Relation& relation, const Action& action, Misfits& found) {
  if (!lock_all_without_waiting(relation)) return;
  const Oid id = relation.id;
  const char* column = action.column.c_str();
  const auto* definition = static_cast<const ColumnDef*>(action.node);
  const Question question = pg::call([&] { return question_of(id, column, definition); });
  if (question.value == nullptr) return;
  const Text quoted(pg::call([&] { return quote_identifier(column); }));
  const Text sql = probe_sql(relation, quoted, question);
  refuse_to_see_less();
  const AsOwner as_owner(relation.id);
  const pg::TimeLimit limit(kProbeMilliseconds);
  found.searched = true;
  read_examples(question, pg::query(sql.c_str()), found);
  found.complete = true;
}

bool is_about_a_value(int sqlstate) {
  const int category = ERRCODE_TO_CATEGORY(sqlstate);
  return category == ERRCODE_DATA_EXCEPTION || category == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION;
}

}  // namespace

FitPlan plan_fit(const TypePlan& plan, const char* column) {
  TypeOf before = plan.before;
  TypeOf after = plan.after;
  before.type = getBaseTypeAndTypmod(before.type, &before.modifier);
  if (DomainHasConstraints(after.type)) return {Fit::kSome, nullptr};
  after.type = getBaseTypeAndTypmod(after.type, &after.modifier);
  return fit_between(before, after, column);
}

Misfits probe_misfits(const Relation& relation, const Action& action) {
  Misfits found;
  try {
    pg::rolled_back([&] { search(relation, action, found); });
  } catch (const pg::PgError& error) {
    const bool cancelled = error.sqlstate() == ERRCODE_QUERY_CANCELED;
    if (cancelled && !pg::TimeLimit::expired()) throw;
    if (is_about_a_value(error.sqlstate())) {
      found.error = error.what();
    } else if (!cancelled) {
      found.searched = false;
    }
  }
  return found;
}

}  // namespace db_guard::ddl
