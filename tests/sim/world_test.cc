#include <doctest/doctest.h>

#include "puppet.h"

using namespace pinnate;
using namespace pinnate::sim;

namespace {

// Hosts that talk in a ring for a while, through all kinds of faults.
std::string run(std::uint64_t seed, bool through_mux) {
  WorldOptions options;
  options.seed = seed;
  options.network.through_mux = through_mux;
  std::vector<Strings> strings(6);  // outlive the puppets on them
  TestWorld world(options);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < strings.size(); ++i) {
    names.push_back("h" + std::to_string(i));
    strings[i].echoes = i % 2 == 1;
    add_puppet(world, names[i], &strings[i]);
  }
  for (int step = 0; step < 300; ++step) {
    const std::size_t i = world.random().below(names.size()), j = world.random().below(names.size());
    switch (world.random().below(9)) {
      case 0:
        if (i != j) world.dial_up(names[i], names[j]);
        break;
      case 1:
        world.cut(names[i], names[j]);
        break;
      case 2:
        world.restart(names[i]);
        break;
      case 3:
        world.stall(names[i], names[j], world.random().one_in(2));
        break;
      case 4:
        world.partition({names[i]});
        break;
      case 5:
        world.heal();
        break;
      default:
        for (std::size_t from = 0; from < names.size(); from += 2) {
          if (world.network().knows(world.at(names[from]).id(), 1) && strings[from].count("opened 1") > 0 &&
              strings[from].puppet)
            act(world, names[from], strings[from], tier::Commit{world.random().next() | 1, {}});
        }
        for (std::size_t from = 0; from < names.size(); ++from) world.at(names[from]).host_message(wire::Ping{7});
    }
    world.advance(std::int64_t(world.random().below(50)));
  }
  return world.trace().digest_hex();
}

}  // namespace

TEST_CASE("the same seed gives the same run to the last event, another seed another") {
  for (bool mux : {false, true}) {
    const std::string first = run(1, mux);
    CHECK(first == run(1, mux));
    CHECK(first != run(2, mux));
  }
}

TEST_CASE("an observer sees what happens, and can put it in words") {
  TestWorld world(1);
  std::vector<std::string> lines;
  world.trace().observer = [&](const Occurrence& o) { lines.push_back(in_words(o, "somebody")); };
  Strings a, b;
  add_puppet(world, "a", &a);
  add_puppet(world, "b", &b);
  world.dial_up("a", "b");
  world.advance(20);
  act(world, "a", a, message(1, wire::encode(wire::Ping{1}).str()));
  world.advance(20);
  const auto has = [&](const std::string& words) {
    for (const auto& line : lines) {
      if (line.find(words) != std::string::npos) return true;
    }
    return false;
  };
  CHECK(has("somebody started life 1"));
  CHECK(has("link opened 2"));
  CHECK(has("sent Ping"));
  CHECK(has("received Ping"));
}

TEST_CASE("a tier is woken when it asked to be, and not before") {
  TestWorld world(1);
  Strings a;
  add_puppet(world, "a", &a);
  a.puppet->wake = a.puppet->last.monotonic_ms + 500;
  world.at("a").link_heard(1);
  world.advance(499);
  CHECK(a.count("woke") == 0);
  world.advance(2);
  CHECK(a.count("woke") == 1);
}

TEST_CASE("a tier that asks to be woken later after all is not woken early") {
  TestWorld world(1);
  Strings a;
  add_puppet(world, "a", &a);
  const auto start = a.puppet->last.monotonic_ms;
  a.puppet->wake = start + 500;
  world.at("a").link_heard(1);
  a.puppet->wake = start + 900;
  world.at("a").link_heard(1);
  world.advance(800);
  CHECK(a.count("woke") == 0);
  world.advance(101);
  CHECK(a.count("woke") == 1);
}

TEST_CASE("monotonic time starts anew after a loss of power, and a clock that jumps moves wall time alone") {
  TestWorld world(1);
  Strings a;
  add_puppet(world, "a", &a);
  world.advance(5000);
  world.at("a").link_heard(1);
  const tier::Now before = a.puppet->last;
  world.clock_jump("a", -7200000);
  world.at("a").link_heard(1);
  CHECK(a.puppet->last.monotonic_ms == before.monotonic_ms);
  CHECK(a.puppet->last.wall_ms == before.wall_ms - 7200000);
  world.crash("a", Machine::Crash::power_loss);
  world.restart("a");
  CHECK(a.puppet->last.monotonic_ms < 10000);
}

TEST_CASE("every life has a seed and an incarnation of its own") {
  TestWorld world(1);
  Strings a;
  add_puppet(world, "a", &a);
  const auto seed = a.seed, incarnation = a.incarnation;
  world.restart("a");
  CHECK(a.seed != seed);
  CHECK(a.incarnation != incarnation);
}

TEST_CASE("a tier that closes well is down when it has nothing left to do") {
  TestWorld world(1);
  Strings a;
  add_puppet(world, "a", &a);
  world.close("a");
  world.advance(1);
  CHECK_FALSE(world.at("a").up());
}

TEST_CASE("waiting for what never happens ends at its limit") {
  TestWorld world(1);
  CHECK_FALSE(world.run_until([] { return false; }, 250));
  CHECK(world.now() == 250 * kMillisecond);
}

TEST_CASE("an address can move to another host") {
  TestWorld world(1);
  Strings a, b, c;
  add_puppet(world, "a", &a);
  add_puppet(world, "b", &b);
  add_puppet(world, "c", &c);
  world.move_address("b", "c");
  world.dial_up("a", "b");
  world.advance(20);
  CHECK(world.linked("a", "c"));
}
