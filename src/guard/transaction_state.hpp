// What this session's transaction has done so far, kept between its statements, and what is asked
// of it when it ends.
#pragma once

#include "ddl/catalog_facts.hpp"

namespace db_guard::guard {

// Plain server code. A statement has been let pass: what it was judged by, and what the transaction
// will have done after it.
void keep_transaction(const ddl::Transaction& before, const ddl::Transaction& after);

// Plain server code: earlier statements have left something that later ones must be judged by.
bool is_anything_noted();

// Plain server code: what has been noted and is so still. A savepoint may have been rolled back
// since.
ddl::Transaction current_transaction();

// As the catalogs have it, in this session's transaction.
class SessionFacts final : public ddl::CatalogFacts {
 public:
  SessionFacts(const ddl::Transaction& transaction, bool in_block)
      : CatalogFacts(transaction), in_block_(in_block) {}
  // The subtransaction of the analysis would look like one.
  bool in_transaction_block() override { return in_block_; }
  bool judges_end_of_transaction() override { return true; }

 private:
  bool in_block_;
};

void watch_transactions();

}  // namespace db_guard::guard
