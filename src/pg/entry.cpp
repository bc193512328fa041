#include "pg/entry.hpp"

#include "core/error.hpp"
#include "pg/server_error.hpp"

extern "C" {
#include "mb/pg_wchar.h"
}

namespace db_guard::pg {

namespace {

// core::Error as plain data. The texts live in the arena.
struct OwnError {
  int sqlstate;
  const char* message;
  const char* detail;
  const char* hint;
  const char* schema;
  const char* table;
  const char* column;
  const char* constraint;
};

// What a handler leaves behind. Raising waits until the handler has ended: a longjmp out of a
// handler would keep the exception alive for the life of the backend.
struct Escape {
  enum class Kind { kNone, kServer, kOwn, kOutOfMemory, kOther };
  Kind kind = Kind::kNone;
  ErrorData* server = nullptr;
  OwnError own{};
  char text[256] = "";
};

// Plain copy into the arena; null where there is nothing to say or no memory to say it.
const char* keep(MemoryContext arena, const core::Text& text) {
  if (text.empty()) return nullptr;
  auto* copy = static_cast<char*>(
      MemoryContextAllocExtended(arena, text.size() + 1, MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM));
  if (copy != nullptr) std::memcpy(copy, text.c_str(), text.size() + 1);
  return copy;
}

int sqlstate_of(const core::Text& code) {
  if (code.size() != 5) return ERRCODE_INTERNAL_ERROR;
  return MAKE_SQLSTATE(code[0], code[1], code[2], code[3], code[4]);
}

OwnError flatten(MemoryContext arena, const core::Error& error) {
  const core::Place& place = error.place();
  return {sqlstate_of(error.sqlstate()), keep(arena, error.message()), keep(arena, error.detail()),
          keep(arena, error.hint()),     keep(arena, place.schema),    keep(arena, place.table),
          keep(arena, place.column),     keep(arena, place.constraint)};
}

// The only frame between server and body: everything thrown ends here, and so does every object
// with a destructor.
void contain(void (*body)(void*), void* argument, MemoryContext arena, Escape& escape) noexcept {
  ContextResource resource(arena);
  std::pmr::memory_resource* const previous = core::exchange_resource(&resource);
  const MemoryContext outer_arena = exchange_arena(arena);
  try {
    body(argument);
  } catch (PgError& error) {
    escape.kind = Escape::Kind::kServer;
    escape.server = error.release();
  } catch (const core::Error& error) {
    escape.kind = Escape::Kind::kOwn;
    escape.own = flatten(arena, error);
  } catch (const std::bad_alloc&) {
    escape.kind = Escape::Kind::kOutOfMemory;
  } catch (const std::exception& error) {
    escape.kind = Escape::Kind::kOther;
    strlcpy(escape.text, error.what(), sizeof(escape.text));
  } catch (...) {
    escape.kind = Escape::Kind::kOther;
    strlcpy(escape.text, "exception of an unknown type", sizeof(escape.text));
  }
  exchange_arena(outer_arena);
  core::exchange_resource(previous);
}

// ReThrowError takes the strings below as constants and keeps the pointers, but CopyErrorData has
// put copies of them into the arena. In ErrorContext they live as long as the error.
void raise_server(ErrorData* error) {
  const MemoryContext before = MemoryContextSwitchTo(ErrorContext);
  for (const char** text : {&error->filename, &error->funcname, &error->domain,
                            &error->context_domain, &error->message_id}) {
    if (*text != nullptr) *text = pstrdup(*text);
  }
  MemoryContextSwitchTo(before);
  ReThrowError(error);
}

void raise_own(const OwnError& own) {
  const auto field = [](int code, const char* value) {
    if (value != nullptr) err_generic_string(code, value);
    return 0;
  };
  ereport(ERROR,
          (errcode(own.sqlstate),
           errmsg_internal("%s", own.message != nullptr ? own.message : "out of memory"),
           own.detail != nullptr ? errdetail_internal("%s", own.detail) : 0,
           own.hint != nullptr ? errhint("%s", own.hint) : 0,
           field(PG_DIAG_SCHEMA_NAME, own.schema), field(PG_DIAG_TABLE_NAME, own.table),
           field(PG_DIAG_COLUMN_NAME, own.column), field(PG_DIAG_CONSTRAINT_NAME, own.constraint)));
}

void raise_other(char* text) {
  // It may have been cut in the middle of a letter.
  const int length = static_cast<int>(std::strlen(text));
  text[pg_mbcliplen(text, length, length)] = '\0';
  ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("db_guard failed internally: %s", text)));
}

void raise(Escape& escape) {
  switch (escape.kind) {
    case Escape::Kind::kNone:
      return;
    case Escape::Kind::kServer:
      raise_server(escape.server);
      return;
    case Escape::Kind::kOwn:
      raise_own(escape.own);
      return;
    case Escape::Kind::kOutOfMemory:
      ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
                      errdetail("db_guard could not allocate memory for its analysis.")));
      return;
    case Escape::Kind::kOther:
      raise_other(escape.text);
      return;
  }
}

}  // namespace

void run_entry(void (*body)(void*), void* argument) {
  const MemoryContext outer = CurrentMemoryContext;
  const MemoryContext arena = AllocSetContextCreate(outer, "db_guard entry", ALLOCSET_SMALL_SIZES);
  MemoryContextSwitchTo(arena);

  Escape escape;
  contain(body, argument, arena, escape);

  MemoryContextSwitchTo(outer);
  // The error's texts live in the arena; raising copies them, and only then may the arena go.
  PG_TRY();
  { raise(escape); }
  PG_FINALLY();
  { MemoryContextDelete(arena); }
  PG_END_TRY();
}

}  // namespace db_guard::pg
