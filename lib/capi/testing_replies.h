// What a pinnate_reply is in a fleet for tests: a number, never dereferenced and never used twice,
// so that a service which answers too often, or too late, hits nobody else's call. Services may
// answer on any thread; the world hears of it when it next looks.
#pragma once

#include "base/buffer.h"
#include "base/log.h"
#include "base/status.h"
#include "sim/outside.h"

#include <pinnate/module.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace pinnate::capi {

class TestingReplies : public std::enable_shared_from_this<TestingReplies> {
 public:
  using Answer = sim::OutsideModule::Answer;

  explicit TestingReplies(Log log) : log_(log) {}

  // ---- the world's thread ----
  // Null: no memory for more. `service` is for forget; `label` as in "module 'thumbnail' 1.2.0".
  pinnate_reply* issue(std::uint64_t service, const std::string& label, const Buffer& payload, const Labels& headers,
                       sim::Micros deadline, Answer answer);
  // No Answer of this service's calls runs from now on.
  void forget(std::uint64_t service);
  // Runs the Answer of each reply that was answered since.
  void deliver();
  void set_now(sim::Micros now) { now_.store(now, std::memory_order_relaxed); }

  // ---- any thread: what a pinnate_host offers ----
  static std::uint32_t remaining_ms(const pinnate_reply* reply);
  static void answer(pinnate_reply* reply, const void* data, std::size_t size_bytes);
  static void fail(pinnate_reply* reply, const char* words);
  static int cancelled(const pinnate_reply* reply);
  static const char* header(const pinnate_reply* reply, const char* key);
  static int header_at(const pinnate_reply* reply, std::size_t index, const char** key, const char** value);
  void log(pinnate_log_level level, const std::string& line) const { log_(level, line); }

 private:
  struct Answered {
    std::uint64_t service;
    Answer answer;
    Status status;
    Buffer bytes;
  };
  template <class Make>
  static void end(pinnate_reply* reply, Make make);

  const Log log_;
  std::atomic<sim::Micros> now_{0};
  std::mutex mutex_;
  std::vector<Answered> answered_;
};

}  // namespace pinnate::capi
