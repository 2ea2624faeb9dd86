// The command line of one measurement: options of the form --name VALUE, each with a default and
// limits.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace bench {

// Ends the program with exit code 2 and these words.
struct WrongUsage : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Arguments {
 public:
  // `known`: the names of options that may be given, without their dashes. Throws WrongUsage.
  Arguments(const std::vector<std::string>& words, std::initializer_list<const char*> known);

  // Throw WrongUsage when what was given is not one of those allowed.
  std::uint64_t number(const std::string& name, std::uint64_t otherwise, std::uint64_t least, std::uint64_t most) const;
  std::string choice(const std::string& name,
                     std::initializer_list<const char*> choices) const;  // the first when not given
  std::string text(const std::string& name, const std::string& otherwise) const;

 private:
  std::map<std::string, std::string> given_;
};

}  // namespace bench
