#include "core/text.hpp"
#include "rules/review.hpp"

namespace db_guard::rules {

using core::concat;
using ddl::DeclarationKind;

namespace {

constexpr std::string_view kSlug = "wide-table";

constexpr std::size_t kMany = 50;

void review(const Review& review, Findings& findings) {
  const std::size_t count = review.declaration.table.columns.size();
  if (count <= kMany) return;
  Finding finding = make_note(review, kSlug);
  finding.message = concat({"table ", review.object, " has ", core::number(std::int64_t(count)),
                            " columns, more than 50"});
  finding.detail = Text(
      "Every row is read and written whole. What is used together can be a table of its own with "
      "the same key.");
  findings.push_back(std::move(finding));
}

}  // namespace

extern const Rule wide_table;
constexpr Rule wide_table = in_pack(
    {
        kSlug,
        "structure",
        Severity::kNote,
        "A table of very many columns",
        "CREATE TABLE declares more than 50 columns.",
        "Every row that is read or updated is read or written whole, and a table that knows "
        "everything "
        "about a thing is changed by every release.",
        "Several tables with the same key: what is read together stays together. Sparse attributes "
        "fit "
        "a jsonb column.",
        "",
        "CREATE TABLE readings (\n"
        "  id uuid PRIMARY KEY,\n"
        "  v1 int, v2 int, v3 int, v4 int, v5 int, v6 int, v7 int, v8 int, v9 int,\n"
        "  v10 int, v11 int, v12 int, v13 int, v14 int, v15 int, v16 int, v17 int, v18 int,\n"
        "  v19 int, v20 int, v21 int, v22 int, v23 int, v24 int, v25 int, v26 int, v27 int,\n"
        "  v28 int, v29 int, v30 int, v31 int, v32 int, v33 int, v34 int, v35 int, v36 int,\n"
        "  v37 int, v38 int, v39 int, v40 int, v41 int, v42 int, v43 int, v44 int, v45 int,\n"
        "  v46 int, v47 int, v48 int, v49 int, v50 int);",
        "CREATE TABLE readings (sensor_id uuid, name text, value real, PRIMARY KEY (sensor_id, "
        "name));",
        "0.1.0",
        ddl::Lock::kNone,
        "none",
    },
    {DeclarationKind::kTable}, review);

}  // namespace db_guard::rules
