// Writes one JSON value, on one line. Text that is not UTF-8 comes out with replacement characters,
// so that the result is always valid; what controls a terminal comes out as escapes.
#pragma once

#include "shown_text.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace cli {

class JsonText {
 public:
  JsonText& begin_object() { return begin('{'); }
  JsonText& end_object() { return end('}'); }
  JsonText& begin_array() { return begin('['); }
  JsonText& end_array() { return end(']'); }
  JsonText& key(std::string_view name);

  JsonText& value(std::string_view text);
  JsonText& value(const char* text) { return value(std::string_view(text)); }
  JsonText& value(const std::string& text) { return value(std::string_view(text)); }
  JsonText& value(const PeerText& text) { return value(text.raw()); }
  JsonText& value(std::uint64_t number) { return plain(std::to_string(number)); }
  JsonText& value(std::int64_t number) { return plain(std::to_string(number)); }
  JsonText& null() { return plain("null"); }
  JsonText& value(bool truth) { return plain(truth ? "true" : "false"); }

  template <class T>
  JsonText& member(std::string_view name, const T& content) {
    return key(name).value(content);
  }

  const std::string& text() const { return text_; }

 private:
  JsonText& begin(char bracket);
  JsonText& end(char bracket);
  JsonText& plain(std::string_view token);
  void separate();
  void quote(std::string_view content);

  std::string text_;
  bool first_ = true;  // nothing stands yet where the next item goes
};

}  // namespace cli
