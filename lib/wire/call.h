// Calls and their results as hops carry them: the few fields that a hop needs are read in place, and
// all bytes go on as they came. The same messages, taken apart, are Call and Returned of message.h.
#pragma once

#include "wire/message.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pinnate::wire {

inline constexpr std::uint8_t kCallType = 34, kReturnedType = 35;

// The type of a message, if it begins as one does; else 0.
std::uint8_t type_of(std::string_view message);

// A number in a message, and where it stands.
struct Place {
  std::uint32_t at = 0, bytes = 0;
};

// All views lie within `bytes`.
struct CallView {
  Buffer bytes;
  std::uint64_t id = 0;
  std::string_view function, engine;
  std::uint32_t steps = 0;  // of the route
  std::uint32_t timeout_ms = 0;
  bool idempotent = false;
  std::string_view payload;
  bool plain = true;  // no needs, version or selector
  bool has_headers = false;
  Place id_place, route_place, timeout_place;

  Call whole() const;  // all fields, copied
  std::vector<std::string> route() const;
};

struct ReturnedView {
  Buffer bytes;
  std::uint64_t id = 0;
  Code code = PINNATE_OK;
  std::string_view reason;
  bool ran = true;
  std::string_view result;
  Place id_place, ran_place;

  Returned whole() const;
};

// Fail as decode does.
Result<CallView> read_call(Buffer bytes);
Result<ReturnedView> read_returned(Buffer bytes);

// With `payload` in place of its own. What is written has an id and a time of fixed width, so that
// hops change them in place.
Buffer encode_call(const Call& call, std::string_view payload);
Buffer encode_returned(const Returned& returned);

// The message as it goes on over another link: under another id, with the time that is left, and by
// another route. Its bytes are changed where nobody else holds them.
Buffer passed_on(CallView& call, std::uint64_t id, std::uint32_t timeout_ms, const std::vector<std::string>& route);
Buffer passed_on(ReturnedView& returned, std::uint64_t id, bool ran);

}  // namespace pinnate::wire
