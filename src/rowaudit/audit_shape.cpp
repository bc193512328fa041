#include "rowaudit/audit_shape.hpp"

#include "rowaudit/audit_clock.hpp"
#include "rowaudit/audit_image.hpp"
#include "rowaudit/audit_tables.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/tupdesc_details.h"
#include "access/xlog.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
}

namespace db_guard::rowaudit {

namespace {

// Columns of db_guard.audit_shape.
enum ShapeColumn {
  kId,
  kTableId,
  kRecordedAt,
  kOrigin,
  kRelation,
  kRelationName,
  kKeyColumns,
  kAttnums,
  kColumnIds,
  kNames,
  kTypes,
  kTypmods,
  kForms,
  kMissing,
  kShapeColumns
};

struct StoredShape {
  Shape shape;
  char origin[64];
};

HTAB* shapes = nullptr;
bool any_unsettled = false;

struct ShapeEntry {
  int32 id;
  Shape* shape;
};

HTAB* shape_table() {
  if (shapes != nullptr) return shapes;
  HASHCTL control{};
  control.keysize = sizeof(int32);
  control.entrysize = sizeof(ShapeEntry);
  control.hcxt = TopMemoryContext;
  shapes =
      hash_create("db_guard audit shapes", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
  return shapes;
}

// Attribute numbers mean something only where they were given: in this cluster, in this database.
void write_origin(char* target, Size size) {
  snprintf(target, size, UINT64_FORMAT "/%u", GetSystemIdentifier(), MyDatabaseId);
}

bool refers_to_catalogs(Oid type) {
  switch (type) {
    case REGPROCOID:
    case REGPROCEDUREOID:
    case REGOPEROID:
    case REGOPERATOROID:
    case REGCLASSOID:
    case REGCOLLATIONOID:
    case REGTYPEOID:
    case REGROLEOID:
    case REGNAMESPACEOID:
    case REGCONFIGOID:
    case REGDICTIONARYOID:
    case ACLITEMOID:
      return true;
    default:
      return false;
  }
}

bool is_self_contained(Oid type) {
  if (type >= FirstGenbkiObjectId || refers_to_catalogs(type)) return false;
  const char kind = get_typtype(type);
  if (kind != TYPTYPE_BASE && kind != TYPTYPE_RANGE && kind != TYPTYPE_MULTIRANGE) return false;
  const Oid element = get_element_type(type);
  return !OidIsValid(element) || is_self_contained(element);
}

void free_shape(Shape* shape) {
  pfree(shape->column);
  pfree(shape);
}

void fill_type(Column& column) {
  if (column.form == Form::kText) {
    Oid function = InvalidOid;
    bool is_varlena = false;
    getTypeOutputInfo(column.type, &function, &is_varlena);
    fmgr_info_cxt(function, &column.output, TopMemoryContext);
  }
  if (column.form != Form::kRedacted) {
    get_typlenbyval(column.type, &column.length, &column.by_value);
  }
}

bool prints_by_settings(const Column& column) {
  return column.form == Form::kText && get_typtype(column.type) != TYPTYPE_ENUM;
}

Shape* allocate_shape(int columns) {
  auto* shape = static_cast<Shape*>(MemoryContextAllocZero(TopMemoryContext, sizeof(Shape)));
  shape->column = static_cast<Column*>(MemoryContextAllocZero(
      TopMemoryContext, sizeof(Column) * static_cast<Size>(Max(columns, 1))));
  shape->columns = columns;
  return shape;
}

// --- reading db_guard.audit_shape ---------------------------------------------------------------

struct ElementList {
  Datum* values;
  bool* nulls;
  int count;
};

ElementList elements_of(Datum array, Oid type) {
  int16 length = 0;
  bool by_value = false;
  char align = 0;
  get_typlenbyvalalign(type, &length, &by_value, &align);
  ElementList list{};
  deconstruct_array(DatumGetArrayTypeP(array), type, length, by_value, align, &list.values,
                    &list.nulls, &list.count);
  return list;
}

void read_missing(Column& column, const ElementList& missing, int i) {
  column.has_missing = !missing.nulls[i];
  if (!column.has_missing) return;
  bytea* value = DatumGetByteaPP(missing.values[i]);
  column.missing.length = uint32(VARSIZE_ANY_EXHDR(value));
  auto* copy = static_cast<unsigned char*>(
      MemoryContextAlloc(TopMemoryContext, Max(column.missing.length, 1U)));
  memcpy(copy, VARDATA_ANY(value), column.missing.length);
  column.missing.data = copy;
}

// A type that has gone is only missed when somebody wants to write a value of it.
void read_type(Column& column) {
  if (column.form == Form::kText) {
    column.length = -1;
    return;
  }
  if (column.form != Form::kRedacted) {
    get_typlenbyval(column.type, &column.length, &column.by_value);
  }
}

Shape* shape_of_row(const Datum* values) {
  const ElementList attnums = elements_of(values[kAttnums], INT2OID);
  const ElementList ids = elements_of(values[kColumnIds], INT2OID);
  const ElementList names = elements_of(values[kNames], TEXTOID);
  const ElementList types = elements_of(values[kTypes], OIDOID);
  const ElementList typmods = elements_of(values[kTypmods], INT4OID);
  const ElementList forms = elements_of(values[kForms], CHAROID);
  const ElementList missing = elements_of(values[kMissing], BYTEAOID);
  Shape* shape = allocate_shape(attnums.count);
  shape->id = DatumGetInt32(values[kId]);
  shape->table_id = DatumGetInt32(values[kTableId]);
  shape->relation = DatumGetObjectId(values[kRelation]);
  shape->keys = DatumGetInt16(values[kKeyColumns]);
  shape->settled = true;
  for (int i = 0; i < shape->columns; i++) {
    Column& column = shape->column[i];
    column.attnum = DatumGetInt16(attnums.values[i]);
    column.id = DatumGetInt16(ids.values[i]);
    column.type = DatumGetObjectId(types.values[i]);
    column.typmod = DatumGetInt32(typmods.values[i]);
    column.form = Form(DatumGetChar(forms.values[i]));
    strlcpy(column.name, TextDatumGetCString(names.values[i]), NAMEDATALEN);
    read_type(column);
    read_missing(column, missing, i);
  }
  return shape;
}

Shape* remember(Shape* shape) {
  bool known = false;
  auto* entry =
      static_cast<ShapeEntry*>(hash_search(shape_table(), &shape->id, HASH_ENTER, &known));
  entry->shape = shape;
  return shape;
}

Oid index_named(const char* name, Relation table) {
  return get_relname_relid(name, RelationGetNamespace(table));
}

// --- what the relation has now ------------------------------------------------------------------

void describe_column(Column& column, Form_pg_attribute attribute, const ColumnLists& lists) {
  column.attnum = attribute->attnum;
  strlcpy(column.name, NameStr(attribute->attname), NAMEDATALEN);
  column.typmod = attribute->atttypmod;
  column.type = getBaseTypeAndTypmod(attribute->atttypid, &column.typmod);
  const bool redacted = contains_name(lists.redacted, column.name);
  column.form = redacted ? Form::kRedacted : form_of_type(column.type);
  fill_type(column);
}

// Generated on reading (18): nothing is stored, and so nothing changes.
bool is_recorded(Form_pg_attribute attribute, const ColumnLists& lists) {
  return !attribute->attisdropped && attribute->attgenerated != 'v' &&
         !contains_name(lists.ignored, NameStr(attribute->attname));
}

bool is_among(AttrNumber attnum, const AttrNumber* keys, int count) {
  for (int i = 0; i < count; i++) {
    if (keys[i] == attnum) return true;
  }
  return false;
}

bool can_identify(TupleDesc desc, AttrNumber attnum, const ColumnLists& lists) {
  Form_pg_attribute attribute = TupleDescAttr(desc, attnum - 1);
  return is_recorded(attribute, lists) &&
         !contains_name(lists.redacted, NameStr(attribute->attname));
}

int identifying_columns(Relation relation, const ColumnLists& lists, AttrNumber* keys) {
  const int count = primary_key_columns(relation, keys);
  for (int i = 0; i < count; i++) {
    if (!can_identify(RelationGetDescr(relation), keys[i], lists)) return 0;
  }
  return count;
}

void take_missing(Column& column, TupleDesc desc) {
  const TupleConstr* constraints = desc->constr;
  if (constraints == nullptr || constraints->missing == nullptr) return;
  const AttrMissing& missing = constraints->missing[column.attnum - 1];
  if (!missing.am_present || column.form == Form::kRedacted) return;
  ByteBuffer buffer{};
  append_value(buffer, column, missing.am_value);
  column.has_missing = true;
  auto* copy = static_cast<unsigned char*>(
      MemoryContextAlloc(TopMemoryContext, Max(buffer.length, Size(1))));
  memcpy(copy, buffer.data, buffer.length);
  column.missing = {copy, uint32(buffer.length)};
}

Shape* describe_relation(Relation relation, int32 table_id, const ColumnLists& lists) {
  TupleDesc desc = RelationGetDescr(relation);
  AttrNumber keys[INDEX_MAX_KEYS];
  const int key_count = identifying_columns(relation, lists, keys);
  Shape* shape = allocate_shape(desc->natts);
  shape->table_id = table_id;
  shape->relation = RelationGetRelid(relation);
  shape->keys = key_count;
  shape->columns = 0;
  for (int i = 0; i < key_count; i++) {
    describe_column(shape->column[shape->columns++], TupleDescAttr(desc, keys[i] - 1), lists);
  }
  for (int i = 0; i < desc->natts; i++) {
    Form_pg_attribute attribute = TupleDescAttr(desc, i);
    if (!is_recorded(attribute, lists) || is_among(attribute->attnum, keys, key_count)) continue;
    describe_column(shape->column[shape->columns++], attribute, lists);
  }
  for (int i = 0; i < shape->columns; i++) {
    shape->pinned_settings |= prints_by_settings(shape->column[i]);
  }
  // Printing a default may need the settings already.
  const int nest_level = shape->pinned_settings ? pin_text_settings() : 0;
  for (int i = 0; i < shape->columns; i++) take_missing(shape->column[i], desc);
  if (shape->pinned_settings) unpin_text_settings(nest_level);
  shape->described = true;
  return shape;
}

// --- which of the known shapes it is ------------------------------------------------------------

bool is_same_column(const Column& a, const Column& b) {
  return a.attnum == b.attnum && a.form == b.form && strcmp(a.name, b.name) == 0 &&
         (a.form == Form::kRedacted || (a.type == b.type && a.typmod == b.typmod));
}

bool is_same_shape(const Shape* a, const Shape* b) {
  if (a->columns != b->columns || a->keys != b->keys) return false;
  for (int i = 0; i < a->columns; i++) {
    if (!is_same_column(a->column[i], b->column[i])) return false;
  }
  return true;
}

// What earlier shapes of the table say about it.
struct Lineage {
  Shape* equal = nullptr;
  Shape* last_here = nullptr;  // of this very relation
  Shape* last = nullptr;       // of the table, before a restore or of another partition
  int16 highest_id = 0;
};

void note_known(Lineage& lineage, Shape* known, bool here, const Shape* shape) {
  for (int i = 0; i < known->columns; i++) {
    lineage.highest_id = Max(lineage.highest_id, known->column[i].id);
  }
  if (lineage.last == nullptr || known->id > lineage.last->id) lineage.last = known;
  if (!here) return;
  if (lineage.last_here == nullptr || known->id > lineage.last_here->id) lineage.last_here = known;
  if (is_same_shape(known, shape)) lineage.equal = known;
}

Lineage trace_lineage(const Shape* shape) {
  char origin[64];
  write_origin(origin, sizeof(origin));
  Relation table = table_open(own_relation(OwnRelation::kShape), AccessShareLock);
  ScanKeyData condition;
  ScanKeyInit(&condition, kTableId + 1, BTEqualStrategyNumber, F_INT4EQ,
              Int32GetDatum(shape->table_id));
  SysScanDesc scan = systable_beginscan(table, index_named("audit_shape_table", table), true,
                                        nullptr, 1, &condition);
  Lineage lineage;
  HeapTuple tuple = nullptr;
  while (HeapTupleIsValid(tuple = systable_getnext(scan))) {
    Datum values[kShapeColumns];
    bool nulls[kShapeColumns];
    heap_deform_tuple(tuple, RelationGetDescr(table), values, nulls);
    const bool here = DatumGetObjectId(values[kRelation]) == shape->relation &&
                      strcmp(TextDatumGetCString(values[kOrigin]), origin) == 0;
    note_known(lineage, shape_by_id(DatumGetInt32(values[kId])), here, shape);
  }
  systable_endscan(scan);
  table_close(table, AccessShareLock);
  return lineage;
}

const Column* counterpart(const Column& column, const Lineage& lineage) {
  // Attribute numbers are never given twice; where they mean nothing, the name has to do.
  const Shape* past = lineage.last_here != nullptr ? lineage.last_here : lineage.last;
  for (int i = 0; past != nullptr && i < past->columns; i++) {
    const Column& other = past->column[i];
    const bool same = lineage.last_here != nullptr ? other.attnum == column.attnum
                                                   : strcmp(other.name, column.name) == 0;
    if (same) return &other;
  }
  return nullptr;
}

void give_ids(Shape* shape, Lineage& lineage) {
  for (int i = 0; i < shape->columns; i++) {
    const Column* known = counterpart(shape->column[i], lineage);
    shape->column[i].id = known != nullptr ? known->id : ++lineage.highest_id;
  }
}

// --- writing db_guard.audit_shape ---------------------------------------------------------------

Datum array_of(const Shape* shape, Oid type, Datum (*element)(const Column&, bool* is_null)) {
  auto* values = static_cast<Datum*>(palloc(sizeof(Datum) * Size(Max(shape->columns, 1))));
  auto* nulls = static_cast<bool*>(palloc0(sizeof(bool) * Size(Max(shape->columns, 1))));
  for (int i = 0; i < shape->columns; i++) values[i] = element(shape->column[i], &nulls[i]);
  int16 length = 0;
  bool by_value = false;
  char align = 0;
  get_typlenbyvalalign(type, &length, &by_value, &align);
  int dimensions[1] = {shape->columns};
  int lower_bounds[1] = {1};
  return PointerGetDatum(construct_md_array(values, nulls, 1, dimensions, lower_bounds, type,
                                            length, by_value, align));
}

Datum missing_of(const Column& column, bool* is_null) {
  *is_null = !column.has_missing;
  if (*is_null) return Datum(0);
  auto* value = static_cast<bytea*>(palloc(VARHDRSZ + column.missing.length));
  SET_VARSIZE(value, VARHDRSZ + column.missing.length);
  memcpy(VARDATA(value), column.missing.data, column.missing.length);
  return PointerGetDatum(value);
}

void fill_lists(const Shape* shape, Datum* values) {
  values[kAttnums] =
      array_of(shape, INT2OID, [](const Column& c, bool*) { return Int16GetDatum(c.attnum); });
  values[kColumnIds] =
      array_of(shape, INT2OID, [](const Column& c, bool*) { return Int16GetDatum(c.id); });
  values[kNames] =
      array_of(shape, TEXTOID, [](const Column& c, bool*) { return CStringGetTextDatum(c.name); });
  values[kTypes] =
      array_of(shape, OIDOID, [](const Column& c, bool*) { return ObjectIdGetDatum(c.type); });
  values[kTypmods] =
      array_of(shape, INT4OID, [](const Column& c, bool*) { return Int32GetDatum(c.typmod); });
  values[kForms] =
      array_of(shape, CHAROID, [](const Column& c, bool*) { return CharGetDatum(char(c.form)); });
  values[kMissing] = array_of(shape, BYTEAOID, missing_of);
}

void insert_shape(Relation relation, const Shape* shape) {
  char origin[64];
  write_origin(origin, sizeof(origin));
  Datum values[kShapeColumns];
  bool nulls[kShapeColumns] = {};
  values[kId] = Int32GetDatum(shape->id);
  values[kTableId] = Int32GetDatum(shape->table_id);
  // Not the clock's time: no event that needs the shape may be older.
  values[kRecordedAt] = TimestampTzGetDatum(time_of(draw_ticks(1)));
  values[kOrigin] = CStringGetTextDatum(origin);
  values[kRelation] = ObjectIdGetDatum(shape->relation);
  values[kRelationName] = CStringGetTextDatum(quote_qualified_identifier(
      get_namespace_name(RelationGetNamespace(relation)), RelationGetRelationName(relation)));
  values[kKeyColumns] = Int16GetDatum(int16(shape->keys));
  fill_lists(shape, values);
  Relation table = table_open(own_relation(OwnRelation::kShape), RowExclusiveLock);
  HeapTuple tuple = heap_form_tuple(RelationGetDescr(table), values, nulls);
  CatalogTupleInsert(table, tuple);
  table_close(table, RowExclusiveLock);
}

}  // namespace

Form form_of_type(Oid base_type) {
  switch (base_type) {
    case INT2OID:
    case INT4OID:
    case INT8OID:
    case DATEOID:
      return Form::kInteger;
    default:
      break;
  }
  if (!is_self_contained(base_type)) return Form::kText;
  const int16 length = get_typlen(base_type);
  if (length > 0) return Form::kFixed;
  return length == -1 ? Form::kVarlena : Form::kText;
}

bool contains_name(const ArrayType* names, const char* name) {
  if (names == nullptr) return false;
  const ElementList list = elements_of(PointerGetDatum(names), TEXTOID);
  for (int i = 0; i < list.count; i++) {
    if (strcmp(TextDatumGetCString(list.values[i]), name) == 0) return true;
  }
  return false;
}

int primary_key_columns(::Relation relation, AttrNumber* columns) {
  list_free(RelationGetIndexList(relation));
  if (!OidIsValid(relation->rd_pkindex)) return 0;
  Relation index = index_open(relation->rd_pkindex, AccessShareLock);
  // Rows may share a key that is checked later; from 17 on the server calls it the primary key,
  // too.
  const int count = index->rd_index->indimmediate ? index->rd_index->indnkeyatts : 0;
  for (int i = 0; i < count; i++) columns[i] = index->rd_index->indkey.values[i];
  index_close(index, AccessShareLock);
  return count;
}

Shape* shape_by_id(int32 id) {
  auto* entry = static_cast<ShapeEntry*>(hash_search(shape_table(), &id, HASH_FIND, nullptr));
  if (entry != nullptr) return entry->shape;
  Relation table = table_open(own_relation(OwnRelation::kShape), AccessShareLock);
  ScanKeyData condition;
  ScanKeyInit(&condition, kId + 1, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(id));
  SysScanDesc scan = systable_beginscan(table, index_named("audit_shape_pkey", table), true,
                                        nullptr, 1, &condition);
  HeapTuple tuple = systable_getnext(scan);
  Shape* shape = nullptr;
  if (HeapTupleIsValid(tuple)) {
    Datum values[kShapeColumns];
    bool nulls[kShapeColumns];
    heap_deform_tuple(tuple, RelationGetDescr(table), values, nulls);
    shape = remember(shape_of_row(values));
  }
  systable_endscan(scan);
  table_close(table, AccessShareLock);
  if (shape == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
                    errmsg("db_guard.audit_shape has no row %d, which an audited image needs", id),
                    errdetail("Without it the image cannot be read."),
                    errhint("Restore db_guard.audit_shape from the backup that the log is from.")));
  }
  return shape;
}

const Shape* read_current_shape(::Relation relation, int32 table_id, const ColumnLists& lists) {
  Shape* shape = describe_relation(relation, table_id, lists);
  Lineage lineage = trace_lineage(shape);
  if (lineage.equal != nullptr) return lineage.equal;
  give_ids(shape, lineage);
  return shape;
}

Shape* current_shape(::Relation relation, int32 table_id, const ColumnLists& lists) {
  Shape* shape = describe_relation(relation, table_id, lists);
  Lineage lineage = trace_lineage(shape);
  if (lineage.equal != nullptr && lineage.equal->described) {
    free_shape(shape);
    return lineage.equal;
  }
  if (lineage.equal != nullptr) {
    shape->id = lineage.equal->id;
    for (int i = 0; i < shape->columns; i++) shape->column[i].id = lineage.equal->column[i].id;
    shape->settled = lineage.equal->settled;
    return remember(shape);
  }
  give_ids(shape, lineage);
  shape->id = draw_number();
  insert_shape(relation, shape);
  any_unsettled = true;
  return remember(shape);
}

void drop_unsettled_shapes() {
  if (!any_unsettled) return;
  any_unsettled = false;
  HASH_SEQ_STATUS status;
  hash_seq_init(&status, shapes);
  while (auto* entry = static_cast<ShapeEntry*>(hash_seq_search(&status))) {
    if (!entry->shape->settled) hash_search(shapes, &entry->id, HASH_REMOVE, nullptr);
  }
}

void settle_shapes() {
  if (!any_unsettled) return;
  any_unsettled = false;
  HASH_SEQ_STATUS status;
  hash_seq_init(&status, shapes);
  while (auto* entry = static_cast<ShapeEntry*>(hash_seq_search(&status))) {
    entry->shape->settled = true;
  }
}

int pin_text_settings() {
  const int nest_level = NewGUCNestLevel();
  const char* const pins[][2] = {{"DateStyle", "ISO, YMD"},
                                 {"IntervalStyle", "postgres"},
                                 {"extra_float_digits", "1"},
                                 {"bytea_output", "hex"},
                                 {"search_path", "pg_catalog, pg_temp"}};
  for (const auto& pin : pins) {
    (void)set_config_option(pin[0], pin[1], PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
                            false);
  }
  return nest_level;
}

void unpin_text_settings(int nest_level) { AtEOXact_GUC(false, nest_level); }

}  // namespace db_guard::rowaudit
