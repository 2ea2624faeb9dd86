// The life of one service, and what a module may do wrong in it.
#include "host.h"

#include <thread>

using namespace pinnate;
using namespace pinnate::module;

TEST_CASE("a create that fails is reported in the module's words, cut to 512 bytes, and can be destroyed") {
  TestHost host;
  ServiceId id = 0;
  const auto words = [&](const char* behaviour) {
    REQUIRE(host.load(++id, "misbehaving", behaviour).ok());
    const Status s = host.create(id);
    CHECK(s.code() == PINNATE_FAILED);
    CHECK(host.destroy(id).ok());
    return s.message();
  };
  CHECK(words("create-fails") == "module 'f' 1.0.0: create failed: the model file is missing");
  CHECK(words("create-says-nothing") == "module 'f' 1.0.0: create failed: gave no reason");
  CHECK(words("create-throws") == "module 'f' 1.0.0: create threw an exception: no model");
  CHECK(words("create-says-much") == "module 'f' 1.0.0: create failed: " + std::string(512, 'x'));
}

TEST_CASE("a health check that fails is reported in words; one that passes is not needed twice") {
  TestHost host;
  REQUIRE(host.load(1, "misbehaving", "health-fails").ok());
  REQUIRE(host.create(1).ok());
  const Status s = host.check_health(1);
  CHECK(s.code() == PINNATE_FAILED);
  CHECK(s.message() == "module 'f' 1.0.0: its health check failed: the camera does not answer");
  REQUIRE(host.load(2, "misbehaving").ok());
  REQUIRE(host.create(2).ok());
  CHECK(host.check_health(2).ok());
  REQUIRE(host.load(3, "counter-1").ok());  // has none
  REQUIRE(host.create(3).ok());
  CHECK(host.check_health(3).ok());
}

TEST_CASE("orders for a service that is not there are answered") {
  TestHost host;
  CHECK(host.create(7).code() == PINNATE_NOT_FOUND);
  CHECK(host.check_health(7).code() == PINNATE_NOT_FOUND);
  CHECK(host.drain(7).code() == PINNATE_NOT_FOUND);
  CHECK(host.destroy(7).ok());
  host->abandon(7);
  host->trust(7);
  host->deactivate("f");
}

TEST_CASE("what a service logs carries its name, on one line") {
  TestHost host;
  host.serve(1, "misbehaving");
  CHECK(host.said("module 'f' 1.0.0: created with two lines\n"));
}

TEST_CASE("a service that hangs in create is given up, and the next one is created all the same") {
  TestHost host;
  Fifo fifo;
  REQUIRE(host.load(1, "misbehaving", "create-hangs " + fifo.path).ok());
  Promised created;
  host->create(1, created.done());
  Promised waiting;
  host->check_health(1, waiting.done());
  fifo.wait_until_inside();
  goes_on_without_and_closes(host, 1, fifo, created);
  CHECK(waiting.times() == 0);
}

TEST_CASE("a service that hangs in its health check or in destroy holds nobody up once it is given up") {
  for (const char* where : {"health-hangs", "destroy-hangs"}) {
    CAPTURE(where);
    TestHost host;
    Fifo fifo;
    REQUIRE(host.load(1, "misbehaving", where + std::string(" ") + fifo.path).ok());
    REQUIRE(host.create(1).ok());
    Promised hangs;
    if (where == std::string("health-hangs"))
      host->check_health(1, hangs.done());
    else
      host->destroy(1, hangs.done());
    fifo.wait_until_inside();
    goes_on_without_and_closes(host, 1, fifo, hangs);
  }
}

TEST_CASE("a constructor that hangs leaves calls of other services alone, and is never reported once given up") {
  Fifo fifo;
  setenv("PINNATE_TEST_FIFO", fifo.path.c_str(), 1);
  TestHost host;
  host.serve(1, "counter-1");
  Promised loaded;
  host.load(TestHost::order(2, test_module("constructor-hangs")), loaded.done());
  fifo.wait_until_inside();
  host->abandon(2);
  CHECK(host.call("").bytes.view() == "1 1");
  CHECK(host.call_here("").bytes.view() == "1 2");
  fifo.let_go();  // a loader's lock that hangs for ever would hold up the end of this process too
  host.serve(3, "counter-2");
  CHECK(host.call("").bytes.view() == "2 1");
  host.close();
  CHECK(loaded.times() == 0);
  unsetenv("PINNATE_TEST_FIFO");
}

TEST_CASE(
    "loads and unloads that a constructor in another engine holds up say whose it is, and wait no longer than it may "
    "take") {
  Fifo fifo;
  setenv("PINNATE_TEST_FIFO", fifo.path.c_str(), 1);
  const std::string words =
      "the dynamic linker of the process does one thing at a time, and is held by module 'slow' 1.0.0, in an "
      "engine of this process, which has not returned yet";
  constexpr std::uint32_t kLongMs = 600000;
  for (const auto& [slow_ms, other_ms] : {std::pair{100u, kLongMs}, {kLongMs, 100u}}) {
    TestHost host, other;
    other.serve(1, "counter-1");
    LoadOrder order = TestHost::order(1, test_module("constructor-hangs"));
    order.name = "slow";
    Promised loaded;
    host.load(std::move(order), loaded.done(), slow_ms);
    fifo.wait_until_inside();
    order = TestHost::order(2, test_module("counter-2"));
    const Status refused = other.load(std::move(order), other_ms);
    CHECK(refused.code() == PINNATE_BUSY);
    CHECK(refused.message() == "module 'f' 1.0.0: " + words);
    if (slow_ms < kLongMs) {
      other->deactivate("f");
      CHECK(other.destroy(1).message() == "module 'f' 1.0.0: not unloaded: " + words);
      CHECK(other.check_health(1).message() == "module 'f' 1.0.0: not created");  // so it is still there
    }
    fifo.let_go();
    CHECK(loaded.get().status.ok());
    if (slow_ms < kLongMs) CHECK(other.destroy(1).ok());
    other.serve(3, "counter-2");
    CHECK(other.call("").bytes.view() == "2 1");
  }
  unsetenv("PINNATE_TEST_FIFO");
}

TEST_CASE("drain ends when the last call does, also one that was answered by nobody yet") {
  TestHost host;
  Fifo fifo;
  host.serve(1, "misbehaving", "answers-later " + fifo.path);
  Promised call, drained;
  host->invoke("f", Buffer("late"), 20000, call.done());
  fifo.wait_until_inside();
  host.serve(2, "counter-1");
  host->drain(1, drained.done());
  CHECK(host.call_here("").bytes.view() == "1 1");  // the new one is served meanwhile
  CHECK(drained.times() == 0);
  const Status early = host.destroy(1);
  CHECK(early.code() == PINNATE_INTERNAL);
  fifo.let_go();
  CHECK(call.get().bytes.view() == "late");
  CHECK(drained.get().status.ok());
  CHECK(host.destroy(1).ok());
}

TEST_CASE("closing waits for calls that run, and ends every order") {
  TestHost host;
  Fifo fifo;
  host.serve(1, "misbehaving", "call-hangs " + fifo.path);
  Promised call;
  host->invoke("f", Buffer("x"), 20000, call.done());
  fifo.wait_until_inside();
  Promised closed = host.start_closing(20000);
  CHECK(host.call_here("x").status.code() == PINNATE_CLOSED);
  Promised late;
  host.load(TestHost::order(2, test_module("counter-1")), late.done());
  CHECK(late.get().status.code() == PINNATE_CLOSED);
  CHECK(closed.times() == 0);
  fifo.let_go();
  CHECK(call.get().bytes.view() == "x");
  closed.get();
}

TEST_CASE("closing is bounded whatever a module does, and nothing comes out afterwards") {
  for (const char* where : {"call-hangs", "create-hangs", "destroy-hangs", "never-answers", "health-hangs"}) {
    CAPTURE(where);
    const std::string behaviour = where;
    Fifo fifo;
    auto host = std::make_unique<TestHost>();
    REQUIRE(host->load(1, "misbehaving", behaviour + " " + fifo.path).ok());
    Promised hangs;
    if (behaviour == "create-hangs") {
      (*host)->create(1, hangs.done());
      fifo.wait_until_inside();
    } else {
      REQUIRE(host->create(1).ok());
      (*host)->activate("f", 1);
      if (behaviour == "health-hangs") (*host)->check_health(1, hangs.done());
      if (behaviour == "call-hangs" || behaviour == "never-answers")
        (*host)->invoke("f", Buffer("x"), 20000, hangs.done());
      if (behaviour == "health-hangs" || behaviour == "call-hangs") fifo.wait_until_inside();
    }
    const auto before = std::chrono::steady_clock::now();
    host->start_closing(50).get();
    CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(10));
    // A call is told; the orders of a service that was given up are not.
    const bool is_call = behaviour == "call-hangs" || behaviour == "never-answers";
    CHECK(hangs.times() == (is_call ? 1 : 0));
    if (is_call) CHECK(hangs.get().status.code() == PINNATE_CLOSED);
    host.reset();  // the module goes on in a host that is gone
    if (behaviour == "destroy-hangs") fifo.wait_until_inside();
    fifo.let_go();
  }
}

TEST_CASE("a host may be destroyed by its own closed callback, and without closing") {
  for (int i = 0; i < 20; ++i) {
    auto host = ServiceHost::open({});
    REQUIRE(host.ok());
    ServiceHost* raw = host->release();
    Promised gone;
    raw->close(1000, [raw, done = gone.done()] {
      delete raw;
      done({});
    });
    gone.get();
  }
  auto host = ServiceHost::open({});
  Promised loaded;
  (*host)->assemble(TestHost::order(1, test_module("counter-1")), loaded.done());
  loaded.get();
}

TEST_CASE("whoever gives a service up is told when its module has let go of it, and it is gone") {
  TestHost host;
  Fifo fifo;
  REQUIRE(host.load(1, "misbehaving", "create-hangs " + fifo.path).ok());
  Promised created, gone, never_there;
  host->create(1, created.done());
  fifo.wait_until_inside();
  host->abandon(1, gone.done());
  host.serve(2, "counter-1");
  CHECK(gone.times() == 0);
  fifo.let_go();
  CHECK(gone.get().status.ok());
  CHECK(created.times() == 0);
  host->abandon(77, never_there.done());
  CHECK(never_there.get().status.ok());
}

TEST_CASE("what is ordered of a service after it was given up is not carried out") {
  TestHost host;
  REQUIRE(host.load(1, "counter-1").ok());
  Promised gone;
  host->abandon(1, gone.done());
  CHECK(host.create(1).code() == PINNATE_NOT_FOUND);
  CHECK(gone.get().status.ok());
}
