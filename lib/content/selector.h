// Which engines a release is for: a pure function of an engine's labels (its gateways' labels inherited).
// "region=eu,ring!=canary,gpu,!lab": every term must hold. "" selects everything.
#pragma once

#include "base/names.h"
#include "base/status.h"

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
    enum class Kind { equal, unequal, present, absent } kind;
    std::string key, value;
  };
  std::vector<Term> terms_;
};

}  // namespace pinnate::content
