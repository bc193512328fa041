// The partitions of the log by time: which one takes a row, and making them ahead.
#pragma once

#include "pg/prelude.hpp"

namespace db_guard::rowaudit {

struct Leaf {
  int64 from;  // the first audit_id that goes there
  int64 to;    // the first that does not
  Oid events;
  Oid transactions;
};

// Defines db_guard.audit_partition.
void define_partition_settings();

// Plain server code. Where the row of that number goes. Makes the partition where nobody has yet.
Leaf leaf_of(int64 audit_id);
void forget_leaves();

// Makes the partitions of this period and of the ones that follow; returns how many were missing.
int make_partitions(int64 audit_id, int ahead);

// Indexes by key where there is none; returns on how many partitions.
int index_all_partitions();

inline constexpr int kPartitionsAhead = 2;

}  // namespace db_guard::rowaudit
