#include "base/fork.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace pinnate {
namespace {

constexpr int kDescriptors = 65536;

std::atomic<unsigned> forks{0};
std::atomic<PerProcess*> first{nullptr};
std::array<std::atomic<std::uint64_t>, kDescriptors / 64> open_here;  // one bit each

std::uint64_t bit_of(int fd) { return std::uint64_t{1} << (fd % 64); }

}  // namespace

void start_afresh(int (*close)(int fd)) {
  forks.fetch_add(1, std::memory_order_relaxed);
  for (std::size_t i = 0; i < open_here.size(); i++) {
    const std::uint64_t open = open_here[i].exchange(0, std::memory_order_relaxed);
    for (int bit = 0; bit < 64; bit++)
      if ((open >> bit & 1) != 0) close(static_cast<int>(i) * 64 + bit);
  }
  for (PerProcess* each = first.load(); each; each = each->next_) each->renew();
}

unsigned fork_count() { return forks.load(std::memory_order_relaxed); }

void close_in_children(int fd) {
  if (fd >= 0 && fd < kDescriptors)
    open_here[static_cast<std::size_t>(fd) / 64].fetch_or(bit_of(fd), std::memory_order_relaxed);
}

bool forget_in_children(int fd) {
  if (fd < 0 || fd >= kDescriptors) return true;
  return (open_here[static_cast<std::size_t>(fd) / 64].fetch_and(~bit_of(fd), std::memory_order_relaxed) &
          bit_of(fd)) != 0;
}

PerProcess::PerProcess() {
  next_ = first.load();
  while (!first.compare_exchange_weak(next_, this)) {
  }
}

}  // namespace pinnate
