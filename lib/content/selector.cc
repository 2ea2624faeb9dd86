#include "content/selector.h"

#include <algorithm>
#include <tuple>

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

    Term term{Term::Kind::present, {}, {}};
    std::string_view key = part, value;
    if (part.front() == '!') {
      term.kind = Term::Kind::absent;
      key = part.substr(1);
    } else if (const std::size_t equals = part.find('='); equals != std::string_view::npos) {
      const bool unequal = equals > 0 && part[equals - 1] == '!';
      term.kind = unequal ? Term::Kind::unequal : Term::Kind::equal;
      key = part.substr(0, equals - unequal);
      value = part.substr(equals + 1);
    }
    term.key = trimmed(key);
    term.value = trimmed(value);
    if (Status s = check_label_key(term.key); !s.ok()) return {PINNATE_INVALID, where + ": " + s.message()};
    if (Status s = check_label_value(term.value); !s.ok()) return {PINNATE_INVALID, where + ": " + s.message()};
    selector.terms_.push_back(std::move(term));
  }
  const auto tied = [](const Term& t) { return std::tie(t.key, t.kind, t.value); };
  auto& terms = selector.terms_;
  std::sort(terms.begin(), terms.end(), [&](const Term& a, const Term& b) { return tied(a) < tied(b); });
  terms.erase(std::unique(terms.begin(), terms.end(), [&](const Term& a, const Term& b) { return tied(a) == tied(b); }),
              terms.end());
  return selector;
}

bool Selector::matches(const Labels& labels) const {
  for (const Term& term : terms_) {
    const auto found = labels.find(term.key);
    const bool has = found != labels.end();
    bool holds = false;
    switch (term.kind) {
      case Term::Kind::equal:
        holds = has && found->second == term.value;
        break;
      case Term::Kind::unequal:
        holds = !has || found->second != term.value;
        break;
      case Term::Kind::present:
        holds = has;
        break;
      case Term::Kind::absent:
        holds = !has;
        break;
    }
    if (!holds) return false;
  }
  return true;
}

std::string Selector::str() const {
  std::string out;
  for (const Term& term : terms_) {
    if (!out.empty()) out += ',';
    switch (term.kind) {
      case Term::Kind::equal:
        out += term.key + "=" + term.value;
        break;
      case Term::Kind::unequal:
        out += term.key + "!=" + term.value;
        break;
      case Term::Kind::present:
        out += term.key;
        break;
      case Term::Kind::absent:
        out += "!" + term.key;
        break;
    }
  }
  return out;
}

}  // namespace pinnate::content
