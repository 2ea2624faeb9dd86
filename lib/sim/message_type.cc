#include "sim/message_type.h"

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

const char* message_name(std::uint8_t type) {
  switch (type) {
    case 1:
      return "Hello";
    case 2:
      return "Welcome";
    case 3:
      return "Refuse";
    case 4:
      return "Ping";
    case 5:
      return "Pong";
    case 6:
      return "Goodbye";
    case 8:
      return "Desired";
    case 9:
      return "Confirm";
    case 10:
      return "Context";
    case 12:
      return "EngineStatus";
    case 13:
      return "Rollup";
    case 16:
      return "WantManifest";
    case 17:
      return "ManifestBytes";
    case 18:
      return "WantChunk";
    case 19:
      return "ChunkBytes";
    case 24:
      return "Publish";
    case 25:
      return "Published";
    case 26:
      return "Unpublish";
    case 27:
      return "Done";
    case 28:
      return "ListReleases";
    case 29:
      return "Releases";
    case 30:
      return "GetStatus";
    case 31:
      return "StatusReport";
    case 32:
      return "Lookup";
    case 33:
      return "Tiers";
    case 34:
      return "Call";
    case 35:
      return "Returned";
    case 64:
      return "PublishProgress";
    case 65:
      return "Cancel";
    default:
      return "message";
  }
}

}  // namespace pinnate::sim
