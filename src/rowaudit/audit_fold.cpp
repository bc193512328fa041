#include "rowaudit/audit_fold.hpp"

extern "C" {
#include "common/hashfn.h"
#include "utils/hsearch.h"
}

namespace db_guard::rowaudit {

namespace {

constexpr uint32 kFirstBuckets = 1024;

struct ColumnEntry {
  int16 column_id;
  const Column* last;
  bool has_missing;
  Bytes missing;
};

// --- keys
// -----------------------------------------------------------------------------------------

int compare_ids(const void* a, const void* b) {
  return *static_cast<const int16*>(a) - *static_cast<const int16*>(b);
}

// The key's columns; without a key all, in an order that does not depend on the relation.
int key_of_shape(const Shape* shape, int16* ids) {
  int count = 0;
  const int columns = shape->keys > 0 ? shape->keys : shape->columns;
  for (int i = 0; i < columns; i++) {
    if (shape->column[i].form != Form::kRedacted) ids[count++] = shape->column[i].id;
  }
  if (shape->keys == 0) qsort(ids, Size(count), sizeof(int16), compare_ids);
  return count;
}

uint64 mix_value(uint64 hash, const Value& value) {
  const bool plain = value.state == State::kValue;
  const uint64 own =
      plain ? hash_bytes_extended(value.data, int(value.length), 0) : uint64(value.state);
  return hash_combine64(hash, own);
}

uint64 hash_of_row(const Fold& fold, const FoldedRow* row) {
  uint64 hash = 0;
  for (int i = 0; i < fold.key_count; i++) {
    hash = mix_value(hash, folded_value(fold, row, fold.keys[i]));
  }
  return hash;
}

FoldedRow*& bucket_of(const Fold& fold, uint64 hash) {
  return fold.buckets[hash & (fold.bucket_count - 1)];
}

void rehash(Fold& fold, uint32 bucket_count, bool other_key) {
  FoldedRow** old = fold.buckets;
  const uint32 old_count = fold.bucket_count;
  fold.buckets = static_cast<FoldedRow**>(MemoryContextAllocExtended(
      fold.memory, sizeof(FoldedRow*) * bucket_count, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
  fold.bucket_count = bucket_count;
  for (uint32 i = 0; i < old_count; i++) {
    while (old[i] != nullptr) {
      FoldedRow* row = old[i];
      old[i] = row->next;
      if (other_key) row->hash = hash_of_row(fold, row);
      FoldedRow*& bucket = bucket_of(fold, row->hash);
      row->next = bucket;
      bucket = row;
    }
  }
  pfree(old);
}

void adopt_key(Fold& fold, const Shape* shape) {
  auto* ids = static_cast<int16*>(palloc(sizeof(int16) * Size(Max(shape->columns, 1))));
  const int count = key_of_shape(shape, ids);
  if (count == fold.key_count && memcmp(ids, fold.keys, sizeof(int16) * Size(count)) == 0) return;
  fold.keys =
      static_cast<int16*>(MemoryContextAlloc(fold.memory, sizeof(int16) * Size(Max(count, 1))));
  memcpy(fold.keys, ids, sizeof(int16) * Size(count));
  fold.key_count = count;
  rehash(fold, fold.bucket_count, true);
}

// --- rows
// -----------------------------------------------------------------------------------------

int width_of(const Shape* shape) {
  int width = 1;
  for (int i = 0; i < shape->columns; i++) width = Max(width, shape->column[i].id + 1);
  return width;
}

Size length_of(const Value* values, int width) {
  Size bytes = 0;
  for (int i = 0; i < width; i++) bytes += values[i].length;
  return bytes;
}

// One block of memory for all values, so that a row that changes leaves nothing behind.
void keep_values(Fold& fold, FoldedRow* row, const Value* values, int width) {
  const Size array = sizeof(Value) * Size(width);
  char* block =
      static_cast<char*>(MemoryContextAllocHuge(fold.memory, array + length_of(values, width)));
  auto* kept = reinterpret_cast<Value*>(block);
  char* at = block + array;
  for (int i = 0; i < width; i++) {
    kept[i] = values[i];
    if (values[i].length == 0) continue;
    memcpy(at, values[i].data, values[i].length);
    kept[i].data = reinterpret_cast<unsigned char*>(at);
    at += values[i].length;
  }
  if (row->bytes != nullptr) pfree(row->bytes);
  row->bytes = block;
  row->values = kept;
  row->width = width;
}

void link_row(Fold& fold, FoldedRow* row) {
  row->hash = hash_of_row(fold, row);
  FoldedRow*& bucket = bucket_of(fold, row->hash);
  row->next = bucket;
  bucket = row;
  fold.row_count++;
  if (fold.row_count > int64(fold.bucket_count)) rehash(fold, fold.bucket_count * 2, false);
}

void unlink_row(Fold& fold, FoldedRow* row) {
  FoldedRow** at = &bucket_of(fold, row->hash);
  while (*at != row) at = &(*at)->next;
  *at = row->next;
  fold.row_count--;
}

void enlist_row(Fold& fold, FoldedRow* row) {
  row->older = fold.newest;
  (row->older != nullptr ? row->older->newer : fold.oldest) = row;
  fold.newest = row;
}

void delist_row(Fold& fold, const FoldedRow* row) {
  (row->older != nullptr ? row->older->newer : fold.oldest) = row->newer;
  (row->newer != nullptr ? row->newer->older : fold.newest) = row->older;
}

void add_row(Fold& fold, const Shape* shape, const Value* values) {
  auto* row = static_cast<FoldedRow*>(MemoryContextAllocZero(fold.memory, sizeof(FoldedRow)));
  overlay_row(fold, row, shape, values);
  link_row(fold, row);
  enlist_row(fold, row);
}

// --- finding the row of an event
// --------------------------------------------------------------------

bool has_key(const Fold& fold, const FoldedRow* row, const FoldedRow* wanted) {
  for (int i = 0; i < fold.key_count; i++) {
    const Value a = folded_value(fold, row, fold.keys[i]);
    if (!is_same_value(a, folded_value(fold, wanted, fold.keys[i]))) return false;
  }
  return true;
}

bool has_values(const Fold& fold, const FoldedRow* row, const Image& image, const Value* values) {
  const bool only_changed = image.op == Op::kUpdate;
  for (int i = 0; i < image.shape->columns; i++) {
    if (values[i].state == State::kUnknown || (only_changed && !image.changed[i])) continue;
    const Value own = folded_value(fold, row, image.shape->column[i].id);
    if (!is_same_value(own, values[i])) return false;
  }
  return true;
}

// In the middle of a statement that shifts keys two rows may share one; the values tell them apart.
FoldedRow* find_row(Fold& fold, const Image& image, const Value* values) {
  FoldedRow wanted{};
  const int width = width_of(image.shape);
  wanted.width = width;
  wanted.values = static_cast<Value*>(palloc0(sizeof(Value) * Size(width)));
  for (int i = 0; i < image.shape->columns; i++) {
    wanted.values[image.shape->column[i].id] = values[i];
  }
  const uint64 hash = hash_of_row(fold, &wanted);
  FoldedRow* candidate = nullptr;
  for (FoldedRow* row = bucket_of(fold, hash); row != nullptr; row = row->next) {
    if (row->hash != hash || !has_key(fold, row, &wanted)) continue;
    if (has_values(fold, row, image, values)) return row;
    candidate = row;
  }
  // A label of an enum may have another name by now; the key is enough where there is one.
  return image.shape->keys > 0 ? candidate : nullptr;
}

[[noreturn]] void report_misfit(const Image& image, int64 audit_id) {
  ereport(ERROR,
          (errcode(ERRCODE_DATA_CORRUPTED),
           errmsg("the audit log does not fit together at event " INT64_FORMAT, audit_id),
           errdetail("The event changes a row of audited table %d that is not there at this point.",
                     image.shape->table_id),
           errhint("Rows may have been changed while the table's triggers were disabled. SELECT "
                   "db_guard.baseline_audit(...) records all rows anew.")));
  pg_unreachable();
}

void remove_row(Fold& fold, const Image& image, const Value* values, int64 audit_id) {
  FoldedRow* row = find_row(fold, image, values);
  if (row == nullptr) report_misfit(image, audit_id);
  unlink_row(fold, row);
  delist_row(fold, row);
  pfree(row->bytes);
  pfree(row);
}

void replace_row(Fold& fold, const Image& image, const Value* before, const Value* after,
                 int64 audit_id) {
  FoldedRow* row = find_row(fold, image, before);
  if (row == nullptr) report_misfit(image, audit_id);
  // Such an update leaves the key as it is, and the row where it is found.
  const bool keeps_key = image.op == Op::kUpdate && image.shape->keys > 0;
  if (!keeps_key) unlink_row(fold, row);
  overlay_row(fold, row, image.shape, after);
  if (!keeps_key) link_row(fold, row);
}

void apply(Fold& fold, const Image& image, int64 audit_id, Direction direction) {
  if (!image.has_old && !image.has_new) return;
  const bool forward = direction == Direction::kForward;
  const Value* before = forward ? image.old_values : image.new_values;
  const Value* after = forward ? image.new_values : image.old_values;
  const bool had = forward ? image.has_old : image.has_new;
  const bool has = forward ? image.has_new : image.has_old;
  if (fold.shape != image.shape) {
    learn_columns(fold, image.shape);
    adopt_key(fold, image.shape);
    fold.shape = image.shape;
  }
  if (had && has) {
    replace_row(fold, image, before, after, audit_id);
  } else if (had) {
    remove_row(fold, image, before, audit_id);
  } else {
    add_row(fold, image.shape, after);
  }
}

}  // namespace

bool is_same_value(const Value& a, const Value& b) {
  // Nobody knows what is redacted.
  if (a.state == State::kHidden || b.state == State::kHidden) return true;
  if (a.state != b.state) return false;
  return a.state != State::kValue ||
         (a.length == b.length && memcmp(a.data, b.data, a.length) == 0);
}

void overlay_row(Fold& fold, FoldedRow* row, const Shape* shape, const Value* values) {
  const int width = Max(width_of(shape), row->width);
  auto* merged = static_cast<Value*>(palloc0(sizeof(Value) * Size(width)));
  if (row->width > 0) memcpy(merged, row->values, sizeof(Value) * Size(row->width));
  for (int i = 0; i < shape->columns; i++) {
    if (values[i].state != State::kUnknown) merged[shape->column[i].id] = values[i];
  }
  keep_values(fold, row, merged, width);
}

Fold begin_fold() {
  Fold fold{};
  fold.memory =
      AllocSetContextCreate(CurrentMemoryContext, "db_guard fold", ALLOCSET_DEFAULT_SIZES);
  fold.scratch =
      AllocSetContextCreate(CurrentMemoryContext, "db_guard fold event", ALLOCSET_DEFAULT_SIZES);
  fold.bucket_count = kFirstBuckets;
  fold.buckets = static_cast<FoldedRow**>(
      MemoryContextAllocZero(fold.memory, sizeof(FoldedRow*) * kFirstBuckets));
  HASHCTL control{};
  control.keysize = sizeof(int16);
  control.entrysize = sizeof(ColumnEntry);
  control.hcxt = fold.memory;
  fold.columns =
      hash_create("db_guard folded columns", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
  return fold;
}

void learn_columns(Fold& fold, const Shape* shape) {
  for (int i = 0; i < shape->columns; i++) {
    const Column& column = shape->column[i];
    bool known = false;
    auto* entry =
        static_cast<ColumnEntry*>(hash_search(fold.columns, &column.id, HASH_ENTER, &known));
    if (!known) *entry = {column.id, &column, false, {nullptr, 0}};
    entry->last = &column;
    if (entry->has_missing || !column.has_missing) continue;
    entry->has_missing = true;
    entry->missing = column.missing;
  }
}

const Column* folded_column(const Fold& fold, int16 column_id) {
  auto* entry =
      static_cast<ColumnEntry*>(hash_search(fold.columns, &column_id, HASH_FIND, nullptr));
  return entry != nullptr ? entry->last : nullptr;
}

Value folded_value(const Fold& fold, const FoldedRow* row, int16 column_id) {
  const bool known = column_id < row->width && row->values[column_id].state != State::kUnknown;
  if (known) return row->values[column_id];
  const auto* entry =
      static_cast<ColumnEntry*>(hash_search(fold.columns, &column_id, HASH_FIND, nullptr));
  if (entry == nullptr || !entry->has_missing) return kNullValue;
  return value_of(entry->missing);
}

void apply_event(Fold& fold, const Image& image, int64 audit_id, Direction direction) {
  const MemoryContext outside = MemoryContextSwitchTo(fold.scratch);
  apply(fold, image, audit_id, direction);
  MemoryContextSwitchTo(outside);
  MemoryContextReset(fold.scratch);
}

}  // namespace db_guard::rowaudit
