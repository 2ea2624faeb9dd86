// A client: one link, many requests, each of which ends.
#include "fleet.h"

using namespace pinnate;
using namespace pinnate::sim;

namespace {

// A client "operator" of the controller, of a fleet where `f` is live and the link is up.
struct WithClient : TestFleet {
  WithClient() : TestFleet(shape(1, 0, 1)) {
    release(module("f", "1"));
    REQUIRE(becomes("f", "1"));
    world.add_client("operator");
    world.dial_up("operator", "c");
    world.advance(2000);
  }
  wire::Call call_of(const std::string& payload, std::uint32_t timeout_ms) {
    wire::Call call;
    call.function = "f";
    call.payload = Buffer(payload);
    call.timeout_ms = timeout_ms;
    return call;
  }
};

}  // namespace

TEST_CASE("watches that end leave room for others, however many there were") {
  WithClient f;
  wire::GetStatus get;
  get.watch = true;
  for (int i = 0; i < 20000; ++i) {
    wire::GetStatus end;
    end.id = f.world.request("operator", get);
    end.end_watch = true;
    f.world.at("operator").host_message(end);
    if (i % 500 == 0) f.world.advance(10), f.world.at("operator").answers().clear();
  }
  f.world.advance(1000);
  const auto returned = f.call("f", "x", {}, "operator");
  CHECK_MESSAGE(returned.code == PINNATE_OK, returned.reason);
  CHECK(f.world.ask<wire::StatusReport>("operator", get).code == PINNATE_OK);
}

TEST_CASE("a call or lookup that a frozen peer does not answer ends at its own limit") {
  WithClient f;
  f.world.stall("c", "operator");
  const auto call = f.world.request("operator", f.call_of("x", 1000));
  wire::Lookup lookup;
  lookup.timeout_ms = 1000;
  const auto tiers = f.world.request("operator", lookup);
  f.world.advance(990);
  CHECK(f.world.answer<wire::Returned>("operator", call) == nullptr);
  f.world.advance(300);
  const auto* returned = f.world.answer<wire::Returned>("operator", call);
  REQUIRE(returned);
  CHECK(returned->code == PINNATE_TIMEOUT);
  CHECK(returned->ran);
  REQUIRE(f.world.answer<wire::Tiers>("operator", tiers));
  CHECK(f.world.answer<wire::Tiers>("operator", tiers)->code == PINNATE_TIMEOUT);
  f.world.heal();
  f.world.advance(kMinute);
  CHECK(f.call("f", "x", {}, "operator").code == PINNATE_OK);
}

TEST_CASE("a call that a client gave up is cancelled where it waits, and is answered once") {
  WithClient f;
  f.world.stall("c", "operator");
  const auto id = f.world.request("operator", f.call_of("x", 1000));
  f.world.advance(1300);
  f.world.at("operator").host_message(wire::Cancel{id});
  f.world.heal();
  f.world.advance(kMinute);
  int answers = 0;
  for (const auto& answer : f.world.at("operator").answers())
    if (const auto* returned = std::get_if<wire::Returned>(&answer)) answers += returned->id == id;
  CHECK(answers == 1);
  CHECK(f.world.traffic().received(f.world.at("c").id(), 65).messages >= 1);
}

TEST_CASE("the words of a tier that lives come before the client's own limit") {
  WithClient f;
  Conduct conduct;
  conduct.takes = kMinute * kMillisecond;
  f.world.modules().behave(f.artifact(module("f", "1")), Step::call, conduct);
  const auto returned = f.world.ask<wire::Returned>("operator", f.call_of("slow", 1000));
  CHECK(returned.code == PINNATE_TIMEOUT);
  CHECK(returned.reason.find("no result within") != std::string::npos);
}

TEST_CASE("a call waits for its link and for its answer no longer than it may in all") {
  TestFleet f(shape(1, 0, 1));
  f.release(module("f", "1"));
  REQUIRE(f.becomes("f", "1"));
  Conduct conduct;
  conduct.takes = kMinute * kMillisecond;
  f.world.modules().behave(f.artifact(module("f", "1")), Step::call, conduct);
  f.world.add_client("operator");
  wire::Call call;
  call.function = "f";
  call.timeout_ms = 2000;
  const auto id = f.world.request("operator", call);
  f.world.advance(1500);
  f.world.dial_up("operator", "c");
  f.world.advance(700);
  const auto* returned = f.world.answer<wire::Returned>("operator", id);
  REQUIRE(returned);
  CHECK(returned->code == PINNATE_TIMEOUT);
}

TEST_CASE("a result over the limit that a controller passes on is told as too large, and the link stays") {
  tier::ClientOptions options;
  options.tier.id = "operator";
  options.tier.incarnation = 1;
  const auto client = tier::make_client(options);
  const tier::Now now{1000, 1700000000000};
  std::vector<wire::Message> to_host;
  wire::Call sent;
  tier::LinkId link = 0;
  bool dropped = false;
  const auto take = [&] {
    for (tier::Action& action : client->take_actions()) {
      if (const auto* dial = std::get_if<tier::Dial>(&action)) link = dial->link;
      dropped |= std::holds_alternative<tier::Drop>(action);
      auto* send = std::get_if<tier::Send>(&action);
      auto message = send ? wire::decode(send->message) : Status(PINNATE_NOT_FOUND, "nothing is sent");
      if (!message.ok()) continue;
      if (send->link == tier::kHostLink) to_host.push_back(**message);
      if (const auto* call = std::get_if<wire::Call>(&**message)) sent = *call;
    }
  };
  client->start(now, {});
  client->keep_link(now, tier::Side::upstream, "c");
  take();
  client->link_opened(now, link, {});
  wire::Hello hello;
  hello.fleet = "default";
  hello.role = wire::Role::controller;
  hello.id = "c";
  hello.incarnation = 1;
  client->link_message(now, link, wire::encode(hello));
  client->link_message(now, link, wire::encode(wire::Welcome{}));
  for (const std::size_t size : {1048577, 1048576}) {
    wire::Call call;
    call.id = size;
    call.function = "f";
    client->link_message(now, tier::kHostLink, wire::encode(call));
    take();
    REQUIRE(sent.id == call.id);
    wire::Returned returned{call.id, PINNATE_OK, "", true, Buffer(std::string(size, 'x'))};
    client->link_message(now, link, wire::encode(returned));
    take();
    REQUIRE(!to_host.empty());
    const auto* answer = std::get_if<wire::Returned>(&to_host.back());
    REQUIRE(answer);
    CHECK(answer->id == call.id);
    CHECK(answer->code == (size > 1048576 ? PINNATE_TOO_LARGE : PINNATE_OK));
    CHECK(answer->ran);
    CHECK(answer->result.size() == (size > 1048576 ? 0 : size));
  }
  CHECK_FALSE(dropped);
}
