// Which command of an ALTER TABLE is to blame for which work. The server does the work of all of
// them together in the end, so that each is asked alone what it would add.
#include "effects/alteration.hpp"

namespace db_guard::effects {

namespace {

// The work noted so far, taken off the tables: those of an earlier command come back afterwards.
List* put_aside(Alteration& alteration) {
  List* aside = NIL;
  ListCell* cell = nullptr;
  foreach (cell, alteration.tables) {
    auto* table = static_cast<AlteredTable*>(lfirst(cell));
    auto* copy = static_cast<AlteredTable*>(palloc(sizeof(AlteredTable)));
    *copy = *table;
    aside = lappend(aside, copy);
    table->rewrite = table->verify = table->builds_index = table->new_file = false;
    table->proof = nullptr;
  }
  return aside;
}

void give_back(Alteration& alteration, const List* aside) {
  ListCell* cell = nullptr;
  foreach (cell, aside) {
    const auto* before = static_cast<const AlteredTable*>(lfirst(cell));
    AlteredTable& table = altered_table(alteration, before->relation);
    table.rewrite |= before->rewrite;
    table.verify |= before->verify;
    table.builds_index |= before->builds_index;
    table.new_file |= before->new_file;
    if (table.proof == nullptr) table.proof = before->proof;
  }
}

void add_up(const AlteredTable& table, CommandWork& work) {
  if (table.proof != nullptr) work.proof = table.proof;
  if (!has_storage(table.kind)) return;
  const bool rewritten = table.rewrite || table.new_file;
  work.rewrite |= rewritten;
  work.scan |= table.verify && !rewritten;
  work.index_build |= table.builds_index;
}

}  // namespace

void predict_and_note(Alteration& alteration, Oid relation, const AlterTableCmd* command,
                      int number) {
  const List* aside = put_aside(alteration);
  const int checks = list_length(alteration.checks);
  predict_command(alteration, relation, command);
  auto* work = static_cast<CommandWork*>(palloc0(sizeof(CommandWork)));
  work->command = number;
  work->fk_check = list_length(alteration.checks) > checks;
  ListCell* cell = nullptr;
  foreach (cell, alteration.tables) add_up(*static_cast<AlteredTable*>(lfirst(cell)), *work);
  alteration.prediction.work = lappend(alteration.prediction.work, work);
  give_back(alteration, aside);
}

}  // namespace db_guard::effects
