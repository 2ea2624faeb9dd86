#include "base/fork.h"

#include "base/check.h"

#include <pthread.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace pinnate {
namespace {

constexpr int kDescriptors = 65536;

std::atomic<unsigned> forks{0};
std::atomic<PerProcess*> first{nullptr};
std::array<std::atomic<std::uint64_t>, kDescriptors / 64> open_here;  // one bit each

constinit std::mutex in_halves;  // what is done with ForksWait
constexpr std::size_t kHolds = 4;
std::array<void (*)(bool), kHolds> holds;  // by the lock above
std::size_t hold_count = 0;

std::atomic<int (*)(int)> close_here{nullptr};  // the system's; this layer has none

std::uint64_t bit_of(int fd) { return std::uint64_t{1} << (fd % 64); }

void before_fork() {
  in_halves.lock();
  for (std::size_t i = 0; i < hold_count; i++) holds[i](true);
}
void after_fork() {
  for (std::size_t i = hold_count; i-- > 0;) holds[i](false);
  in_halves.unlock();
}

void close_what_is_the_parents() {
  for (std::size_t i = 0; i < open_here.size(); i++) {
    const std::uint64_t open = open_here[i].exchange(0, std::memory_order_relaxed);
    for (int bit = 0; bit < 64; bit++)
      if ((open >> bit & 1) != 0) close_here.load(std::memory_order_relaxed)(static_cast<int>(i) * 64 + bit);
  }
}

}  // namespace

void renew_in_child() {
  for (PerProcess* each = first.load(); each; each = each->next_) each->renew();
}

namespace {

// On the only thread of a child, before fork() returns there.
void start_afresh() {
  forks.fetch_add(1, std::memory_order_relaxed);
  close_what_is_the_parents();
  after_fork();
  renew_in_child();
}

// When the library is loaded: what comes first of all else may come on two threads.
[[maybe_unused]] const int noticed = pthread_atfork(before_fork, after_fork, start_afresh);

}  // namespace

ForksWait::ForksWait() { in_halves.lock(); }
ForksWait::~ForksWait() { in_halves.unlock(); }

void hold_during_forks(void (*hold)(bool held)) {
  if (PINNATE_CHECK(hold_count < kHolds, "more locks to hold during forks than there is room for"))
    holds[hold_count++] = hold;
}

unsigned fork_count() { return forks.load(std::memory_order_relaxed); }

void close_in_children(int fd, int (*close)(int fd)) {
  close_here.store(close, std::memory_order_relaxed);
  if (fd >= 0 && fd < kDescriptors)
    open_here[static_cast<std::size_t>(fd) / 64].fetch_or(bit_of(fd), std::memory_order_relaxed);
}

bool forget_in_children(int fd) {
  if (fd < 0 || fd >= kDescriptors) return true;
  return (open_here[static_cast<std::size_t>(fd) / 64].fetch_and(~bit_of(fd), std::memory_order_relaxed) &
          bit_of(fd)) != 0;
}

void PerProcess::enlist() {
  next_ = first.load();
  while (!first.compare_exchange_weak(next_, this)) {
  }
}

}  // namespace pinnate
