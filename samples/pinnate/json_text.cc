#include "json_text.h"

#include <cstdio>

namespace cli {

JsonText& JsonText::key(std::string_view name) {
  separate();
  quote(name);
  text_ += ':';
  first_ = true;
  return *this;
}

JsonText& JsonText::value(std::string_view content) {
  separate();
  quote(content);
  return *this;
}

JsonText& JsonText::begin(char bracket) {
  separate();
  text_ += bracket;
  first_ = true;
  return *this;
}

JsonText& JsonText::end(char bracket) {
  text_ += bracket;
  first_ = false;
  return *this;
}

JsonText& JsonText::plain(std::string_view token) {
  separate();
  text_ += token;
  return *this;
}

void JsonText::separate() {
  if (!first_) text_ += ',';
  first_ = false;
}

void JsonText::quote(std::string_view content) {
  text_ += '"';
  while (!content.empty()) {
    const Character next(content);
    const char c = content.front();
    if (!next.utf8) {
      text_ += "\xef\xbf\xbd";
    } else if (c == '"' || c == '\\') {
      text_ += '\\';
      text_ += c;
    } else if (c == '\n') {
      text_ += "\\n";
    } else if (next.controls()) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(next.code));
      text_ += escape;
    } else {
      text_ += content.substr(0, next.bytes);
    }
    content.remove_prefix(next.bytes);
  }
  text_ += '"';
}

}  // namespace cli
