// Reads a msgpack array of hostile origin, field by field. Private to lib/content.
#pragma once

#include "base/digest.h"
#include "base/names.h"
#include "base/status.h"

#include <msgpack.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pinnate::content {

// The fields of one array, taken in order. The first that is wrong ends the reading: it and all
// later ones come back empty, and the Status that all Fields of a message share names it. Fields at
// the end that nobody takes are allowed: a later version may have added them.
class Fields {
 public:
  // `path` names the array in words, as in "manifest, artifact 2".
  Fields(const msgpack::object* array, std::string path, Status* status);

  std::size_t left() const { return left_; }
  bool more() const { return ok() && left_ > 0; }  // an optional field is there
  bool ok() const { return status_->ok(); }

  std::uint64_t number(const char* field, std::uint64_t least, std::uint64_t most);
  void format(std::uint64_t known);
  std::int64_t signed_number(const char* field);
  std::string_view text(const char* field, std::size_t most);
  std::string text(const char* field, Status (*check)(std::string_view));  // a name, by base/names.h
  std::string_view bytes(const char* field, std::size_t most);
  Digest digest(const char* field);
  Fields list(const char* field, std::size_t most);
  std::vector<std::string> words(const char* field);  // optional: names, each as check_feature has it

  // Ends the reading, for a reason of the caller's: "manifest, artifact 2: <what>".
  void fail(Code code, const std::string& what);

 private:
  const msgpack::object* take(const char* field, msgpack::type::object_type type, const char* type_in_words);

  const msgpack::object* next_ = nullptr;
  std::size_t left_ = 0;
  std::string path_;
  Status* status_;
};

// A whole message, checked for limits and trailing bytes. It refers to `bytes`, which outlive it.
class Packed {
 public:
  Packed(std::string_view bytes, const char* what, std::size_t most_bytes);
  Fields fields() { return Fields(status_.ok() ? &root_ : nullptr, what_, &status_); }
  const Status& status() const { return status_; }

 private:
  std::string what_;
  msgpack::zone zone_{1024};  // a release and a small manifest need no more
  msgpack::object root_;
  Status status_;
};

// For msgpack::packer: appends to a string.
struct StringSink {
  std::string out;
  void write(const char* p, std::size_t n) { out.append(p, n); }
};
void pack_text(msgpack::packer<StringSink>& packer, std::string_view text);
void pack_words(msgpack::packer<StringSink>& packer, const std::vector<std::string>& words);
void pack_bytes(msgpack::packer<StringSink>& packer, std::string_view bytes);

}  // namespace pinnate::content
