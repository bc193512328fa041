// Sizes of another database: those that import_sizes() has kept, and large ones by assumption.
#pragma once

#include <optional>

#include "ddl/facts.hpp"

namespace db_guard::lint {

// Read once a script, when the first size is asked for.
class LentSizes {
 public:
  // What is lent in place of the size here, under the qualified and quoted name; nullopt: nothing.
  std::optional<ddl::Size> find(std::string_view name, const ddl::Relation& relation,
                                const ddl::Size& here);
  // Scans of an index in that other database; below 0: not known.
  double scans(std::string_view index);
  // Whether tables are to be taken for used by others, whatever this database says.
  [[nodiscard]] static bool assumes_use();

 private:
  struct Lent {
    core::Text name;  // qualified and quoted
    double bytes;
    double rows;  // below 0: not known
    double total_bytes;
    double total_rows;
    std::uint32_t leaves;
    double scans;
  };
  void read();
  const Lent* find_by_name(std::string_view name);

  bool is_read_ = false;
  core::Vector<Lent> lent_;  // sorted by name
};

}  // namespace db_guard::lint
