// The way into one service: counts who is inside, and shuts so that nobody enters any more while those inside finish.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

namespace pinnate::module {

// Told each time that a shut doorway is empty. Any thread.
class Bell {
 public:
  virtual ~Bell() = default;
  virtual void ring() = 0;
};

class Doorway {
 public:
  explicit Doorway(std::shared_ptr<Bell> bell) : bell_(std::move(bell)) {}
  virtual ~Doorway() = default;
  Doorway(const Doorway&) = delete;
  Doorway& operator=(const Doorway&) = delete;

  void open() { state_.fetch_and(~kShut); }
  void shut() {
    const std::shared_ptr<Bell> bell = bell_;
    if (state_.fetch_or(kShut) == 0) bell->ring();
  }

  // False when it is shut. Else pair it with leave().
  bool enter() {
    std::uint64_t seen = state_.load(std::memory_order_relaxed);
    while (!(seen & kShut))
      if (state_.compare_exchange_weak(seen, seen + 1, std::memory_order_acquire, std::memory_order_relaxed))
        return true;
    return false;
  }
  // The doorway may be gone when this returns: an empty one is anybody's to destroy.
  void leave() {
    std::uint64_t seen = state_.load(std::memory_order_relaxed);
    while (!(seen & kShut))
      if (state_.compare_exchange_weak(seen, seen - 1, std::memory_order_release, std::memory_order_relaxed)) return;
    const std::shared_ptr<Bell> bell = bell_;  // taken while our being inside still holds the doorway
    if (state_.fetch_sub(1, std::memory_order_acq_rel) == kShut + 1) bell->ring();
  }

  bool shut_and_empty() const { return state_.load(std::memory_order_acquire) == kShut; }
  const std::shared_ptr<Bell>& bell() const { return bell_; }

 private:
  static constexpr std::uint64_t kShut = std::uint64_t{1} << 63;
  std::atomic<std::uint64_t> state_{kShut};  // and below that bit, how many are inside
  const std::shared_ptr<Bell> bell_;
};

// Somebody's being inside.
class Pass {
 public:
  Pass() = default;
  explicit Pass(Doorway* entered) : doorway_(entered) {}
  ~Pass() { leave(); }
  Pass(Pass&& other) noexcept : doorway_(other.doorway_) { other.doorway_ = nullptr; }
  Pass& operator=(Pass&& other) noexcept {
    leave();
    doorway_ = other.doorway_;
    other.doorway_ = nullptr;
    return *this;
  }

  explicit operator bool() const { return doorway_ != nullptr; }
  Doorway* doorway() const { return doorway_; }
  void leave() {
    if (Doorway* d = doorway_) {
      doorway_ = nullptr;
      d->leave();
    }
  }

 private:
  Doorway* doorway_ = nullptr;
};

}  // namespace pinnate::module
