// A server error on its way through C++ frames.
#pragma once

#include "pg/prelude.hpp"

namespace db_guard::pg {

// Carries the whole ErrorData, so that the entry guard can raise it again unchanged. The data has a
// memory context of its own below the arena of the running entry: FreeErrorData forgets some of
// the strings that CopyErrorData makes, and an entry may swallow any number of errors.
class PgError : public std::exception {
 public:
  // Takes over the data and its context (data->assoc_context).
  explicit PgError(ErrorData* data) noexcept : data_(data) {}
  PgError(PgError&& other) noexcept : data_(other.release()) {}
  PgError& operator=(PgError&&) = delete;
  ~PgError() override {
    if (data_ != nullptr) MemoryContextDelete(data_->assoc_context);
  }

  [[nodiscard]] const char* what() const noexcept override {
    return data_->message != nullptr ? data_->message : "server error without a message";
  }
  [[nodiscard]] const ErrorData* data() const noexcept { return data_; }
  [[nodiscard]] int sqlstate() const noexcept { return data_->sqlerrcode; }
  // A cancel, a timeout or a shutdown: nothing to be swallowed.
  [[nodiscard]] bool is_interruption() const noexcept {
    return ERRCODE_TO_CATEGORY(data_->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION;
  }

  // The data, which now lives as long as the arena. The error must not be looked at any more.
  [[nodiscard]] ErrorData* release() noexcept { return std::exchange(data_, nullptr); }

 private:
  ErrorData* data_;
};

}  // namespace db_guard::pg
