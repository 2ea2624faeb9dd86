// Things that are known by number for a while, each in a slot that is used again: to add, find and
// remove one takes no search and, but for the first times, no memory. A number comes again after 2^42.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace pinnate {

template <class T>
class Slots {
 public:
  using Number = std::uint64_t;  // never 0

  // References stay good until the thing is removed. Not when full().
  std::pair<Number, T*> add() {
    std::uint32_t index;
    if (free_.empty()) {
      index = static_cast<std::uint32_t>(made_);
      if (made_ % kBlock == 0) blocks_.push_back(std::make_unique<Slot[]>(kBlock));
      free_.reserve(blocks_.size() * kBlock);  // so that to remove one takes no memory
      ++made_;
    } else {
      index = free_.back();
      free_.pop_back();
    }
    Slot& slot = at(index);
    if (++last_ >> (64 - kIndexBits) != 0) last_ = 1;
    slot.number = last_ << kIndexBits | index;
    return {slot.number, &slot.value};
  }
  T* find(Number number) {
    const std::size_t index = number & (kMost - 1);
    if (index >= made_ || at(index).number != number || number == 0) return nullptr;
    return &at(index).value;
  }
  void remove(Number number) {
    if (!find(number)) return;
    const std::size_t index = number & (kMost - 1);
    at(index).number = 0;
    at(index).value = T();  // what it holds goes now
    free_.push_back(static_cast<std::uint32_t>(index));
    if (free_.size() < made_ || made_ <= kKept) return;
    made_ = 0;  // none is left: what many took once is not kept
    std::vector<std::uint32_t>().swap(free_);
    std::vector<std::unique_ptr<Slot[]>>().swap(blocks_);
  }
  std::size_t size() const { return made_ - free_.size(); }
  bool full() const { return size() == kMost; }
  // `f(number, thing)`, which may remove things.
  template <class F>
  void each(F&& f) {
    for (std::size_t index = 0; index < made_; ++index)
      if (at(index).number != 0) f(at(index).number, at(index).value);
  }

 private:
  static constexpr unsigned kIndexBits = 22;
  static constexpr std::size_t kMost = std::size_t{1} << kIndexBits, kKept = 256, kBlock = 8;
  struct Slot {
    Number number = 0;  // 0: free
    T value;
  };
  Slot& at(std::size_t index) { return blocks_[index / kBlock][index % kBlock]; }

  std::vector<std::unique_ptr<Slot[]>> blocks_;
  std::size_t made_ = 0;  // slots
  std::vector<std::uint32_t> free_;
  std::uint64_t last_ = 0;
};

}  // namespace pinnate
