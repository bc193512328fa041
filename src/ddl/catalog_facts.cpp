#include "ddl/catalog_facts.hpp"

#include "core/text.hpp"
#include "ddl/session_tables.hpp"
#include "ddl/ddl_version.hpp"
#include "pg/call.hpp"
#include "pg/search_path.hpp"
#include "pg/arena.hpp"
#include "pg/server_version.hpp"
#include "pg/syscache.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/catalog.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation_d.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "commands/defrem.h"
#include "nodes/makefuncs.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"
#include "utils/typcache.h"
}

namespace db_guard::ddl {

namespace {

// A plain copy of what is read in one go, to be turned into C++ values outside the call guard.
struct RelationRow {
  bool found;
  const char* schema;
  const char* name;
  const char* display;
  char kind;
  bool temporary;
  bool created_in_transaction;
  bool owned;
  bool is_partition;
  bool has_children;
  int columns;
};

RelationRow read_relation(Oid id) {
  RelationRow row{};
  bool system_catalog = false;
  const auto read = [&](auto* form, HeapTuple) {
    system_catalog = IsSystemClass(id, form);
    row.name = pstrdup(NameStr(form->relname));
    row.schema = get_namespace_name(form->relnamespace);
    row.kind = form->relkind;
    row.temporary = form->relpersistence == RELPERSISTENCE_TEMP;
    row.is_partition = form->relispartition;
    row.has_children = form->relhassubclass;
    row.columns = form->relnatts;
  };
  if (!pg::read_syscache<Form_pg_class>(RELOID, ObjectIdGetDatum(id), read)) return row;
  if (row.schema == nullptr) return row;
  row.display = quote_qualified_identifier(row.schema, row.name);
  // The server lets nobody alter its catalogs.
  row.owned = pg::owns_relation(id) && (allowSystemTableMods || !system_catalog);
  row.created_in_transaction = is_created_in_this_transaction(id);
  row.found = true;
  return row;
}

struct SizeRow {
  std::uint64_t bytes;
  double rows;
  std::uint32_t leaves;
};

void add_leaf(Oid id, SizeRow& sum) {
  double rows = -1;
  sum.bytes += bytes_of(id, &rows);
  sum.rows = rows < 0 || sum.rows < 0 ? -1 : sum.rows + rows;
}

SizeRow read_size(Oid id, bool with_children) {
  SizeRow sum{};
  if (!with_children) {
    add_leaf(id, sum);
    return sum;
  }
  ListCell* cell = nullptr;
  foreach (cell, find_all_inheritors(id, NoLock, nullptr)) {
    CHECK_FOR_INTERRUPTS();
    const Oid member = lfirst_oid(cell);
    if (get_rel_relkind(member) == RELKIND_PARTITIONED_TABLE) continue;
    add_leaf(member, sum);
    if (member != id) sum.leaves++;
  }
  return sum;
}

std::uint32_t count_indexes(Oid id) {
  ::Relation relation = RelationIdGetRelation(id);
  if (relation == nullptr) return 0;
  const auto count = std::uint32_t(list_length(RelationGetIndexList(relation)));
  RelationClose(relation);
  return count;
}

struct ColumnRow {
  AttrNumber number;
  const char* type;
  const char* collation;
  bool not_null;
  bool has_default;
  bool comparable;
  bool composite;
};

const char* foreign_collation(const FormData_pg_attribute* attribute) {
  if (!OidIsValid(attribute->attcollation)) return nullptr;
  if (attribute->attcollation == get_typcollation(attribute->atttypid)) return nullptr;
  return generate_collation_name(attribute->attcollation);
}

ColumnRow read_column(Oid id, const char* name) {
  ColumnRow row{};
  HeapTuple tuple = SearchSysCacheAttName(id, name);
  if (!HeapTupleIsValid(tuple)) return row;
  const auto* form = reinterpret_cast<Form_pg_attribute>(GETSTRUCT(tuple));
  if (form->attnum > 0) {
    row.number = form->attnum;
    row.type = pg::under_pinned_search_path(
        [&] { return format_type_with_typemod(form->atttypid, form->atttypmod); });
    row.collation = foreign_collation(form);
    row.not_null = is_proven_not_null(id, form);
    row.comparable = OidIsValid(lookup_type_cache(form->atttypid, TYPECACHE_EQ_OPR)->eq_opr);
    row.composite = type_is_rowtype(form->atttypid);
    row.has_default = form->atthasdef || form->attidentity != '\0';
  }
  ReleaseSysCache(tuple);
  return row;
}

struct IndexRow {
  bool found;
  const char* schema;
  const char* name;
  bool valid;
  bool unique;
  bool backs_constraint;
  bool exclusion;
  bool partitioned;
  bool is_partition;
};

IndexRow read_index(Oid id) {
  IndexRow row{};
  const auto read = [&](auto* form, HeapTuple) {
    row.valid = form->indisvalid;
    row.unique = form->indisunique;
    row.exclusion = form->indisexclusion;
  };
  if (!pg::read_syscache<Form_pg_index>(INDEXRELID, ObjectIdGetDatum(id), read)) return row;
  row.name = get_rel_name(id);
  if (row.name == nullptr) return row;
  row.schema = get_namespace_name(get_rel_namespace(id));
  row.backs_constraint = OidIsValid(get_index_constraint(id));
  row.partitioned = get_rel_relkind(id) == RELKIND_PARTITIONED_INDEX;
  row.is_partition = get_rel_relispartition(id);
  row.found = row.schema != nullptr;
  return row;
}

}  // namespace

bool is_created_in_this_transaction(Oid id) {
  ::Relation relation = RelationIdGetRelation(id);
  if (relation == nullptr) return false;
  const bool created = relation->rd_createSubid != InvalidSubTransactionId;
  RelationClose(relation);
  return created;
}

bool lock_without_waiting(Oid id) { return ConditionalLockRelationOid(id, AccessShareLock); }

std::uint64_t bytes_of(Oid id, double* rows) {
  ::Relation relation = RelationIdGetRelation(id);
  if (relation == nullptr) return 0;
  std::uint64_t bytes = 0;
  if (RELKIND_HAS_STORAGE(relation->rd_rel->relkind)) {
    const BlockNumber blocks = RelationGetNumberOfBlocks(relation);
    bytes = std::uint64_t(blocks) * BLCKSZ;
    const auto* form = relation->rd_rel;
    // The planner's way: density at the last ANALYZE times the size now.
    if (form->reltuples >= 0 && form->relpages > 0) {
      *rows = double(form->reltuples) / form->relpages * blocks;
    } else {
      *rows = blocks == 0 ? 0 : -1;
    }
  }
  // Where the heap has no page, nothing in TOAST is alive, and opening one more file costs as much
  // as the rest of the decision.
  const Oid toast = bytes > 0 ? relation->rd_rel->reltoastrelid : InvalidOid;
  RelationClose(relation);
  double ignored = 0;
  if (OidIsValid(toast)) bytes += bytes_of(toast, &ignored);
  return bytes;
}

std::optional<Relation> read_relation_by_id(Oid id) {
  const RelationRow row = pg::call([&] { return read_relation(id); });
  if (!row.found) return std::nullopt;
  Relation relation;
  relation.id = id;
  relation.schema = row.schema;
  relation.name = row.name;
  relation.display = row.display;
  relation.kind = row.kind;
  relation.temporary = row.temporary;
  relation.created_in_transaction = row.created_in_transaction;
  relation.owned = row.owned;
  relation.is_partition = row.is_partition;
  relation.has_children = row.has_children;
  relation.columns = row.columns;
  return relation;
}

namespace {

Size size_of_index(Oid id) {
  Size size;
  double entries = 0;
  size.bytes = pg::call([&] { return bytes_of(id, &entries); });
  return size;
}

}  // namespace

Size size_of(const Relation& relation) {
  const Oid id = relation.id;
  if (relation.kind == RELKIND_INDEX) return size_of_index(id);
  if (!relation.has_rows()) return {};
  const bool with_children = relation.has_children && !relation.only;
  const SizeRow row = pg::call([&] { return read_size(id, with_children); });
  Size size;
  size.bytes = row.bytes;
  size.rows = row.rows;
  size.leaves = row.leaves;
  size.indexes = pg::call([&] { return count_indexes(id); });
  return size;
}

int CatalogFacts::server_major() { return pg::kServerMajor; }

bool CatalogFacts::in_transaction_block() {
  return pg::call([] { return IsTransactionBlock(); });
}

std::int64_t CatalogFacts::lock_timeout_ms() { return LockTimeout; }

std::int64_t CatalogFacts::maintenance_work_mem_kb() { return maintenance_work_mem; }

// Resolving can fail in ways that only the server need report: no USAGE on the schema, another
// database's name. The statement fails the same way.
Oid CatalogFacts::resolve(const ObjectName& name) {
  const char* schema = name.schema.empty() ? nullptr : name.schema.c_str();
  const char* relname = name.name.c_str();
  try {
    return pg::call([&] {
      RangeVar* range = makeRangeVar(const_cast<char*>(schema), const_cast<char*>(relname), -1);
      return RangeVarGetRelidExtended(range, NoLock, RVR_MISSING_OK, nullptr, nullptr);
    });
  } catch (const pg::PgError& error) {
    if (error.is_interruption()) throw;
    throw Refused{};
  }
}

// All actions of an ALTER TABLE are on the same table.
std::optional<Relation> CatalogFacts::relation(const ObjectName& name) {
  if (named_ && named_->name == name) return named_->relation;
  const Oid id = resolve(name);
  named_ = Named{name, OidIsValid(id) ? read_relation_by_id(id) : std::nullopt};
  return named_->relation;
}

std::optional<Relation> CatalogFacts::relation_by_id(std::uint32_t id) {
  return read_relation_by_id(id);
}

std::optional<Index> CatalogFacts::index(const ObjectName& name) {
  const Oid id = resolve(name);
  if (!OidIsValid(id)) return std::nullopt;
  const IndexRow row = pg::call([&] { return read_index(id); });
  if (!row.found) return std::nullopt;
  Index index;
  index.id = id;
  index.schema = row.schema;
  index.name = row.name;
  index.display = pg::call([&] { return quote_qualified_identifier(row.schema, row.name); });
  index.valid = row.valid;
  index.unique = row.unique;
  index.backs_constraint = row.backs_constraint;
  index.exclusion = row.exclusion;
  index.partitioned = row.partitioned;
  index.is_partition = row.is_partition;
  return index;
}

std::optional<Relation> CatalogFacts::table_of(const Index& index) {
  const Oid id = index.id;
  return read_relation_by_id(pg::call([&] { return IndexGetRelation(id, true); }));
}

std::optional<Column> CatalogFacts::column(const Relation& relation, std::string_view name) {
  const Oid id = relation.id;
  const Text copy(name);
  const char* text = copy.c_str();
  const ColumnRow row = pg::call([&] { return read_column(id, text); });
  if (row.number == 0) return std::nullopt;
  Column column;
  column.number = row.number;
  column.name = copy;
  column.type = row.type;
  if (row.collation != nullptr) column.type.append(" COLLATE ").append(row.collation);
  column.not_null = row.not_null;
  column.has_default = row.has_default;
  column.comparable = row.comparable;
  column.composite = row.composite;
  return column;
}

Size CatalogFacts::size(const Relation& relation) {
  for (const KnownSize& known : sizes_) {
    if (known.relation == relation.id && known.only == relation.only) return known.size;
  }
  const Size size = size_of(relation);
  sizes_.push_back({relation.id, relation.only, size});
  return size;
}

Vector<Relation> CatalogFacts::partitions(const Relation& relation) {
  const Oid id = relation.id;
  List* children = pg::call([&] { return find_inheritance_children(id, NoLock); });
  Vector<Relation> result;
  for (int i = 0; i < list_length(children); i++) {
    pg::check_for_interrupts();
    auto child = read_relation_by_id(list_nth_oid(children, i));
    if (child) result.push_back(std::move(*child));
  }
  return result;
}

bool CatalogFacts::known_to_nobody_else(const Relation& relation) {
  return is_known_to_nobody_else(relation);
}

Vector<Session> CatalogFacts::sessions_in_the_way(const Relation& relation, Lock lock) {
  return find_sessions_in_the_way(relation, lock);
}

Vector<Session> CatalogFacts::transactions_waited_for(const Relation& relation, Lock lock,
                                                      bool snapshots) {
  return find_transactions_waited_for(relation, lock, snapshots);
}

Vector<DisabledTrigger> CatalogFacts::disabled_triggers(const Relation& relation) {
  return find_disabled_triggers(relation);
}

Vector<KeyColumns> CatalogFacts::unindexed_foreign_keys(const Relation& relation) {
  return find_unindexed_foreign_keys(relation);
}

Text CatalogFacts::not_null_proof(const Relation& relation, const Column& column) {
  return find_not_null_proof(relation, column);
}

NewColumn CatalogFacts::new_column(const Action& action) { return analyse_new_column(action); }

TypeChange CatalogFacts::type_change(const Relation& relation, const Action& action) {
  return analyse_type_change(relation, action, *this);
}

Misfits CatalogFacts::misfits(const Relation& relation, const Action& action) {
  return probe_misfits(relation, action);
}

Generation CatalogFacts::generation(const Relation& relation, const Action& action) {
  return analyse_generation(relation, action);
}

bool CatalogFacts::has_volatile_default(const Relation& relation, const Action& action) {
  return is_new_default_volatile(relation, action);
}

NotNullPromise CatalogFacts::not_null_promise(const Relation& relation, const Column& column) {
  return find_not_null_promise(relation, column);
}

Vector<Dependent> CatalogFacts::column_dependents(const Relation& relation, const Column& column) {
  return find_column_dependents(relation, column);
}

Vector<Dependent> CatalogFacts::relation_dependents(const Relation& relation) {
  return find_relation_dependents(relation);
}

Belongings CatalogFacts::belongings(const Relation& relation, const Column& column) {
  return read_belongings(relation, column);
}

IndexUse CatalogFacts::index_use(const Relation& relation, const Index& index) {
  return read_index_use(relation, index);
}

KeyIndex CatalogFacts::key_index(const Relation& relation, const Index& index) {
  return read_key_index(relation, index);
}

Vector<Text> CatalogFacts::index_columns(const Relation& relation, const Text& name) {
  const auto found = index({relation.schema, name});
  return found ? key_index(relation, *found).columns : Vector<Text>{};
}

std::optional<SimilarIndex> CatalogFacts::similar_index(const Relation& relation,
                                                        const Action& action) {
  return find_similar_index(relation, action);
}

std::optional<KnownConstraint> CatalogFacts::constraint(const Relation& relation,
                                                        std::string_view name) {
  return read_constraint(relation, name);
}

bool CatalogFacts::foreign_key_is_indexed(const Relation& relation, const Vector<Text>& columns) {
  return has_foreign_key_index(relation, columns);
}

Vector<KeyMismatch> CatalogFacts::key_mismatches(const Relation& relation, const Relation& other,
                                                 const Action& action) {
  return find_key_mismatches(relation, other, action);
}

CheckFacts CatalogFacts::check_facts(const Relation& relation, const Action& action) {
  return analyse_check(relation, action);
}

Vector<Text> CatalogFacts::publications_of_changes(const Relation& relation) {
  return find_publications_of_changes(relation);
}

Duplicates CatalogFacts::duplicates(const Relation& relation, const Action& action) {
  return probe_duplicates(relation, action);
}

Text CatalogFacts::quote(std::string_view identifier) {
  const char* name = pg::copy_text(identifier);
  return Text(pg::call([&] { return quote_identifier(name); }));
}

Text CatalogFacts::quote_literal(std::string_view text) {
  const char* copy = pg::copy_text(text);
  return Text(pg::call([&] { return quote_literal_cstr(copy); }));
}

void CatalogFacts::begin_way() {
  const auto first = given_names_.begin() + std::ptrdiff_t(given_before_);
  other_ways_.insert(other_ways_.end(), first, given_names_.end());
  given_names_.erase(first, given_names_.end());
}

void CatalogFacts::end_action() {
  given_names_.insert(given_names_.end(), other_ways_.begin(), other_ways_.end());
  other_ways_.clear();
  given_before_ = given_names_.size();
}

// Long names are cut, so that different ones may give the same; none is given twice.
template <class Choose>
Text CatalogFacts::give_name(Oid place, std::string_view base, std::string_view label,
                             Choose&& choose) {
  const auto is_given = [&](const Text& name) {
    return std::any_of(given_names_.begin(), given_names_.end(), [&](const GivenName& given) {
      return given.place == place && given.name == name;
    });
  };
  auto number =
      std::count_if(given_names_.begin(), given_names_.end(), [&](const GivenName& given) {
        return given.place == place && given.base == base;
      });
  for (;; number++) {
    const Text suffix = number == 0 ? Text() : core::number(number);
    const Text name(choose(core::concat({label, suffix}).c_str()));
    if (is_given(name)) continue;
    given_names_.push_back({place, Text(base), name});
    return name;
  }
}

Text CatalogFacts::free_name(const Relation& relation, std::string_view part,
                             std::string_view label) {
  const char* first = relation.name.c_str();
  const char* second = part.empty() ? nullptr : pg::copy_text(part);
  const char* last = pg::copy_text(label);
  const Oid id = relation.id;
  const Oid schema = pg::call([&] { return get_rel_namespace(id); });
  const char* base = pg::call([&] { return makeObjectName(first, second, last); });
  return give_name(schema, base, label, [&](const char* ending) {
    return pg::call([&] { return ChooseRelationName(first, second, ending, schema, true); });
  });
}

Text CatalogFacts::free_column_name(const Relation& relation, std::string_view column,
                                    std::string_view label) {
  const Oid id = relation.id;
  const char* first = pg::copy_text(column);
  const char* last = pg::copy_text(label);
  const char* base = pg::call([&] { return makeObjectName(first, nullptr, last); });
  return give_name(id, base, label, [&](const char* ending) {
    return pg::call([&] {
      char* name = makeObjectName(first, nullptr, ending);
      for (int i = 1; get_attnum(id, name) != InvalidAttrNumber; i++) {
        name = makeObjectName(first, nullptr, psprintf("%s%d", ending, i));
      }
      return name;
    });
  });
}

}  // namespace db_guard::ddl
