// A counted slice of immutable bytes: what is sent to many links, stored and read is held once.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace pinnate {

class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::string bytes) {
    auto owner = std::make_shared<std::string>(std::move(bytes));
    view_ = whole_ = *owner;
    owner_ = std::move(owner);
  }
  // Room for so many bytes, and where they are to be written before anybody else sees them.
  static Buffer with_room(std::size_t bytes, char** at) {
    Buffer made;
    auto owner = std::make_shared_for_overwrite<char[]>(bytes);
    *at = owner.get();
    made.view_ = made.whole_ = {*at, bytes};
    made.owner_ = std::move(owner);
    return made;
  }
  static Buffer copy(std::string_view bytes) {
    char* at = nullptr;
    Buffer made = with_room(bytes.size(), &at);
    if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
    return made;
  }

  std::string_view view() const { return view_; }
  const char* data() const { return view_.data(); }
  std::size_t size() const { return view_.size(); }
  bool empty() const { return view_.empty(); }
  std::string str() const { return std::string(view_); }

  // The bytes [offset, offset + length) of this buffer, cut to its end; shares the memory.
  Buffer slice(std::size_t offset, std::size_t length) const {
    Buffer part(*this);
    part.view_ = offset < view_.size() ? view_.substr(offset, length) : std::string_view();
    return part;
  }
  // `part` must lie within this buffer.
  Buffer slice(std::string_view part) const {
    Buffer b(*this);
    b.view_ = part;
    return b;
  }

  // To change them, where no other buffer sees them; else null. Only for what no other thread has seen.
  char* alone() { return owner_.use_count() == 1 ? const_cast<char*>(view_.data()) : nullptr; }

  // All that the memory holds which this is a part of.
  Buffer whole() const { return slice(whole_); }

  friend bool operator==(const Buffer& a, const Buffer& b) { return a.view_ == b.view_; }

 private:
  std::shared_ptr<void> owner_;
  std::string_view view_, whole_;
};

}  // namespace pinnate
