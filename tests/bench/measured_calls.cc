#include "measured_calls.h"

#include "clock.h"

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <latch>
#include <mutex>
#include <thread>
#include <vector>

namespace bench {
namespace {

constexpr std::uint32_t kTimeoutMs = 30000;

pinnate_call call_for(const CallLoad& load, const std::string& payload) {
  pinnate_call call = PINNATE_CALL_INIT;
  call.name = load.function.c_str();
  call.payload = {payload.data(), payload.size()};
  call.timeout_ms = kTimeoutMs;
  return call;
}

CallTimes times_of(std::vector<std::int64_t> took_ns, std::int64_t all_ns) {
  CallTimes times;
  times.seconds = double(all_ns) / 1e9;
  if (took_ns.empty()) return times;
  std::sort(took_ns.begin(), took_ns.end());
  times.p50_us = double(took_ns[took_ns.size() / 2]) / 1e3;
  times.p99_us = double(took_ns[took_ns.size() * 99 / 100]) / 1e3;
  return times;
}

// All but the first few calls run on the loop's thread, one after the other.
class OverLink {
 public:
  OverLink(pinnate_client* client, const CallLoad& load)
      : client_(client),
        load_(load),
        payload_(load.payload_bytes, 'x'),
        call_(call_for(load_, payload_)),
        total_(load.warm_up + load.calls),
        places_(load.outstanding) {
    took_ns_.reserve(load.calls);
    for (Place& place : places_) place.all = this;
  }

  CallTimes run() {
    begun_ns_ = now_ns();
    for (Place& place : places_) issue(place);
    std::unique_lock lock(mutex_);
    all_answered_.wait(lock, [this] { return answered_ == total_; });
    CallTimes times = times_of(std::move(took_ns_), ended_ns_ - begun_ns_);
    times.failed = failed_;
    times.first_failure = first_failure_;
    return times;
  }

 private:
  struct Place {
    OverLink* all = nullptr;
    std::int64_t sent_ns = 0;
  };

  void issue(Place& place) {
    {
      const std::lock_guard lock(mutex_);
      if (issued_ == total_) return;
      issued_++;
    }
    place.sent_ns = now_ns();
    if (pinnate_client_call(client_, &call_, &OverLink::on_result, &place) == PINNATE_OK) return;
    const std::lock_guard lock(mutex_);
    total_ = issued_;  // one that could not even be made is not followed by others
    ended(place.sent_ns, pinnate_last_error());
  }

  static void on_result(void* arg, pinnate_status status, const char* error, pinnate_bytes result) {
    Place& place = *static_cast<Place*>(arg);
    OverLink& all = *place.all;
    const bool good = status == PINNATE_OK && result.size == all.load_.payload_bytes;
    {
      const std::lock_guard lock(all.mutex_);
      all.ended(place.sent_ns, good ? nullptr : status == PINNATE_OK ? "the answer is not the payload" : error);
      if (all.issued_ == all.total_) return;  // `all` may be gone from here on, unless more is to come from this place
    }
    all.issue(place);
  }

  void ended(std::int64_t sent_ns, const char* failure) {
    const std::int64_t now = now_ns();
    if (failure) {
      if (failed_++ == 0) first_failure_ = failure;
    } else if (answered_ >= load_.warm_up) {
      took_ns_.push_back(now - sent_ns);
    }
    answered_++;
    if (answered_ == load_.warm_up) begun_ns_ = now;
    ended_ns_ = now;
    if (answered_ == total_) all_answered_.notify_one();
  }

  pinnate_client* const client_;
  const CallLoad load_;
  const std::string payload_;
  const pinnate_call call_;
  std::size_t total_, issued_ = 0, answered_ = 0, failed_ = 0;
  std::int64_t begun_ns_ = 0, ended_ns_ = 0;
  std::vector<std::int64_t> took_ns_;
  std::string first_failure_;
  std::vector<Place> places_;
  std::mutex mutex_;
  std::condition_variable all_answered_;
};

// `outstanding` threads share the calls evenly; `call` returns "" or what failed.
template <typename Call>
CallTimes on_threads(const CallLoad& load, const Call& call) {
  std::vector<std::int64_t> took_ns;
  std::int64_t first_ns = INT64_MAX, last_ns = 0;
  std::mutex mutex;
  CallTimes failures;
  std::vector<std::thread> threads;
  std::latch ready(static_cast<std::ptrdiff_t>(load.outstanding));
  for (std::size_t t = 0; t < load.outstanding; t++) {
    threads.emplace_back([&, t] {
      const std::size_t share = load.calls / load.outstanding + (t < load.calls % load.outstanding ? 1 : 0);
      std::vector<std::int64_t> own;
      own.reserve(share);
      for (std::size_t i = 0; i < load.warm_up / load.outstanding; i++) (void)call();
      ready.arrive_and_wait();
      const std::int64_t own_first_ns = now_ns();
      for (std::size_t i = 0; i < share; i++) {
        const std::int64_t begun = now_ns();
        const std::string failure = call();
        const std::int64_t ended = now_ns();
        if (failure.empty()) {
          own.push_back(ended - begun);
          continue;
        }
        const std::lock_guard lock(mutex);
        if (failures.failed++ == 0) failures.first_failure = failure;
      }
      const std::int64_t own_last_ns = now_ns();
      const std::lock_guard lock(mutex);
      first_ns = std::min(first_ns, own_first_ns);
      last_ns = std::max(last_ns, own_last_ns);
      took_ns.insert(took_ns.end(), own.begin(), own.end());
    });
  }
  for (std::thread& thread : threads) thread.join();
  CallTimes times = times_of(std::move(took_ns), last_ns - first_ns);
  times.failed = failures.failed;
  times.first_failure = failures.first_failure;
  return times;
}

void* copy_of(const void* bytes, std::size_t size) {
  void* const copy = std::malloc(size + 1);
  if (copy) std::memcpy(copy, bytes, size);
  return copy;
}

}  // namespace

CallTimes measure_calls(pinnate_client* client, const CallLoad& load) { return OverLink(client, load).run(); }

CallTimes measure_calls(pinnate_engine* engine, const CallLoad& load) {
  const std::string payload(load.payload_bytes, 'x');
  const pinnate_call call = call_for(load, payload);
  return on_threads(load, [&]() -> std::string {
    void* result = nullptr;
    std::size_t size = 0;
    const pinnate_status status = pinnate_engine_call_wait(engine, &call, &result, &size, nullptr, 0);
    pinnate_result_free(result);
    if (status != PINNATE_OK) return pinnate_last_error();
    return size == payload.size() ? "" : "the answer is not the payload";
  });
}

CallTimes measure_function_pointer(const CallLoad& load) {
  const std::string payload(load.payload_bytes, 'x');
  void* (*volatile const function)(const void*, std::size_t) = copy_of;
  return on_threads(load, [&]() -> std::string {
    std::free(function(payload.data(), payload.size()));
    return "";
  });
}

}  // namespace bench
