// What happened in a world, folded into one number as it goes: two runs with the same digest did
// the same things in the same order. An observer sees each occurrence too: to print it, or to check
// after each that a promise still holds.
#pragma once

#include "sim/occurrence.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace pinnate::sim {

const char* name_of(What what);

class Trace {
 public:
  Observer observer;

  void note(const Occurrence& occurrence);
  std::uint64_t digest() const { return digest_; }
  std::string digest_hex() const;

 private:
  void mix(std::uint64_t word);
  void mix(std::string_view bytes);

  std::uint64_t digest_ = 0xcbf29ce484222325u;
};

// An occurrence as a line for people; `host` is its tier's name.
std::string in_words(const Occurrence& occurrence, std::string_view host);

}  // namespace pinnate::sim
