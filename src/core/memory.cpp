#include "core/memory.hpp"

namespace db_guard::core {

namespace {
std::pmr::memory_resource* installed = nullptr;
}  // namespace

std::pmr::memory_resource* resource() noexcept {
  return installed != nullptr ? installed : std::pmr::new_delete_resource();
}

std::pmr::memory_resource* exchange_resource(std::pmr::memory_resource* next) noexcept {
  std::pmr::memory_resource* previous = installed;
  installed = next;
  return previous;
}

}  // namespace db_guard::core
