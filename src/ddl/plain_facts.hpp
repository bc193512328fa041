// Plain server code behind the facts: what both the rules and the predictions ask of the catalogs.
// Nothing here locks a user relation.
#pragma once

#include "pg/prelude.hpp"

extern "C" {
#include "access/attnum.h"
#include "nodes/parsenodes.h"
}

namespace db_guard::ddl {

// What ADD COLUMN adds.
struct ColumnPlan {
  Oid type;  // InvalidOid for serial
  int32 modifier;
  Node* default_expression;  // cooked; null where there is none, or serial
  const char* type_name;     // of serial only
  bool has_default;
  bool volatile_default;
  bool serial;
  bool identity;
  bool identity_always;
  bool stored_generated;
  bool virtual_generated;
  bool constrained_domain;
  bool not_null;
  bool composite;
};
ColumnPlan plan_new_column(const ColumnDef* definition);

struct TypeOf {
  Oid type;
  int32 modifier;
  Oid collation;
};

// What ALTER COLUMN ... TYPE does to the column's own table.
struct TypePlan {
  AttrNumber number;
  TypeOf before;
  TypeOf after;
  Node* value;          // the USING expression or the column, as the server reads it
  const char* refused;  // why the server will not change the type; null where it will
  bool rewrite;
  List* constraints;  // OIDs of constraints that the server will make anew
  List* indexes;      // OIDs of indexes that it will make anew, other than those of constraints
  List*
      rebuilt_indexes;  // OIDs of all whose contents cannot be kept, unless the table is rewritten
};
TypePlan plan_type_change(Oid relation, const char* column, const ColumnDef* definition);

// The names of the validated CHECK constraints, other than those listed, that imply that the column
// has no nulls; null where they do not.
const char* prove_not_null(Oid relation, AttrNumber column, const List* without);

// The condition that the column holds no NULL.
NullTest* not_null_test(Oid relation, AttrNumber column);

// Whether a valid index finds the rows with given values in these columns, which a foreign key
// needs for every DELETE and UPDATE of a key on the other side. Partial ones count that hold all
// rows without a NULL there.
bool is_key_indexed(Oid table, const AttrNumber* columns, int count);

// The CHECK expressions of one domain, printed, in which VALUE stands for the value: C strings.
List* print_domain_checks(Oid domain);
bool is_domain_not_null(Oid domain);
// The type that it is made of, which may be a domain itself, and that one's modifier.
Oid base_of_domain(Oid domain, int32* modifier);

}  // namespace db_guard::ddl
