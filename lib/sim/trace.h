// What happened in a world, folded into one number as it goes: two runs with the same digest did the same things in
// the same order. An observer sees each occurrence too: to print it, or to check after each that a promise still
// holds.
#pragma once

#include "base/buffer.h"
#include "base/status.h"
#include "sim/event_queue.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace pinnate::sim {

using HostId = std::uint32_t;  // place in the world, from 0
inline constexpr HostId kNoHost = 0xffffffff;

enum class What : std::uint8_t {
  started,  // a tier began a life; number: which
  ended,  // a tier ended, by a crash or well; words: how
  link_opened,  // number: link
  link_closed,  // number: link; words: why
  received,  // number: link; bytes: the message
  sent,  // number: link; bytes: the message
  drained,  // number: link; amount: bulk bytes
  woke,
  completed,  // number: token; code
  activated,  // words: function; number: service
  deactivated,  // words: function
  invoked,  // words: function; bytes: the payload
  fault,  // words: what was done to the world
};
const char* name_of(What what);

struct Occurrence {
  Micros at = 0;
  HostId host = kNoHost;
  What what = What::fault;
  std::uint64_t number = 0;
  Code code = PINNATE_OK;
  std::string_view words;
  std::string_view bytes;
  std::uint64_t amount = 0;
};

class Trace {
 public:
  // Must not change the world from inside.
  std::function<void(const Occurrence&)> observer;

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
