#include "shown_text.h"

#include <cstdio>

namespace cli {

namespace {

void append_escape(std::string& to, std::uint32_t code, bool utf8) {
  char escape[16];
  std::snprintf(escape, sizeof escape, utf8 && code > 0x7f ? "\\u%04x" : "\\x%02x", static_cast<unsigned>(code));
  to += code == '\n' ? "\\n" : code == '\t' ? "\\t" : code == '\r' ? "\\r" : escape;
}

std::string escaped(std::string_view text, bool lines_stay) {
  std::string to;
  while (!text.empty()) {
    const Character next(text);
    if (!next.utf8 || (next.controls() && !(lines_stay && (next.code == '\n' || next.code == '\t')))) {
      append_escape(to, next.code, next.utf8);
    } else {
      to += text.substr(0, next.bytes);
    }
    text.remove_prefix(next.bytes);
  }
  return to;
}

}  // namespace

Character::Character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  code = lead;
  if (lead < 0x80) return;
  utf8 = false;
  std::size_t length = 0;
  if (lead >= 0xc2 && lead <= 0xdf) length = 2;
  if (lead >= 0xe0 && lead <= 0xef) length = 3;
  if (lead >= 0xf0 && lead <= 0xf4) length = 4;
  if (length == 0 || text.size() < length) return;
  std::uint32_t value = lead & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return;
    value = value << 6 | (byte(i) & 0x3fu);
  }
  const bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (overlong || surrogate || value > 0x10ffff) return;
  bytes = length;
  code = value;
  utf8 = true;
}

bool Character::controls() const {
  return code < 0x20 || (code >= 0x7f && code <= 0x9f) || (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069);
}

std::string shown(std::string_view text) { return escaped(text, false); }
std::string shown_lines(std::string_view text) { return escaped(text, true); }

}  // namespace cli
