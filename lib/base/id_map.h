// A table by numbers that somebody else gives: open addressing, without memory until it is used and
// without memory of its own for each entry. Places are spread by a number of the table's own, so that
// a peer cannot choose ids that meet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace pinnate {

template <class T>
class IdMap {
 public:
  using Id = std::uint64_t;

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // Good until an entry is added or removed.
  T* find(Id id) {
    const std::size_t at = place_of(id);
    return at < entries_.size() ? &entries_[at].value : nullptr;
  }
  bool contains(Id id) const { return place_of(id) < entries_.size(); }
  // Of an id that has none.
  T& add(Id id, T value) {
    if (size_ + size_ / 2 >= entries_.size()) grow();
    std::size_t at = place(id);
    while (entries_[at].used) at = next(at);
    entries_[at] = {id, true, std::move(value)};
    ++size_;
    return entries_[at].value;
  }
  // False: there was none.
  bool remove(Id id) {
    std::size_t hole = place_of(id);
    if (hole >= entries_.size()) return false;
    // What was pushed past the hole moves into it.
    for (std::size_t at = next(hole); entries_[at].used; at = next(at)) {
      const std::size_t wanted = place(entries_[at].id);
      if (((at - wanted) & mask()) < ((at - hole) & mask())) continue;
      entries_[hole] = std::move(entries_[at]);
      hole = at;
    }
    entries_[hole] = {};
    if (--size_ == 0 && entries_.size() > kKept) std::vector<Entry>().swap(entries_);
    return true;
  }
  // `f(id, value)`; it changes nothing of the table.
  template <class F>
  void each(F&& f) {
    for (Entry& entry : entries_)
      if (entry.used) f(entry.id, entry.value);
  }

 private:
  static constexpr std::size_t kFirst = 8, kKept = 1024;
  struct Entry {
    Id id = 0;
    bool used = false;
    T value{};
  };
  std::size_t mask() const { return entries_.size() - 1; }
  std::size_t next(std::size_t at) const { return (at + 1) & mask(); }
  std::size_t place(Id id) const {
    std::uint64_t mixed = (id ^ salt_) * 0x9e3779b97f4a7c15ull;
    mixed ^= mixed >> 32;
    return static_cast<std::size_t>(mixed * 0x9e3779b97f4a7c15ull >> 32) & mask();
  }
  // Where it is, or behind the last.
  std::size_t place_of(Id id) const {
    if (size_ == 0) return entries_.size();
    std::size_t at = place(id);
    while (entries_[at].used && entries_[at].id != id) at = next(at);
    return entries_[at].used ? at : entries_.size();
  }
  void grow() {
    std::vector<Entry> old(entries_.empty() ? kFirst : 2 * entries_.size());
    old.swap(entries_);
    size_ = 0;
    for (Entry& entry : old)
      if (entry.used) add(entry.id, std::move(entry.value));
  }

  std::vector<Entry> entries_;
  std::size_t size_ = 0;
  std::uint64_t salt_ = reinterpret_cast<std::uintptr_t>(this);
};

}  // namespace pinnate
