#include "effects/name_table.hpp"

namespace db_guard::effects {

namespace {

struct Key {
  Oid place;
  NameData name;
};

struct Entry {
  Key key;
  List* list;
};

Key key_of(Oid place, const char* name) {
  Key key;
  memset(&key, 0, sizeof(key));
  key.place = place;
  // Longer names are cut by the server, too.
  strlcpy(NameStr(key.name), name, NAMEDATALEN);
  return key;
}

}  // namespace

List* find_named(const NameTable& table, Oid place, const char* name) {
  if (table.lists == nullptr) return NIL;
  const Key key = key_of(place, name);
  const auto* entry = static_cast<const Entry*>(hash_search(table.lists, &key, HASH_FIND, nullptr));
  return entry != nullptr ? entry->list : NIL;
}

List** named(NameTable& table, Oid place, const char* name) {
  if (table.lists == nullptr) {
    HASHCTL control{};
    control.keysize = sizeof(Key);
    control.entrysize = sizeof(Entry);
    control.hcxt = CurrentMemoryContext;
    table.lists =
        hash_create("db_guard names", 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
  }
  const Key key = key_of(place, name);
  bool found = false;
  auto* entry = static_cast<Entry*>(hash_search(table.lists, &key, HASH_ENTER, &found));
  if (!found) entry->list = NIL;
  return &entry->list;
}

}  // namespace db_guard::effects
