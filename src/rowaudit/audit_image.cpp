#include "rowaudit/audit_image.hpp"

extern "C" {
#include "access/detoast.h"
#include "access/htup_details.h"
#include "access/tupmacs.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/expandeddatum.h"
#include "utils/lsyscache.h"
}

namespace db_guard::rowaudit {

namespace {

constexpr Size kFirstCapacity = 512;

void reserve(ByteBuffer& buffer, Size more) {
  const Size needed = buffer.length + more;
  if (needed <= buffer.capacity) return;
  Size capacity = Max(buffer.capacity, kFirstCapacity);
  while (capacity < needed) capacity *= 2;
  if (buffer.data == nullptr) {
    buffer.data = static_cast<unsigned char*>(palloc_extended(capacity, MCXT_ALLOC_HUGE));
  } else {
    buffer.data = static_cast<unsigned char*>(repalloc_huge(buffer.data, capacity));
  }
  buffer.capacity = capacity;
}

void append_bytes(ByteBuffer& buffer, const void* data, Size length) {
  reserve(buffer, length);
  memcpy(buffer.data + buffer.length, data, length);
  buffer.length += length;
}

void append_varint(ByteBuffer& buffer, std::uint64_t value) {
  reserve(buffer, core::kMaxVarintLength);
  unsigned char* at = buffer.data + buffer.length;
  buffer.length += Size(core::write_varint(at, value) - at);
}

void append_counted(ByteBuffer& buffer, const void* data, Size length) {
  append_varint(buffer, length);
  append_bytes(buffer, data, length);
}

int64 integer_of(const Column& column, Datum value) {
  switch (column.length) {
    case 2:
      return DatumGetInt16(value);
    case 4:
      return DatumGetInt32(value);
    default:
      return DatumGetInt64(value);
  }
}

Datum datum_of_integer(const Column& column, int64 value) {
  switch (column.length) {
    case 2:
      return Int16GetDatum(int16(value));
    case 4:
      return Int32GetDatum(int32(value));
    default:
      return Int64GetDatum(value);
  }
}

void append_varlena(ByteBuffer& buffer, Datum value) {
  auto* plain = reinterpret_cast<varlena*>(DatumGetPointer(value));
  plain = pg_detoast_datum_packed(plain);
  append_counted(buffer, VARDATA_ANY(plain), VARSIZE_ANY_EXHDR(plain));
}

void append_fixed(ByteBuffer& buffer, const Column& column, Datum value) {
  if (column.by_value) {
    Datum bytes = 0;
    store_att_byval(&bytes, value, column.length);
    append_bytes(buffer, &bytes, Size(column.length));
  } else {
    append_bytes(buffer, DatumGetPointer(value), Size(column.length));
  }
}

void append_text(ByteBuffer& buffer, const Column& column, Datum value) {
  char* text = OutputFunctionCall(const_cast<FmgrInfo*>(&column.output), value);
  append_counted(buffer, text, strlen(text));
}

Datum attribute_of(TupleTableSlot* row, const Column& column, bool* is_null) {
  *is_null = row->tts_isnull[column.attnum - 1];
  return row->tts_values[column.attnum - 1];
}

// --- writing ------------------------------------------------------------------------------------

void write_key(ImageWriter& writer, const Shape* shape, TupleTableSlot* row) {
  writer.key.length = 0;
  for (int i = 0; i < shape->keys; i++) {
    bool is_null = false;
    const Datum value = attribute_of(row, shape->column[i], &is_null);
    append_value(writer.key, shape->column[i], value);
  }
}

void begin_payload(ImageWriter& writer, const Shape* shape, CommandId command,
                   TupleTableSlot* row) {
  write_key(writer, shape, row);
  writer.payload.length = 0;
  append_varint(writer.payload, std::uint64_t(shape->id));
  append_varint(writer.payload, command);
  append_counted(writer.payload, writer.key.data, writer.key.length);
}

// Whether a redacted column is NULL is nobody's business either.
bool is_recorded_null(const Column& column, TupleTableSlot* row) {
  return column.form != Form::kRedacted && row->tts_isnull[column.attnum - 1];
}

bool has_nulls(const Shape* shape, TupleTableSlot* row) {
  for (int i = shape->keys; i < shape->columns; i++) {
    if (is_recorded_null(shape->column[i], row)) return true;
  }
  return false;
}

void append_bitmap(ByteBuffer& buffer, const Shape* shape, TupleTableSlot* row) {
  const Size bytes = Size(shape->columns - shape->keys + 7) / 8;
  reserve(buffer, bytes);
  unsigned char* bitmap = buffer.data + buffer.length;
  memset(bitmap, 0, bytes);
  for (int i = shape->keys; i < shape->columns; i++) {
    const int bit = i - shape->keys;
    if (is_recorded_null(shape->column[i], row)) bitmap[bit / 8] |= 1 << (bit % 8);
  }
  buffer.length += bytes;
}

void append_row(ByteBuffer& buffer, const Shape* shape, TupleTableSlot* row) {
  const unsigned char nulls = has_nulls(shape, row) ? 1 : 0;
  append_bytes(buffer, &nulls, 1);
  if (nulls != 0) append_bitmap(buffer, shape, row);
  for (int i = shape->keys; i < shape->columns; i++) {
    const Column& column = shape->column[i];
    bool is_null = false;
    const Datum value = attribute_of(row, column, &is_null);
    if (!is_null && column.form != Form::kRedacted) append_value(buffer, column, value);
  }
}

bool is_plain(const varlena* value) {
  return !VARATT_IS_EXTERNAL(value) && !VARATT_IS_COMPRESSED(value);
}

bool is_same_varlena(const Column& column, Datum a, Datum b) {
  const auto* left = reinterpret_cast<varlena*>(DatumGetPointer(a));
  const auto* right = reinterpret_cast<varlena*>(DatumGetPointer(b));
  if (is_plain(left) && is_plain(right)) {
    return VARSIZE_ANY_EXHDR(left) == VARSIZE_ANY_EXHDR(right) &&
           memcmp(VARDATA_ANY(left), VARDATA_ANY(right), VARSIZE_ANY_EXHDR(left)) == 0;
  }
  // The pointer to a value that the UPDATE has left alone.
  if (VARATT_IS_EXTERNAL_ONDISK(left) && VARATT_IS_EXTERNAL_ONDISK(right) &&
      memcmp(left, right, VARSIZE_EXTERNAL(left)) == 0) {
    return true;
  }
  return datum_image_eq(a, b, column.by_value, column.length);
}

bool is_same_value(const Column& column, int16 length, bool by_value, Datum a, Datum b) {
  if (by_value) return a == b;
  if (length == -1) return is_same_varlena(column, a, b);
  return datum_image_eq(a, b, by_value, length);
}

bool has_changed(const Column& column, TupleTableSlot* before, TupleTableSlot* after) {
  bool old_null = false;
  bool new_null = false;
  const Datum a = attribute_of(before, column, &old_null);
  const Datum b = attribute_of(after, column, &new_null);
  if (old_null || new_null) return old_null != new_null;
  Form_pg_attribute attribute = TupleDescAttr(before->tts_tupleDescriptor, column.attnum - 1);
  return !is_same_value(column, attribute->attlen, attribute->attbyval, a, b);
}

void append_changed_value(ByteBuffer& buffer, const Column& column, TupleTableSlot* row) {
  bool is_null = false;
  const Datum value = attribute_of(row, column, &is_null);
  if (!is_null && column.form != Form::kRedacted) append_value(buffer, column, value);
}

std::uint64_t null_bits(const Column& column, TupleTableSlot* before, TupleTableSlot* after,
                        bool both) {
  const std::uint64_t new_null = is_recorded_null(column, after) ? 1 : 0;
  return both ? (is_recorded_null(column, before) ? 2 : 0) | new_null : new_null;
}

// All changed columns from `first` on; how many there are is what ends the payload.
int append_changes(ByteBuffer& buffer, const Shape* shape, TupleTableSlot* before,
                   TupleTableSlot* after, bool both) {
  int changes = 0;
  int last = -1;
  for (int i = both ? shape->keys : 0; i < shape->columns; i++) {
    const Column& column = shape->column[i];
    if (!has_changed(column, before, after)) continue;
    const auto distance = std::uint64_t(i - last - 1);
    append_varint(buffer, (distance << (both ? 2 : 1)) | null_bits(column, before, after, both));
    if (both) append_changed_value(buffer, column, before);
    append_changed_value(buffer, column, after);
    last = i;
    changes++;
  }
  return changes;
}

bool key_has_changed(const Shape* shape, TupleTableSlot* before, TupleTableSlot* after) {
  for (int i = 0; i < shape->keys; i++) {
    if (has_changed(shape->column[i], before, after)) return true;
  }
  return false;
}

// --- reading ------------------------------------------------------------------------------------

[[noreturn]] void report_damage(const Shape* shape) {
  ereport(ERROR,
          (errcode(ERRCODE_DATA_CORRUPTED), errmsg("an image in db_guard.audit_event is damaged"),
           shape != nullptr
               ? errdetail("It is of shape %d of audited table %d.", shape->id, shape->table_id)
               : 0,
           errhint("db_guard.verify_audit() tells which sealed parts of the log are whole.")));
  pg_unreachable();
}

Bytes take_bytes(core::ByteReader& reader, Size length) {
  return {reader.bytes(length), uint32(length)};
}

void read_key(core::ByteReader& reader, Image& image, Value* values) {
  image.key = take_bytes(reader, reader.varint());
  if (image.key.data == nullptr) return;
  core::ByteReader key(image.key.data, image.key.length);
  for (int i = 0; i < image.shape->keys; i++) {
    values[i] = take_value(key, image.shape->column[i]);
  }
  if (key.damaged()) report_damage(image.shape);
}

void read_row(core::ByteReader& reader, const Shape* shape, Value* values) {
  const bool nulls = reader.byte() != 0;
  const Size bitmap_length = nulls ? Size(shape->columns - shape->keys + 7) / 8 : 0;
  const unsigned char* bitmap = reader.bytes(bitmap_length);
  for (int i = shape->keys; i < shape->columns && !reader.damaged(); i++) {
    const int bit = i - shape->keys;
    const bool is_null = nulls && (bitmap[bit / 8] & (1 << (bit % 8))) != 0;
    values[i] = is_null ? kNullValue : take_value(reader, shape->column[i]);
  }
}

void read_changes(core::ByteReader& reader, Image& image, bool both) {
  std::uint64_t index = 0;
  while (reader.left() > 0) {
    const std::uint64_t head = reader.varint();
    index += head >> (both ? 2 : 1);
    if (index >= std::uint64_t(image.shape->columns)) report_damage(image.shape);
    const Column& column = image.shape->column[index];
    if (both) image.old_values[index] = (head & 2) != 0 ? kNullValue : take_value(reader, column);
    image.new_values[index] = (head & 1) != 0 ? kNullValue : take_value(reader, column);
    image.changed[index] = true;
    index++;
  }
}

// What did not change is after as it was before.
void copy_unchanged(Image& image) {
  for (int i = 0; i < image.shape->columns; i++) {
    if (!image.changed[i]) image.new_values[i] = image.old_values[i];
  }
}

void read_body(core::ByteReader& reader, Image& image) {
  switch (image.op) {
    case Op::kInsert:
    case Op::kBaseline:
      image.has_new = true;
      read_key(reader, image, image.new_values);
      read_row(reader, image.shape, image.new_values);
      break;
    case Op::kDelete:
    case Op::kTruncated:
      image.has_old = true;
      read_key(reader, image, image.old_values);
      read_row(reader, image.shape, image.old_values);
      break;
    case Op::kUpdate:
      image.has_old = image.has_new = true;
      read_key(reader, image, image.old_values);
      read_changes(reader, image, true);
      copy_unchanged(image);
      break;
    case Op::kUpdateFull:
    case Op::kMove:
      image.has_old = image.has_new = true;
      read_key(reader, image, image.old_values);
      read_row(reader, image.shape, image.old_values);
      read_changes(reader, image, false);
      copy_unchanged(image);
      break;
    case Op::kTruncate:
      image.key = take_bytes(reader, reader.varint());
      break;
    default:
      report_damage(image.shape);
  }
}

Datum varlena_of(const Bytes& bytes) {
  auto* value = static_cast<varlena*>(palloc(VARHDRSZ + bytes.length));
  SET_VARSIZE(value, VARHDRSZ + bytes.length);
  memcpy(VARDATA(value), bytes.data, bytes.length);
  return PointerGetDatum(value);
}

Datum fixed_of(const Column& column, const Bytes& bytes) {
  if (!column.by_value) {
    void* copy = palloc(bytes.length);
    memcpy(copy, bytes.data, bytes.length);
    return PointerGetDatum(copy);
  }
  Datum value = 0;
  memcpy(&value, bytes.data, bytes.length);
  return fetch_att(&value, true, column.length);
}

}  // namespace

ByteBuffer new_buffer() {
  ByteBuffer buffer{};
  reserve(buffer, 1);
  return buffer;
}

void append_value(ByteBuffer& buffer, const Column& column, Datum value) {
  switch (column.form) {
    case Form::kInteger:
      append_varint(buffer, core::zigzag(integer_of(column, value)));
      break;
    case Form::kFixed:
      append_fixed(buffer, column, value);
      break;
    case Form::kVarlena:
      append_varlena(buffer, value);
      break;
    case Form::kText:
      append_text(buffer, column, value);
      break;
    case Form::kRedacted:
      break;
  }
}

void write_head(ByteBuffer& payload, const Shape* shape, CommandId command) {
  payload.length = 0;
  append_varint(payload, std::uint64_t(shape->id));
  append_varint(payload, command);
  append_varint(payload, 0);
}

void write_row(ImageWriter& writer, const Shape* shape, CommandId command, TupleTableSlot* row) {
  slot_getallattrs(row);
  begin_payload(writer, shape, command, row);
  append_row(writer.payload, shape, row);
}

bool write_update(ImageWriter& writer, const Shape* shape, CommandId command,
                  TupleTableSlot* before, TupleTableSlot* after, Op* op) {
  slot_getallattrs(before);
  slot_getallattrs(after);
  begin_payload(writer, shape, command, before);
  if (shape->keys > 0 && !key_has_changed(shape, before, after)) {
    *op = Op::kUpdate;
    return append_changes(writer.payload, shape, before, after, true) > 0;
  }
  *op = shape->keys > 0 ? Op::kMove : Op::kUpdateFull;
  append_row(writer.payload, shape, before);
  return append_changes(writer.payload, shape, before, after, false) > 0;
}

Value take_value(core::ByteReader& reader, const Column& column) {
  switch (column.form) {
    case Form::kInteger: {
      const unsigned char* start = reader.position();
      (void)reader.varint();
      return {start, uint32(reader.position() - start), State::kValue};
    }
    case Form::kFixed:
      return value_of(take_bytes(reader, Size(column.length)));
    case Form::kVarlena:
    case Form::kText:
      return value_of(take_bytes(reader, reader.varint()));
    case Form::kRedacted:
      return {nullptr, 0, State::kHidden};
  }
  return {nullptr, 0, State::kUnknown};
}

Image read_image(Op op, const unsigned char* payload, Size length) {
  core::ByteReader reader(payload, length);
  Image image{};
  const std::uint64_t shape = reader.varint();
  if (reader.damaged() || shape > PG_INT32_MAX) report_damage(nullptr);
  image.shape = shape_by_id(int32(shape));
  image.command = CommandId(reader.varint());
  image.op = op;
  const int columns = image.shape->columns;
  image.old_values = static_cast<Value*>(palloc0((2 * sizeof(Value) + 1) * Size(Max(columns, 1))));
  image.new_values = image.old_values + columns;
  image.changed = reinterpret_cast<bool*>(image.new_values + columns);
  read_body(reader, image);
  if (reader.damaged() || reader.left() > 0) report_damage(image.shape);
  return image;
}

uint64 hash_of_key_bytes(int32 table_id, const Bytes& key) {
  return hash_bytes_extended(key.data, int(key.length), uint64(table_id));
}

Datum datum_of(const Column& column, const Bytes& bytes) {
  switch (column.form) {
    case Form::kInteger:
      return datum_of_integer(column,
                              core::unzigzag(core::ByteReader(bytes.data, bytes.length).varint()));
    case Form::kFixed:
      return fixed_of(column, bytes);
    case Form::kVarlena:
      return varlena_of(bytes);
    case Form::kText:
      return PointerGetDatum(
          cstring_to_text_with_len(reinterpret_cast<const char*>(bytes.data), int(bytes.length)));
    case Form::kRedacted:
      break;
  }
  return Datum(0);
}

char* text_of(const Column& column, const Bytes& bytes) {
  if (column.form == Form::kText) {
    return pnstrdup(reinterpret_cast<const char*>(bytes.data), bytes.length);
  }
  Oid function = InvalidOid;
  bool is_varlena = false;
  getTypeOutputInfo(column.type, &function, &is_varlena);
  return OidOutputFunctionCall(function, datum_of(column, bytes));
}

}  // namespace db_guard::rowaudit
