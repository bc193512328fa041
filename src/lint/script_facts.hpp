// The facts as a statement of a script will find them: names as earlier statements leave them, the
// script's own transaction, and sizes that may be another database's.
#pragma once

#include "ddl/catalog_facts.hpp"
#include "effects/script_state.hpp"
#include "lint/lent_sizes.hpp"

namespace db_guard::lint {

class ScriptFacts final : public ddl::CatalogFacts {
 public:
  ScriptFacts(const effects::ScriptState& script, LentSizes& lent,
              const ddl::Transaction& transaction, bool in_transaction_block)
      : CatalogFacts(transaction),
        script_(script),
        lent_(lent),
        in_transaction_block_(in_transaction_block) {}

  bool in_transaction_block() override { return in_transaction_block_; }
  std::optional<ddl::Relation> relation(const ddl::ObjectName& name) override;
  std::optional<ddl::Relation> table_of(const ddl::Index& index) override;
  ddl::Size size(const ddl::Relation& relation) override;
  ddl::Lock held_lock(const ddl::Relation& relation) override {
    return transaction().lock_on(relation.id);
  }
  bool known_to_nobody_else(const ddl::Relation& relation) override;
  bool foreign_key_is_indexed(const ddl::Relation& relation,
                              const ddl::Vector<ddl::Text>& columns) override;
  std::optional<ddl::Relation> parent_of_partition(const ddl::Relation& partition) override;
  ddl::RowSecurity row_security(const ddl::Relation& relation) override;
  ddl::Vector<ddl::Text> index_columns(const ddl::Relation& relation,
                                       const ddl::Text& index) override;
  ddl::Vector<ddl::Dependent> mentions(std::string_view name) override;
  ddl::IndexUse index_use(const ddl::Relation& relation, const ddl::Index& index) override;

 protected:
  std::uint32_t resolve(const ddl::ObjectName& name) override;

 private:
  const effects::ScriptState& script_;
  LentSizes& lent_;
  bool in_transaction_block_;
};

}  // namespace db_guard::lint
