// Calls of a function whose service is being replaced wait for the next one.
#include "module/host.h"

#include <atomic>
#include <future>
#include <thread>

using namespace pinnate;
using namespace pinnate::module;

namespace {

// A call on a thread of its own; it may be waiting when this returns, or may come later.
std::future<Outcome> call_elsewhere(TestHost& host, std::uint32_t timeout_ms = 20000) {
  return std::async(std::launch::async, [&host, timeout_ms] { return host.call_here("", timeout_ms); });
}

constexpr char kReplaced[] = "function 'f': its service is being replaced";

}  // namespace

TEST_CASE("calls of a held function wait for its next service, over links and in process") {
  TestHost host;
  host.serve(1, "counter-1");
  host->hold("f");
  Promised over_link;
  host->invoke("f", Buffer(), 20000, over_link.done());
  auto here = call_elsewhere(host);
  CHECK(host.drain(1).ok());  // the old one has none of them
  CHECK(host.destroy(1).ok());
  CHECK(over_link.times() == 0);
  host.serve(2, "counter-2");
  CHECK(over_link.get().bytes.view().substr(0, 2) == "2 ");
  CHECK(here.get().bytes.view().substr(0, 2) == "2 ");
  CHECK(host.call("").bytes.view() == "2 3");
}

TEST_CASE("a held call ends as busy when its time is up, or at once where it may not wait") {
  TestHost host;
  host.serve(1, "counter-1");
  host->hold("f");
  for (const Outcome& outcome :
       {host.call("", 30), host.call_here("", 30), host->call_here("f", "", 20000, {}, false)}) {
    CHECK(outcome.status.code() == PINNATE_BUSY);
    CHECK(outcome.status.message() == std::string(kReplaced) + ", and the next one has not come in time");
  }
  host->activate("f", 1);
  CHECK(host.call("").bytes.view() == "1 1");  // none of them has run
}

TEST_CASE("a held call has 10 s to wait, however much time it has") {
  TestHost host;
  host.serve(1, "counter-1");
  host->hold("f");
  const TimePoint before = Clock::now();
  auto here = call_elsewhere(host, 60000);
  CHECK(host.call("", 60000).status.code() == PINNATE_BUSY);
  CHECK(here.get().status.code() == PINNATE_BUSY);
  CHECK(Clock::now() - before >= std::chrono::seconds(10));  // time itself is under test
}

TEST_CASE("no more calls are held than may wait for a worker") {
  ServiceHostOptions options;
  options.queued_calls = 2;
  TestHost host(options);
  host.serve(1, "counter-1");
  host->hold("f");
  Promised first, second;
  host->invoke("f", Buffer(), 20000, first.done());
  host->invoke("f", Buffer(), 20000, second.done());
  for (const Outcome& outcome : {host.call(""), host.call_here("")}) {
    CHECK(outcome.status.code() == PINNATE_BUSY);
    CHECK(outcome.status.message() == std::string(kReplaced) + ", and 2 calls wait for the next one already");
  }
  host->activate("f", 1);
  CHECK(first.get().status.ok());
  CHECK(second.get().status.ok());
}

TEST_CASE("a held call that is given up never runs") {
  TestHost host;
  host.serve(1, "counter-1");
  host->hold("f");
  Promised given_up;
  const Invoked invoked = host->invoke("f", Buffer(), 20000, given_up.done());
  host->give_up(invoked);
  CHECK(given_up.get().status.code() == PINNATE_CANCELLED);
  host->activate("f", 1);
  host->give_up(invoked);
  CHECK(host.call("").bytes.view() == "1 1");
  CHECK(given_up.times() == 1);
}

TEST_CASE("a held call that has begun since can be given up as well") {
  TestHost host;
  Fifo fifo;
  host.serve(1, "misbehaving", "call-hangs " + fifo.path);
  host->hold("f");
  Promised given_up;
  const Invoked invoked = host->invoke("f", Buffer(std::string("x")), 20000, given_up.done());
  host->activate("f", 1);
  fifo.wait_until_inside();
  host->give_up(invoked);
  CHECK(given_up.get().status.code() == PINNATE_CANCELLED);
  fifo.let_go();
}

TEST_CASE("held calls end when there will be no service, and when the engine closes") {
  for (const bool closes : {false, true}) {
    CAPTURE(closes);
    TestHost host;
    host.serve(1, "counter-1");
    host->hold("f");
    Promised over_link;
    host->invoke("f", Buffer(), 20000, over_link.done());
    auto here = call_elsewhere(host);
    Promised closed;
    if (closes)
      closed = host.start_closing(20000);
    else
      host->deactivate("f");
    const Code code = closes ? PINNATE_CLOSED : PINNATE_NOT_FOUND;
    CHECK(over_link.get().status.code() == code);
    CHECK(here.get().status.code() == code);
    if (closes) closed.get();
  }
}

TEST_CASE("a service that drains takes calls again when it is activated, and its drain is not reported") {
  TestHost host;
  Fifo fifo;
  host.serve(1, "misbehaving", "call-hangs " + fifo.path);
  Promised hangs, drained;
  host->invoke("f", Buffer(std::string("x")), 20000, hangs.done());
  fifo.wait_until_inside();
  host->hold("f");
  host->drain(1, drained.done());
  host->activate("f", 1);
  fifo.let_go();
  CHECK(hangs.get().status.ok());
  CHECK(drained.times() == 0);
  host->deactivate("f");
  CHECK(host.drain(1).ok());
  CHECK(drained.times() == 0);
  CHECK(host.destroy(1).ok());
}

TEST_CASE("holds, activations and calls on many threads: every call is answered by a service, or not begun") {
  TestHost host;
  host.serve(1, "counter-1");
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0}, answered{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 3; ++i)
    callers.emplace_back([&] {
      while (!stop) {
        const Outcome outcome = host.call_here("", 20000);
        if (outcome.status.ok())
          ++answered;
        else
          ++wrong;
      }
    });
  for (int i = 0; i < 200; ++i) {
    host->hold("f");
    Promised over_link;
    host->invoke("f", Buffer(), 20000, over_link.done());
    if (!host.drain(1).ok()) ++wrong;
    host->activate("f", 1);
    if (!over_link.get().status.ok()) ++wrong;
  }
  stop = true;
  for (std::thread& caller : callers) caller.join();
  CHECK(wrong == 0);
  CHECK(answered > 0);
}
