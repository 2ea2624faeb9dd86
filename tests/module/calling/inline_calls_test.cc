// Calls of services that declare them inline: they run on the thread of whoever orders them.
#include "module/host.h"

#include <thread>

using namespace pinnate;
using namespace pinnate::module;

namespace {

Inline run_inline(TestHost& host, const std::string& payload, std::uint32_t timeout_ms = 20000) {
  return host->run_inline("f", Buffer(payload), timeout_ms);
}

}  // namespace

TEST_CASE("an inline call has run and is answered when its order returns") {
  TestHost host;
  CHECK_FALSE(run_inline(host, "x").ran);  // no such function
  host.serve(1, "misbehaving-inline");
  for (int i = 0; i < 100; ++i) {
    const Inline inlined = run_inline(host, "hello");
    REQUIRE(inlined.ran);
    CHECK(inlined.outcome.status.ok());
    CHECK(inlined.outcome.bytes.view() == "hello");
    CHECK_FALSE(inlined.unanswered);
    CHECK(inlined.notice.empty());
  }
  CHECK_FALSE(run_inline(host, std::string(kCallLimitBytes + 1, 'x')).ran);  // invoke refuses it in words
  CHECK(host.call("from a worker").bytes.view() == "from a worker");
  host->deactivate("f");
  CHECK_FALSE(run_inline(host, "x").ran);
  CHECK(host.drain(1).ok());
  CHECK(host.destroy(1).ok());
}

TEST_CASE("services that do not declare it run nothing inline") {
  TestHost host;
  host.serve(1, "misbehaving");
  CHECK_FALSE(run_inline(host, "x").ran);
}

TEST_CASE("an inline call that throws or fails is a failure in words") {
  for (const char* behaviour : {"call-throws", "call-fails"}) {
    CAPTURE(behaviour);
    TestHost host;
    host.serve(1, "misbehaving-inline", behaviour);
    const Inline inlined = run_inline(host, "x");
    REQUIRE(inlined.ran);
    CHECK(inlined.outcome.status.code() == PINNATE_FAILED);
    CHECK(!inlined.outcome.bytes.empty());
  }
}

TEST_CASE("what an inline call has not answered yet is awaited, to its time and no longer, or given up") {
  TestHost host;
  host.serve(1, "misbehaving-inline", "answers-later");
  Inline inlined = run_inline(host, "later");
  REQUIRE(inlined.ran);
  if (inlined.unanswered) {  // else the other thread was faster
    Promised answered;
    host->await(inlined.unanswered, answered.done());
    CHECK(answered.get().bytes.view() == "later");
  }
  host.serve(2, "misbehaving-inline", "never-answers");
  inlined = run_inline(host, "x", 30);
  REQUIRE(inlined.unanswered);
  Promised late, given_up;
  host->await(inlined.unanswered, late.done());
  CHECK(late.get().status.code() == PINNATE_TIMEOUT);
  inlined = run_inline(host, "x");
  REQUIRE(inlined.unanswered);
  host->give_up(host->await(inlined.unanswered, given_up.done()));
  CHECK(given_up.get().status.code() == PINNATE_CANCELLED);
}

TEST_CASE("a service that holds the thread of a link too long runs on workers from then on, and says so once") {
  TestHost host;
  Fifo fifo;
  host.serve(1, "misbehaving-inline", "call-hangs " + fifo.path);
  Inline slow;
  std::thread link([&] { slow = run_inline(host, "x"); });
  fifo.wait_until_inside();
  usleep(10000);  // time itself is under test: longer than what is allowed
  fifo.let_go();
  link.join();
  CHECK(slow.ran);
  CHECK(slow.notice.starts_with("module 'f' 1.0.0: a call took "));
  CHECK(slow.notice.ends_with(" ms on the thread of its link, where 5 ms are allowed: its calls run on workers from now on"));
  CHECK_FALSE(run_inline(host, "x").ran);
}

TEST_CASE("an inline call of a service that takes one at a time waits for its turn on no link's thread") {
  TestHost host;
  Fifo fifo;
  host.serve(1, "misbehaving-inline-serial", "call-hangs " + fifo.path);
  std::thread caller([&] { CHECK(host.call_here("first").status.ok()); });
  fifo.wait_until_inside();
  CHECK_FALSE(run_inline(host, "second").ran);
  fifo.let_go();
  caller.join();
}
