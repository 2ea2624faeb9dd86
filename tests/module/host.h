// A service host for one test, with its log, and orders that are waited for.
#pragma once

#include "module/service_host.h"

#include "base/limits.h"
#include "folder.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <condition_variable>
#include <cstring>
#include <fstream>
#include <future>
#include <iterator>
#include <mutex>
#include <string>
#include <vector>

namespace pinnate::module {

// So long that only what is meant to pass a limit does, on whatever machine.
inline constexpr std::uint32_t kLoadLimitMs = 60000;

inline std::string file_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
inline std::string test_module(const std::string& name) { return file_bytes(PINNATE_TEST_FILES "/" + name + ".so"); }

inline Digest digest_of(int n) {
  Digest d;
  d.bytes[0] = static_cast<std::uint8_t>(n);
  return d;
}

// Where a module hangs until the test lets it go: see tests/modules/misbehaving.cc.
struct Fifo {
  Fifo() : path(folder.path + "/fifo") { REQUIRE(mkfifo(path.c_str(), 0600) == 0); }
  ~Fifo() { let_go(); }
  void wait_until_inside() { fd = open(path.c_str(), O_WRONLY); }
  void let_go() {
    if (fd >= 0) close(fd);
    fd = -1;
  }
  TestFolder folder;
  const std::string path;
  int fd = -1;
};

// What an order came to; get() fails the test when it takes half a minute.
class Promised {
 public:
  Done done() {
    return [state = state_](Outcome outcome) {
      const std::lock_guard lock(state->mutex);
      ++state->times;
      state->outcome = std::move(outcome);
      state->changed.notify_all();
    };
  }
  Outcome get() {
    std::unique_lock lock(state_->mutex);
    REQUIRE(state_->changed.wait_for(lock, std::chrono::seconds(30), [&] { return state_->times > 0; }));
    return state_->outcome;
  }
  int times() const {
    const std::lock_guard lock(state_->mutex);
    return state_->times;
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    int times = 0;
    Outcome outcome;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

class TestHost {
 public:
  explicit TestHost(ServiceHostOptions options = {}) {
    options.log = {[](void* self, pinnate_log_level, const char* line) { static_cast<TestHost*>(self)->logged(line); },
                   this, nullptr};
    auto opened = ServiceHost::open(options);
    REQUIRE_MESSAGE(opened.ok(), opened.status().message());
    host_ = std::move(*opened);
  }
  ~TestHost() {
    if (host_ && !closing_) close();
  }
  ServiceHost* operator->() { return host_.get(); }
  ServiceHost& operator*() { return *host_; }

  static LoadOrder order(ServiceId id, const std::string& bytes, const std::string& config = "",
                         const std::string& version = "1.0.0") {
    LoadOrder order;
    order.service = id;
    order.name = "f";
    order.version = version;
    order.loader = "native";
    order.artifact = digest_of(static_cast<int>(id));
    order.image.size_bytes = bytes.size();
    order.config = Buffer(config);
    order.image.chunk_count = static_cast<std::uint32_t>((bytes.size() + kChunkBytes - 1) / kChunkBytes);
    order.image.read_chunk = [bytes = Buffer(bytes)](std::uint32_t i) -> Result<Buffer> {
      return bytes.slice(i * kChunkBytes, kChunkBytes);
    };
    return order;
  }
  // Assembles and loads it.
  void load(LoadOrder order, Done done, std::uint32_t limit_ms = kLoadLimitMs) {
    const ServiceId id = order.service;
    host_->assemble(std::move(order), [host = host_.get(), id, done, limit_ms](Outcome outcome) {
      if (!outcome.status.ok()) return done(std::move(outcome));
      host->load(id, limit_ms, done);
    });
  }
  Status load(LoadOrder order, std::uint32_t limit_ms = kLoadLimitMs) {
    Promised p;
    load(std::move(order), p.done(), limit_ms);
    return p.get().status;
  }
  Status load(ServiceId id, const std::string& module, const std::string& config = "") {
    const std::string bytes = test_module(module);
    REQUIRE(!bytes.empty());
    return load(order(id, bytes, config));
  }
  Outcome ordered(void (ServiceHost::*order)(ServiceId, Done), ServiceId id) {
    Promised p;
    ((*host_).*order)(id, p.done());
    return p.get();
  }
  // What came of its end: drained, destroyed, unmapped or kept.
  Outcome end(ServiceId id) {
    host_->deactivate("f");
    CHECK(drain(id).ok());
    return ordered(&ServiceHost::destroy, id);
  }
  Status create(ServiceId id) { return wait(&ServiceHost::create, id); }
  Status check_health(ServiceId id) { return wait(&ServiceHost::check_health, id); }
  Status drain(ServiceId id) { return wait(&ServiceHost::drain, id); }
  Status destroy(ServiceId id) { return wait(&ServiceHost::destroy, id); }
  // Loads, creates and activates it as function "f".
  void serve(ServiceId id, const std::string& module, const std::string& config = "") {
    serve(order(id, test_module(module), config));
  }
  void serve(LoadOrder order) {
    const ServiceId id = order.service;
    Status s = load(std::move(order));
    REQUIRE_MESSAGE(s.ok(), s.message());
    s = create(id);
    REQUIRE_MESSAGE(s.ok(), s.message());
    host_->activate("f", id);
  }
  Outcome call(const std::string& payload, std::uint32_t timeout_ms = 20000) {
    Promised p;
    host_->invoke("f", Buffer(payload), timeout_ms, p.done());
    return p.get();
  }
  Outcome call_here(const std::string& payload, std::uint32_t timeout_ms = 20000) {
    return host_->call_here("f", payload, timeout_ms);
  }
  Promised start_closing(std::uint32_t limit_ms) {
    closing_ = true;
    Promised closed;
    host_->close(limit_ms, [done = closed.done()] { done({}); });
    return closed;
  }
  void close(std::uint32_t limit_ms = 20000) {
    start_closing(limit_ms).get();
    host_.reset();
  }

  bool said(const std::string& words) {
    const std::lock_guard lock(mutex_);
    return log_.find(words) != std::string::npos;
  }
  void wait_until_said(const std::string& words) {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, std::chrono::seconds(30), [&] { return log_.find(words) != std::string::npos; }));
  }

 private:
  Status wait(void (ServiceHost::*order)(ServiceId, Done), ServiceId id) { return ordered(order, id).status; }
  void logged(const char* line) {
    const std::lock_guard lock(mutex_);
    log_ += std::string(line) + "\n";
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::string log_;
  std::unique_ptr<ServiceHost> host_;
  bool closing_ = false;
};

// A service that hangs is given up: the engine goes on without it and closes, and what `hangs`
// ordered is never reported.
inline void goes_on_without_and_closes(TestHost& host, ServiceId hung, Fifo& fifo, const Promised& hangs) {
  host->abandon(hung);
  host.serve(hung + 1, "counter-1");
  CHECK(host.call("").bytes.view() == "1 1");
  CHECK(host.call_here("").bytes.view() == "1 2");
  fifo.let_go();
  host.close();
  CHECK(hangs.times() == 0);
}

}  // namespace pinnate::module
