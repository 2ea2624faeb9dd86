#include "fleet.h"

#include "content/sha256.h"

using namespace pinnate;
using namespace pinnate::sim;

TEST_CASE("a published module is served by every engine below two levels of gateways") {
  TestFleet f(shape(2, 2, 3));
  f.release(module("thumbnail", "1.0.0"));
  CHECK(f.becomes("thumbnail", "1.0.0"));
  CHECK(f.world.live_engines().size() == 12);
}

TEST_CASE("the whole path holds over real frames and streams too") {
  WorldOptions options = seeded(5);
  options.network.through_mux = true;
  TestFleet f(shape(2, 1, 2), options);
  f.release(module("thumbnail", "1.0.0", 700000));
  CHECK(f.becomes("thumbnail", "1.0.0"));
  f.release(module("thumbnail", "1.1.0", 700000));
  CHECK(f.becomes("thumbnail", "1.1.0"));
}

TEST_CASE("a client publishes over its link as a host does beside the controller") {
  TestFleet f(shape(1, 1, 2));
  f.world.add_client("operator");
  f.world.dial_up("operator", "c");
  const wire::Published published = f.world.publish_and_wait("operator", module("thumbnail", "1.0.0"));
  CHECK_MESSAGE(published.code == PINNATE_OK, published.reason);
  CHECK(published.created);
  CHECK(f.becomes("thumbnail", "1.0.0"));
}

TEST_CASE("many publishes at once over one slow link do not ask it for more than may wait on it") {
  TestFleet f(shape(0, 0, 0));
  f.world.add_client("operator");
  f.world.dial_up("operator", "c");
  f.world.advance(1000);
  f.world.limit("operator", "c", 1000000);
  std::vector<std::uint64_t> asked;
  for (int i = 0; i < 16; ++i)
    asked.push_back(f.world.publish("operator", module("f" + std::to_string(i), "1", 1200000)));
  f.world.run_until([&] { return f.world.answer<wire::Published>("operator", asked.back()) != nullptr; }, 10 * kMinute);
  for (std::uint64_t id : asked) {
    const auto* published = f.world.answer<wire::Published>("operator", id);
    REQUIRE(published != nullptr);
    CHECK_MESSAGE(published->code == PINNATE_OK, published->reason);
  }
}

TEST_CASE("publishers that live and send nothing do not hold the places of others for ever") {
  TestFleet f(shape(0, 0, 0));
  f.world.add_client("operator");
  f.world.dial_up("operator", "c");
  f.world.advance(1000);
  f.world.publishers_read = false;
  std::vector<std::uint64_t> silent;
  for (int i = 0; i < 16; ++i) silent.push_back(f.world.publish("operator", module("f" + std::to_string(i), "1")));
  f.world.advance(1000);
  f.world.publishers_read = true;
  CHECK(f.publish(module("g", "1")).code == PINNATE_BUSY);
  f.world.advance(3 * kMinute);
  for (std::uint64_t id : silent) {
    const auto* published = f.world.answer<wire::Published>("operator", id);
    REQUIRE(published != nullptr);
    CHECK(published->code == PINNATE_TIMEOUT);
  }
  CHECK(f.publish(module("g", "1")).code == PINNATE_OK);
  CHECK(f.publish(module("f0", "1")).code == PINNATE_OK);
}

TEST_CASE("an artifact that is not what its manifest calls it is refused in words, and nothing of it is kept") {
  TestFleet f(shape(1, 1, 2));
  f.release(module("f", "1"));
  sim::Module liar = module("f", "2");
  liar.lie = content::sha256("something else");
  const wire::Published refused = f.publish(liar);
  CHECK(refused.code == PINNATE_CORRUPT);
  CHECK_MESSAGE(refused.reason.find("the artifact for any is not what its digest says") != std::string::npos,
                refused.reason);
  CHECK(refused.reason.find(liar.lie->hex()) != std::string::npos);
  f.world.advance(1000);
  for (const auto& artifact : f.world.at("c").disk().image().artifacts) CHECK(artifact.digest != *liar.lie);
  CHECK(f.all_serve("f", "1"));
  f.release(module("f", "2"));
  CHECK(f.becomes("f", "2"));
}

TEST_CASE("chunks that the controller's disk has damaged since are asked for again when their artifact is published") {
  TestFleet f(shape(1, 1, 2));
  const sim::Module same = module("f", "1", 400000);
  f.release(same, "site=nowhere");
  const Digest artifact = content::sha256(same.artifacts[0].second.view());
  REQUIRE(f.world.corrupt_chunk("c", artifact, 2, sim::Damage::flipped));
  REQUIRE(f.world.corrupt_chunk("c", artifact, 4, sim::Damage::gone));
  f.release(same);
  CHECK(f.becomes("f", "1"));
  CHECK(f.world.at("c").disk().chunk(artifact, 4) != nullptr);
}

TEST_CASE("a newer version takes over on every engine without a moment in which none serves") {
  TestFleet f(shape(2, 2, 2));
  f.release(module("f", "1"));
  REQUIRE(f.becomes("f", "1"));
  bool gap = false;
  f.world.trace().observer = [&](const Occurrence& o) { gap = gap || o.what == What::deactivated; };
  f.release(module("f", "2"));
  CHECK(f.world.run_until(
      [&] {
        for (const auto& engine : f.fleet.engines) gap = gap || f.world.version_on(engine, "f").empty();
        return f.all_serve("f", "2");
      },
      60000));
  CHECK_FALSE(gap);
  f.world.trace().observer = nullptr;
  // The old services drain and go.
  CHECK(f.eventually([&] {
    for (const auto& engine : f.fleet.engines)
      if (f.world.at(engine).modules()->services() != 1) return false;
    return true;
  }));
}

TEST_CASE("a quick series of publishes ends with the last") {
  TestFleet f(shape(2, 1, 3));
  for (int v = 1; v <= 8; ++v) {
    f.release(module("f", std::to_string(v), 300000));
    f.world.advance(v * 7);
  }
  CHECK(f.becomes("f", "8"));
  f.world.advance(30000);
  CHECK(f.all_serve("f", "8"));
}

TEST_CASE("an older version published again is a new release and takes over") {
  TestFleet f(shape(1, 1, 2));
  const auto first = f.release(module("f", "1"));
  f.release(module("f", "2"));
  REQUIRE(f.becomes("f", "2"));
  const wire::Published again = f.publish(module("f", "1"));
  CHECK(again.code == PINNATE_OK);
  CHECK(again.created);
  CHECK(again.release > first);
  CHECK(f.becomes("f", "1"));
}

TEST_CASE("publishing the current release again with nothing changed makes no release") {
  TestFleet f(shape(1, 1, 1));
  const auto first = f.release(module("f", "1"), "", "config");
  const wire::Published again = f.publish(module("f", "1"), "", "config");
  CHECK(again.code == PINNATE_OK);
  CHECK_FALSE(again.created);
  CHECK(again.release == first);
  const wire::Published other_config = f.publish(module("f", "1"), "", "another");
  CHECK(other_config.created);
  CHECK(other_config.release > first);
}

TEST_CASE("another configuration of the same version replaces the service") {
  TestFleet f(shape(1, 1, 2));
  f.release(module("f", "1"), "", "blue");
  REQUIRE(f.becomes("f", "1"));
  f.release(module("f", "1"), "", "green");
  CHECK(f.world.run_until(
      [&] {
        for (const auto& engine : f.fleet.engines) {
          const Serving* now = f.world.serving(engine, "f");
          if (!now || now->config.view() != "green") return false;
        }
        return true;
      },
      60000));
}

TEST_CASE("a version that was published with other bytes is refused in words") {
  TestFleet f(shape(1, 0, 1));
  f.release(module("f", "1"));
  Module other = module("f", "1");
  other.artifacts[0].second = noise_of("other", 200000);
  const wire::Published refused = f.publish(other);
  CHECK(refused.code == PINNATE_CONFLICT);
  CHECK(refused.reason.find("'f' 1 was published with other bytes") != std::string::npos);
  CHECK(f.becomes("f", "1"));
}

TEST_CASE("other bytes for the same engines are refused, whichever platform they are given for") {
  TestFleet f(shape(1, 0, 1));
  sim::Module own = module("f", "1", 1000, "linux-x86_64"), any = module("f", "1", 2000, "any");
  any.artifacts[0].second = module("g", "9", 2000).artifacts[0].second;
  SUBCASE("first for one, then for any") { f.release(own); }
  SUBCASE("first for any, then for one") {
    f.release(any);
    std::swap(own, any);
  }
  const auto refused = f.publish(any);
  CHECK(refused.code == PINNATE_CONFLICT);
  CHECK(refused.reason.find("other bytes for linux-x86_64") != std::string::npos);
  // More platforms with the same bytes for those that had them are no other bytes.
  sim::Module both = own;
  const std::string more = own.artifacts[0].first == "any" ? "linux-x86_64" : "any";
  both.artifacts.push_back({more, own.artifacts[0].second});
  CHECK(f.publish(both).code == PINNATE_OK);
}

TEST_CASE("withdrawing ends the service on every engine") {
  TestFleet f(shape(1, 2, 2));
  f.release(module("f", "1"));
  f.release(module("g", "1"));
  REQUIRE(f.becomes("f", "1"));
  REQUIRE(f.becomes("g", "1"));
  CHECK(f.unpublish("f").code == PINNATE_OK);
  CHECK(f.becomes("f", ""));
  CHECK(f.all_serve("g", "1"));
  CHECK(f.unpublish("f").code == PINNATE_NOT_FOUND);
}

TEST_CASE("a release for a few lies over one for all, and withdrawing it uncovers that") {
  FleetShape s = shape(2, 0, 2);
  TestFleet f(s);
  tier::EngineOptions canary;
  canary.tier.labels = {{"ring", "canary"}};
  f.world.add_engine("canary", canary);
  f.world.dial_up("canary", "s0");
  f.release(module("f", "1"));
  const auto over = f.release(module("f", "2"), "ring=canary");
  CHECK(f.becomes_on("canary", "f", "2"));
  CHECK(f.becomes_on("s0.e0", "f", "1"));
  CHECK(f.reports(over, wire::Phase::not_selected, 4));
  CHECK(f.unpublish("f", over).code == PINNATE_OK);
  CHECK(f.becomes("f", "1"));
}

TEST_CASE("selectors see the labels that engines inherit from their gateways, the nearest first") {
  TestFleet f(shape(0, 0, 0));
  const auto gateway = [&](const std::string& name, const std::string& above, Labels labels) {
    tier::GatewayOptions options;
    options.tier.labels = std::move(labels);
    f.world.add_gateway(name, options);
    f.world.dial_up(name, above);
  };
  const auto engine = [&](const std::string& name, const std::string& above, Labels labels) {
    tier::EngineOptions options;
    options.tier.labels = std::move(labels);
    f.world.add_engine(name, options);
    f.world.dial_up(name, above);
  };
  gateway("eu", "c", {{"region", "eu"}, {"tier", "edge"}});
  gateway("us", "c", {{"region", "us"}});
  gateway("eu.k", "eu", {{"cluster", "k"}, {"tier", "near"}});
  engine("eu.e", "eu", {});
  engine("eu.k.e", "eu.k", {});
  engine("eu.k.own", "eu.k", {{"region", "us"}});
  engine("us.e", "us", {});

  f.release(module("f", "1"), "region=eu");
  f.release(module("g", "1"), "cluster,tier=near");
  CHECK(f.becomes_on("eu.e", "f", "1"));
  CHECK(f.becomes_on("eu.k.e", "f", "1"));
  CHECK(f.becomes_on("eu.k.e", "g", "1"));
  f.world.advance(5000);
  CHECK(f.world.version_on("eu.k.own", "f") == "");
  CHECK(f.world.version_on("us.e", "f") == "");
  CHECK(f.world.version_on("eu.e", "g") == "");
}

TEST_CASE("more labels than a tier may be given are left out in words, and its engines are not lost") {
  TestFleet f(shape(0, 0, 0));
  const auto gateway = [&](const std::string& name, const std::string& above) {
    tier::GatewayOptions options;
    for (int i = 0; i < 40; ++i) options.tier.labels[name + std::to_string(100 + i)] = "x";
    f.world.add_gateway(name, options);
    f.world.dial_up(name, above);
  };
  gateway("a", "c");
  gateway("b", "a");
  f.world.add_engine("e");
  f.world.dial_up("e", "b");
  f.release(module("f", "1"), "b139,a123");
  CHECK(f.becomes_on("e", "f", "1"));
  f.release(module("g", "1"), "a124");
  f.world.advance(5000);
  CHECK(f.world.version_on("e", "g") == "");
  CHECK(TestFleet::says(f.status({}, "b").notices, "tiers below do not inherit: a124, a125"));
  CHECK(TestFleet::says(f.status().notices, "tiers below do not inherit: a124, a125"));
}

TEST_CASE("labels reach engines in whatever order the links of a chain come up") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    TestFleet f(shape(0, 0, 0), seeded(seed));
    tier::GatewayOptions site, cluster;
    site.tier.labels = {{"region", "eu"}};
    f.world.add_gateway("s", site);
    f.world.add_gateway("k", cluster);
    f.world.add_engine("e");
    f.world.dial_up("e", "k");
    f.world.dial_up("k", "s");
    f.world.dial_up("s", "c");
    f.release(module("f", "1", 1000), "region=eu");
    CHECK(f.becomes_on("e", "f", "1", 10000));
  }
}

TEST_CASE("an engine whose platform was not published is incompatible and keeps what it serves") {
  TestFleet f(shape(1, 0, 2));
  tier::EngineOptions arm;
  arm.platform = "linux-aarch64";
  f.world.add_engine("arm", arm);
  f.world.dial_up("arm", "s0");
  Module both = module("f", "1");
  f.release(both);
  REQUIRE(f.becomes("f", "1"));
  const auto two = f.release(module("f", "2", 200000, "linux-x86_64"));
  CHECK(f.becomes_on("s0.e0", "f", "2"));
  CHECK(f.reports(two, wire::Phase::incompatible, 1));
  CHECK(f.reports(two, wire::Phase::live, 2));
  CHECK(f.world.version_on("arm", "f") == "1");
  const wire::TierRow row = f.engine_row("arm");
  bool said = false;
  for (const auto& service : row.services)
    said =
        said || (service.release == two && service.reason.find("no artifact for linux-aarch64") != std::string::npos);
  CHECK(said);
}

TEST_CASE("each engine takes the artifact of its own platform") {
  TestFleet f(shape(1, 0, 1));
  tier::EngineOptions arm;
  arm.platform = "linux-aarch64";
  f.world.add_engine("arm", arm);
  f.world.dial_up("arm", "s0");
  Module both = module("f", "1", 100000, "linux-aarch64");
  both.artifacts.emplace_back("linux-x86_64", noise_of("x86", 150000));
  f.release(both);
  REQUIRE(f.becomes("f", "1"));
  const auto& manifest = f.world.shelf().add(both).manifest;
  CHECK(f.world.serving("arm", "f")->artifact == manifest.artifact_for("linux-aarch64")->digest);
  CHECK(f.world.serving("s0.e0", "f")->artifact == manifest.artifact_for("linux-x86_64")->digest);
}

TEST_CASE("a newcomer gets the whole desired state, however late it comes") {
  TestFleet f(shape(1, 1, 1));
  for (int i = 0; i < 40; ++i) f.release(module("m" + std::to_string(i), "1", 5000), "", std::string(4000, 'c'));
  f.unpublish("m7");
  f.world.add_engine("late");
  f.world.dial_up("late", "s0.k0");
  CHECK(f.eventually([&] {
    for (int i = 0; i < 40; ++i)
      if (f.world.version_on("late", "m" + std::to_string(i)) != (i == 7 ? "" : "1")) return false;
    return true;
  }));
}

TEST_CASE("publishing tells its progress, up to all bytes") {
  WorldOptions options = seeded(1);
  options.disk.accept = 20 * kMillisecond;
  TestFleet f(shape(0, 0, 0), options);
  const std::uint64_t id = f.world.publish("c", module("f", "1", 2000000));
  REQUIRE(f.world.run_until([&] { return f.world.answer<wire::Published>("c", id) != nullptr; }, 60000));
  std::uint64_t last = 0;
  int steps = 0;
  for (const auto& answer : f.world.at("c").answers()) {
    const auto* progress = std::get_if<wire::PublishProgress>(&answer);
    if (!progress) continue;
    CHECK(progress->done_bytes >= last);
    CHECK(progress->total_bytes == 2000000);
    last = progress->done_bytes;
    ++steps;
  }
  CHECK(steps > 3);
  CHECK(last == 2000000);
}

TEST_CASE("an artifact over the limit is refused in words, and nothing is fetched") {
  FleetShape s = shape(0, 0, 0);
  s.controller.artifact_limit_bytes = 100000;
  TestFleet f(s);
  const wire::Published refused = f.publish(module("f", "1", 100001));
  CHECK(refused.code == PINNATE_TOO_LARGE);
  CHECK(refused.reason.find("the limit is 100000") != std::string::npos);
  CHECK(f.world.at("c").disk().image().artifacts.empty());
}

TEST_CASE("what a client sends that is no manifest is refused in words") {
  TestFleet f(shape(0, 0, 0));
  wire::Publish nonsense;
  nonsense.manifest = Buffer(std::string("not a manifest"));
  const auto refused = f.world.ask<wire::Published>("c", nonsense);
  CHECK((refused.code == PINNATE_CORRUPT || refused.code == PINNATE_INVALID));
  CHECK_FALSE(refused.reason.empty());
}

TEST_CASE("a malformed selector is refused and its term is named") {
  TestFleet f(shape(0, 0, 0));
  const wire::Published refused = f.publish(module("f", "1"), "region=eu,=x");
  CHECK(refused.code == PINNATE_INVALID);
  CHECK(refused.reason.find("term 2") != std::string::npos);
}

TEST_CASE("history lists every release, newest first, with what became of it") {
  TestFleet f(shape(0, 0, 0));
  const auto one = f.release(module("f", "1"));
  const auto two = f.release(module("f", "2"));
  f.release(module("g", "1"));
  wire::ListReleases ask;
  ask.name = "f";
  const auto list = f.world.ask<wire::Releases>("c", ask);
  REQUIRE(list.releases.size() == 2);
  CHECK(list.releases[0].number == two);
  CHECK(list.releases[0].current);
  CHECK(list.releases[1].number == one);
  CHECK_FALSE(list.releases[1].current);
  CHECK(list.releases[1].ended == "superseded by " + std::to_string(two));
}
