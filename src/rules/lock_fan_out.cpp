#include "rules/reach.hpp"
#include "rules/wording.hpp"

namespace db_guard::rules {

using core::concat;

namespace {

constexpr std::string_view kSlug = "lock-fan-out";

// The table of locks is for all sessions together; what one statement may take of it before it
// gets dangerous is a matter of judgement.
constexpr std::uint64_t kMostShare = 4;

void check(const Context& context, Findings& findings) {
  const std::uint64_t locks = context.effects.relations.size();
  const std::uint64_t room = context.facts.lock_table_size();
  if (locks <= room / kMostShare || &context.action != &context.statement.actions.front()) return;
  Finding finding = make_finding(context, kSlug, Severity::kWarn);
  add_evidence(finding, "locks", double(locks));
  add_evidence(finding, "lock_table_size", double(room));
  finding.message = concat({"the statement on ", subject(context), " locks ",
                            core::counted(locks, "relation", "relations"),
                            " at once; the server has room for about ",
                            core::number(std::int64_t(room)), " locks of all sessions"});
  finding.detail = Text("Where the room runs out, this statement or one of another session fails "
                        "with \"out of shared "
                        "memory\". max_locks_per_transaction makes more room, after a restart.");
  findings.push_back(std::move(finding));
}

constexpr ddl::KindSet kKinds = [] {
  ddl::KindSet kinds{};
  for (int kind = 0; kind < int(ddl::ActionKind::kCreateTable); kind++) {
    kinds.add(ddl::ActionKind(kind));
  }
  return kinds;
}();

}  // namespace

extern const Rule lock_fan_out;
constexpr Rule lock_fan_out = {
    kSlug,
    "partitions",
    Severity::kWarn,
    "Locking more relations at once than the server has room for",
    "A statement on a partitioned table locks every partition, and most lock every index of each. "
    "Reported where that is more than a quarter of max_locks_per_transaction times the number of "
    "connections.",
    "The table of locks is shared by all sessions. When it is full, statements fail that have "
    "nothing to do with this one.",
    "Raise max_locks_per_transaction, or go partition by partition: ONLY on the parent, then each "
    "partition in a transaction of its own.",
    "CREATE TABLE orders (id bigint NOT NULL, total numeric) PARTITION BY HASH (id);\nDO $$BEGIN "
    "FOR i IN 0..1999 LOOP EXECUTE format('CREATE TABLE orders_%s PARTITION OF orders FOR VALUES "
    "WITH (modulus 2000, remainder %s)', i, i); IF i % 100 = 0 THEN COMMIT; END IF; END LOOP; "
    "END$$;",
    "ALTER TABLE orders ADD COLUMN note text;",
    "ALTER TABLE orders_0 ALTER COLUMN total SET STATISTICS 1000;",
    "0.1.0",
    ddl::Lock::kAccessExclusive,
    "none",
    kKinds,
    check,
    nullptr,
    true,
};

}  // namespace db_guard::rules
