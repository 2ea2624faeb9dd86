#include <doctest/doctest.h>

#include "content/chunk.h"
#include "content/sha256.h"
#include "puppet.h"

using namespace pinnate;
using namespace pinnate::sim;

namespace {

struct Fixture {
  Fixture() { add_puppet(world, "a", &a); }
  Digest accept(tier::Token token, const std::string& plain, std::uint32_t index = 0, bool spoil = false) {
    std::string encoded = content::encode_chunk(plain).str();
    if (spoil) encoded.back() ^= 1;
    const Digest digest = content::sha256(plain);
    act(world, "a", a,
        tier::AcceptChunk{token, artifact, index, Buffer(encoded), digest, std::uint32_t(plain.size()), true});
    return digest;
  }
  void commit(tier::Token token, const std::string& key, const std::string& value) {
    act(world, "a", a, tier::Commit{token, {{key, Buffer(value)}}});
  }
  Code code(tier::Token token) const {
    for (const auto& c : a.completions) {
      if (c.token == token) return c.status.code();
    }
    return PINNATE_INTERNAL;
  }

  Digest artifact = content::sha256("an artifact");
  TestWorld world{7};
  Strings a;
};

}  // namespace

TEST_CASE("what was committed is there in the next life") {
  Fixture f;
  f.commit(1, "name", "value");
  f.world.advance(10);
  CHECK(f.code(1) == PINNATE_OK);
  f.world.crash("a", Machine::Crash::power_loss);
  f.world.restart("a");
  CHECK(f.a.restored.records.at("name").view() == "value");
}

TEST_CASE("a commit under way at a crash happened wholly or not at all, and nobody hears of it") {
  int happened = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    TestWorld world(seed);
    Strings a;
    add_puppet(world, "a", &a);
    act(world, "a", a, tier::Commit{1, {{"x", Buffer(std::string("1"))}, {"y", Buffer(std::string("2"))}}});
    world.crash("a");
    world.restart("a");
    world.advance(100);
    CHECK(a.completions.empty());
    CHECK((a.restored.records.size() == 0 || a.restored.records.size() == 2));
    happened += a.restored.records.size() == 2;
  }
  CHECK(happened > 5);
  CHECK(happened < 35);
}

TEST_CASE("chunks survive a kill, but only synced ones are sure to survive a loss of power") {
  Fixture f;
  for (std::uint32_t i = 0; i < 32; ++i) f.accept(1 + i, "chunk " + std::to_string(i), i);
  f.world.advance(20);
  f.world.crash("a");
  f.world.restart("a");
  CHECK(f.a.restored.chunks.at(f.artifact).size() == 32);

  for (std::uint32_t i = 32; i < 64; ++i) f.accept(1 + i, "chunk " + std::to_string(i), i);
  f.world.advance(20);
  const auto survivors = [&] {
    f.world.crash("a", Machine::Crash::power_loss);
    f.world.restart("a");
    return f.a.restored.chunks.at(f.artifact).size();
  };
  const std::size_t some = survivors();
  CHECK(some < 64);
  act(f.world, "a", f.a, tier::SyncArtifact{100, f.artifact});
  f.world.advance(20);
  CHECK(survivors() == some);
}

TEST_CASE("a chunk that is not what its digest says is refused, and one that is can be read back") {
  Fixture f;
  f.accept(1, "good", 0);
  f.accept(2, "spoilt", 1, true);
  f.world.advance(20);
  CHECK(f.code(1) == PINNATE_OK);
  CHECK(f.code(2) == PINNATE_CORRUPT);
  act(f.world, "a", f.a, tier::ReadChunk{3, f.artifact, 0});
  act(f.world, "a", f.a, tier::ReadChunk{4, f.artifact, 1});
  f.world.advance(20);
  CHECK(f.code(4) == PINNATE_NOT_FOUND);
  REQUIRE(f.code(3) == PINNATE_OK);
  CHECK(f.a.completions[2].bytes == content::encode_chunk("good"));
}

TEST_CASE("a full disk takes no writes, and gives what it has") {
  Fixture f;
  f.accept(1, "before", 0);
  f.world.advance(20);
  f.world.disk_full("a", true);
  f.commit(2, "k", "v");
  f.accept(3, "after", 1);
  act(f.world, "a", f.a, tier::ReadChunk{4, f.artifact, 0});
  f.world.advance(20);
  CHECK(f.code(2) == PINNATE_NO_SPACE);
  CHECK(f.code(3) == PINNATE_NO_SPACE);
  CHECK(f.code(4) == PINNATE_OK);
  f.world.disk_full("a", false);
  f.commit(5, "k", "v");
  f.world.advance(20);
  CHECK(f.code(5) == PINNATE_OK);
}

TEST_CASE("completions can fail, come late, or never come") {
  Fixture f;
  Disk& disk = f.world.at("a").disk();
  disk.fail_next(1, PINNATE_IO);
  f.commit(1, "a", "1");
  disk.delay_next(1, kSecond);
  f.commit(2, "b", "2");
  disk.lose_next(1);
  f.commit(3, "c", "3");
  f.commit(4, "d", "4");
  f.world.advance(100);
  CHECK(f.a.told == std::vector<std::string>{"started", "done 1 11"});
  f.world.advance(2000);  // what is behind one that comes late waits for it
  CHECK(f.a.told == std::vector<std::string>{"started", "done 1 11", "done 2 0", "done 4 0"});
  CHECK(disk.image().records.count("a") == 0);
  CHECK(disk.image().records.count("c") == 1);
}

TEST_CASE("completions of a life before can be made to come in the next one") {
  Fixture f;
  f.world.at("a").deliver_strays(true);
  f.commit(41, "a", "1");
  f.world.restart("a");
  f.world.advance(100);
  CHECK(f.a.last() == "done 41 0");
}

TEST_CASE("a backup can be put back") {
  Fixture f;
  f.commit(1, "k", "old");
  f.world.advance(10);
  const DiskImage backup = f.world.backup("a");
  f.commit(2, "k", "new");
  f.world.advance(10);
  f.world.crash("a");
  f.world.restore_backup("a", backup);
  f.world.restart("a");
  CHECK(f.a.restored.records.at("k").view() == "old");
}

TEST_CASE(
    "a damaged chunk is noticed when it is read, a forged one only by its digest, and one that is gone is not found") {
  Fixture f;
  for (std::uint32_t i = 0; i < 3; ++i) f.accept(1 + i, "some content", i);
  f.world.advance(10);
  CHECK(f.world.corrupt_chunk("a", f.artifact, 0));
  CHECK(f.world.corrupt_chunk("a", f.artifact, 1, Damage::forged));
  CHECK(f.world.corrupt_chunk("a", f.artifact, 2, Damage::gone));
  CHECK_FALSE(f.world.corrupt_chunk("a", f.artifact, 2));
  for (std::uint32_t i = 0; i < 3; ++i) act(f.world, "a", f.a, tier::ReadChunk{10 + i, f.artifact, i});
  f.world.advance(10);
  CHECK(f.code(10) == PINNATE_CORRUPT);
  CHECK(f.code(11) == PINNATE_OK);
  CHECK_FALSE(f.a.completions[4].bytes == content::encode_chunk("some content"));
  CHECK(f.code(12) == PINNATE_NOT_FOUND);
}

TEST_CASE("the bytes of a chunk are verified once for the whole world") {
  Fixture f;
  Strings b;
  add_puppet(f.world, "b", &b);
  const std::string plain(1000, 'p');
  f.accept(1, plain);
  f.world.advance(10);
  const Digest digest = content::sha256(plain);
  act(f.world, "b", b, tier::AcceptChunk{1, f.artifact, 0, content::encode_chunk(plain), digest, 1000, true});
  f.world.advance(10);
  CHECK(f.world.verifier().verified == 1000);
  CHECK(f.world.at("a").disk().chunk(f.artifact, 0)->data() == f.world.at("b").disk().chunk(f.artifact, 0)->data());
}
