#include "discovery/dns/host_name.h"

#include <algorithm>

namespace pinnate::discovery {
namespace {

constexpr std::size_t kNameBytes = 253, kLabelBytes = 63;  // RFC 1035, without the dot at the end

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool in_host_names(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

}  // namespace

std::string wrong_with_host_name(const std::string& given) {
  const std::string name = given.substr(0, given.size() - (!given.empty() && given.back() == '.' ? 1 : 0));
  if (name.empty()) return "the name is empty";
  if (name.size() > kNameBytes) return "the name has more than " + std::to_string(kNameBytes) + " bytes";
  std::string label;
  for (std::size_t begin = 0; begin <= name.size(); begin += label.size() + 1) {
    label = name.substr(begin, name.find('.', begin) - begin);
    if (label.empty()) return "the name '" + given + "' has two dots in a row, or begins with one";
    if (label.size() > kLabelBytes)
      return "the label '" + label + "' has more than " + std::to_string(kLabelBytes) + " bytes";
    const auto odd = std::find_if_not(label.begin(), label.end(), in_host_names);
    if (odd != label.end()) return "the name '" + given + "' has a character that no host name has";
  }
  if (std::all_of(label.begin(), label.end(), is_digit))
    return "the name '" + given + "' is no IP address and ends in a number";
  return "";
}

}  // namespace pinnate::discovery
