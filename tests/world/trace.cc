#include "world/trace.h"

#include "wire/message.h"
#include "world/message_type.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace pinnate::sim {

const char* name_of(What what) {
  switch (what) {
    case What::started:
      return "started";
    case What::ended:
      return "ended";
    case What::link_opened:
      return "link opened";
    case What::link_closed:
      return "link closed";
    case What::received:
      return "received";
    case What::sent:
      return "sent";
    case What::drained:
      return "drained";
    case What::woke:
      return "woke";
    case What::completed:
      return "completed";
    case What::activated:
      return "activated";
    case What::deactivated:
      return "deactivated";
    case What::invoked:
      return "invoked";
    case What::fault:
      return "fault";
  }
  return "?";
}

void Trace::mix(std::uint64_t word) {
  digest_ = (digest_ ^ word) * 0x9e3779b97f4a7c15u;
  digest_ ^= digest_ >> 29;
}

void Trace::mix(std::string_view bytes) {
  // The length, both ends and a sample of the middle: a chunk is not read whole for every hop that
  // it makes.
  constexpr std::size_t kEnd = 256;
  mix(bytes.size());
  const auto mix_range = [this](std::string_view part) {
    for (std::size_t at = 0; at < part.size(); at += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, part.data() + at, std::min<std::size_t>(8, part.size() - at));
      mix(word);
    }
  };
  if (bytes.size() <= 2 * kEnd) return mix_range(bytes);
  mix_range(bytes.substr(0, kEnd));
  for (std::size_t at = kEnd; at + kEnd < bytes.size(); at += 1024) mix(static_cast<unsigned char>(bytes[at]));
  mix_range(bytes.substr(bytes.size() - kEnd));
}

void Trace::note(const Occurrence& o) {
  mix(static_cast<std::uint64_t>(o.at));
  mix(std::uint64_t(o.host) << 16 | std::uint64_t(o.what) << 8 | std::uint64_t(o.code));
  mix(o.number);
  mix(o.words);
  mix(o.bytes);
  if (observer) observer(o);
}

std::string Trace::digest_hex() const {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(digest_));
  return text;
}

std::string in_words(const Occurrence& o, std::string_view host) {
  char at[32];
  std::snprintf(at, sizeof at, "%11.6f ", double(o.at) / double(kSecond));
  std::string line = std::string(at) + std::string(host) + " " + name_of(o.what);
  switch (o.what) {
    case What::sent:
    case What::received:
      line +=
          std::string(" ") + wire::type_name(message_type(o.bytes)) + " (" + std::to_string(o.bytes.size()) + " bytes)";
      line += o.number == 0 ? " host" : " link " + std::to_string(o.number);
      break;
    case What::link_opened:
    case What::link_closed:
    case What::drained:
      line += " " + std::to_string(o.number);
      break;
    case What::started:
      line += " life " + std::to_string(o.number);
      break;
    case What::completed:
      line +=
          " order " + std::to_string(o.number) + (o.code == PINNATE_OK ? "" : " with status " + std::to_string(o.code));
      break;
    case What::activated:
      line += " service " + std::to_string(o.number) + " for";
      break;
    default:
      break;
  }
  if (!o.words.empty()) line += " " + std::string(o.words);
  return line;
}

}  // namespace pinnate::sim
