#include "rowaudit/audit_net.hpp"

extern "C" {
#include "common/hashfn.h"
}

namespace db_guard::rowaudit {

namespace {

struct KeyEntry {
  uint64 hash;
  List* nets;
};

bool identifies(const Shape* shape, int i) {
  return (shape->keys == 0 || i < shape->keys) && shape->column[i].form != Form::kRedacted;
}

uint64 hash_of_key(const Shape* shape, const Value* values) {
  uint64 hash = uint64(shape->table_id);
  for (int i = 0; i < shape->columns; i++) {
    if (!identifies(shape, i) || values[i].state != State::kValue) continue;
    // Summed, because partitions may have their columns in another order.
    hash += hash_bytes_extended(values[i].data, int(values[i].length), uint64(shape->column[i].id));
  }
  return hash;
}

KeyEntry* entry_of(NetChanges& changes, uint64 hash) {
  bool known = false;
  auto* entry = static_cast<KeyEntry*>(hash_search(changes.by_key, &hash, HASH_ENTER, &known));
  if (!known) entry->nets = NIL;
  return entry;
}

void remember_key(NetChanges& changes, Net* net, const Shape* shape, const Value* values) {
  KeyEntry* entry = entry_of(changes, hash_of_key(shape, values));
  const MemoryContext before = MemoryContextSwitchTo(changes.memory);
  entry->nets = list_append_unique_ptr(entry->nets, net);
  MemoryContextSwitchTo(before);
}

NetTable* table_of(NetChanges& changes, int32 table_id) {
  for (int i = 0; i < list_length(changes.tables); i++) {
    auto* table = static_cast<NetTable*>(list_nth(changes.tables, i));
    if (table->table_id == table_id) return table;
  }
  const MemoryContext before = MemoryContextSwitchTo(changes.memory);
  auto* table = static_cast<NetTable*>(palloc0(sizeof(NetTable)));
  table->table_id = table_id;
  table->fold = begin_fold();
  changes.tables = lappend(changes.tables, table);
  MemoryContextSwitchTo(before);
  return table;
}

bool is_row(const Fold& fold, const FoldedRow& row, const Shape* shape, const Value* values) {
  for (int i = 0; i < shape->columns; i++) {
    if (!identifies(shape, i)) continue;
    if (!is_same_value(folded_value(fold, &row, shape->column[i].id), values[i])) return false;
  }
  return true;
}

// The row that is there under that key, or, `gone`, the one that was before it was deleted.
Net* find_net(NetChanges& changes, const Shape* shape, const Value* values, bool gone) {
  const KeyEntry* entry = entry_of(changes, hash_of_key(shape, values));
  for (int i = 0; i < list_length(entry->nets); i++) {
    auto* net = static_cast<Net*>(list_nth(entry->nets, i));
    if (net->table->table_id != shape->table_id) continue;
    const bool fits = gone ? net->had && !net->has : net->has;
    if (fits && is_row(net->table->fold, gone ? net->before : net->after, shape, values))
      return net;
  }
  return nullptr;
}

Net* new_net(NetChanges& changes, const Shape* shape, bool had) {
  const MemoryContext before = MemoryContextSwitchTo(changes.memory);
  auto* net = static_cast<Net*>(palloc0(sizeof(Net)));
  net->table = table_of(changes, shape->table_id);
  net->had = had;
  changes.nets = lappend(changes.nets, net);
  MemoryContextSwitchTo(before);
  return net;
}

// What the events before have not told of the row as it was first.
void complete_before(Net* net, const Shape* shape, const Value* values) {
  if (!net->had) return;
  auto* unknown = static_cast<Value*>(palloc0(sizeof(Value) * Size(Max(shape->columns, 1))));
  for (int i = 0; i < shape->columns; i++) {
    const int16 id = shape->column[i].id;
    const bool told = id < net->before.width && net->before.values[id].state != State::kUnknown;
    if (!told) unknown[i] = values[i];
  }
  overlay_row(net->table->fold, &net->before, shape, unknown);
}

// Nothing is known of a row but what changed: unchanged columns stay unknown on both sides.
Value* only_told(const Image& image, const Value* values) {
  if (image.op != Op::kUpdate) return const_cast<Value*>(values);
  auto* told = static_cast<Value*>(palloc0(sizeof(Value) * Size(Max(image.shape->columns, 1))));
  for (int i = 0; i < image.shape->columns; i++) {
    if (image.changed[i] || i < image.shape->keys) told[i] = values[i];
  }
  return told;
}

void net_insert(NetChanges& changes, const Image& image) {
  // Deleted and put in again under the same key: taken together, an update.
  Net* net =
      image.shape->keys > 0 ? find_net(changes, image.shape, image.new_values, true) : nullptr;
  if (net == nullptr) net = new_net(changes, image.shape, false);
  net->has = true;
  net->shape = image.shape;
  overlay_row(net->table->fold, &net->after, image.shape, image.new_values);
  remember_key(changes, net, image.shape, image.new_values);
}

Net* net_before(NetChanges& changes, const Image& image) {
  Net* net = find_net(changes, image.shape, image.old_values, false);
  if (net == nullptr) net = new_net(changes, image.shape, true);
  complete_before(net, image.shape, only_told(image, image.old_values));
  remember_key(changes, net, image.shape, image.old_values);
  net->shape = image.shape;
  return net;
}

void net_update(NetChanges& changes, const Image& image) {
  Net* net = net_before(changes, image);
  net->has = true;
  overlay_row(net->table->fold, &net->after, image.shape, only_told(image, image.new_values));
  remember_key(changes, net, image.shape, image.new_values);
}

void net_delete(NetChanges& changes, const Image& image) {
  Net* net = net_before(changes, image);
  net->has = false;
  net->after = FoldedRow{};
}

}  // namespace

NetChanges begin_net() {
  NetChanges changes{};
  changes.memory =
      AllocSetContextCreate(CurrentMemoryContext, "db_guard net changes", ALLOCSET_DEFAULT_SIZES);
  HASHCTL control{};
  control.keysize = sizeof(uint64);
  control.entrysize = sizeof(KeyEntry);
  control.hcxt = changes.memory;
  changes.by_key =
      hash_create("db_guard net changes", 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
  return changes;
}

void add_to_net(NetChanges& changes, const Image& image) {
  learn_columns(table_of(changes, image.shape->table_id)->fold, image.shape);
  if (image.has_old && image.has_new) {
    net_update(changes, image);
  } else if (image.has_old) {
    net_delete(changes, image);
  } else if (image.has_new) {
    net_insert(changes, image);
  }
}

}  // namespace db_guard::rowaudit
