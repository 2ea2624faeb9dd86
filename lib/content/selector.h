// Which engines a release is for: a function of an engine's labels, its gateways' inherited.
// "region=eu,ring!=canary,gpu,!lab": every term must hold. "" selects everything.
#pragma once

#include "base/names.h"
#include "base/status.h"

#include <compare>
#include <string>
#include <string_view>
#include <vector>

namespace pinnate::content {

class Selector {
 public:
  // At most 1024 characters and 32 terms; PINNATE_INVALID names the term that is wrong.
  static Result<Selector> parse(std::string_view text);
  bool matches(const Labels& labels) const;
  // The same terms, sorted, without spaces or repetitions.
  std::string str() const;
  bool selects_everything() const { return terms_.empty(); }

 private:
  struct Term {
    std::string key;
    bool any_value = true;  // only whether there is such a label counts
    bool negated = false;
    std::string value;
    auto operator<=>(const Term&) const = default;
  };
  std::vector<Term> terms_;
};

}  // namespace pinnate::content
