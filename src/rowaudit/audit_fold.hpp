// Rows that come from events: a table as the log has it at some point.
#pragma once

#include "rowaudit/audit_image.hpp"

extern "C" {
#include "utils/hsearch.h"
}

namespace db_guard::rowaudit {

// Values by column id, for shapes come and go.
struct FoldedRow {
  FoldedRow* next;   // in the bucket
  FoldedRow* older;  // in the order in which they came, which is that of memory
  FoldedRow* newer;
  uint64 hash;
  int width;
  Value* values;
  char* bytes;
};

struct Fold {
  MemoryContext memory;
  MemoryContext scratch;
  FoldedRow** buckets;
  uint32 bucket_count;  // a power of two
  int64 row_count;
  FoldedRow* oldest;
  FoldedRow* newest;
  int16* keys;  // ids of the columns that rows are found by
  int key_count;
  const Shape* shape;  // the last one that columns and keys were taken from
  HTAB* columns;       // by column id: how values were written, and what rows hold that are older
};

// Plain server code. Lives in the current memory context.
Fold begin_fold();

enum class Direction { kForward, kBackward };
// Raises where the event does not fit the rows.
void apply_event(Fold& fold, const Image& image, int64 audit_id, Direction direction);

// What the row holds in that column.
Value folded_value(const Fold& fold, const FoldedRow* row, int16 column_id);

// How the values of that column are written; null where no event has told.
const Column* folded_column(const Fold& fold, int16 column_id);

// Takes notice of the columns; what is told first about values of older rows is believed.
bool is_same_value(const Value& a, const Value& b);

// The row's values with those of the image over them.
void overlay_row(Fold& fold, FoldedRow* row, const Shape* shape, const Value* values);

void learn_columns(Fold& fold, const Shape* shape);

template <class Visit>
void visit_rows(const Fold& fold, Visit&& visit) {
  for (const FoldedRow* row = fold.oldest; row != nullptr; row = row->newer) visit(row);
}

}  // namespace db_guard::rowaudit
