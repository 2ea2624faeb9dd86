// What a source says of who is below a gateway.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pinnate {

struct Naming {
  // whole: these and no others. incomplete: these, and others that it could not name now. failed: it
  // could name nobody now.
  enum class Answer : std::uint8_t { whole, incomplete, failed };
  Answer answer = Answer::whole;
  std::vector<std::string> addresses;  // that members listen at, such as tcp://10.0.0.7:7070
  std::vector<std::string> terminating;  // members that end: they finish their calls and get nothing new
  std::string why{};  // it is not whole, or names nobody, in words

  bool operator==(const Naming&) const = default;
};

}  // namespace pinnate
