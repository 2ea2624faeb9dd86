#include "store/journal.h"

#include "store/checksum.h"
#include "store/little_endian.h"
#include "store/record_key.h"

namespace pinnate::store {
namespace {

constexpr std::uint32_t kMagic = 0x314a4e50;  // "PNJ1"
constexpr std::uint32_t kRemoved = 0xffffffff;
constexpr std::size_t kHeaderBytes = 8;

bool take_u32(std::string_view* rest, std::uint32_t* n) {
  if (rest->size() < 4) return false;
  *n = read_u32(rest->data());
  rest->remove_prefix(4);
  return true;
}

bool take_bytes(std::string_view* rest, std::size_t length, std::string* bytes) {
  if (rest->size() < length) return false;
  bytes->assign(rest->substr(0, length));
  rest->remove_prefix(length);
  return true;
}

}  // namespace

std::string encode_journal(const Batch& batch) {
  std::string body;
  for (const auto& [key, value] : batch) {
    append_u32(&body, static_cast<std::uint32_t>(key.size()));
    body += key;
    append_u32(&body, value ? static_cast<std::uint32_t>(value->size()) : kRemoved);
    if (value) body += value->view();
  }
  std::string out;
  append_u32(&out, kMagic);
  append_u32(&out, checksum(body));
  return out + body;
}

Result<Batch> decode_journal(std::string_view bytes) {
  const Status damaged(PINNATE_CORRUPT, "its bytes are damaged");
  if (bytes.size() < kHeaderBytes || read_u32(bytes.data()) != kMagic) return damaged;
  std::string_view rest = bytes.substr(kHeaderBytes);
  if (checksum(rest) != read_u32(bytes.data() + 4)) return damaged;
  Batch batch;
  while (!rest.empty()) {
    std::uint32_t length = 0;
    std::string key, value;
    if (!take_u32(&rest, &length) || !take_bytes(&rest, length, &key) || !is_record_key(key)) return damaged;
    if (!take_u32(&rest, &length)) return damaged;
    if (length == kRemoved) {
      batch[key] = std::nullopt;
    } else {
      if (!take_bytes(&rest, length, &value)) return damaged;
      batch[key] = Buffer(std::move(value));
    }
  }
  return batch;
}

}  // namespace pinnate::store
