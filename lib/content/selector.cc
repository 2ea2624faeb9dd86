#include "content/selector.h"

#include <algorithm>

namespace pinnate::content {
namespace {

constexpr std::size_t kLongest = 1024;
constexpr std::size_t kMostTerms = 32;

std::string_view trimmed(std::string_view s) {
  while (!s.empty() && s.front() == ' ') s.remove_prefix(1);
  while (!s.empty() && s.back() == ' ') s.remove_suffix(1);
  return s;
}

}  // namespace

Result<Selector> Selector::parse(std::string_view text) {
  if (text.size() > kLongest)
    return {PINNATE_INVALID, "selector is longer than " + std::to_string(kLongest) + " characters"};
  Selector selector;
  if (trimmed(text).empty()) return selector;
  std::size_t count = 0;
  for (bool more = true; more;) {
    const std::size_t comma = text.find(',');
    more = comma != std::string_view::npos;
    const std::string_view part = trimmed(text.substr(0, comma));
    text = more ? text.substr(comma + 1) : std::string_view();
    if (++count > kMostTerms)
      return {PINNATE_INVALID, "selector has more than " + std::to_string(kMostTerms) + " terms"};
    const std::string where = "selector, term " + std::to_string(count);
    if (part.empty()) return {PINNATE_INVALID, where + " is empty"};

    Term term;
    const std::size_t equals = part.front() == '!' ? std::string_view::npos : part.find('=');
    std::string_view key = part.substr(0, equals);
    if (equals == std::string_view::npos) {
      term.negated = key.front() == '!';
      key.remove_prefix(term.negated);
    } else {
      term.any_value = false;
      term.negated = key.ends_with('!');
      key.remove_suffix(term.negated);
      term.value = trimmed(part.substr(equals + 1));
    }
    term.key = trimmed(key);
    if (Status s = check_label_key(term.key); !s.ok()) return {PINNATE_INVALID, where + ": " + s.message()};
    if (Status s = check_label_value(term.value); !s.ok()) return {PINNATE_INVALID, where + ": " + s.message()};
    selector.terms_.push_back(std::move(term));
  }
  auto& terms = selector.terms_;
  std::sort(terms.begin(), terms.end());
  terms.erase(std::unique(terms.begin(), terms.end()), terms.end());
  return selector;
}

bool Selector::matches(const Labels& labels) const {
  return std::none_of(terms_.begin(), terms_.end(), [&](const Term& term) {
    const auto found = labels.find(term.key);
    return (found != labels.end() && (term.any_value || found->second == term.value)) == term.negated;
  });
}

std::string Selector::str() const {
  std::string out;
  for (const Term& term : terms_) {
    if (!out.empty()) out += ',';
    if (term.any_value)
      out += (term.negated ? "!" : "") + term.key;
    else
      out += term.key + (term.negated ? "!=" : "=") + term.value;
  }
  return out;
}

}  // namespace pinnate::content
