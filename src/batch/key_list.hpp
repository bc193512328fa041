// Keys of rows as the server's values, in order.
#pragma once

#include "batch/job.hpp"
#include "batch/table_facts.hpp"
#include "pg/procedure.hpp"

extern "C" {
#include "storage/itemptr.h"
}

namespace db_guard::batch {

class KeyList {
 public:
  explicit KeyList(const core::Vector<KeyType>& types);
  ~KeyList();
  KeyList(const KeyList&) = delete;
  KeyList& operator=(const KeyList&) = delete;

  // Takes the place of what was there: the rows of the statement; with places, each ends with its
  // tid.
  void read(const pg::Prepared& statement, const core::Vector<Datum>& parameters,
            bool with_places = false);
  void take_texts(const core::Vector<core::Text>& keys);
  void clear();

  [[nodiscard]] int size() const { return size_; }
  [[nodiscard]] Key text(int row) const;
  [[nodiscard]] core::Text packed(int row) const;
  // Appends the columns of a key as parameters.
  void append_key(int row, core::Vector<Datum>& parameters) const;
  // An array for each column, of some of the keys.
  [[nodiscard]] core::Vector<Datum> arrays(const core::Vector<int>& rows) const;
  // In which of so many passes the row is taken; the same for a key whoever asks.
  [[nodiscard]] int turn(int row, int passes) const;
  [[nodiscard]] bool has_places() const { return places_ != nullptr; }
  [[nodiscard]] core::Vector<int> by_place(core::Vector<int> rows) const;
  [[nodiscard]] core::Vector<ItemPointerData> places(const core::Vector<int>& rows) const;
  // The first key behind that one.
  [[nodiscard]] int first_behind(const Key& key) const;

 private:
  const core::Vector<KeyType>& types_;
  [[nodiscard]] const Datum* at(int row) const {
    return values_ + std::size_t(row) * types_.size();
  }

  // In `memory_`, where the server's side of read() can let them grow.
  Datum* values_ = nullptr;
  ItemPointerData* places_ = nullptr;
  int size_ = 0;
  MemoryContext memory_ = nullptr;
};

// The columns of a key, read from their texts.
core::Vector<Datum> key_values(const core::Vector<KeyType>& types, const Key& key);

core::Vector<Oid> column_types(const core::Vector<KeyType>& types);
core::Vector<Oid> array_types(const core::Vector<KeyType>& types);

}  // namespace db_guard::batch
