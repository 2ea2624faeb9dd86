// How many bytes calls and their results may hold, and what more ends as.
#include "calls.h"

using namespace pinnate;
using namespace pinnate::sim;

TEST_CASE("large calls under way are bounded in bytes, for those who ask and on the way, and no link is lost by them") {
  TestFleet f(shape(1, 0, 2));
  const Module m = module("f", "1");
  slow(f, m, 2 * kSecond);
  f.release(m);
  REQUIRE(f.becomes("f", "1"));
  f.world.add_client("operator");
  f.world.dial_up("operator", "c");
  f.world.add_client("other");
  f.world.dial_up("other", "c");
  f.world.advance(2000);
  for (const std::vector<std::string>& askers :
       {std::vector<std::string>{"c"}, {"operator"}, {"operator", "other"}, {"s0.e0"}}) {
    CAPTURE(askers[0]);
    std::vector<std::pair<std::string, std::uint64_t>> asked;
    for (int i = 0; i < 40; ++i)
      for (const std::string& asker : askers) {
        wire::Call call = call_of(std::string(1000000, 'x'), 60000, true);
        if (asker == "s0.e0") call.engine = "s0.e1";
        asked.emplace_back(asker, f.world.request(asker, call));
      }
    f.world.advance(2 * kMinute);
    int done = 0, busy = 0;
    for (const auto& [asker, id] : asked) {
      const auto* returned = f.world.answer<wire::Returned>(asker, id);
      REQUIRE(returned != nullptr);
      done += returned->code == PINNATE_OK;
      busy += returned->code == PINNATE_BUSY && !returned->ran;
      CHECK_MESSAGE((returned->code == PINNATE_OK || returned->code == PINNATE_BUSY), returned->reason);
    }
    CHECK(done >= 4);
    CHECK(busy >= 20);
    CHECK(done + busy == int(asked.size()));
  }
  CHECK(f.call("f", "x", {}, "operator", 60000).code == PINNATE_OK);  // and what was held is free again
}

TEST_CASE("results that do not fit what may wait on a link are lost in words, and the link stays") {
  TestFleet f(shape(1, 0, 1));
  const Module m = module("f", "1");
  f.release(m);
  REQUIRE(f.becomes("f", "1"));
  Conduct conduct;
  conduct.takes = kSecond;
  conduct.result_bytes = 1000000;
  f.world.modules().behave(f.artifact(m), Step::call, conduct);
  f.world.add_client("operator");
  f.world.dial_up("operator", "c");
  f.world.advance(2000);
  std::vector<std::uint64_t> asked;
  for (int i = 0; i < 64; ++i) asked.push_back(f.world.request("operator", call_of("x", 60000)));
  f.world.advance(kMinute);
  int done = 0, lost = 0;
  for (std::uint64_t id : asked) {
    const auto* returned = f.world.answer<wire::Returned>("operator", id);
    REQUIRE(returned != nullptr);
    done += returned->code == PINNATE_OK;
    lost += returned->code == PINNATE_INTERRUPTED && returned->ran;
  }
  CHECK(done >= 6);
  CHECK(done + lost == 64);
  CHECK(!f.logged("does not read"));
  CHECK(f.call("f", "x", {}, "operator", 60000).code == PINNATE_OK);
  // What is refused is told for what it is, whatever else waits.
  CHECK(f.call("nothing", "x", {}, "operator", 60000).code == PINNATE_NOT_FOUND);
}

TEST_CASE("a result of as much as a call may bring comes back, and of one byte more it says that it is too large") {
  TestFleet f(shape(1, 1, 1));
  const Module m = module("f", "1");
  f.release(m);
  REQUIRE(f.becomes("f", "1"));
  f.world.advance(2000);
  for (const char* tier : {"c", "s0.k0", "s0.k0.e0"}) {
    CAPTURE(tier);
    Conduct conduct;
    conduct.result_bytes = 1048576;
    f.world.modules().behave(f.artifact(m), Step::call, conduct);
    CHECK(f.call("f", "x", {}, tier).result.size() == 1048576);
    conduct.result_bytes = 1048577;
    f.world.modules().behave(f.artifact(m), Step::call, conduct);
    const auto returned = f.call("f", "x", {}, tier);
    CHECK(returned.code == PINNATE_TOO_LARGE);
    CHECK(returned.ran);
    CHECK(returned.result.empty());
    CHECK_MESSAGE(returned.reason.find("1048577 bytes") != std::string::npos, returned.reason);
  }
}

TEST_CASE("an answer from below that fills a message is told as too large to whoever asked, over any link") {
  Driven d;
  const tier::LinkId engine = d.link("e", wire::Role::engine), client = d.link("operator", wire::Role::client);
  wire::EngineStatus status;
  status.position = {1, 1, {}};
  status.rows = {{1, "f", "1", wire::Phase::live, true, ""}};
  d.say(engine, status);
  for (const tier::LinkId asker : {client, tier::kHostLink}) {
    wire::Call call;
    call.id = 0xffffffffffff;  // takes more bytes than the controller's own number for it
    call.function = "f";
    d.say(asker, call);
    REQUIRE(d.last<wire::Call>(engine));
    wire::Returned returned;
    returned.id = d.last<wire::Call>(engine)->id;
    returned.result = Buffer(std::string(kMessageLimitBytes, 'x'));
    const std::size_t over = wire::encode(returned).size() - kMessageLimitBytes;
    returned.result = Buffer(std::string(kMessageLimitBytes - over, 'x'));
    REQUIRE(wire::encode(returned).size() == kMessageLimitBytes);
    d.say(engine, returned);
    const auto* answer = d.last<wire::Returned>(asker);
    REQUIRE(answer);
    CHECK(answer->id == call.id);
    CHECK(answer->code == PINNATE_TOO_LARGE);
    CHECK(answer->ran);
    CHECK(wire::encode(*answer).size() < 1000);
  }
}

TEST_CASE("three quarters of what a link may hold may wait for results there, and no more") {
  for (const std::size_t size : {500000, 1000000}) {
    CAPTURE(size);
    Driven d;
    const tier::LinkId engine = d.link("e", wire::Role::engine), client = d.link("operator", wire::Role::client);
    wire::EngineStatus status;
    status.position = {1, 1, {}};
    status.rows = {{1, "f", "1", wire::Phase::live, true, ""}};
    d.say(engine, status);
    wire::Call call;
    call.function = "f";
    call.payload = Buffer(std::string(size, 'x'));
    const std::size_t fit = 6 * 1024 * 1024 / size;
    for (call.id = 1; call.id <= fit; ++call.id) d.say(client, call);
    CHECK(d.last<wire::Returned>(client) == nullptr);
    d.say(client, call);
    REQUIRE(d.last<wire::Returned>(client));
    CHECK(d.last<wire::Returned>(client)->code == PINNATE_BUSY);
    CHECK(d.last<wire::Returned>(client)->reason.find("6291456") != std::string::npos);
  }
}
