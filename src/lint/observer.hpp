// What this session's server process really does: the locks it takes, the files it makes, the
// tables it reads, and what it says about its own work. Plain server code.
#pragma once

#include "pg/prelude.hpp"

extern "C" {
#include "nodes/pg_list.h"
#include "storage/lockdefs.h"
}

namespace db_guard::lint {

enum class ReportKind { kRewrite, kVerify, kIndexBuild, kFkCheck, kProof };

// The server's own word on its work, at the level DEBUG1.
struct Report {
  ReportKind kind;
  const char* name;  // of a table, or of the constraint for kFkCheck; not qualified
  const char* text;  // the whole message
};

// Chains itself into the server's log hook, once, when the library is loaded. Outside of a trace it
// does nothing.
void install_observer();

// What is being observed. A statement that is traced may itself call trace_sql.
struct Observation {
  bool active;
  List* reports;         // Report*
  MemoryContext keeper;  // where they are kept
};

Observation observation();

// Keeps the server's reports from now on, in the current memory context, and does not log them. The
// settings that make it report are in force until the current transaction nest level ends. Returns
// the observation before.
Observation begin_observing();
// Goes back to the observation before, also after an error. Returns the one that ends.
Observation end_observing(const Observation& before);

struct LockHeld {
  Oid relation;
  LOCKMODE lock;  // the strongest
};
// Of this transaction, on relations of this database: LockHeld*.
List* relation_locks();

// Scans of tables that this process has begun; by difference, which tables a statement has read.
struct ScanCount {
  Oid relation;
  int64 scans;
};
List* scan_counts();  // ScanCount* of every table that has been scanned
int64 scans_of(Oid relation);

}  // namespace db_guard::lint
