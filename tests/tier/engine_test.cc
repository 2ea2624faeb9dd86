// An engine's own affairs: its disk, its links, what it says of itself.
#include "fleet.h"

#include "content/release.h"
#include "content/sha256.h"
#include "tier/desired_state.h"
#include "tier/engine.h"

using namespace pinnate;
using namespace pinnate::sim;

namespace {

std::uint64_t hellos(TestFleet& f, const char* tier) {
  return f.world.traffic().received(f.world.at(tier).id(), 1).messages;
}

}  // namespace

TEST_CASE("a service whose calls go on after its drain limit is shown until they end, and is gone then") {
  TestFleet f(shape(1, 0, 1));
  Module slow = module("slow", "1");
  slow.limits.drain_ms = 3000;
  Conduct takes_long;
  takes_long.takes = 25 * kSecond;
  f.world.modules().behave(f.artifact(slow), Step::call, takes_long);
  f.release(slow);
  REQUIRE(f.becomes("slow", "1"));
  wire::Call call;
  call.function = "slow";
  call.timeout_ms = 28000;
  f.world.request("s0", call);
  f.world.advance(1000);
  f.unpublish("slow");
  const std::string words = "'slow' 1 still has calls after 3000 ms of draining";
  CHECK(f.eventually([&] { return f.says(f.status().notices, words); }, 6000));
  const ModuleHost& host = *f.world.at("s0.e0").modules();
  CHECK(host.services() == 1);
  f.world.advance(30000);
  CHECK_FALSE(f.says(f.status().notices, words));
  CHECK(host.services() == 0);
}

TEST_CASE("an engine does not wait for calls that go on after the drain limit when it closes") {
  for (const bool closed_before_the_limit : {true, false}) {
    CAPTURE(closed_before_the_limit);
    TestFleet f(shape(1, 0, 1));
    Module stuck = module("stuck", "1");
    stuck.limits.drain_ms = 3000;
    Conduct hangs;
    hangs.fate = Fate::hangs;
    f.world.modules().behave(f.artifact(stuck), Step::call, hangs);
    f.release(stuck);
    REQUIRE(f.becomes("stuck", "1"));
    wire::Call call;
    call.function = "stuck";
    f.world.request("s0", call);
    f.world.advance(1000);
    f.unpublish("stuck");
    f.world.advance(closed_before_the_limit ? 1000 : 10000);
    f.world.at("s0.e0").close();
    CHECK(f.world.run_until([&] { return !f.world.at("s0.e0").up(); }, 4000));
  }
}

TEST_CASE("a corrupt chunk is shown for a while behind what matters more, and is over then") {
  TestFleet f(shape(1, 0, 1, true));
  f.world.flip_sent_chunks("s0", 1);
  f.release(module("f", "1"));
  REQUIRE(f.becomes("f", "1"));
  const auto notice = [&] { return f.engine_row("s0.e0").notice; };
  CHECK(f.eventually([&] { return notice().find("gateway 's0'") != std::string::npos; }));
  f.world.disk_full("s0.e0", true);
  f.release(module("f", "2"));
  CHECK(f.eventually([&] { return notice().starts_with("cannot write the state folder"); }));
  CHECK(notice().ends_with(" (and 1 more)"));
  f.world.disk_full("s0.e0", false);
  CHECK(f.eventually([&] { return notice().find("gateway 's0'") != std::string::npos; }));
  f.world.advance(11 * kMinute);
  CHECK(notice() == "");
  CHECK(f.all_serve("f", "2"));
}

TEST_CASE(
    "an engine linked anew while it writes a desired state keeps the link, and takes what the new upstream sends") {
  TestFleet f(shape(1, 0, 1, true));
  f.release(module("f", "1"));
  REQUIRE(f.becomes("f", "1"));
  f.world.advance(10000);
  f.world.at("s0.e0").disk().delay_next(1, 20 * kSecond);
  f.release(module("f", "2"));
  f.world.advance(1000);
  f.world.cut("s0", "s0.e0");
  f.release(module("f", "3"));
  REQUIRE(f.world.run_until([&] { return f.world.linked("s0", "s0.e0"); }, 5000));
  f.world.advance(500);
  const auto before = hellos(f, "s0");
  CHECK(f.becomes("f", "3"));
  CHECK(hellos(f, "s0") == before);
}

TEST_CASE("an engine whose disk refuses a desired state for long keeps its link, and takes it when there is room") {
  TestFleet f(shape(1, 0, 1, true));
  f.release(module("f", "1"));
  REQUIRE(f.becomes("f", "1"));
  const auto before = hellos(f, "s0");
  f.world.disk_full("s0.e0", true);
  const auto two = f.release(module("f", "2"));
  CHECK(f.reports(two, wire::Phase::failed, 1));
  f.world.advance(20 * kMinute);
  CHECK(f.all_serve("f", "1"));
  f.world.disk_full("s0.e0", false);
  CHECK(f.becomes("f", "2"));
  f.release(module("f", "3"));
  CHECK(f.becomes("f", "3"));
  CHECK(hellos(f, "s0") == before);
}

TEST_CASE(
    "an engine says which of its records it cannot read, and what it takes anew is whole after the next restart") {
  FleetShape s = shape(1, 0, 1, true);
  s.gateway.tier.labels = {{"region", "eu"}};
  TestFleet f(s);
  const auto f1 = f.release(module("f", "1"));
  const auto g1 = f.release(module("g", "1"));
  REQUIRE(f.becomes("g", "1"));
  f.world.advance(2 * kMinute);
  f.world.crash("s0.e0");
  DiskImage image = f.world.at("s0.e0").disk().image();
  for (auto& [key, value] : image.records)
    if (key == "context" || key.starts_with("manifest/") || key.ends_with(std::to_string(f1)))
      value = Buffer("of another version");
  f.world.restore_backup("s0.e0", image);
  f.unpublish("g", g1);  // its record is left on the engine's disk
  f.world.restart("s0.e0");
  CHECK(f.logged("s0.e0: the state folder is damaged and starts empty: the record 'release/"));
  CHECK(f.logged("s0.e0: the record 'context', the labels from above, cannot be read"));
  CHECK(f.logged("s0.e0: the record 'manifest/"));
  CHECK(f.becomes("f", "1"));
  f.world.advance(2 * kMinute);
  f.logs.clear();
  f.world.crash("s0");
  f.world.restart("s0.e0");
  CHECK(f.becomes("f", "1"));
  CHECK_FALSE(f.logged("s0.e0: the record"));
  CHECK_FALSE(f.logged("damaged"));
}

namespace {

// An engine without a world around it. The test is its upstream; its modules do well, and at once.
struct LoneEngine {
  LoneEngine() {
    tier::EngineOptions options;
    options.tier.id = "e";
    options.tier.incarnation = 1;
    options.platform = "linux-x86_64";
    options.loaders = {"native", "plain"};
    engine = tier::make_engine(options);
    engine->start(now, {});
    wire::Hello hello;
    hello.fleet = "default";
    hello.role = wire::Role::gateway;
    hello.id = "g";
    hello.incarnation = 1;
    hello.heartbeat_ms = 5000;
    engine->link_opened(now, kLink, {});
    say(hello);
    say(wire::Welcome{});
  }
  void say(const wire::Message& message) {
    engine->link_message(now, kLink, wire::encode(message));
    carry_out_all();
  }
  void carry_out_all() {
    for (auto actions = engine->take_actions(); !actions.empty(); actions = engine->take_actions())
      for (tier::Action& action : actions) std::visit([this](auto& a) { carry_out(a); }, action);
  }
  template <class A>
  void carry_out(A& action) {
    if constexpr (requires { action.token; }) engine->completed(now, {action.token, {}, {}, {}});
  }
  void carry_out(tier::Assemble& order) {
    assembled.push_back(order.version);
    engine->completed(now, {order.token, {}, {}, {}});
  }
  void carry_out(tier::Send& send) {
    auto message = wire::decode(send.message);
    REQUIRE(message.ok());
    if (auto* want = std::get_if<wire::WantChunk>(&**message); want && ++chunks_asked_for)
      say(wire::ChunkBytes{want->manifest, want->artifact, want->index, PINNATE_OK, "", Buffer("xx")});
    if (auto* told = std::get_if<wire::EngineStatus>(&**message)) status = *told;
  }
  // Publishes f, whose release and manifest need what is named.
  void publish(const std::string& version, std::vector<std::string> of_release, std::vector<std::string> of_manifest,
               const std::string& selector = "", const std::string& loader = "native") {
    content::Manifest manifest;
    manifest.name = "f";
    manifest.version = version;
    manifest.needs = std::move(of_manifest);
    manifest.loader = loader;
    manifest.artifacts = {{"any", content::sha256(version), 1, {content::sha256(version)}}};
    const Buffer bytes = content::encode_manifest(manifest);
    content::Release release;
    release.number = state.position().revision + 1;
    release.epoch = 1;
    release.name = "f";
    release.version = version;
    release.manifest = content::sha256(bytes.view());
    release.selector = selector;
    release.needs = std::move(of_release);
    auto entry = tier::DesiredState::make_entry(content::encode_release(release));
    REQUIRE(entry.ok());
    wire::Desired page;
    page.base_epoch = state.position().epoch;
    page.base_revision = state.position().revision;
    page.last = true;
    page.releases = {{entry->record, bytes}};
    state.decide(1, release.number, {}, {*entry});
    page.position = state.position();
    say(page);
    later();
  }
  void later() {
    now.monotonic_ms += 1000;  // it is told by then
    engine->woke(now);
    say(wire::Ping{1});
  }

  static constexpr tier::LinkId kLink = 2;
  std::unique_ptr<tier::Tier> engine;
  tier::Now now{1000, 1700000000000};
  tier::DesiredState state;
  std::vector<std::string> assembled;
  int chunks_asked_for = 0;
  wire::EngineStatus status;
};

}  // namespace

TEST_CASE(
    "a release that needs a feature unknown here is refused in words, and the older one serves until it is "
    "superseded") {
  for (const bool by_release : {true, false}) {
    CAPTURE(by_release);
    LoneEngine d;
    const std::vector<std::string> none, waves = {"waves"};
    d.publish("1", {}, {});
    d.publish("2", by_release ? waves : none, by_release ? none : waves);
    CHECK(d.assembled == std::vector<std::string>{"1"});
    REQUIRE(d.status.rows.size() == 2);
    CHECK(d.status.rows[0].phase == wire::Phase::incompatible);
    CHECK(d.status.rows[0].reason == std::string("module 'f' 2: ") + (by_release ? "release 2" : "its manifest") +
                                         " needs the feature 'waves', which this version does not know: upgrade this "
                                         "engine");
    CHECK(d.status.rows[1].version == "1");
    CHECK(d.status.rows[1].serving);
    d.publish("3", {}, {});
    d.publish("4", waves, {}, "zone=elsewhere");  // not for this one
    CHECK(d.assembled == std::vector<std::string>{"1", "3"});
    REQUIRE(d.status.rows.size() == 1);
    CHECK(d.status.rows[0].phase == wire::Phase::live);
    d.publish("5", waves, {}, "zone in (here)");  // by a grammar that this version does not have
    REQUIRE(d.status.rows.size() == 2);
    CHECK(d.status.rows[0].phase == wire::Phase::incompatible);
  }
}

TEST_CASE("an engine asks for no chunk of what it has no loader for, says so, and takes it when it gets one") {
  LoneEngine d;
  d.publish("1", {}, {});
  CHECK(d.chunks_asked_for == 1);
  d.publish("2", {}, {}, "", "lua");
  CHECK(d.chunks_asked_for == 1);
  REQUIRE(d.status.rows.size() == 2);
  CHECK(d.status.rows[0].phase == wire::Phase::incompatible);
  CHECK(d.status.rows[0].reason == "module 'f' 2: no loader 'lua' on this engine (it has: native, plain)");
  CHECK(d.status.rows[1].version == "1");
  CHECK(d.status.rows[1].serving);
  d.engine->add_loader(d.now, "lua");
  d.carry_out_all();
  d.later();
  CHECK(d.assembled == std::vector<std::string>{"1", "2"});
  REQUIRE(d.status.rows.size() == 1);
  CHECK(d.status.rows[0].phase == wire::Phase::live);
}
