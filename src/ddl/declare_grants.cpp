// GRANT on objects, and the rights that ALTER DEFAULT PRIVILEGES gives on objects to come.
#include <algorithm>

#include "core/text.hpp"
#include "ddl/declaration_parts.hpp"
#include "pg/prelude.hpp"

extern "C" {
#include "nodes/value.h"
#include "utils/builtins.h"
}

namespace db_guard::ddl {

namespace {

using core::concat;

constexpr std::size_t kMostObjects = 5;

// One and many of them.
struct Words {
  std::string_view one;
  std::string_view many;
};

Words words_of(ObjectType type) {
  switch (type) {
    case OBJECT_TABLE:
      return {"table", "tables"};
    case OBJECT_SEQUENCE:
      return {"sequence", "sequences"};
    case OBJECT_SCHEMA:
      return {"schema", "schemas"};
    case OBJECT_FUNCTION:
    case OBJECT_PROCEDURE:
    case OBJECT_ROUTINE:
      return {"function", "functions"};
    case OBJECT_TYPE:
    case OBJECT_DOMAIN:
      return {"type", "types"};
    case OBJECT_FOREIGN_SERVER:
      return {"foreign server", "foreign servers"};
    case OBJECT_FDW:
      return {"foreign-data wrapper", "foreign-data wrappers"};
    case OBJECT_LANGUAGE:
      return {"language", "languages"};
    default:
      return {"object", "objects"};
  }
}

Text name_as_sql(const Node* object) {
  switch (nodeTag(object)) {
    case T_RangeVar:
      return quoted(name_of(reinterpret_cast<const RangeVar*>(object)));
    case T_List:
      return quoted(name_of(reinterpret_cast<const List*>(object)));
    case T_ObjectWithArgs:
      return quoted(name_of(reinterpret_cast<const ObjectWithArgs*>(object)->objname));
    case T_String:
      return quoted(strVal(object));
    default:
      return Text("?");
  }
}

Text list_of_names(const List* objects) {
  Vector<Text> names;
  ListCell* cell = nullptr;
  foreach (cell, objects) names.push_back(name_as_sql(static_cast<const Node*>(lfirst(cell))));
  return core::list_of(names, kMostObjects);
}

Text objects_of(const GrantStmt* tree) {
  const Words words = words_of(tree->objtype);
  if (tree->targtype == ACL_TARGET_DEFAULTS) return concat({words.many, " made from now on"});
  const Text names = list_of_names(tree->objects);
  if (tree->targtype == ACL_TARGET_ALL_IN_SCHEMA) {
    return concat({"all ", words.many, " in schema ", names});
  }
  return concat({list_length(tree->objects) == 1 ? words.one : words.many, " ", names});
}

Text upper(const char* word) {
  Text text(word);
  for (char& c : text) c = char(pg_ascii_toupper(static_cast<unsigned char>(c)));
  return text;
}

Text privileges_of(const GrantStmt* tree) {
  if (tree->privileges == NIL) return Text("all privileges");
  Vector<Text> names;
  ListCell* cell = nullptr;
  foreach (cell, tree->privileges) {
    const char* name = static_cast<const AccessPriv*>(lfirst(cell))->priv_name;
    names.push_back(name != nullptr ? upper(name) : Text("all privileges"));
  }
  return core::list_of(names, names.size());
}

bool grants_creation(const GrantStmt* tree) {
  ListCell* cell = nullptr;
  foreach (cell, tree->privileges) {
    const char* name = static_cast<const AccessPriv*>(lfirst(cell))->priv_name;
    if (name == nullptr || strcmp(name, "create") == 0) return true;
  }
  return tree->privileges == NIL;
}

// What the server gives PUBLIC by itself; and a schema that can be looked into shows nothing by
// that alone.
bool is_usual_for_public(const GrantStmt* tree) {
  switch (tree->objtype) {
    case OBJECT_FUNCTION:
    case OBJECT_PROCEDURE:
    case OBJECT_ROUTINE:
    case OBJECT_TYPE:
    case OBJECT_DOMAIN:
    case OBJECT_LANGUAGE:
      return true;
    case OBJECT_SCHEMA:
      return !grants_creation(tree);
    default:
      return false;
  }
}

Text name_of_grantee(const RoleSpec* role) {
  switch (role->roletype) {
    case ROLESPEC_CSTRING:
      return quoted(role->rolename);
    case ROLESPEC_PUBLIC:
      return Text("PUBLIC");
    default:
      return Text("the current role");
  }
}

void add_grantees(const List* grantees, GrantSpec& grant) {
  Vector<Text> names;
  ListCell* cell = nullptr;
  foreach (cell, grantees) {
    const auto* role = static_cast<const RoleSpec*>(lfirst(cell));
    grant.to_public |= role->roletype == ROLESPEC_PUBLIC;
    names.push_back(name_of_grantee(role));
  }
  grant.grantees = core::list_of(names, kMostObjects);
}

}  // namespace

void declare_grant(const GrantStmt* tree, Declarations& declarations) {
  if (!tree->is_grant) return;
  Declaration declaration;
  declaration.kind = DeclarationKind::kGrant;
  declaration.display = objects_of(tree);
  GrantSpec& grant = declaration.grant;
  grant.privileges = privileges_of(tree);
  grant.with_grant_option = tree->grant_option;
  grant.usual_for_public = is_usual_for_public(tree);
  add_grantees(tree->grantees, grant);
  declarations.items.push_back(std::move(declaration));
}

}  // namespace db_guard::ddl
