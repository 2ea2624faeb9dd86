// What a shared object's own bytes let one expect of it in an engine: what would be wrong, and what
// costs. Each kind has a word, by which a publisher may insist on it (`allow`).
#pragma once

#include "base/status.h"
#include "content/shared_object.h"

#include <string>
#include <string_view>
#include <vector>

namespace pinnate::content {

struct Finding {
  const char* word;
  bool refused = false;  // else it is a warning
  std::string text;  // what it is, what comes of it, and what helps
};

// Of a native module, for any engine. Those refused come first.
std::vector<Finding> findings(const SharedObject& object);

// The words that findings here or at a load may have, for messages.
inline constexpr const char* kFindingWords[] = {
    "not-a-module", "platform", "abi",   "unique-symbols", "registry",  "sanitizer", "executable-stack", "static-tls",
    "exports",      "stays", "dependencies",   "c-library", "registers", "text-relocations", "sonames"};

// A list "exports,stays"; PINNATE_INVALID for a word that is none.
Result<std::vector<std::string>> read_allowed(std::string_view list);
bool allows(const std::vector<std::string>& allowed, std::string_view word);

// The first that is refused and not allowed; null: there is none.
const Finding* first_refused(const std::vector<Finding>& findings, const std::vector<std::string>& allowed);

// What dlclose does not undo: functions by which a module leaves pointers into itself with the C
// library, or with a runtime that stays. The first that the object uses, or "".
std::string_view registers_by(const SharedObject& object);

// A registry of the process that knows the first version of the module for ever, in words; or "".
std::string_view registry_of(const SharedObject& object);

}  // namespace pinnate::content
