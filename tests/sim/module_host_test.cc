#include <doctest/doctest.h>

#include "content/chunk.h"
#include "content/sha256.h"
#include "puppet.h"

using namespace pinnate;
using namespace pinnate::sim;

namespace {

struct Engine {
  explicit Engine(std::int64_t respawn_us = kSecond) {
    MachineOptions options;
    options.has_modules = true;
    options.respawn_after = respawn_us;
    add_puppet(world, "e", &e, options);
    store();
  }
  void store() {
    entry.platform = "any";
    entry.digest = content::sha256(plain);
    entry.size_bytes = plain.size();
    entry.chunks = {content::sha256(plain)};
    act(world, "e", e,
        tier::AcceptChunk{1000, entry.digest, 0, content::encode_chunk(plain), entry.chunks[0],
                          std::uint32_t(plain.size()), true});
    world.advance(10);
  }
  template <class A>
  void order(A action) {
    act(world, "e", e, std::move(action));
  }
  void assemble(tier::Token token, tier::ServiceId service) {
    order(tier::Assemble{token, service, "f", "1.0", "native", entry, {}, 1000});
  }
  void load(tier::Token token, tier::ServiceId service) {
    assemble(token + 1000, service);
    world.advance(100);
    order(tier::Load{{token, service}, 10000});
  }
  void bring_up(tier::ServiceId service) {
    load(service * 10, service);
    world.advance(100);
    order(tier::Create{service * 10 + 1, service});
    world.advance(100);
    order(tier::CheckHealth{service * 10 + 2, service});
    world.advance(100);
    order(tier::Activate{"f", service});
  }
  const tier::Completion* completion(tier::Token token) const {
    for (const auto& c : e.completions) {
      if (c.token == token) return &c;
    }
    return nullptr;
  }
  bool done(tier::Token token) const { return completion(token) != nullptr; }
  Code code(tier::Token token) const { return done(token) ? completion(token)->status.code() : PINNATE_INTERNAL; }

  std::string plain = "the bytes of a module";
  content::ArtifactEntry entry;
  TestWorld world{3};
  Strings e;
};

}  // namespace

TEST_CASE("a loaded, created and activated service answers calls with its function, artifact and payload") {
  Engine x;
  x.bring_up(1);
  x.order(tier::CheckHealth{50, 1});
  x.order(tier::Invoke{51, "f", Buffer(std::string("hello")), 1000});
  x.order(tier::Invoke{52, "g", Buffer(std::string("hello")), 1000});
  x.world.advance(100);
  CHECK(x.code(50) == PINNATE_OK);
  REQUIRE(x.code(51) == PINNATE_OK);
  CHECK(x.completion(51)->bytes.view() == "f@" + x.entry.digest.hex().substr(0, 8) + ":hello");
  CHECK(x.code(52) == PINNATE_NOT_FOUND);
  CHECK(x.world.runs("hello").begun == 1);
  CHECK(x.world.version_on("e", "f") == "1.0");
  CHECK(x.world.breaches().empty());
}

TEST_CASE("an assembly names the chunks that are bad or missing") {
  Engine x;
  CHECK(x.world.corrupt_chunk("e", x.entry.digest, 0));
  x.assemble(1, 1);
  x.world.advance(100);
  REQUIRE(x.code(1) == PINNATE_CORRUPT);
  CHECK(x.completion(1)->chunks == std::vector<std::uint32_t>{0});
}

TEST_CASE("a step can fail the first times and then do well") {
  Engine x;
  Conduct conduct;
  conduct.fate = Fate::fails;
  conduct.first_times = 2;
  conduct.words = "not yet";
  x.world.modules().behave(x.entry.digest, Step::create, conduct);
  x.load(1, 1);
  x.world.advance(100);
  for (tier::Token token : {2, 3, 4}) {
    x.order(tier::Create{token, 1});
    x.world.advance(100);
  }
  CHECK(x.code(2) == PINNATE_FAILED);
  CHECK(x.completion(3)->status.message() == "not yet");
  CHECK(x.code(4) == PINNATE_OK);
}

TEST_CASE("a load that hangs holds up all later ones for the rest of the life") {
  Engine x;
  Conduct hangs;
  hangs.fate = Fate::hangs;
  hangs.first_times = 1;
  x.world.modules().behave(x.entry.digest, Step::load, hangs);
  x.load(1, 1);
  x.load(2, 2);
  x.world.advance(1000);
  x.order(tier::Abandon{1});
  x.world.advance(60000);
  CHECK_FALSE(x.done(1));
  CHECK_FALSE(x.done(2));
  x.world.restart("e");
  x.load(3, 1);
  x.world.advance(100);
  CHECK(x.code(3) == PINNATE_OK);
}

TEST_CASE("a create that hangs holds up later ones until it is abandoned") {
  Engine x;
  Conduct hangs;
  hangs.fate = Fate::hangs;
  hangs.first_times = 1;
  x.world.modules().behave(x.entry.digest, Step::create, hangs);
  x.load(1, 1);
  x.world.advance(100);
  x.order(tier::Create{2, 1});
  x.assemble(3, 2);
  x.world.advance(1000);
  CHECK_FALSE(x.done(3));
  x.order(tier::Abandon{1});
  x.world.advance(100);
  CHECK(x.code(3) == PINNATE_OK);
  CHECK_FALSE(x.done(2));
}

TEST_CASE("a module that kills its process is noted, and the engine comes back with the note") {
  Engine x;
  Conduct kills;
  kills.fate = Fate::kills;
  x.world.modules().behave(x.entry.digest, Step::create, kills);
  for (std::uint32_t death = 1; death <= 2; ++death) {
    x.load(death * 10, 1);
    x.world.advance(100);
    x.order(tier::Create{death * 10 + 1, 1});
    x.world.advance(500);
    CHECK_FALSE(x.world.at("e").up());
    x.world.advance(1000);
    REQUIRE(x.world.at("e").up());
    REQUIRE(x.e.restored.deaths.size() == 1);
    CHECK(x.e.restored.deaths[0].artifact == x.entry.digest);
    CHECK(x.e.restored.deaths[0].moment == "create");
    CHECK(x.e.restored.deaths[0].in_a_row == death);
  }
  // Nothing runs now, so nothing is blamed for the next death; the tally stays until it is trusted.
  x.world.restart("e");
  REQUIRE(x.e.restored.deaths.size() == 1);
  CHECK(x.e.restored.deaths[0].in_a_row == 2);
  x.world.modules().behave_well(x.entry.digest);
  x.bring_up(4);
  x.order(tier::Trust{4});
  x.world.modules().behave(x.entry.digest, Step::create, kills);
  x.load(50, 1);
  x.world.advance(100);
  x.order(tier::Create{51, 1});
  x.world.advance(1500);
  REQUIRE(x.e.restored.deaths.size() == 1);
  CHECK(x.e.restored.deaths[0].in_a_row == 1);
}

TEST_CASE("who was inside something when the process died is blamed before those in their first minute") {
  Engine x;
  x.bring_up(1);
  const Digest young = x.entry.digest;
  x.plain = "another module";
  x.store();
  Conduct hangs;
  hangs.fate = Fate::hangs;
  x.world.modules().behave(x.entry.digest, Step::load, hangs);
  x.load(77, 2);
  x.world.advance(100);
  x.world.restart("e");
  REQUIRE(x.e.restored.deaths.size() == 1);
  CHECK(x.e.restored.deaths[0].artifact == x.entry.digest);
  CHECK_FALSE(x.e.restored.deaths[0].artifact == young);
}

TEST_CASE("a death in the first minute counts, one of a trusted service does not") {
  Engine x;
  x.bring_up(1);
  x.world.restart("e");
  REQUIRE(x.e.restored.deaths.size() == 1);
  CHECK(x.e.restored.deaths[0].moment == "first 60 s");
  x.bring_up(2);
  x.order(tier::Trust{2});
  x.world.restart("e");
  CHECK(x.e.restored.deaths.empty());
}

TEST_CASE("a drain is done when the last call is, and only then may the service be destroyed") {
  Engine x;
  Conduct slow;
  slow.takes = kSecond;
  x.world.modules().behave(x.entry.digest, Step::call, slow);
  x.bring_up(1);
  x.order(tier::Invoke{50, "f", Buffer(std::string("p")), 5000});
  x.order(tier::Deactivate{"f"});
  x.order(tier::Drain{51, 1});
  x.world.advance(500);
  CHECK_FALSE(x.done(51));
  x.world.advance(1000);
  CHECK(x.code(50) == PINNATE_OK);
  CHECK(x.code(51) == PINNATE_OK);
  x.order(tier::Destroy{52, 1});
  x.world.advance(100);
  CHECK(x.code(52) == PINNATE_OK);
  CHECK(x.world.at("e").modules()->services() == 0);
  CHECK(x.world.breaches().empty());
}

TEST_CASE("a call that takes longer than its limit times out, and its late answer is dropped") {
  Engine x;
  Conduct slow;
  slow.takes = kSecond;
  x.world.modules().behave(x.entry.digest, Step::call, slow);
  x.bring_up(1);
  x.order(tier::Invoke{50, "f", Buffer(std::string("p")), 200});
  x.world.advance(5000);
  CHECK(x.code(50) == PINNATE_TIMEOUT);
  CHECK(x.e.count("done 50 6") == 1);
  CHECK(x.e.count("done 50 0") == 0);
  CHECK(x.world.runs("p").ended == 1);
}

TEST_CASE("an engine that breaks the order of things is a breach") {
  Engine x;
  x.load(1, 1);
  x.world.advance(100);
  x.order(tier::Activate{"f", 1});
  x.order(tier::Destroy{2, 77});
  x.order(tier::Create{0, 1});
  CHECK(x.world.breaches().size() == 3);
}

TEST_CASE("what is abandoned is told when it is gone: at once, when its order returns, or never") {
  Engine x;
  Conduct slow;
  slow.takes = 5 * kSecond;
  x.world.modules().behave(x.entry.digest, Step::create, slow);
  x.load(1, 1);
  x.load(2, 2);
  x.world.advance(100);
  x.order(tier::Create{3, 1});
  x.world.advance(100);
  x.order(tier::Abandon{1, 4});
  x.order(tier::Abandon{2, 5});
  x.order(tier::Abandon{77, 6});
  x.world.advance(100);
  CHECK_FALSE(x.done(4));
  CHECK(x.code(5) == PINNATE_OK);
  CHECK(x.code(6) == PINNATE_OK);
  x.world.advance(5000);
  CHECK(x.code(4) == PINNATE_OK);
  CHECK_FALSE(x.done(3));
  CHECK(x.world.breaches().empty());
}

TEST_CASE("calls of a held function wait for the next service, and no longer than they may") {
  Engine x;
  x.bring_up(1);
  x.order(tier::Hold{"f"});
  x.order(tier::Invoke{60, "f", Buffer(std::string("brief")), 500});
  x.order(tier::Invoke{61, "f", Buffer(std::string("patient")), 60000});
  x.order(tier::Drain{62, 1});
  x.world.advance(1000);
  CHECK(x.code(60) == PINNATE_BUSY);
  CHECK_FALSE(x.done(61));
  CHECK(x.code(62) == PINNATE_OK);
  CHECK(x.world.version_on("e", "f") == "");
  x.order(tier::Activate{"f", 1});
  x.world.advance(100);
  CHECK(x.code(61) == PINNATE_OK);
  CHECK(x.world.runs("brief").begun == 0);
  CHECK(x.world.breaches().empty());
}
