// Modules whose code comes from outside of the world: order, time and faults are the world's, the
// rest is theirs.
#include <doctest/doctest.h>

#include "sim/outside.h"
#include "world/fleet_shape.h"

#include <string>
#include <vector>

using namespace pinnate;
using namespace pinnate::sim;

namespace {

struct Outside final : OutsideLoader {
  struct Module final : OutsideModule {
    Module(Outside* all, std::string version) : all(all), version(std::move(version)) { all->modules++; }
    ~Module() override { all->modules--; }
    Status create(const Buffer& given) override {
      config = given.str();
      return all->create_status;
    }
    Status check_health() override { return all->health_status; }
    void call(const Buffer& payload, const Labels&, Micros left, Answer answer) override {
      all->left = left;
      all->calls++;
      if (payload.view() == "keep")
        all->kept = std::move(answer);
      else
        answer({}, Buffer(version + config + payload.str()));
    }
    Outside* all;
    std::string version, config;
  };

  Result<std::unique_ptr<OutsideModule>> load(MachineId, const tier::Assemble& of) override {
    if (of.loader != "outside") return std::unique_ptr<OutsideModule>();
    if (!load_status.ok()) return load_status;
    return std::unique_ptr<OutsideModule>(std::make_unique<Module>(this, of.version));
  }

  Status load_status, create_status, health_status;
  int modules = 0, calls = 0;
  Micros left = 0;
  OutsideModule::Answer kept;
};

struct Given {
  Given() {
    world.modules().outside = &outside;
    FleetShape shape;
    shape.sites = shape.clusters = 1;
    shape.engines = 2;
    fleet = build_fleet(world, shape);
  }
  void publish(const std::string& version, const std::string& loader = "outside") {
    const Module module{"f", version, {{"any", Buffer("bytes of " + version)}}, loader, {}};
    REQUIRE(world.publish_and_wait("c", module, "", "/config/").code == PINNATE_OK);
    world.advance(1000);
  }
  wire::Returned call(const std::string& payload, std::uint32_t timeout_ms = 1000) {
    wire::Call call;
    call.function = "f";
    call.timeout_ms = timeout_ms;
    call.payload = Buffer(payload);
    return world.ask<wire::Returned>("c", call);
  }

  Outside outside;  // outlives the world
  TestWorld world{5};
  Fleet fleet;
};

}  // namespace

TEST_CASE("a module from outside is created with its configuration, and its answers are the calls' results") {
  Given x;
  x.publish("1.0");
  CHECK(x.outside.modules == 2);
  CHECK(x.call("hello").result.view() == "1.0/config/hello");
  CHECK(x.outside.left <= 1000 * kMillisecond);
  x.publish("2.0");
  CHECK(x.outside.modules == 2);
  CHECK(x.call("hello").result.view() == "2.0/config/hello");
  x.world.crash("s0.k0.e0");
  CHECK(x.outside.modules == 1);
  CHECK(x.world.breaches().empty());
}

TEST_CASE("kinds that nobody outside takes are simulated, as in a world without any loader") {
  Given x;
  x.publish("1.0", "native");
  CHECK(x.outside.modules == 0);
  CHECK(x.call("hello").result.view().substr(0, 2) == "f@");
}

TEST_CASE("what a module from outside refuses keeps the release before in service") {
  for (Status Outside::*step : {&Outside::load_status, &Outside::create_status, &Outside::health_status}) {
    Given x;
    x.publish("1.0");
    x.outside.*step = Status(PINNATE_FAILED, "not today");
    x.publish("2.0");
    CHECK(x.world.version_on("s0.k0.e0", "f") == "1.0");
    CHECK(x.call("hello").code == PINNATE_OK);
    x.outside.*step = Status();
    x.world.advance(10000);
    CHECK(x.world.version_on("s0.k0.e0", "f") == "2.0");
    CHECK(x.outside.modules == 2);
  }
}

TEST_CASE("a fault from the book goes before what a module from outside would do") {
  Given x;
  x.publish("1.0");
  Conduct conduct;
  conduct.fate = Fate::fails;
  conduct.words = "by the book";
  const Module module{"f", "1.0", {{"any", Buffer("bytes of 1.0")}}, "outside", {}};
  x.world.modules().behave(x.world.shelf().add(module).manifest.artifacts[0].digest, Step::call, conduct);
  CHECK(x.call("hello").reason == "by the book");
  CHECK(x.outside.calls == 0);
}

TEST_CASE("a call that is answered late ends at its limit for who called, and when it is answered for its service") {
  Given x;
  x.publish("1.0");
  CHECK(x.call("keep").code == PINNATE_TIMEOUT);
  x.publish("2.0");
  CHECK(x.outside.modules == 3);
  x.outside.kept({}, Buffer(std::string("late")));
  x.world.advance(100);
  CHECK(x.outside.modules == 2);

  const auto id = [&] {
    wire::Call call;
    call.function = "f";
    call.timeout_ms = 5000;
    call.payload = Buffer(std::string("keep"));
    return x.world.request("c", call);
  }();
  x.world.advance(500);
  CHECK(x.world.answer<wire::Returned>("c", id) == nullptr);
  x.outside.kept({}, Buffer(std::string("late")));
  x.world.advance(100);
  REQUIRE(x.world.answer<wire::Returned>("c", id));
  CHECK(x.world.answer<wire::Returned>("c", id)->result.view() == "late");
  CHECK(x.world.breaches().empty());
}

TEST_CASE("the first times of a fault are counted anew after its artifact was made to behave well") {
  ModuleBook book;
  const Digest artifact;
  Conduct conduct;
  conduct.fate = Fate::fails;
  conduct.first_times = 1;
  for (int again = 0; again < 2; again++) {
    book.behave(artifact, Step::load, conduct);
    CHECK(book.next(0, artifact, Step::load).fate == Fate::fails);
    CHECK(book.next(0, artifact, Step::load).fate == Fate::well);
    book.behave_well(artifact);
  }
}
