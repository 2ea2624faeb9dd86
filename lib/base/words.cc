#include "base/words.h"

namespace pinnate {

std::string one_line(std::string_view text, std::size_t limit) {
  if (text.size() > limit) {
    text = text.substr(0, limit);
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0) == 0x80) text.remove_suffix(1);
    if (!text.empty() && (static_cast<unsigned char>(text.back()) & 0x80)) text.remove_suffix(1);  // its lead byte
  }
  std::string line(text);
  for (char& c : line)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

std::string reason(std::string_view words) {
  std::string line = one_line(words, kReasonBytes);
  return line.empty() ? "gave no reason" : line;
}

std::string ReasonBuffer::str() const { return reason(bytes_.data()); }

}  // namespace pinnate
