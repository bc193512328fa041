#include "rules/losses.hpp"

#include <algorithm>
#include <utility>

#include "core/text.hpp"

namespace db_guard::rules {

using core::concat;

Text losses_text(const Vector<ddl::Loss>& losses) {
  constexpr std::size_t kMostNames = 8;
  Vector<Text> names;
  for (const ddl::Loss& loss : losses) names.push_back(concat({loss.kind, " ", loss.name}));
  return core::list_of(names, kMostNames);
}

namespace {

Text plural(std::string_view kind) {
  const bool in_y = !kind.empty() && kind.back() == 'y';
  return in_y ? concat({kind.substr(0, kind.size() - 1), "ies"}) : concat({kind, "s"});
}

}  // namespace

Text losses_by_kind(const Vector<ddl::Loss>& losses) {
  Vector<std::pair<Text, std::size_t>> kinds;
  for (const ddl::Loss& loss : losses) {
    const auto known = std::find_if(kinds.begin(), kinds.end(),
                                    [&](const auto& kind) { return kind.first == loss.kind; });
    if (known == kinds.end()) {
      kinds.emplace_back(loss.kind, 1);
    } else {
      known->second++;
    }
  }
  // What holds data first, then what there is most of.
  std::stable_sort(kinds.begin(), kinds.end(), [](const auto& a, const auto& b) {
    const bool a_is_table = a.first == "table";
    const bool b_is_table = b.first == "table";
    return a_is_table != b_is_table ? a_is_table : a.second > b.second;
  });
  Text text;
  for (std::size_t i = 0; i < kinds.size(); i++) {
    if (i > 0) text.append(i + 1 == kinds.size() ? " and " : ", ");
    text.append(core::counted(kinds[i].second, kinds[i].first, plural(kinds[i].first)));
  }
  return text;
}

Text rules_to_allow(const Context& context, std::string_view rule) {
  const bool takes_along = context.action.cascade && !context.effects.losses.empty();
  return concat({takes_along ? "drop-cascade," : "", rule});
}

LostRows rows_lost(ddl::Facts& facts, const Vector<ddl::Loss>& losses) {
  LostRows rows;
  for (const ddl::Loss& loss : losses) {
    if (loss.relation == 0 || loss.kind != "table") continue;
    const auto relation = facts.relation_by_id(loss.relation);
    if (!relation || relation->temporary || relation->created_in_transaction) continue;
    const ddl::Size size = facts.size(*relation);
    if (size.bytes == 0 || size.rows == 0 || facts.known_to_nobody_else(*relation)) continue;
    rows.bytes += size.bytes;
    rows.tables++;
  }
  return rows;
}

}  // namespace db_guard::rules
