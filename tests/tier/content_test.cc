// How bytes travel: once per link, verified, resumed.
#include "fleet.h"

#include <map>
#include <set>
#include <tuple>

using namespace pinnate;
using namespace pinnate::sim;

namespace {

std::uint32_t most_crossings(const TestWorld& world_const, std::uint32_t* chunks = nullptr) {
  TestWorld& world = const_cast<TestWorld&>(world_const);
  std::uint32_t most = 0;
  for (const auto& [crossing, count] : world.traffic().crossings()) most = std::max(most, count);
  if (chunks) *chunks = std::uint32_t(world.traffic().crossings().size());
  return most;
}

}  // namespace

TEST_CASE("however many engines want a chunk, it crosses each link once") {
  TestFleet f(shape(2, 2, 4));
  f.release(module("f", "1", 20 * 65536));
  REQUIRE(f.becomes("f", "1"));
  std::uint32_t crossed = 0;
  CHECK(most_crossings(f.world, &crossed) == 1);
  CHECK(crossed == 20 * (2 + 4 + 16));
}

TEST_CASE("the same bytes under two names cross a link once, also while they are on their way") {
  TestFleet f(shape(1, 0, 2));
  sim::Module one = module("one", "1", 30 * 65536), two = module("two", "1");
  two.artifacts = one.artifacts;
  f.world.advance(1000);
  f.world.limit("c", "s0", 500000);
  f.release(one);
  f.world.advance(1000);
  f.release(two);
  REQUIRE(f.becomes("one", "1"));
  REQUIRE(f.becomes("two", "1"));
  std::map<std::tuple<MachineId, MachineId, std::uint32_t>, std::uint32_t> by_bytes;
  for (const auto& [crossing, count] : f.world.traffic().crossings())
    by_bytes[{crossing.from, crossing.to, crossing.index}] += count;
  CHECK(by_bytes.size() == 30 * 3);
  for (const auto& [chunk, count] : by_bytes) CHECK(count == 1);
}

TEST_CASE("each chunk crosses a slow upstream link once, also with engines joining while it comes") {
  TestFleet f(shape(1, 1, 3));
  f.world.advance(1000);
  f.world.limit("c", "s0", 500000);
  f.release(module("f", "1", 30 * 65536));
  for (int i = 0; i < 5; ++i) {
    f.world.advance(400);
    const std::string late = "late" + std::to_string(i);
    f.world.add_engine(late);
    f.world.dial_up(late, "s0.k0");
  }
  REQUIRE(f.becomes("f", "1"));
  CHECK(most_crossings(f.world) == 1);
}

TEST_CASE("a transfer that was interrupted goes on where it stopped") {
  TestFleet f(shape(1, 1, 2));
  f.world.advance(1000);
  f.world.limit("c", "s0", 1000000);
  f.release(module("f", "1", 40 * 65536));
  for (int i = 0; i < 3; ++i) {
    f.world.advance(500);
    f.world.cut("c", "s0");
    REQUIRE(f.world.run_until([&] { return f.world.linked("c", "s0"); }, 60000));
    f.world.limit("c", "s0", 1000000);
  }
  REQUIRE(f.becomes("f", "1"));
  CHECK(most_crossings(f.world) == 1);
}

TEST_CASE("a gateway killed in the middle of a transfer goes on where it stopped") {
  TestFleet f(shape(1, 0, 2, true));
  f.world.advance(1000);
  f.world.limit("c", "s0", 1000000);
  f.release(module("f", "1", 60 * 65536));
  f.world.advance(1500);
  const std::size_t had = f.world.at("s0").disk().image().artifacts.at(0).chunks.size();
  CHECK(had > 5);
  f.world.restart("s0");
  REQUIRE(f.becomes("f", "1"));
  std::uint32_t twice = 0;
  for (const auto& [crossing, count] : f.world.traffic().crossings())
    if (crossing.to == f.world.at("s0").id()) twice += count - 1;
  CHECK(twice <= 4);  // what had come, and was on its way to the disk
}

TEST_CASE("a corrupt chunk is fetched again, and the peer that sent it is named") {
  for (const char* sender : {"c", "s0", "s0.k0"}) {
    CAPTURE(sender);
    TestFleet f(shape(1, 1, 1));
    f.world.flip_sent_chunks(sender, 2);
    f.release(module("f", "1", 500000));
    CHECK(f.becomes("f", "1"));
    bool named = false;
    for (const auto& line : f.logs)
      named = named || (line.find("'" + std::string(sender) + "'") != std::string::npos &&
                        line.find("chunk") != std::string::npos);
    CHECK(named);
  }
}

TEST_CASE("a peer that sends nothing but corrupt chunks is not asked in a busy loop") {
  TestFleet f(shape(1, 0, 1));
  f.world.flip_sent_chunks("s0", 1000000);
  f.release(module("f", "1", 65536));
  f.world.advance(kMinute);
  CHECK(f.world.traffic().between(f.world.at("s0").id(), f.world.at("s0.e0").id(), 19).messages < 200);
  f.world.flip_sent_chunks("s0", 0);
  CHECK(f.becomes("f", "1", kHour));
}

TEST_CASE("a chunk damaged in a gateway's cache is fetched anew") {
  for (Damage damage : {Damage::flipped, Damage::cut_short, Damage::gone}) {
    CAPTURE(int(damage));
    TestFleet f(shape(1, 1, 1));
    const Module m = module("f", "1", 300000);
    f.release(m);
    REQUIRE(f.becomes("f", "1"));
    // So that nothing is left in memory.
    f.world.restart("s0.k0");
    f.world.advance(10000);
    for (std::uint32_t i = 0; i < 5; ++i) REQUIRE(f.world.corrupt_chunk("s0.k0", f.artifact(m), i, damage));
    f.world.add_engine("newcomer");
    f.world.dial_up("newcomer", "s0.k0");
    CHECK(f.becomes_on("newcomer", "f", "1", 2 * kMinute));
  }
}

TEST_CASE("a gateway whose disk holds other bytes with a right checksum does not pass them on for ever") {
  TestFleet f(shape(1, 1, 1));
  const Module m = module("f", "1", 300000);
  f.release(m);
  REQUIRE(f.becomes("f", "1"));
  f.world.restart("s0.k0");
  f.world.advance(10000);
  REQUIRE(f.world.corrupt_chunk("s0.k0", f.artifact(m), 1, Damage::forged));
  f.world.add_engine("newcomer");
  f.world.dial_up("newcomer", "s0.k0");
  CHECK(f.becomes_on("newcomer", "f", "1", 10 * kMinute));
}

TEST_CASE("a chunk damaged on an engine's disk is fetched anew") {
  for (Damage damage : {Damage::flipped, Damage::cut_short, Damage::gone, Damage::forged}) {
    CAPTURE(int(damage));
    TestFleet f(shape(1, 0, 1, true));
    const Module m = module("f", "1", 300000);
    f.release(m);
    REQUIRE(f.becomes("f", "1"));
    f.world.advance(2 * kMinute);
    f.world.crash("s0.e0");
    REQUIRE(f.world.corrupt_chunk("s0.e0", f.artifact(m), 2, damage));
    f.world.restart("s0.e0");
    CHECK(f.becomes("f", "1", 2 * kMinute));
  }
}

TEST_CASE("an engine whose disk gives back damaged chunks again and again fetches them after longer and longer waits") {
  TestFleet f(shape(1, 0, 1, true));
  const Module m = module("f", "1", 65536);
  const auto release = f.release(m);
  const Digest artifact = f.artifact(m);
  const auto intact = [&] {
    const auto& held = f.world.at("s0.e0").disk().image().artifacts;
    return !held.empty() && !held[0].chunks.empty() && !held[0].chunks[0].damaged;
  };
  for (int i = 0; i < 40000; ++i) {
    if (intact()) f.world.corrupt_chunk("s0.e0", artifact, 0, Damage::flipped);
    f.world.advance(1);
  }
  CHECK(f.world.version_on("s0.e0", "f") == "");
  std::uint32_t times = 0;
  for (const auto& [crossing, count] : f.world.traffic().crossings())
    if (crossing.to == f.world.at("s0.e0").id()) times += count;
  CHECK(times >= 3);
  CHECK(times <= 12);
  const wire::TierRow row = f.engine_row("s0.e0");
  REQUIRE(row.services.size() == 1);
  CHECK(row.services[0].release == release);
  CHECK(row.services[0].phase == wire::Phase::failed);
  CHECK(row.services[0].reason.find("1 stored chunks are damaged, for the ") != std::string::npos);
  CHECK(f.becomes("f", "1", kHour));
}

TEST_CASE("a read that fails once at the controller delays a chunk, and does not lose it") {
  TestFleet f(shape(1, 0, 1));
  f.world.advance(1000);
  f.world.crash("s0");
  f.release(module("f", "1", 300000));
  f.world.at("c").disk().fail_next(2, PINNATE_IO);
  f.world.restart("s0");
  CHECK(f.becomes("f", "1", 10 * kMinute));
}

TEST_CASE("what the controller cannot read is taken anew from who publishes it again") {
  TestFleet f(shape(1, 0, 1));
  f.world.add_client("operator");
  f.world.dial_up("operator", "c");
  f.world.advance(1000);
  f.world.crash("s0");
  const Module m = module("f", "1", 300000);
  const auto publish = [&] {
    const auto came = [&] {
      return f.world.traffic().between(f.world.at("operator").id(), f.world.at("c").id(), 19).messages;
    };
    const auto before = came();
    const wire::Published published = f.world.publish_and_wait("operator", m);
    CHECK_MESSAGE(published.code == PINNATE_OK, published.reason);
    return came() - before;
  };
  CHECK(publish() == 5);
  CHECK(publish() == 0);
  f.world.at("c").disk().fail_next(1000000, PINNATE_IO);
  f.world.restart("s0");
  f.world.advance(kMinute);
  CHECK(f.world.version_on("s0.e0", "f") == "");
  f.world.at("c").disk().fail_next(0, PINNATE_IO);
  CHECK(publish() >= 1);
  CHECK(f.becomes("f", "1", 10 * kMinute));
  CHECK(publish() == 0);
}

TEST_CASE("what an engine turns away from while it comes does not stay on its disk") {
  WorldOptions options = seeded(7);
  options.network.through_mux = true;  // the newer decision overtakes the chunk that is under way
  TestFleet f(shape(1, 0, 1, true), options);
  const Module one = module("f", "1", 1000);
  f.release(one);
  REQUIRE(f.becomes("f", "1"));
  f.world.limit("s0", "s0.e0", 100000);
  f.release(module("f", "2", 30 * 65536));
  f.world.advance(3000);
  const Disk& disk = f.world.at("s0.e0").disk();
  REQUIRE(disk.image().artifacts.size() == 2);
  // What it serves already, by a release that lies over the other, so that both stay current.
  f.release(one, "!nothing");
  f.world.advance(kMinute);
  CHECK(f.world.version_on("s0.e0", "f") == "1");
  CHECK(disk.image().artifacts.size() == 1);
}

TEST_CASE("a version overtaken on its way is not fetched any further") {
  TestFleet f(shape(1, 1, 1));
  f.world.advance(1000);
  f.world.limit("c", "s0", 500000);
  const Module one = module("f", "1", 100 * 65536);
  f.release(one);
  f.world.advance(1000);
  const Digest manifest = f.world.shelf().add(one).digest;
  const auto fetched = [&] {
    std::size_t chunks = 0;
    for (const auto& [crossing, count] : f.world.traffic().crossings())
      chunks += crossing.manifest == manifest && crossing.to == f.world.at("s0").id();
    return chunks;
  };
  const std::size_t before = fetched();
  CHECK(before > 4);  // what the link passes on in a second
  f.release(module("f", "2", 65536));
  CHECK(f.becomes("f", "2", 3000));
  f.world.advance(kMinute);
  CHECK(fetched() <= before + 1);  // what was in flight
  CHECK(f.world.version_on("s0.k0.e0", "f") == "2");
}

TEST_CASE("a gateway without disk space passes everything on all the same, and says so") {
  TestFleet f(shape(1, 1, 2));
  f.world.advance(1000);
  f.world.disk_full("s0", true);
  f.release(module("f", "1", 500000));
  CHECK(f.becomes("f", "1"));
  CHECK(f.eventually([&] {
    return TestFleet::says(f.status().notices, "s0") || TestFleet::says(f.status({}, "s0").notices, "space");
  }));
  f.world.disk_full("s0", false);
  f.release(module("f", "2", 500000));
  CHECK(f.becomes("f", "2"));
}

TEST_CASE("an engine without disk space reports that it failed, and recovers when there is room") {
  TestFleet f(shape(1, 0, 2, true));
  f.release(module("f", "1"));
  REQUIRE(f.becomes("f", "1"));
  f.world.disk_full("s0.e0", true);
  const auto two = f.release(module("f", "2"));
  CHECK(f.reports(two, wire::Phase::failed, 1));
  CHECK(f.world.version_on("s0.e0", "f") == "1");
  CHECK(f.world.version_on("s0.e1", "f") == "2");
  f.world.disk_full("s0.e0", false);
  CHECK(f.becomes("f", "2", kHour));
}

TEST_CASE("a cache keeps the artifacts of current releases and gives up old ones, and a limit too small is reported") {
  FleetShape s = shape(1, 0, 1);
  s.gateway.cache_limit_bytes = 500000;
  TestFleet f(s);
  for (int v = 1; v <= 6; ++v) {
    f.release(module("f", std::to_string(v), 200000));
    REQUIRE(f.becomes("f", std::to_string(v)));
    f.world.advance(1000);
  }
  std::size_t held = 0;
  for (const auto& artifact : f.world.at("s0").disk().image().artifacts)
    for (const auto& chunk : artifact.chunks) held += chunk.encoded.size();
  CHECK(held <= 500000);
  CHECK(held >= 200000);
  f.release(module("g", "1", 600000));
  REQUIRE(f.becomes("g", "1"));
  CHECK(f.eventually([&] { return TestFleet::says(f.status().notices, "too small"); }));
  f.world.crash("c");
  f.world.add_engine("newcomer");
  f.world.dial_up("newcomer", "s0");
  CHECK(f.becomes_on("newcomer", "g", "1"));
  CHECK(f.becomes_on("newcomer", "f", "6"));
}

TEST_CASE("writes that fail, come late or are never answered do not keep a fleet from converging") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    TestFleet f(shape(1, 1, 2, true), seeded(seed));
    f.world.advance(1000);
    for (const char* tier : {"s0", "s0.k0", "s0.k0.e0"}) {
      Disk& disk = f.world.at(tier).disk();
      disk.fail_next(std::uint32_t(f.world.random().below(6)), PINNATE_IO);
      disk.delay_next(std::uint32_t(f.world.random().below(6)), kSecond);
    }
    f.release(module("f", "1", 700000));
    CHECK(f.becomes("f", "1", 10 * kMinute));
  }
}
