// One line of JSON on standard output, written in the order in which its members are added.
#pragma once

#include <cmath>
#include <concepts>
#include <cstdio>
#include <string>

namespace bench {

class JsonLine {
 public:
  JsonLine& add(const char* name, const std::string& text) {
    return member(name, '"' + text + '"');
  }  // our own words: no escapes
  JsonLine& add(const char* name, const char* text) { return add(name, std::string(text)); }
  JsonLine& add(const char* name, std::integral auto number) { return member(name, std::to_string(number)); }
  JsonLine& add(const char* name, double number, int decimals) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", decimals, number);
    return member(name, std::isfinite(number) ? text : "null");
  }
  JsonLine& add_null(const char* name) { return member(name, "null"); }
  JsonLine& add(const char* name, const JsonLine& inner) { return member(name, inner.text()); }

  std::string text() const { return '{' + members_ + '}'; }
  void print() const {
    std::printf("%s\n", text().c_str());
    std::fflush(stdout);
  }

 private:
  JsonLine& member(const char* name, const std::string& value) {
    members_ += (members_.empty() ? "\"" : ",\"") + std::string(name) + "\":" + value;
    return *this;
  }
  std::string members_;
};

}  // namespace bench
