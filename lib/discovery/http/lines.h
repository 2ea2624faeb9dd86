// A stream cut into lines, however the stream itself was cut.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace pinnate::discovery {

class Lines {
 public:
  explicit Lines(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  // Calls `line` with each line that is whole now, as a std::string& that it may change; no line is
  // empty. What the stream ends with is no line until its newline is there. False: a line is longer
  // than the limit, or `line` returned false, and nothing more is to be fed.
  template <class Line>
  bool feed(std::string_view bytes, Line line) {
    while (!bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      const std::string_view piece = bytes.substr(0, end);
      if (held_.size() + piece.size() > most_bytes_) return false;
      held_ += piece;
      if (end == std::string_view::npos) return true;
      bytes.remove_prefix(end + 1);
      std::string whole = std::exchange(held_, {});
      if (!whole.empty() && !line(whole)) return false;
      if (whole.capacity() > kKeptBytes) continue;
      whole.clear();
      held_ = std::move(whole);  // its memory serves the next
    }
    return true;
  }

 private:
  static constexpr std::size_t kKeptBytes = 16 * 1024;

  const std::size_t most_bytes_;
  std::string held_;
};

}  // namespace pinnate::discovery
