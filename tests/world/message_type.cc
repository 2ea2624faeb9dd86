#include "world/message_type.h"

namespace pinnate::sim {

std::uint8_t message_type(std::string_view message) {
  if (message.empty()) return 0;
  const auto first = static_cast<unsigned char>(message[0]);
  std::size_t at;
  if ((first & 0xf0) == 0x90) {
    at = 1;  // fixarray
  } else if (first == 0xdc) {
    at = 3;  // array 16
  } else {
    return 0;
  }
  if (at >= message.size()) return 0;
  const auto type = static_cast<unsigned char>(message[at]);
  if (type < 0x80) return type;  // positive fixint
  if (type == 0xcc && at + 1 < message.size()) return static_cast<unsigned char>(message[at + 1]);  // uint 8
  return 0;
}

}  // namespace pinnate::sim
