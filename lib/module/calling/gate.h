// The way into one service: counts the calls inside, and shuts so that no call enters any more
// while those inside finish.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace pinnate::module {

class Gate {
 public:
  // Told each time that a shut gate is empty. Any thread.
  class Watcher {
   public:
    virtual ~Watcher() = default;
    virtual void gate_is_empty() = 0;
  };

  explicit Gate(std::shared_ptr<Watcher> watcher) : watcher_(std::move(watcher)) {}
  virtual ~Gate() = default;
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  void open() { state_.fetch_and(~kShut); }
  void shut() {
    const std::shared_ptr<Watcher> watcher = watcher_;
    if (state_.fetch_or(kShut) == 0) watcher->gate_is_empty();
  }

  // False when it is shut. Else pair it with leave().
  bool enter() {
    std::uint64_t seen = state_.load(std::memory_order_relaxed);
    while (!(seen & kShut))
      if (state_.compare_exchange_weak(seen, seen + 1, std::memory_order_acquire, std::memory_order_relaxed))
        return true;
    return false;
  }
  // The gate may be gone when this returns: an empty one is anybody's to destroy.
  void leave() {
    std::uint64_t seen = state_.load(std::memory_order_relaxed);
    while (!(seen & kShut))
      if (state_.compare_exchange_weak(seen, seen - 1, std::memory_order_release, std::memory_order_relaxed)) return;
    const std::shared_ptr<Watcher> watcher = watcher_;  // while we are still inside
    if (state_.fetch_sub(1, std::memory_order_acq_rel) == kShut + 1) watcher->gate_is_empty();
  }

  bool shut_and_empty() const { return state_.load(std::memory_order_acquire) == kShut; }

 private:
  static constexpr std::uint64_t kShut = std::uint64_t{1} << 63;
  std::atomic<std::uint64_t> state_{kShut};  // and below that bit, how many are inside
  const std::shared_ptr<Watcher> watcher_;
};

// A call's being inside.
class Pass {
 public:
  explicit Pass(Gate* entered = nullptr) : gate_(entered) {}
  ~Pass() { leave(); }
  Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
  Pass& operator=(Pass&&) = delete;

  explicit operator bool() const { return gate_ != nullptr; }
  Gate* gate() const { return gate_; }
  void leave() {
    if (Gate* const gate = std::exchange(gate_, nullptr)) gate->leave();
  }

 private:
  Gate* gate_;
};

}  // namespace pinnate::module
