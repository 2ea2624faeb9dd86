// Every call ends once: with an answer, with a failure in words, or when its time is up.
#include "module/host.h"

#include <atomic>
#include <exception>
#include <set>
#include <thread>

using namespace pinnate;
using namespace pinnate::module;

TEST_CASE("a call is answered during call, or later from another thread") {
  for (const char* behaviour : {"echo", "answers-later"}) {
    CAPTURE(behaviour);
    TestHost host;
    host.serve(1, "misbehaving", behaviour);
    CHECK(host.call("hello").bytes.view() == "hello");
    CHECK(host.call_here("hello").bytes.view() == "hello");
    CHECK(host.call("").status.ok());
  }
}

TEST_CASE("a call that fails, throws, or ends its thread is a failure in words") {
  const std::pair<const char*, const char*> expected[] = {
      {"call-fails", "the sensor is offline"},
      {"call-throws", "threw an exception: not today"},
      {"call-throws-int", "threw an exception"},
      {"call-ends-thread", "ended the thread that called it"},
  };
  for (const char* module : {"misbehaving", "misbehaving-alone"}) {
    for (const auto& [behaviour, words] : expected) {
      CAPTURE(module);
      CAPTURE(behaviour);
      TestHost host;
      host.serve(1, module, behaviour);
      const bool here_too = std::string(behaviour) != "call-ends-thread";
      for (int i = 0; i < 4; ++i) {  // as often as there are workers, and more
        const Outcome outcome = here_too && i % 2 ? host.call_here("x") : host.call("x");
        CHECK(outcome.status.code() == PINNATE_FAILED);
        CHECK(outcome.status.message() == std::string("module 'f' 1.0.0: ") + words);
        CHECK(outcome.bytes.view() == words);
        CHECK(std::uncaught_exceptions() == 0);
      }
      host->deactivate("f");
      CHECK(host.drain(1).ok());
      CHECK(host.destroy(1).ok());
    }
  }
}

TEST_CASE("a function without an active service, and a payload over the limit, are definite errors") {
  TestHost host;
  CHECK(host.call("x").status.code() == PINNATE_NOT_FOUND);
  CHECK(host.call_here("x").status.message() == "function 'f': no service is active on this engine");
  host.serve(1, "misbehaving");
  const std::string limit(kCallLimitBytes, 'x');
  CHECK(host.call(limit).bytes.view() == limit);
  CHECK(host.call(limit + "x").status.code() == PINNATE_TOO_LARGE);
  CHECK(host.call_here(limit + "x").status.code() == PINNATE_TOO_LARGE);
  host->deactivate("f");
  CHECK(host.call_here("x").status.code() == PINNATE_NOT_FOUND);
}

TEST_CASE(
    "a result for which there is no memory is told all the same, throws nothing into the module, and holds nothing "
    "up") {
  for (const char* behaviour : {"echo", "answers-later"}) {
    CAPTURE(behaviour);
    TestHost host;
    host.serve(1, "misbehaving", behaviour);
    Promised told;
    std::atomic<int> tries{0};
    host->invoke("f", Buffer(std::string("hello")), 20000, [&tries, done = told.done()](Outcome outcome) {
      if (tries++ == 0) throw std::bad_alloc();
      done(std::move(outcome));
    });
    CHECK(told.get().status.code() == PINNATE_NO_MEMORY);
    host->invoke("f", Buffer(std::string("hello")), 20000, [&tries](Outcome) {
      tries++;
      throw std::bad_alloc();
    });
    CHECK(host.call("after").bytes.view() == "after");
    while (tries < 4) std::this_thread::yield();
    CHECK(!host.said("threw"));
    host.close();
  }
}

TEST_CASE("an answer over the limit is an error and not a result") {
  TestHost host;
  host.serve(1, "misbehaving", "answers-too-much");
  const Outcome outcome = host.call("x");
  CHECK(outcome.status.code() == PINNATE_TOO_LARGE);
  CHECK(outcome.status.message() == "module 'f' 1.0.0: answered with 2097152 bytes; the limit is 1048576");
}

TEST_CASE("a second answer is ignored, whether at once or after the call is over, and logged while the call is open") {
  for (const char* behaviour : {"answers-twice", "answers-later-twice"}) {
    CAPTURE(behaviour);
    TestHost host;
    host.serve(1, "misbehaving", behaviour);
    for (int i = 0; i < 50; ++i) {
      const std::string payload = "call " + std::to_string(i);
      CHECK(host.call(payload).bytes.view() == payload);
      CHECK(host.call_here(payload).bytes.view() == payload);
    }
    if (behaviour == std::string("answers-twice"))
      host.wait_until_said("module 'f' 1.0.0: answered a call twice (the second answer is ignored)");
    host->deactivate("f");
    CHECK(host.drain(1).ok());
    CHECK(host.destroy(1).ok());
  }
}

TEST_CASE("a call that is not answered in time is over for its caller, and its late answer is dropped") {
  TestHost host;
  Fifo fifo;
  host.serve(1, "misbehaving", "answers-later " + fifo.path);
  Outcome outcome = host.call_here("late", 30);
  CHECK(outcome.status.code() == PINNATE_TIMEOUT);
  CHECK(outcome.status.message() == "module 'f' 1.0.0: no answer within 30 ms");
  fifo.wait_until_inside();
  fifo.let_go();
  Promised p;
  host->invoke("f", Buffer("late"), 30, p.done());
  CHECK(p.get().status.code() == PINNATE_TIMEOUT);
  fifo.wait_until_inside();
  fifo.let_go();
  host->deactivate("f");
  CHECK(host.drain(1).ok());  // so both were answered in the end
  CHECK(p.times() == 1);
}

TEST_CASE("a module's own limit bounds every call") {
  TestHost host;
  LoadOrder order = TestHost::order(1, test_module("misbehaving"), "never-answers");
  order.call_limit_ms = 20;
  host.serve(std::move(order));
  CHECK(host.call_here("x", 600000).status.code() == PINNATE_TIMEOUT);
  CHECK(host.call("x", 0).status.code() == PINNATE_TIMEOUT);
}

TEST_CASE("a service is told how much time is left") {
  TestHost host;
  host.serve(1, "misbehaving", "remaining");
  const int left = std::stoi(host.call_here("x", 9000).bytes.str());
  CHECK(left > 0);
  CHECK(left <= 9000);
}

TEST_CASE("a module that keeps all workers beyond its calls' time does not keep the others' calls from running") {
  TestHost host;
  Fifo fifo;
  host.serve(1, "misbehaving", "call-hangs " + fifo.path);
  Promised hanging[2];
  for (auto& p : hanging) host->invoke("f", Buffer("x"), 300, p.done());
  for (auto& p : hanging) {
    const Status ended = p.get().status;
    CHECK(ended.code() == PINNATE_TIMEOUT);
    CHECK(ended.message() == "module 'f' 1.0.0: no answer within 300 ms");  // both began: its flags let them overlap
  }
  fifo.wait_until_inside();
  Status s = host.load(TestHost::order(2, test_module("counter-1")));
  REQUIRE(s.ok());
  REQUIRE(host.create(2).ok());
  host->activate("g", 2);
  Promised other;
  host->invoke("g", Buffer(""), 20000, other.done());
  CHECK(other.get().bytes.view() == "1 1");
  fifo.let_go();
}

TEST_CASE("more calls than may wait are refused, and those that waited too long never run") {
  ServiceHostOptions options;
  options.worker_threads = 1;
  options.queued_calls = 3;
  TestHost host(options);
  Fifo fifo;
  host.serve(1, "misbehaving-serial", "call-hangs " + fifo.path);
  Promised first;
  host->invoke("f", Buffer("first"), 20000, first.done());
  fifo.wait_until_inside();
  Promised waiting[3], one_too_many, again;
  for (auto& p : waiting) host->invoke("f", Buffer("waiting"), 50, p.done());
  host->invoke("f", Buffer("x"), 20000, one_too_many.done());
  const Outcome refused = one_too_many.get();
  CHECK(refused.status.code() == PINNATE_BUSY);
  CHECK(refused.status.message() == "module 'f' 1.0.0: 3 calls are waiting on this engine already");
  for (auto& p : waiting) CHECK(p.get().status.message() == "module 'f' 1.0.0: no turn within 50 ms");
  host->invoke("f", Buffer("again"), 20000, again.done());  // there is room again
  fifo.let_go();
  CHECK(first.get().status.ok());
  fifo.wait_until_inside();
  fifo.let_go();
  CHECK(again.get().bytes.view() == "again");
}

TEST_CASE("a service whose calls may not overlap has one at a time, from workers and in process") {
  ServiceHostOptions options;
  options.worker_threads = 3;
  TestHost host(options);
  host.serve(1, "counter-1");  // counts without a lock: TSan would see two at once, and a number would be lost
  constexpr int kThreads = 4, kCalls = 200;
  std::mutex mutex;
  std::set<std::string> seen;
  std::vector<std::thread> threads;
  std::vector<Promised> sent(kCalls);
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < kCalls; ++i) {
        const std::string text = host->call_here("f", "", 20000).bytes.str();
        const std::lock_guard lock(mutex);
        seen.insert(text);
      }
    });
  for (auto& p : sent) host->invoke("f", Buffer(), 20000, p.done());
  for (auto& p : sent) {
    const std::string text = p.get().bytes.str();
    const std::lock_guard lock(mutex);
    seen.insert(text);
  }
  for (auto& t : threads) t.join();
  CHECK(seen.size() == kCalls * (kThreads + 1));
}

TEST_CASE("a caller in process does not wait for its turn beyond its time") {
  TestHost host;
  Fifo fifo;
  host.serve(1, "misbehaving-serial", "call-hangs " + fifo.path);
  Promised first;
  host->invoke("f", Buffer("first"), 20000, first.done());
  fifo.wait_until_inside();
  const Outcome outcome = host.call_here("second", 30);
  CHECK(outcome.status.code() == PINNATE_TIMEOUT);
  CHECK(outcome.status.message() == "module 'f' 1.0.0: no turn within 30 ms");
  fifo.let_go();
  CHECK(first.get().bytes.view() == "first");
}

TEST_CASE("a result is given while the call still runs, and the service is not drained before it returns") {
  TestHost host;
  Fifo fifo;
  host.serve(1, "misbehaving", "answers-then-hangs " + fifo.path);
  CHECK(host.call("x").bytes.view() == "x");
  fifo.wait_until_inside();
  host->deactivate("f");
  Promised drained;
  host->drain(1, drained.done());
  CHECK(host.check_health(1).ok());  // another order's time passes
  CHECK(drained.times() == 0);
  fifo.let_go();
  CHECK(drained.get().status.ok());
}

TEST_CASE(
    "no call is lost or answered twice while versions are swapped under load, and none enters a drained service") {
  ServiceHostOptions options;
  options.worker_threads = 2;
  options.queued_calls = 64;
  TestHost host(options);
  const std::string one = test_module("misbehaving");
  host.serve(TestHost::order(1, one));
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0}, calls{0}, busy{0};
  std::vector<std::thread> callers;
  for (int t = 0; t < 3; ++t)
    callers.emplace_back([&, t] {
      for (int i = 0; !stop; ++i) {
        const std::string payload = std::to_string(t) + " " + std::to_string(i);
        const Outcome outcome = host->call_here("f", payload, 20000);
        if (!outcome.status.ok() || outcome.bytes.view() != payload) ++wrong;
        ++calls;
      }
    });
  callers.emplace_back([&] {
    std::vector<Promised> open(16);
    for (int i = 0; !stop; ++i) {
      for (auto& p : open) {
        p = Promised();
        host->invoke("f", Buffer(std::to_string(i)), 20000, p.done());
      }
      for (auto& p : open) {
        const Outcome outcome = p.get();
        if (outcome.status.code() == PINNATE_BUSY)
          ++busy;
        else if (!outcome.status.ok() || outcome.bytes.view() != std::to_string(i))
          ++wrong;
        if (p.times() != 1) ++wrong;
        ++calls;
      }
    }
  });
  const char* behaviours[] = {"echo", "answers-later"};
  constexpr ServiceId kSwaps = 30;
  for (ServiceId id = 2; id <= kSwaps || calls < 500; ++id) {
    host.serve(TestHost::order(id, one, behaviours[id % 2]));
    CHECK(host.drain(id - 1).ok());
    CHECK(host.destroy(id - 1).ok());  // unloads the code: a call that enters it would crash
  }
  stop = true;
  for (auto& t : callers) t.join();
  CHECK(wrong == 0);
  CHECK(busy == 0);
}
