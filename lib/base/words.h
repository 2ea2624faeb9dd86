// Words that come from a module: cut to a length, on one line, and never torn inside a UTF-8
// character.
#pragma once

#include "base/limits.h"

#include <array>
#include <string>
#include <string_view>

namespace pinnate {

// `words`, at most kReasonBytes of them, or "gave no reason" when there are none.
std::string reason(std::string_view words);

// Where a module writes why it failed.
class ReasonBuffer {
 public:
  char* data() { return bytes_.data(); }
  std::size_t size() const { return kReasonBytes; }
  std::string str() const;

 private:
  std::array<char, kReasonBytes + 1> bytes_{};  // the last byte is never handed out: it ends any text
};

// Text that becomes part of a log line: control characters turn into spaces, and what is over
// `limit` bytes is cut.
std::string one_line(std::string_view text, std::size_t limit);

}  // namespace pinnate
