// Images of rows as bytes, there and back. A payload is
//   shape, command, length of the key       three numbers of variable length
//   key                                     the values of the primary key, one after the other
//   for I, D, t, B: row                     1 and a bitmap of NULLs, or 0; then the values that are
//   not
//                                           NULL of the columns after the key
//   for U: changes with both values         index, old value, new value
//   for F, M: row, then changes             index, new value
// A change's index counts from the change before, and its lowest bits tell what is NULL.
#pragma once

#include "core/byte_reader.hpp"
#include "rowaudit/audit_shape.hpp"

extern "C" {
#include "executor/tuptable.h"
}

namespace db_guard::rowaudit {

// What an event is. Letters, because they stand in the table.
enum class Op : char {
  kInsert = 'I',
  kUpdate = 'U',      // key and the changed columns, before and after
  kUpdateFull = 'F',  // all of the row before, and the changed columns: there is no key
  kMove = 'M',        // the same, and the key has changed
  kDelete = 'D',
  kTruncated = 't',  // a row that a TRUNCATE removed
  kTruncate = 'T',   // the TRUNCATE itself; nothing but the statement
  kBaseline = 'B',   // a row that was there before
};

struct ByteBuffer {
  unsigned char* data;
  Size length;
  Size capacity;
};

// Plain server code, all of this. A buffer grows in the memory context that it began in.
ByteBuffer new_buffer();

void append_value(ByteBuffer& buffer, const Column& column, Datum value);

struct ImageWriter {
  ByteBuffer payload;
  ByteBuffer key;
};

// The beginning of every payload, and all of it for an event without a row.
void write_head(ByteBuffer& payload, const Shape* shape, CommandId command);
void write_row(ImageWriter& writer, const Shape* shape, CommandId command, TupleTableSlot* row);
// What the update is, and its payload; false where nothing has changed that is recorded.
bool write_update(ImageWriter& writer, const Shape* shape, CommandId command,
                  TupleTableSlot* before, TupleTableSlot* after, Op* op);

// --- reading ------------------------------------------------------------------------------------

enum class State : unsigned char {
  kUnknown,
  kNull,
  kValue,
  kHidden,  // redacted, and changed
};

// A fold keeps one for each column of each row: no Bytes, whose end would be padding twice.
struct Value {
  const unsigned char* data;
  uint32 length;
  State state;
};

inline Bytes bytes_of(const Value& value) { return {value.data, value.length}; }
inline Value value_of(const Bytes& bytes) { return {bytes.data, bytes.length, State::kValue}; }
constexpr Value kNullValue{nullptr, 0, State::kNull};

// Before and after of an event as far as its payload tells; arrays of shape->columns values.
struct Image {
  const Shape* shape;
  CommandId command;
  Op op;
  bool has_old;
  bool has_new;
  Bytes key;
  Value* old_values;
  Value* new_values;
  bool* changed;
};

// Points into the payload, which has to stay. Raises where the payload is damaged.
Image read_image(Op op, const unsigned char* payload, Size length);

// The next value of that column.
Value take_value(core::ByteReader& reader, const Column& column);

uint64 hash_of_key_bytes(int32 table_id, const Bytes& key);

Datum datum_of(const Column& column, const Bytes& bytes);
char* text_of(const Column& column, const Bytes& bytes);

}  // namespace db_guard::rowaudit
