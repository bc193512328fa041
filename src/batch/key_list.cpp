#include "batch/key_list.hpp"

#include "batch/turn.hpp"
#include "core/error.hpp"
#include "core/netstrings.hpp"
#include "pg/arena.hpp"

extern "C" {
#include "catalog/pg_type_d.h"
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

void copy_rows(const core::Vector<KeyType>& types, MemoryContext memory, Datum* values,
               ItemPointerData* places) {
  const MemoryContext before = MemoryContextSwitchTo(memory);
  const auto columns = int(types.size());
  for (std::uint64_t row = 0; row < SPI_processed; row++) {
    for (int column = 0; column < columns; column++) {
      bool is_null = false;
      Datum value =
          SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column + 1, &is_null);
      const KeyType& type = types[std::size_t(column)];
      if (type.length == -1) value = PointerGetDatum(PG_DETOAST_DATUM(value));
      *values++ = datumCopy(value, type.by_value, type.length);
    }
    if (places == nullptr) continue;
    bool is_null = false;
    const Datum place =
        SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, columns + 1, &is_null);
    *places++ = *reinterpret_cast<ItemPointer>(DatumGetPointer(place));
  }
  SPI_freetuptable(SPI_tuptable);
  MemoryContextSwitchTo(before);
}

}  // namespace

KeyList::KeyList(const core::Vector<KeyType>& types) : types_(types) {
  memory_ = pg::call(
      [] { return AllocSetContextCreate(pg::arena(), "db_guard keys", ALLOCSET_DEFAULT_SIZES); });
}

KeyList::~KeyList() { MemoryContextDelete(memory_); }

void KeyList::clear() {
  values_.clear();
  places_.clear();
  MemoryContextReset(memory_);
}

void KeyList::take_rows(bool with_places) {
  clear();
  values_.resize(std::size_t(SPI_processed) * types_.size());
  if (with_places) places_.resize(std::size_t(SPI_processed));
  Datum* values = values_.data();
  ItemPointerData* places = with_places ? places_.data() : nullptr;
  pg::call([&] { copy_rows(types_, memory_, values, places); });
}

void KeyList::take_texts(const core::Vector<Text>& keys) {
  clear();
  for (const Text& packed : keys) {
    const auto key = core::split_netstrings(packed);
    if (!key || key->size() != types_.size()) {
      throw core::Error("XX001", Text("a key in db_guard.batch_locked_rows cannot be read"));
    }
    const MemoryContext before = MemoryContextSwitchTo(memory_);
    const core::Vector<Datum> columns = key_values(types_, *key);
    MemoryContextSwitchTo(before);
    values_.insert(values_.end(), columns.begin(), columns.end());
  }
}

Key KeyList::text(int row) const {
  Key result;
  for (std::size_t i = 0; i < types_.size(); i++) {
    const Datum value = values_[std::size_t(row) * types_.size() + i];
    const KeyType& type = types_[i];
    result.emplace_back(pg::call([&] { return write_value(type, value); }));
  }
  return result;
}

Text KeyList::packed(int row) const { return core::join_netstrings(text(row)); }

void KeyList::append_key(int row, core::Vector<Datum>& parameters) const {
  const auto first = values_.begin() + std::ptrdiff_t(std::size_t(row) * types_.size());
  parameters.insert(parameters.end(), first, first + std::ptrdiff_t(types_.size()));
}

core::Vector<Datum> KeyList::arrays(const core::Vector<int>& rows) const {
  core::Vector<Datum> result;
  core::Vector<Datum> elements(rows.size());
  for (std::size_t column = 0; column < types_.size(); column++) {
    for (std::size_t i = 0; i < rows.size(); i++) {
      elements[i] = values_[std::size_t(rows[i]) * types_.size() + column];
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
    number += number_of_value(type.type, type.length, type.by_value,
                              values_[std::size_t(row) * types_.size() + i]);
  }
  return turn_of(number, passes);
}

core::Vector<int> KeyList::by_place(core::Vector<int> rows) const {
  const ItemPointerData* places = places_.data();
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
  for (const int row : rows) result.push_back(places_[std::size_t(row)]);
  return result;
}

int KeyList::first_behind(const Key& key) const {
  const core::Vector<Datum> wanted = key_values(types_, key);
  const auto is_behind = [&](int row) {
    for (std::size_t i = 0; i < types_.size(); i++) {
      const Datum value = values_[std::size_t(row) * types_.size() + i];
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
