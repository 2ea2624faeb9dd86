#include "content/packed.h"

#include "base/limits.h"

#include <new>

namespace pinnate::content {
namespace {

// What one element may claim before its bytes come: msgpack-c allocates an array at its header.
constexpr std::size_t kMostElements = 64;
constexpr std::size_t kMostText = 4096;

bool refer(msgpack::type::object_type, std::size_t, void*) { return true; }  // never copy

}  // namespace

Packed::Packed(std::string_view bytes, const char* what, std::size_t most_bytes) : what_(what) {
  if (bytes.size() > most_bytes) {
    status_ = {PINNATE_TOO_LARGE, what_ + ": " + std::to_string(bytes.size()) + " bytes are over the limit of " +
                                      std::to_string(most_bytes)};
    return;
  }
  try {
    std::size_t end = 0;
    bool referenced = false;
    const msgpack::unpack_limit limit(kMostElements, kMostElements, kMostText, most_bytes, kMostText, kNestingLimit);
    root_ = msgpack::unpack(zone_, bytes.data(), bytes.size(), end, referenced, refer, nullptr, limit);
    if (end != bytes.size()) status_ = {PINNATE_CORRUPT, what_ + ": bytes follow its end"};
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {
    status_ = {PINNATE_CORRUPT, what_ + ": not a msgpack message within limits (" + e.what() + ")"};
  }
}

Fields::Fields(const msgpack::object* array, std::string path, Status* status)
    : path_(std::move(path)), status_(status) {
  if (!array || !status_->ok()) return;
  if (array->type != msgpack::type::ARRAY) {
    fail(PINNATE_CORRUPT, "not an array");
    return;
  }
  next_ = array->via.array.ptr;
  left_ = array->via.array.size;
}

void Fields::fail(Code code, const std::string& what) {
  if (status_->ok()) *status_ = {code, path_ + ": " + what};
}

const msgpack::object* Fields::take(const char* field, msgpack::type::object_type type, const char* type_in_words) {
  if (!ok()) return nullptr;
  if (left_ == 0) {
    fail(PINNATE_CORRUPT, std::string("ends before its ") + field);
    return nullptr;
  }
  const msgpack::object* taken = next_++;
  left_--;
  if (taken->type != type) {
    fail(PINNATE_CORRUPT, std::string("its ") + field + " is not " + type_in_words);
    return nullptr;
  }
  return taken;
}

std::uint64_t Fields::number(const char* field, std::uint64_t least, std::uint64_t most) {
  const msgpack::object* o = take(field, msgpack::type::POSITIVE_INTEGER, "a number from 0");
  if (!o) return 0;
  if (o->via.u64 < least || o->via.u64 > most) {
    fail(PINNATE_INVALID, std::string("its ") + field + ", " + std::to_string(o->via.u64) + ", is not from " +
                              std::to_string(least) + " to " + std::to_string(most));
    return 0;
  }
  return o->via.u64;
}

void Fields::format(std::uint64_t known) {
  const std::uint64_t format = number("format", 0, UINT64_MAX);
  if (ok() && format != known)
    fail(PINNATE_INCOMPATIBLE, "it is of format " + std::to_string(format) + ", and this version knows format " +
                                   std::to_string(known) + ": upgrade this tier");
}

std::int64_t Fields::signed_number(const char* field) {
  if (ok() && left_ > 0 && next_->type == msgpack::type::NEGATIVE_INTEGER) {
    left_--;
    return (next_++)->via.i64;
  }
  return static_cast<std::int64_t>(number(field, 0, INT64_MAX));
}

std::string_view Fields::text(const char* field, std::size_t most) {
  const msgpack::object* o = take(field, msgpack::type::STR, "text");
  if (!o) return {};
  if (o->via.str.size > most) {
    fail(PINNATE_TOO_LARGE, std::string("its ") + field + " is longer than " + std::to_string(most) + " bytes");
    return {};
  }
  return {o->via.str.ptr, o->via.str.size};
}

std::string Fields::text(const char* field, Status (*check)(std::string_view)) {
  const std::string_view taken = text(field, kMostText);
  if (!ok()) return {};
  if (Status s = check(taken); !s.ok()) {
    fail(PINNATE_INVALID, s.message());
    return {};
  }
  return std::string(taken);
}

std::string_view Fields::bytes(const char* field, std::size_t most) {
  const msgpack::object* o = take(field, msgpack::type::BIN, "bytes");
  if (!o) return {};
  if (o->via.bin.size > most) {
    fail(PINNATE_TOO_LARGE, std::string("its ") + field + " is larger than " + std::to_string(most) + " bytes");
    return {};
  }
  return {o->via.bin.ptr, o->via.bin.size};
}

Digest Fields::digest(const char* field) {
  const auto digest = Digest::from_bytes(bytes(field, sizeof Digest::bytes));
  if (ok() && !digest) fail(PINNATE_CORRUPT, std::string("its ") + field + " is not 32 bytes long");
  return digest.value_or(Digest{});
}

Fields Fields::list(const char* field, std::size_t most) {
  const msgpack::object* o = take(field, msgpack::type::ARRAY, "a list");
  if (o && o->via.array.size > most)
    fail(PINNATE_TOO_LARGE, std::string("its ") + field + ": more than " + std::to_string(most));
  return Fields(o, path_ + ", " + field, status_);
}

std::vector<std::string> Fields::words(const char* field) {
  std::vector<std::string> words;
  if (!more()) return words;
  Fields all = list(field, kMostElements);
  while (all.more()) words.push_back(all.text("word", check_feature));
  return words;
}

void pack_words(msgpack::packer<StringSink>& packer, const std::vector<std::string>& words) {
  packer.pack_array(static_cast<std::uint32_t>(words.size()));
  for (const std::string& word : words) pack_text(packer, word);
}

void pack_text(msgpack::packer<StringSink>& packer, std::string_view text) {
  packer.pack_str(static_cast<std::uint32_t>(text.size()));
  packer.pack_str_body(text.data(), static_cast<std::uint32_t>(text.size()));
}

void pack_bytes(msgpack::packer<StringSink>& packer, std::string_view bytes) {
  packer.pack_bin(static_cast<std::uint32_t>(bytes.size()));
  packer.pack_bin_body(bytes.data(), static_cast<std::uint32_t>(bytes.size()));
}

}  // namespace pinnate::content
