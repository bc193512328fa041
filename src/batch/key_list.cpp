#include "batch/key_list.hpp"

#include "batch/turn.hpp"
#include "core/error.hpp"
#include "core/netstrings.hpp"
#include "pg/arena.hpp"

extern "C" {
#include "catalog/pg_type_d.h"
#include "executor/tuptable.h"
#include "utils/array.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"
}

namespace db_guard::batch {

namespace {

using core::Text;

Datum read_value(const KeyType& type, const char* text) {
  Oid input = InvalidOid, parameter = InvalidOid;
  getTypeInputInfo(type.type, &input, &parameter);
  return OidInputFunctionCall(input, const_cast<char*>(text), parameter, -1);
}

const char* write_value(const KeyType& type, Datum value) {
  Oid output = InvalidOid;
  bool is_varlena = false;
  getTypeOutputInfo(type.type, &output, &is_varlena);
  return OidOutputFunctionCall(output, value);
}

int compare_values(const KeyType& type, Datum a, Datum b) {
  TypeCacheEntry* entry = lookup_type_cache(type.type, TYPECACHE_CMP_PROC_FINFO);
  return DatumGetInt32(FunctionCall2Coll(&entry->cmp_proc_finfo, type.collation, a, b));
}

// Plain server code: keeps the keys of rows as the executor has them, without forming tuples.
struct Reader {
  DestReceiver receiver;
  MemoryContext memory;
  const KeyType* types;
  int columns;
  bool with_places;
  Datum* values;
  ItemPointerData* places;
  int size;
  int capacity;
};

template <class Element>
Element* resized(Element* elements, MemoryContext memory, int size) {
  const Size bytes = sizeof(Element) * Size(size);
  return static_cast<Element*>(elements == nullptr ? MemoryContextAllocHuge(memory, bytes)
                                                   : repalloc_huge(elements, bytes));
}

void grow(Reader& reader) {
  constexpr int kFirst = 64;
  reader.capacity = reader.capacity == 0 ? kFirst : 2 * reader.capacity;
  reader.values = resized(reader.values, reader.memory, reader.capacity * reader.columns);
  if (reader.with_places) reader.places = resized(reader.places, reader.memory, reader.capacity);
}

bool take_row(TupleTableSlot* slot, DestReceiver* receiver) {
  auto& reader = *reinterpret_cast<Reader*>(receiver);
  slot_getallattrs(slot);
  if (reader.size == reader.capacity) grow(reader);
  const MemoryContext before = MemoryContextSwitchTo(reader.memory);
  Datum* key = reader.values + Size(reader.size) * Size(reader.columns);
  for (int i = 0; i < reader.columns; i++) {
    const KeyType& type = reader.types[i];
    const Datum value = slot->tts_values[i];
    // A copy where it is toasted, packed for one.
    const Datum plain = type.length == -1 ? PointerGetDatum(PG_DETOAST_DATUM(value)) : value;
    key[i] = plain != value ? plain : datumCopy(value, type.by_value, type.length);
  }
  if (reader.with_places) {
    reader.places[reader.size] =
        *reinterpret_cast<ItemPointer>(DatumGetPointer(slot->tts_values[reader.columns]));
  }
  reader.size++;
  MemoryContextSwitchTo(before);
  return true;
}

void start_reading(DestReceiver* /*receiver*/, int /*operation*/, TupleDesc /*shape*/) {}
void stop_reading(DestReceiver* /*receiver*/) {}

}  // namespace

KeyList::KeyList(const core::Vector<KeyType>& types) : types_(types) {
  memory_ = pg::call(
      [] { return AllocSetContextCreate(pg::arena(), "db_guard keys", ALLOCSET_DEFAULT_SIZES); });
}

KeyList::~KeyList() { MemoryContextDelete(memory_); }

void KeyList::clear() {
  values_ = nullptr;
  places_ = nullptr;
  size_ = 0;
  MemoryContextReset(memory_);
}

void KeyList::read(const pg::Prepared& statement, const core::Vector<Datum>& parameters,
                   bool with_places) {
  clear();
  Reader reader{{take_row, start_reading, stop_reading, stop_reading, DestTuplestore},
                memory_,
                types_.data(),
                int(types_.size()),
                with_places,
                nullptr,
                nullptr,
                0,
                0};
  statement.execute_into(reader.receiver, parameters);
  values_ = reader.values;
  places_ = reader.places;
  size_ = reader.size;
}

void KeyList::take_texts(const core::Vector<Text>& keys) {
  clear();
  const int count = int(keys.size() * types_.size());
  values_ = pg::call([&] { return resized<Datum>(nullptr, memory_, std::max(count, 1)); });
  for (const Text& packed : keys) {
    const auto key = core::split_netstrings(packed);
    if (!key || key->size() != types_.size()) {
      throw core::Error("XX001", Text("a key in db_guard.batch_locked_rows cannot be read"));
    }
    const MemoryContext before = MemoryContextSwitchTo(memory_);
    const core::Vector<Datum> columns = key_values(types_, *key);
    MemoryContextSwitchTo(before);
    std::copy(columns.begin(), columns.end(), values_ + std::size_t(size_) * types_.size());
    size_++;
  }
}

Key KeyList::text(int row) const {
  Key result;
  for (std::size_t i = 0; i < types_.size(); i++) {
    const Datum value = at(row)[i];
    const KeyType& type = types_[i];
    result.emplace_back(pg::call([&] { return write_value(type, value); }));
  }
  return result;
}

Text KeyList::packed(int row) const { return core::join_netstrings(text(row)); }

void KeyList::append_key(int row, core::Vector<Datum>& parameters) const {
  parameters.insert(parameters.end(), at(row), at(row) + types_.size());
}

core::Vector<Datum> KeyList::arrays(const core::Vector<int>& rows) const {
  core::Vector<Datum> result;
  core::Vector<Datum> elements(rows.size());
  for (std::size_t column = 0; column < types_.size(); column++) {
    for (std::size_t i = 0; i < rows.size(); i++) {
      elements[i] = at(rows[i])[column];
    }
    const KeyType& type = types_[column];
    Datum* data = elements.data();
    const int count = int(rows.size());
    result.push_back(pg::call([&] {
      return PointerGetDatum(
          construct_array(data, count, type.type, type.length, type.by_value, type.align));
    }));
  }
  return result;
}

int KeyList::turn(int row, int passes) const {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < types_.size(); i++) {
    const KeyType& type = types_[i];
    number += number_of_value(type.type, type.length, type.by_value, at(row)[i]);
  }
  return turn_of(number, passes);
}

core::Vector<int> KeyList::by_place(core::Vector<int> rows) const {
  const ItemPointerData* places = places_;
  const auto is_before = [places](int a, int b) {
    return ItemPointerCompare(const_cast<ItemPointer>(&places[a]),
                              const_cast<ItemPointer>(&places[b])) < 0;
  };
  if (!std::is_sorted(rows.begin(), rows.end(), is_before)) {
    std::sort(rows.begin(), rows.end(), is_before);
  }
  return rows;
}

core::Vector<ItemPointerData> KeyList::places(const core::Vector<int>& rows) const {
  core::Vector<ItemPointerData> result;
  result.reserve(rows.size());
  for (const int row : rows) result.push_back(places_[row]);
  return result;
}

int KeyList::first_behind(const Key& key) const {
  const core::Vector<Datum> wanted = key_values(types_, key);
  const auto is_behind = [&](int row) {
    for (std::size_t i = 0; i < types_.size(); i++) {
      const Datum value = at(row)[i];
      const Datum limit = wanted[i];
      const KeyType& type = types_[i];
      const int order = pg::call([&] { return compare_values(type, value, limit); });
      if (order != 0) return order > 0;
    }
    return false;
  };
  int low = 0, high = size();
  while (low < high) {
    const int middle = low + (high - low) / 2;
    if (is_behind(middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

core::Vector<Datum> key_values(const core::Vector<KeyType>& types, const Key& key) {
  if (key.size() != types.size()) {
    throw core::Error("55000",
                      Text("the key of the table is not the one that the batch job began with"), {},
                      Text("Start a new job."));
  }
  core::Vector<Datum> result;
  for (std::size_t i = 0; i < types.size(); i++) {
    const KeyType& type = types[i];
    const char* text = key[i].c_str();
    result.push_back(pg::call([&] { return read_value(type, text); }));
  }
  return result;
}

core::Vector<Oid> column_types(const core::Vector<KeyType>& types) {
  core::Vector<Oid> result;
  for (const KeyType& type : types) result.push_back(type.type);
  return result;
}

core::Vector<Oid> array_types(const core::Vector<KeyType>& types) {
  core::Vector<Oid> result;
  for (const KeyType& type : types) result.push_back(type.array);
  return result;
}

}  // namespace db_guard::batch
