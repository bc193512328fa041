// How the images of a table are written: which columns, in which order, in which form. Every image
// names its shape, so that it can be read after the table has changed, and after a dump and
// restore.
#pragma once

#include "pg/prelude.hpp"

extern "C" {
#include "access/tupdesc.h"
#include "utils/array.h"
#include "utils/relcache.h"
}

namespace db_guard::rowaudit {

// How a value is written. What carries numbers of catalog rows inside (enums, composite types,
// types of other extensions) is written as text: those numbers are others after a restore.
enum class Form : char {
  kInteger = 'i',   // variable length
  kFixed = 'f',     // its bytes
  kVarlena = 'v',   // length and bytes, never compressed or elsewhere
  kText = 't',      // what the type prints
  kRedacted = 'x',  // not at all; only that it has changed
};

struct Bytes {
  const unsigned char* data;
  uint32 length;
};

struct Column {
  int16 attnum;
  // The same in all shapes of the table, whatever the column is called and where it stands.
  int16 id;
  Form form;
  bool by_value;
  int16 length;
  Oid type;  // of the value; below a domain
  int32 typmod;
  bool has_missing;
  Bytes missing;  // what rows hold that are older than the column, as written in an image
  FmgrInfo output;
  char name[NAMEDATALEN];
};

struct Shape {
  int32 id;
  int32 table_id;
  int keys;     // the first columns are the primary key; none: the whole row identifies itself
  int columns;  // the key's first
  Column* column;
  Oid relation;
  bool pinned_settings;  // some value's text depends on the session's settings
  bool described;        // from the relation, not only from its row: values can be written
  bool settled;          // its row is committed, or at least not this transaction's
};

struct ColumnLists {
  ArrayType* ignored;
  ArrayType* redacted;
};

// Plain server code, all of this. Shapes live as long as the session.

Shape* shape_by_id(int32 id);
// The shape that the relation has now; noted in db_guard.audit_shape when it is a new one.
Shape* current_shape(::Relation relation, int32 table_id, const ColumnLists& lists);
// The same without noting it: for those who only read, maybe on a standby.
const Shape* read_current_shape(::Relation relation, int32 table_id, const ColumnLists& lists);
bool contains_name(const ArrayType* names, const char* name);
// The columns of the primary key, in its order; 0 where there is none.
int primary_key_columns(::Relation relation, AttrNumber* columns);

// What this transaction has noted is undone.
void drop_unsettled_shapes();
void settle_shapes();

// Settings under which text survives being written here and read there, in pairs.
int pin_text_settings();
void unpin_text_settings(int nest_level);

Form form_of_type(Oid base_type);

}  // namespace db_guard::rowaudit
