#include "columns/row_image.hpp"

extern "C" {
#include "access/detoast.h"
#include "access/tupmacs.h"
#include "executor/tuptable.h"
#include "utils/datum.h"
#include "utils/rel.h"
}

namespace db_guard::columns {

namespace {

// Walks over the stored columns of a row, one after the other.
class Walk {
 public:
  explicit Walk(HeapTuple row)
      : header_(row->t_data),
        data_(reinterpret_cast<char*>(row->t_data) + row->t_data->t_hoff),
        nulls_(HeapTupleHasNulls(row) ? row->t_data->t_bits : nullptr) {}

  [[nodiscard]] bool holds(int column) const { return column <= HeapTupleHeaderGetNatts(header_); }

  // The address of the next column's value, null for NULL. Columns are asked for in order.
  char* next(Form_pg_attribute attribute, int index) {
    if (nulls_ != nullptr && att_isnull(index, nulls_)) return nullptr;
    offset_ = att_align_pointer(offset_, attribute->attalign, attribute->attlen, data_ + offset_);
    char* value = data_ + offset_;
    offset_ = att_addlength_pointer(offset_, attribute->attlen, value);
    return value;
  }

 private:
  HeapTupleHeader header_;
  char* data_;
  const bits8* nulls_;
  Size offset_ = 0;
};

bool is_plain(const char* value) {
  return !VARATT_IS_EXTERNAL(value) && !VARATT_IS_COMPRESSED(value);
}

bool is_same_detoasted(const char* one, const char* other) {
  if (toast_raw_datum_size(PointerGetDatum(one)) != toast_raw_datum_size(PointerGetDatum(other))) {
    return false;
  }
  return datum_image_eq(PointerGetDatum(one), PointerGetDatum(other), false, -1);
}

bool is_same_varlena(const char* one, const char* other) {
  const Size length = VARSIZE_ANY(one);
  if (length == VARSIZE_ANY(other) && memcmp(one, other, length) == 0) return true;
  if (!is_plain(one) || !is_plain(other)) return is_same_detoasted(one, other);
  const Size payload = VARSIZE_ANY_EXHDR(one);
  return payload == VARSIZE_ANY_EXHDR(other) &&
         memcmp(VARDATA_ANY(one), VARDATA_ANY(other), payload) == 0;
}

bool is_same_value(Form_pg_attribute attribute, const char* one, const char* other) {
  if (one == nullptr || other == nullptr) return one == other;
  if (attribute->attlen > 0) return memcmp(one, other, static_cast<Size>(attribute->attlen)) == 0;
  if (attribute->attlen == -1) return is_same_varlena(one, other);
  return strcmp(one, other) == 0;
}

// A row that is older than its last columns does not store them.
bool is_same_missing(TupleDesc shape, HeapTuple one, HeapTuple other, int column) {
  bool one_null = false;
  bool other_null = false;
  const Datum a = heap_getattr(one, column, shape, &one_null);
  const Datum b = heap_getattr(other, column, shape, &other_null);
  if (one_null || other_null) return one_null == other_null;
  const Form_pg_attribute attribute = TupleDescAttr(shape, column - 1);
  return datum_image_eq(a, b, attribute->attbyval, attribute->attlen);
}

bool is_same_image(HeapTuple one, HeapTuple other) {
  constexpr Size kHeader = offsetof(HeapTupleHeaderData, t_bits);
  const HeapTupleHeader a = one->t_data;
  const HeapTupleHeader b = other->t_data;
  return one->t_len == other->t_len && a->t_hoff == b->t_hoff &&
         HeapTupleHeaderGetNatts(a) == HeapTupleHeaderGetNatts(b) &&
         HeapTupleHasNulls(one) == HeapTupleHasNulls(other) &&
         memcmp(reinterpret_cast<const char*>(a) + kHeader,
                reinterpret_cast<const char*>(b) + kHeader, one->t_len - kHeader) == 0;
}

// The executor's own copy of the new row, which it will store as it finds it.
bool is_own_copy(const TupleTableSlot* slot, HeapTuple row) {
  return (TTS_IS_BUFFERTUPLE(slot) || TTS_IS_HEAPTUPLE(slot)) && TTS_SHOULDFREE(slot) &&
         reinterpret_cast<const HeapTupleTableSlot*>(slot)->tuple == row;
}

bool is_null_in(HeapTuple row, int column) {
  return HeapTupleHasNulls(row) && att_isnull(column - 1, row->t_data->t_bits);
}

// Nothing is stored behind it: where columns for times most often are.
bool ends_row(HeapTuple row, int column) {
  const int columns = HeapTupleHeaderGetNatts(row->t_data);
  for (int i = column + 1; i <= columns; i++) {
    if (!is_null_in(row, i)) return false;
  }
  return true;
}

// Of a column of fixed length; null for NULL and where the row does not store it.
char* address_of(TupleDesc shape, HeapTuple row, int column) {
  Walk walk(row);
  if (!walk.holds(column) || is_null_in(row, column)) return nullptr;
  if (ends_row(row, column)) {
    return reinterpret_cast<char*>(row->t_data) + row->t_len -
           TupleDescAttr(shape, column - 1)->attlen;
  }
  for (int i = 0; i < column - 1; i++) walk.next(TupleDescAttr(shape, i), i);
  return walk.next(TupleDescAttr(shape, column - 1), column - 1);
}

// Changes the bytes where they lie; false where that is not possible.
bool put_in_place(const TriggerData& data, int column, Datum value) {
  TupleTableSlot* slot = data.tg_newslot;
  if (!is_own_copy(slot, data.tg_newtuple)) return false;
  const TupleDesc shape = RelationGetDescr(data.tg_relation);
  char* place = address_of(shape, data.tg_newtuple, column);
  if (place == nullptr) return false;
  store_att_byval(place, value, TupleDescAttr(shape, column - 1)->attlen);
  // A WHEN condition may have made the slot look the column up already.
  if (slot->tts_nvalid >= column) slot->tts_values[column - 1] = value;
  return true;
}

}  // namespace

bool is_same_row(TupleDesc shape, HeapTuple one, HeapTuple other, int ignored) {
  if (is_same_image(one, other)) return true;
  Walk left(one);
  Walk right(other);
  for (int i = 0; i < shape->natts; i++) {
    const Form_pg_attribute attribute = TupleDescAttr(shape, i);
    const bool counts =
        i + 1 != ignored && !attribute->attisdropped && attribute->attgenerated == '\0';
    if (!left.holds(i + 1) || !right.holds(i + 1)) {
      if (counts && !is_same_missing(shape, one, other, i + 1)) return false;
      continue;
    }
    const char* a = left.next(attribute, i);
    const char* b = right.next(attribute, i);
    if (counts && !is_same_value(attribute, a, b)) return false;
  }
  return true;
}

bool is_same_column(TupleDesc shape, HeapTuple one, HeapTuple other, int column) {
  return is_same_missing(shape, one, other, column);
}

HeapTuple with_value(const TriggerData& data, int column, Datum value, bool is_null) {
  if (!is_null && put_in_place(data, column, value)) return data.tg_newtuple;
  return heap_modify_tuple_by_cols(data.tg_newtuple, RelationGetDescr(data.tg_relation), 1, &column,
                                   &value, &is_null);
}

}  // namespace db_guard::columns
