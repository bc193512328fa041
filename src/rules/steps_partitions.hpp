// The safe ways to add and remove partitions.
#pragma once

#include "rules/rule.hpp"

namespace db_guard::rules {

// DETACH PARTITION ... CONCURRENTLY, where the server can do that: not with a default partition.
void append_concurrent_detach(const Context& context, const ddl::Relation& partition,
                              Vector<Text>& steps);

// ATTACH PARTITION with everything done before that it would otherwise do under its locks.
void append_attach_steps(const Context& context, const ddl::NewPartition& partition,
                         Vector<Text>& steps);

// CREATE TABLE ... PARTITION OF as CREATE TABLE and ATTACH. None where the statement says more of
// its columns than the parent does, or its text is not known.
void append_create_partition_steps(const Context& context, const ddl::NewPartition& partition,
                                   Vector<Text>& steps);

// CREATE TABLE ... PARTITION OF in its parts, all as typed.
struct PartitionText {
  Text head;      // "CREATE TABLE name"
  Text elements;  // what stands in the parentheses behind the parent, or empty
  Text tail;      // what follows the bound: " PARTITION BY ...", or empty
};
std::optional<PartitionText> split_partition_of(std::string_view statement);

}  // namespace db_guard::rules
