#include "arguments.h"

#include <algorithm>
#include <charconv>

namespace bench {

Arguments::Arguments(const std::vector<std::string>& words, std::initializer_list<const char*> known) {
  for (std::size_t i = 0; i < words.size(); i++) {
    if (words[i].rfind("--", 0) != 0) throw WrongUsage("unexpected argument '" + words[i] + "'");
    const std::size_t equals = words[i].find('=');
    const std::string name = words[i].substr(2, equals == std::string::npos ? equals : equals - 2);
    if (std::none_of(known.begin(), known.end(), [&](const char* k) { return name == k; }))
      throw WrongUsage("unknown option --" + name);
    if (equals == std::string::npos && ++i == words.size()) throw WrongUsage("--" + name + " needs a value");
    if (!given_.emplace(name, equals == std::string::npos ? words[i] : words[i].substr(equals + 1)).second)
      throw WrongUsage("--" + name + " is given twice");
  }
}

std::uint64_t Arguments::number(const std::string& name, std::uint64_t otherwise, std::uint64_t least,
                                std::uint64_t most) const {
  const auto found = given_.find(name);
  if (found == given_.end()) return otherwise;
  const std::string& text = found->second;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most)
    throw WrongUsage("--" + name + " is '" + text + "'; " + std::to_string(least) + " to " + std::to_string(most) +
                     " are allowed");
  return value;
}

std::string Arguments::choice(const std::string& name, std::initializer_list<const char*> choices) const {
  const auto found = given_.find(name);
  if (found == given_.end()) return *choices.begin();
  std::string allowed;
  for (const char* c : choices) {
    if (found->second == c) return found->second;
    allowed += (allowed.empty() ? "" : ", ") + std::string(c);
  }
  throw WrongUsage("--" + name + " is '" + found->second + "'; allowed: " + allowed);
}

std::string Arguments::text(const std::string& name, const std::string& otherwise) const {
  const auto found = given_.find(name);
  return found == given_.end() ? otherwise : found->second;
}

}  // namespace bench
