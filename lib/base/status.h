// What went wrong, and the words for it. Codes are those of the C ABI.
#pragma once

#include <pinnate/common.h>

#include <new>
#include <optional>
#include <string>
#include <utility>

namespace pinnate {

using Code = pinnate_status;

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  bool ok() const { return code_ == PINNATE_OK; }
  Code code() const { return code_; }
  const std::string& message() const { return message_; }

 private:
  Code code_ = PINNATE_OK;
  std::string message_;
};

// Its words are short enough to need no memory.
inline Status no_memory() { return {PINNATE_NO_MEMORY, "no memory"}; }

// A value, or why there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}
  Result(Status status) : status_(std::move(status)) {}
  Result(Code code, std::string message) : status_(code, std::move(message)) {}

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }
  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }

 private:
  std::optional<T> value_;
  Status status_;
};

// What `body` returns, a Result; PINNATE_NO_MEMORY where it ran out of that.
template <typename Body>
auto within_memory(const Body& body) -> decltype(body()) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return Status(PINNATE_NO_MEMORY, "out of memory");
  }
}

}  // namespace pinnate
