// A1 to A4: errors and exceptions of every kind on their way through C++ frames.
#include <cxxabi.h>

#include <stdexcept>

#include "core/error.hpp"
#include "pg/call.hpp"
#include "pg/entry.hpp"
#include "pg/spi.hpp"
#include "wall.hpp"

extern "C" {
PG_FUNCTION_INFO_V1(db_guard_wall_unwind);
PG_FUNCTION_INFO_V1(db_guard_wall_nest);
PG_FUNCTION_INFO_V1(db_guard_wall_witnesses);
PG_FUNCTION_INFO_V1(db_guard_wall_leftovers);
PG_FUNCTION_INFO_V1(db_guard_wall_ground);
PG_FUNCTION_INFO_V1(db_guard_wall_ground_of_entry);
}

namespace db_guard::wall {

namespace {

struct Surprise {};

bool is(const char* way, const char* name) { return std::strcmp(way, name) == 0; }

void server_error() {
  ereport(ERROR, (errcode(ERRCODE_DIVISION_BY_ZERO), errmsg("server error of the wall")));
}

[[noreturn]] void throw_own() {
  throw core::Error("22023", "own error of the wall", "own detail", "own hint")
      .at({"own schema", "own table", "own column", "own constraint"});
}

// Rethrown from the handler that caught it, twice.
void rethrow_server() {
  try {
    try {
      pg::call(&server_error);
    } catch (const std::exception&) {
      throw;
    }
  } catch (const pg::PgError&) {
    throw;
  }
}

// The server error ends inside the handler and another one leaves it.
void translate_server() {
  try {
    pg::call(&server_error);
  } catch (const pg::PgError&) {
    throw_own();
  }
}

// Outlives its handler, and is raised by a handler that nobody is in any more.
void postpone_server() {
  std::exception_ptr later;
  try {
    pg::call(&server_error);
  } catch (...) {
    later = std::current_exception();
  }
  const Witness witness;
  std::rethrow_exception(later);
}

// Too long for the first block of a small context.
void long_server_error() {
  char message[2001];
  std::memset(message, 'x', sizeof(message) - 1);
  message[sizeof(message) - 1] = '\0';
  ereport(ERROR, (errcode(ERRCODE_DIVISION_BY_ZERO), errmsg_internal("%s", message)));
}

// The error must not live in a context that unwinding deletes.
void server_error_in_short_lived_context() {
  struct Scratch {
    MemoryContext previous = CurrentMemoryContext;
    MemoryContext context = nullptr;
    Scratch() {
      context = AllocSetContextCreate(previous, "db_guard wall scratch", ALLOCSET_SMALL_SIZES);
      MemoryContextSwitchTo(context);
    }
    ~Scratch() {
      MemoryContextSwitchTo(previous);
      MemoryContextDelete(context);
    }
  } scratch;
  pg::call(&long_server_error);
}

// Letters of two bytes, so that a cut at 255 bytes would halve one.
std::string long_text() {
  std::string text;
  for (int i = 0; i < 400; i++) text += "\xC3\xA9";
  return text;
}

}  // namespace

void fail(const char* way) {
  if (is(way, "nothing")) return;
  if (is(way, "server")) pg::call(&server_error);
  if (is(way, "server rethrown")) rethrow_server();
  if (is(way, "server translated")) translate_server();
  if (is(way, "server postponed")) postpone_server();
  if (is(way, "server in scratch")) server_error_in_short_lived_context();
  if (is(way, "own")) throw_own();
  if (is(way, "own without sqlstate")) throw core::Error("nope", "own error of the wall");
  if (is(way, "out of memory")) throw std::bad_alloc();
  if (is(way, "standard")) throw std::runtime_error("standard exception");
  if (is(way, "standard, long")) throw std::runtime_error(long_text());
  if (is(way, "length")) core::Vector<char>().resize(std::size_t(-1) / 2 + 1);
  if (is(way, "number")) throw 42;
  if (is(way, "literal")) throw "literal";
  if (is(way, "unknown class")) throw Surprise();
  throw core::Error("22023", "fail() knows no such way");
}

namespace {

__attribute__((noinline)) void descend(int depth, const char* way) {
  const Witness witness;
  if (depth > 1) {
    descend(depth - 1, way);
  } else {
    fail(way);
  }
  // Without work after the call it would be a tail call, and the frame gone before the error.
  asm volatile("" : : "r"(&witness) : "memory");
}

void descend_entries(int levels, const char* way) {
  const Witness witness;
  if (levels == 0) {
    fail(way);
    return;
  }
  const std::string next = std::to_string(levels - 1);
  pg::query("SELECT wall.nest($1::int, $2)", {next.c_str(), way});
}

void ignore_context(void*) {}

struct Ground {
  sigjmp_buf* exception_stack = PG_exception_stack;
  ErrorContextCallback* context_stack = error_context_stack;
  MemoryContext memory = CurrentMemoryContext;

  [[nodiscard]] core::Text difference() const {
    core::Text found;
    if (PG_exception_stack != exception_stack) found += "PG_exception_stack ";
    if (error_context_stack != context_stack) found += "error_context_stack ";
    if (CurrentMemoryContext != memory) found += "CurrentMemoryContext ";
    return found.empty() ? core::Text("same") : found;
  }
};

// Fails like server code that is in the middle of something: with a context callback of its own, in
// another memory context and, for exceptions, inside a PG_TRY. All three point into a frame that is
// about to end.
void fail_in_the_middle(const char* way) {
  ErrorContextCallback callback{};
  callback.previous = error_context_stack;
  callback.callback = ignore_context;
  error_context_stack = &callback;
  if (is(way, "jump")) {
    MemoryContextSwitchTo(TopMemoryContext);
    server_error();
  }
  sigjmp_buf buffer;
  PG_exception_stack = &buffer;
  // A successful call leaves the choice of memory context to the callable.
  if (!is(way, "nothing")) MemoryContextSwitchTo(TopMemoryContext);
  fail(way);
}

core::Text compare_ground(const char* way) {
  const Ground ground;
  try {
    pg::call([&] { fail_in_the_middle(way); });
  } catch (...) {
  }
  core::Text result = ground.difference();
  // The stack is whole enough for one more error.
  bool works = false;
  try {
    pg::call(&server_error);
  } catch (const pg::PgError& error) {
    works = error.sqlstate() == ERRCODE_DIVISION_BY_ZERO;
  }
  result += works ? ", and works" : ", and lost the next error";
  return result;
}

// The layout is fixed by the Itanium C++ ABI: the stack of caught exceptions, then how many fly.
struct ExceptionGlobals {
  void* caught;
  unsigned int uncaught;
};

const ExceptionGlobals& exception_globals() {
  return *reinterpret_cast<const ExceptionGlobals*>(abi::__cxa_get_globals());
}

core::Text leftovers() {
  core::Text found;
  if (exception_globals().caught != nullptr) found += "caught exception ";
  if (std::uncaught_exceptions() != 0) found += "flying exception ";
  if (core::resource() != std::pmr::new_delete_resource()) found += "memory resource ";
  return found.empty() ? core::Text("nothing") : found;
}

}  // namespace

}  // namespace db_guard::wall

using namespace db_guard;

Datum db_guard_wall_unwind(PG_FUNCTION_ARGS) {
  const int depth = PG_GETARG_INT32(0);
  const char* way = wall::text_argument(fcinfo, 1);
  pg::enter([&] { wall::descend(depth, way); });
  PG_RETURN_VOID();
}

Datum db_guard_wall_nest(PG_FUNCTION_ARGS) {
  const int levels = PG_GETARG_INT32(0);
  const char* way = wall::text_argument(fcinfo, 1);
  pg::enter([&] { wall::descend_entries(levels, way); });
  PG_RETURN_VOID();
}

// What was counted since the last look.
Datum db_guard_wall_witnesses(PG_FUNCTION_ARGS) {
  text* const result =
      cstring_to_text(psprintf("%d made, %d gone", wall::Witness::made, wall::Witness::gone));
  wall::Witness::made = wall::Witness::gone = 0;
  PG_RETURN_TEXT_P(result);
}

// Looks from outside any entry, so it cannot be one itself.
Datum db_guard_wall_leftovers(PG_FUNCTION_ARGS) {
  char found[100];
  strlcpy(found, wall::leftovers().c_str(), sizeof(found));
  PG_RETURN_TEXT_P(cstring_to_text(found));
}

Datum db_guard_wall_ground(PG_FUNCTION_ARGS) {
  const MemoryContext caller = CurrentMemoryContext;
  const char* way = wall::text_argument(fcinfo, 0);
  PG_RETURN_TEXT_P(pg::enter([&] { return wall::text_for(caller, wall::compare_ground(way)); }));
}

// The ground around an entry whose body succeeds but leaves the wrong memory context current.
Datum db_guard_wall_ground_of_entry(PG_FUNCTION_ARGS) {
  const wall::Ground ground;
  pg::enter([] { pg::call([] { MemoryContextSwitchTo(TopMemoryContext); }); });
  char found[100];
  strlcpy(found, ground.difference().c_str(), sizeof(found));
  PG_RETURN_TEXT_P(cstring_to_text(found));
}
