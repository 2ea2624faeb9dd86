// First in, first out, for a member of something that there are thousands of: it has no memory until
// it is used, and next to none while it is empty. (A std::deque has more than 500 bytes from its
// first moment on.)
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace pinnate {

template <class T>
class Fifo {
 public:
  bool empty() const { return first_ == items_.size(); }
  std::size_t size() const { return items_.size() - first_; }
  T& front() { return items_[first_]; }
  const T& front() const { return items_[first_]; }
  auto begin() { return items_.begin() + static_cast<std::ptrdiff_t>(first_); }
  auto begin() const { return items_.begin() + static_cast<std::ptrdiff_t>(first_); }
  auto end() { return items_.end(); }
  auto end() const { return items_.end(); }
  void push_back(T item) { items_.push_back(std::move(item)); }
  void pop_front() {
    items_[first_++] = T();  // what it holds goes now
    if (empty()) {
      first_ = 0;
      if (items_.capacity() > kKept)
        std::vector<T>().swap(items_);
      else
        items_.clear();
    } else if (first_ >= kKept && first_ > items_.size() / 2) {
      items_.erase(items_.begin(), begin());
      first_ = 0;
    }
  }
  void remove(const T& item) {
    items_.erase(std::remove(begin(), end(), item), end());
    if (empty()) items_.clear(), first_ = 0;
  }

 private:
  static constexpr std::size_t kKept = 4;  // items of an empty one: a link that sends one at a time needs no new memory
  std::vector<T> items_;
  std::size_t first_ = 0;
};

}  // namespace pinnate
