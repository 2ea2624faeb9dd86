#include "terminal.h"

#include "exit_code.h"
#include "whole_output.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <algorithm>
#include <csignal>
#include <cstdlib>

namespace cli {

namespace {

bool locale_is_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const std::string_view locale = value;
    for (const char* form : {"UTF-8", "utf-8", "UTF8", "utf8"}) {
      if (locale.find(form) != std::string_view::npos) return true;
    }
    return false;
  }
  return false;
}

}  // namespace

Terminal::Terminal(std::FILE* stream, Way way) : stream_(stream), way_(way) {
  const char* term = std::getenv("TERM");
  const char* no_color = std::getenv("NO_COLOR");
  tty_ = isatty(fileno(stream)) == 1 && term != nullptr && std::string_view(term) != "dumb";
  colours_ = tty_ && (no_color == nullptr || *no_color == '\0');
  utf8_ = locale_is_utf8();
}

std::size_t Terminal::columns() const {
  winsize size{};
  if (!tty_ || ioctl(fileno(stream_), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 100;
  return size.ws_col;
}

void Terminal::print(const std::string& text) const {
  if (way_ == Way::never_waits) return write_whole(Output::out, text);
  const bool written = std::fwrite(text.data(), 1, text.size(), stream_) == text.size() && std::fflush(stream_) == 0;
  if (!written && stream_ == stdout) throw Failure(ExitCode::kFailed, kUnwritten);
}

void Terminal::check_reader() const {
  pollfd reader{fileno(stream_), 0, 0};
  if (poll(&reader, 1, 0) <= 0) return;
  std::raise(SIGPIPE);
  throw Failure(ExitCode::kFailed, kUnwritten);
}

std::string Terminal::paint(const char* code, const std::string& text) const {
  return colours_ ? std::string("\x1b[") + code + "m" + text + "\x1b[0m" : text;
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') {
      i = std::min(text.find('m', i), text.size());
    } else if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) {
      ++columns;
    }
  }
  return columns;
}

void ProgressLine::show(std::string_view title, double share, std::string_view words) {
  std::string line(title);
  if (terminal_.redraws()) {
    constexpr std::size_t kBar = 24;
    const auto full = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * kBar);
    const bool blocks = terminal_.draws_lines();
    std::string done;
    std::string rest;
    for (std::size_t i = 0; i < kBar; ++i)
      (i < full ? done : rest) += blocks ? (i < full ? "█" : "░") : (i < full ? "#" : ".");
    // A line wider than the terminal would wrap, and no carriage return could redraw it.
    const std::size_t columns = terminal_.columns() - 1;
    line.resize(std::min(line.size(), columns));
    if (columns_of(line) + 1 + kBar <= columns) line += " " + terminal_.green(done) + terminal_.faint(rest);
    const std::size_t taken = columns_of(line) + 1;
    if (taken < columns) line += " " + std::string(words.substr(0, columns - taken));
    terminal_.print("\r" + line + "\x1b[K");
  } else {
    line += ": ";
    line += words;
    if (line != shown_) terminal_.print(line + "\n");
  }
  shown_ = line;
}

void ProgressLine::finish() {
  if (!shown_.empty() && terminal_.redraws()) terminal_.print("\n");
  shown_.clear();
}

}  // namespace cli
