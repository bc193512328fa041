// The WAL record of a sequence's page, which has another field's name from 16 on.
#pragma once

#include "pg/server_version.hpp"

extern "C" {
#include "commands/sequence.h"
#include "utils/rel.h"
}

namespace db_guard::pg {

inline xl_seq_rec sequence_record(::Relation sequence) { return {relation_place(sequence)}; }

}  // namespace db_guard::pg
