// The error that pure code throws. The wall turns it into the server's error report, whole.
#pragma once

#include <exception>
#include <string_view>

#include "core/memory.hpp"

namespace db_guard::core {

// Where in the schema an error belongs: the fields that every client library can read.
struct Place {
  Text schema;
  Text table;
  Text column;
  Text constraint;
};

class Error : public std::exception {
 public:
  // sqlstate: five characters of SQLSTATE.
  Error(std::string_view sqlstate, Text message, Text detail = {}, Text hint = {})
      : sqlstate_(sqlstate),
        message_(std::move(message)),
        detail_(std::move(detail)),
        hint_(std::move(hint)) {}

  Error& at(Place place) {
    place_ = std::move(place);
    return *this;
  }

  [[nodiscard]] const char* what() const noexcept override { return message_.c_str(); }
  [[nodiscard]] const Text& sqlstate() const noexcept { return sqlstate_; }
  [[nodiscard]] const Text& message() const noexcept { return message_; }
  [[nodiscard]] const Text& detail() const noexcept { return detail_; }
  [[nodiscard]] const Text& hint() const noexcept { return hint_; }
  [[nodiscard]] const Place& place() const noexcept { return place_; }

 private:
  Text sqlstate_;
  Text message_;
  Text detail_;
  Text hint_;
  Place place_;
};

}  // namespace db_guard::core
