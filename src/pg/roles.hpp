// Roles that a setting names.
#pragma once

namespace db_guard::pg {

// Plain server code. Whether the session's user is a superuser or a member of the role; true where
// no role is named. The role of SET ROLE counts; that of a SECURITY DEFINER function does not, so a
// caller cannot borrow its owner's right.
bool caller_has_role(const char* role);

}  // namespace db_guard::pg
