// What the program may do with a stream: colours and redrawing on a terminal, plain lines
// elsewhere.
#pragma once

#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>

namespace cli {

class Terminal {
 public:
  enum class Way {
    waits,  // for whoever reads; a failure of stdout is thrown
    never_waits,  // see whole_output.h
  };
  explicit Terminal(std::FILE* stream, Way way = Way::waits);

  bool redraws() const { return tty_; }
  bool draws_lines() const { return utf8_; }  // box-drawing characters can be shown
  std::size_t columns() const;

  // Colours, where the stream is a terminal and NO_COLOR is not set.
  std::string bold(const std::string& text) const { return paint("1", text); }
  std::string faint(const std::string& text) const { return paint("2", text); }
  std::string green(const std::string& text) const { return paint("32", text); }
  std::string yellow(const std::string& text) const { return paint("33", text); }
  std::string red(const std::string& text) const { return paint("31", text); }

  // Writes text at once, whole.
  void print(const std::string& text) const;
  // Throws, or ends the process as a write would, when nobody reads any more what is printed.
  void check_reader() const;

 private:
  std::string paint(const char* code, const std::string& text) const;

  std::FILE* stream_;
  Way way_;
  bool tty_;
  bool colours_;
  bool utf8_;
};

// How many columns the text takes: escape sequences take none, a UTF-8 sequence one.
std::size_t columns_of(std::string_view text);

// One line that says how far something is: redrawn in place on a terminal; elsewhere a line
// whenever its words change.
class ProgressLine {
 public:
  explicit ProgressLine(const Terminal& terminal) : terminal_(terminal) {}
  ~ProgressLine() { finish(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // `share` is 0 to 1; `words` stand behind the bar.
  void show(std::string_view title, double share, std::string_view words);
  // Ends the line, so that other output can follow.
  void finish();

 private:
  const Terminal& terminal_;
  std::string shown_;
};

}  // namespace cli
