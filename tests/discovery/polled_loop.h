// A loop for sources under test: poll(2), timers, and the real clock. A test turns it until what it
// waits for is there.
#pragma once

#include "discovery/source/loop.h"

#include <doctest/doctest.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace pinnate::discovery {

class PolledLoop final : public Loop {
 public:
  std::int64_t monotonic_ms() const override {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
  std::uint64_t random() override { return random_ = random_ * 6364136223846793005u + 1442695040888963407u; }
  std::unique_ptr<Timer> timer(std::function<void()> ring) override {
    return std::make_unique<Alarm>(*this, std::move(ring));
  }
  std::unique_ptr<Watch> watch(int fd, std::function<void(bool, bool)> ready) override {
    return std::make_unique<Eye>(*this, fd, std::move(ready));
  }

  // Turns until `done`, for at most 30 s: the machine may be busy.
  template <class Done>
  void until(Done done) {
    const std::int64_t limit_ms = monotonic_ms() + 30000;
    while (!done()) {
      REQUIRE(monotonic_ms() < limit_ms);
      turn(100);
    }
  }
  // Turns for so long. Only to see that something does not come.
  void for_ms(std::int64_t ms) {
    const std::int64_t end_ms = monotonic_ms() + ms;
    for (std::int64_t left; (left = end_ms - monotonic_ms()) > 0;) turn(left);
  }

  void turn(std::int64_t most_ms) {
    std::vector<pollfd> fds;
    std::vector<std::uint64_t> ids;
    for (const auto& [id, eye] : eyes_) {
      const int events = (eye->readable ? POLLIN : 0) | (eye->writable ? POLLOUT : 0);
      if (events == 0) continue;
      fds.push_back({eye->fd, static_cast<short>(events), 0});
      ids.push_back(id);
    }
    for (const auto& [id, alarm] : alarms_)
      if (alarm->at_ms >= 0) most_ms = std::min(most_ms, std::max<std::int64_t>(alarm->at_ms - monotonic_ms(), 0));
    ::poll(fds.data(), fds.size(), static_cast<int>(most_ms));
    for (std::size_t i = 0; i < fds.size(); i++) {
      const auto eye = eyes_.find(ids[i]);  // what was called before may have ended it
      if (eye == eyes_.end() || fds[i].revents == 0) continue;
      const bool broken = fds[i].revents & (POLLERR | POLLHUP | POLLNVAL);
      const bool readable = eye->second->readable && (broken || (fds[i].revents & POLLIN));
      const bool writable = eye->second->writable && (broken || (fds[i].revents & POLLOUT));
      const auto ready = eye->second->ready;  // it may destroy what it belongs to
      if (readable || writable) ready(readable, writable);
    }
    std::vector<std::uint64_t> due;
    for (const auto& [id, alarm] : alarms_)
      if (alarm->at_ms >= 0 && alarm->at_ms <= monotonic_ms()) due.push_back(id);
    for (const std::uint64_t id : due) {
      const auto alarm = alarms_.find(id);
      if (alarm == alarms_.end() || alarm->second->at_ms < 0 || alarm->second->at_ms > monotonic_ms()) continue;
      alarm->second->at_ms = -1;
      const auto ring = alarm->second->ring;
      ring();
    }
  }

 private:
  struct Alarm final : Timer {
    Alarm(PolledLoop& of, std::function<void()> f) : loop(of), ring(std::move(f)), id(++of.last_) {
      loop.alarms_[id] = this;
    }
    ~Alarm() override { loop.alarms_.erase(id); }
    void set_in(std::int64_t in_ms) override { at_ms = loop.monotonic_ms() + in_ms; }
    void cancel() override { at_ms = -1; }
    PolledLoop& loop;
    std::function<void()> ring;
    std::uint64_t id;
    std::int64_t at_ms = -1;
  };
  struct Eye final : Watch {
    Eye(PolledLoop& of, int descriptor, std::function<void(bool, bool)> f)
        : loop(of), fd(descriptor), ready(std::move(f)), id(++of.last_) {
      loop.eyes_[id] = this;
    }
    ~Eye() override { loop.eyes_.erase(id); }
    void want(bool r, bool w) override { readable = r, writable = w; }
    PolledLoop& loop;
    int fd;
    std::function<void(bool, bool)> ready;
    std::uint64_t id;
    bool readable = false, writable = false;
  };

  std::uint64_t random_ = 1, last_ = 0;
  std::map<std::uint64_t, Alarm*> alarms_;
  std::map<std::uint64_t, Eye*> eyes_;
};

}  // namespace pinnate::discovery
