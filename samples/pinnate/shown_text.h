// What others say (peers, modules, files), made safe to show: a terminal must take it for text, and
// a line of it for one line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace cli {

// The first character of `text`, which is not empty. What is not well-formed UTF-8 is one byte.
struct Character {
  explicit Character(std::string_view text);

  std::size_t bytes = 1;
  std::uint32_t code = 0;
  bool utf8 = true;

  // Not text: it moves the cursor, begins an escape sequence or a line, or turns the direction of
  // what follows.
  bool controls() const;
};

// With what controls as \n, \t, \r, \x1b, \u009b or \u202e, and bytes that are not UTF-8 as \xff.
// It is text after that, so that it may pass here twice.
std::string shown(std::string_view text);
// The same, but for newlines and tabs, which stay.
std::string shown_lines(std::string_view text);

// A peer's word: where text is made of it, it comes out as by shown(). Only raw() has its bytes:
// for JSON, which has its own way, to compare, and to ask with.
class PeerText {
 public:
  PeerText() = default;
  PeerText(const char* text) : raw_(text != nullptr ? text : "") {}
  PeerText(std::string text) : raw_(std::move(text)) {}

  const std::string& raw() const { return raw_; }
  bool empty() const { return raw_.empty(); }
  operator std::string() const { return shown(raw_); }

  friend bool operator==(const PeerText& a, const PeerText& b) = default;
  friend auto operator<=>(const PeerText& a, const PeerText& b) = default;
  friend std::string operator+(const PeerText& a, std::string_view b) { return shown(a.raw_).append(b); }
  friend std::string operator+(std::string a, const PeerText& b) { return std::move(a) + shown(b.raw_); }

 private:
  std::string raw_;
};

}  // namespace cli
