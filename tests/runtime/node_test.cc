#include <doctest/doctest.h>

#include "content/chunk.h"
#include "content/sha256.h"
#include "folder.h"
#include "raw_peer.h"
#include "runtime/pool.h"
#include "world.h"

#include <chrono>
#include <filesystem>
#include <future>
#include <thread>

using namespace pinnate;
using tier::LinkId;

namespace {

Digest sha(const std::string& bytes) { return content::sha256(bytes); }

void in_folder(runtime::NodeParts& parts, const std::string& path) {
  auto store = store::open_folder_store(path, "gateway");
  REQUIRE(store.ok());
  parts.store = std::move(*store);
}

const tier::Completion* completion(const TestNode& node, tier::Token token) {
  for (const auto& c : node.diary.completions)
    if (c.token == token) return &c;
  return nullptr;
}

}  // namespace

TEST_CASE("orders of the disk are carried out in order and answered, in memory and in a folder") {
  for (const bool in_memory : {true, false}) {
    CAPTURE(in_memory);
    TestFolder folder;
    World world;
    const std::string plain(1000, 'a'), big = [] {
      std::string s(kChunkBytes, '\0');
      for (std::size_t i = 0; i < s.size(); i++) s[i] = static_cast<char>(i * 2654435761u >> 13);
      return s;
    }();
    const Buffer encoded = content::encode_chunk(plain), encoded_big = content::encode_chunk(big);
    const Digest artifact = sha("the artifact");
    TestNode node(world, [&](runtime::NodeParts& parts) {
      if (in_memory) {
        parts.store_blocks = false;
      } else {
        in_folder(parts, folder.path + "/cache");
      }
    });
    node.act([&](ScriptedTier& t) {
      t.act(tier::Commit{1, {{"k", Buffer(std::string("v"))}}});
      t.act(tier::AcceptChunk{2, artifact, 0, encoded, sha(plain), 1000, true});
      t.act(tier::AcceptChunk{3, artifact, 1, encoded_big, sha(big), std::uint32_t(big.size()), true});
      t.act(tier::AcceptChunk{4, artifact, 2, encoded, sha("something else"), 1000, true});
      t.act(tier::AcceptChunk{5, artifact, 3, encoded, sha(plain), 1000, false});
      // Made by this process, which does not look at it again.
      t.act(tier::AcceptChunk{12, artifact, 4, encoded, sha("something else"), 1000, true, true});
    });
    REQUIRE(world.run_until([&] { return node.diary.completions.size() == 6; }));
    CHECK(completion(node, 12)->status.ok());
    CHECK(completion(node, 1)->status.ok());
    CHECK(completion(node, 2)->status.ok());
    CHECK(completion(node, 3)->status.ok());
    CHECK(completion(node, 4)->status.code() == PINNATE_CORRUPT);
    CHECK(completion(node, 5)->status.ok());
    // Syncs have a thread of their own, which chunks do not wait for.
    node.act([&](ScriptedTier& t) { t.act(tier::SyncArtifact{6, artifact}); });
    REQUIRE(world.run_until([&] { return node.diary.completions.size() == 7; }));
    CHECK(completion(node, 6)->status.ok());
    node.act([&](ScriptedTier& t) {
      t.act(tier::ReadChunk{7, artifact, 1});
      t.act(tier::ReadChunk{8, artifact, 2});
      t.act(tier::ReadChunk{9, artifact, 3});
      t.act(tier::DropArtifact{artifact});
      t.act(tier::ReadChunk{10, artifact, 0});
      t.act(tier::Create{11, 1});
    });
    REQUIRE(world.run_until([&] { return node.diary.completions.size() == 12; }));
    CHECK(completion(node, 7)->bytes == encoded_big);
    CHECK(completion(node, 8)->status.code() == PINNATE_NOT_FOUND);  // corrupt: not kept
    CHECK(completion(node, 9)->status.code() == PINNATE_NOT_FOUND);  // not asked to keep
    CHECK(completion(node, 10)->status.code() == PINNATE_NOT_FOUND);  // dropped before it was read
    CHECK(completion(node, 11)->status.code() == PINNATE_INTERNAL);  // no modules here
  }
}

TEST_CASE("a node takes up what its folder held") {
  TestFolder folder;
  World world;
  {
    TestNode node(world, [&](runtime::NodeParts& parts) { in_folder(parts, folder.path + "/cache"); });
    node.act([](ScriptedTier& t) { t.act(tier::Commit{1, {{"k", Buffer(std::string("v"))}}}); });
    node.begin_close();  // with the commit under way: it is still done
  }
  auto store = store::open_folder_store(folder.path + "/cache", "gateway");  // free again
  REQUIRE(store.ok());
  auto restored = (*store)->restore();
  REQUIRE(restored.ok());
  CHECK(restored->records.at("k") == Buffer(std::string("v")));
}

TEST_CASE("the host's messages reach the tier, and its answers the host, never from inside host_message") {
  World world;
  TestNode node(world);
  node.diary.on_message = [](ScriptedTier& t, LinkId link, const Buffer& m) { t.send(link, "re: " + m.str()); };
  node.node->host_message(Buffer(std::string("one")));
  node.node->host_message(Buffer(std::string("two")));
  CHECK(node.to_host.empty());
  CHECK(world.run_until([&] { return node.to_host.size() == 2; }));
  CHECK(node.to_host == std::vector<std::string>{"re: one", "re: two"});
}

TEST_CASE("a tier is woken when it asked to be, and not before") {
  World world;
  TestNode node(world);
  const std::int64_t asked_at = static_cast<std::int64_t>(uv_hrtime() / 1000000);
  node.act([&](ScriptedTier& t) { t.diary.wake_at_ms = asked_at + 500; });
  node.act([&](ScriptedTier& t) { t.diary.wake_at_ms = asked_at + 60; });  // sooner than armed
  REQUIRE(world.run_until([&] { return !node.diary.wakes.empty(); }));
  CHECK(node.diary.wakes[0] >= asked_at + 60);
  CHECK(node.diary.wakes[0] < asked_at + 400);
  node.act([&](ScriptedTier& t) { t.diary.wake_at_ms = asked_at; });  // a time gone by
  CHECK(world.run_until([&] { return node.diary.wakes.size() == 2; }));
  world.run_for(50);
  CHECK(node.diary.wakes.size() == 2);
}

TEST_CASE("a tier that wants to be woken for a time gone by, again and again, does not spin the loop") {
  World world;
  ScriptedTier::Diary diary;
  struct Obstinate : ScriptedTier {
    using ScriptedTier::ScriptedTier;
    void woke(Now now) override { diary.wakes.push_back(now.monotonic_ms); }
  };
  diary.wake_at_ms = 0;
  TestNode obstinate(world, [&](runtime::NodeParts& parts) { parts.tier = std::make_unique<Obstinate>(diary); });
  world.run_for(100);
  CHECK(diary.wakes.size() > 5);
  CHECK(diary.wakes.size() < 150);
  diary.wake_at_ms = tier::kNever;
}

TEST_CASE("a host's loop ends by itself once its nodes are closed") {
  uv_loop_t loop;
  uv_loop_init(&loop);
  ScriptedTier::Diary server_diary, client_diary;
  std::unique_ptr<runtime::Node> server, client;
  int closed = 0;
  const auto open = [&](ScriptedTier::Diary& diary) {
    runtime::NodeParts parts;
    parts.reactor = runtime::Reactor::attach(&loop);
    parts.tier = std::make_unique<ScriptedTier>(diary);
    parts.store = store::make_memory_store();
    return runtime::Node::open(std::move(parts));
  };
  server = open(server_diary);
  client = open(client_diary);
  const std::string bound = *server->listen("tcp://127.0.0.1:0");
  client_diary.on_opened = [&](ScriptedTier&, LinkId) {
    server->close([&] {
      closed++;
      server.reset();
    });
    client->close([&] {
      closed++;
      client.reset();
    });
  };
  REQUIRE(client->keep_link(tier::Side::upstream, bound).ok());
  CHECK(uv_run(&loop, UV_RUN_DEFAULT) == 0);
  CHECK(closed == 2);
  CHECK(server == nullptr);
  CHECK(uv_loop_close(&loop) == 0);
}

TEST_CASE("closing lets the tier say goodbye, and is bounded when the tier does not end") {
  World world;
  TestNode node(world, [](runtime::NodeParts& parts) { parts.close_limit_ms = 300; });
  RawPeer peer(node.listen("tcp://127.0.0.1:0"));
  REQUIRE(world.run_until([&] { return node.diary.opened.size() == 1; }));
  node.diary.on_close = [](ScriptedTier& t) { t.send(2, "goodbye"); };
  node.diary.closes_at_once = false;
  const std::uint64_t began = uv_hrtime();
  node.begin_close();
  CHECK(node.node->listen("tcp://127.0.0.1:0").status().code() == PINNATE_CLOSED);
  CHECK(node.node->keep_link(tier::Side::upstream, "unix:/x").code() == PINNATE_CLOSED);
  REQUIRE(world.run_until([&] { return node.closed == 1; }));
  const double seconds = double(uv_hrtime() - began) / 1e9;
  CHECK(seconds > 0.28);
  CHECK(seconds < 2);
  peer.pump();
  CHECK(peer.messages == std::vector<std::string>{"goodbye"});
}

TEST_CASE("answers that come after the close are dropped") {
  World world;
  auto pool = runtime::Pool::shared();
  std::promise<void> hold;
  auto held = hold.get_future().share();
  const std::string plain(50000, 'q');
  {
    TestNode node(world);
    for (int i = 0; i < 2; i++) pool->submit([held] { held.wait(); });  // both threads
    node.act([&](ScriptedTier& t) {
      t.act(tier::AcceptChunk{1, sha("a"), 0, content::encode_chunk(plain + std::to_string(rand())), sha(plain), 50000,
                              false});
      t.act(tier::AcceptChunk{2, sha("a"), 0, Buffer(std::string(50000, 'r')), sha(plain), 50000, false});
    });
    node.begin_close();
    world.run_for(30);
    hold.set_value();
    world.run_for(30);  // they come in this time, and nobody tells
    CHECK(node.diary.completions.empty());
  }
  world.run_for(30);
}

TEST_CASE("more chunks than may be away at a time are verified where they come") {
  World world;
  auto pool = runtime::Pool::shared();
  std::promise<void> hold;
  auto held = hold.get_future().share();
  const std::string plain(50000, 'q');
  const Buffer encoded(std::string(1, '\0') + plain);
  TestNode memory(world, [](runtime::NodeParts& parts) { parts.store_blocks = false; });
  for (int i = 0; i < 2; i++) pool->submit([held] { held.wait(); });  // both threads
  constexpr std::uint32_t kCount = 40, kAway = 16;
  memory.act([&](ScriptedTier& t) {
    for (std::uint32_t i = 0; i < kCount; i++)
      t.act(tier::AcceptChunk{i + 1, sha("a"), i, encoded, sha(i == kCount - 1 ? "b" : plain), 50000, true});
  });
  CHECK(memory.diary.completions.size() == kCount - kAway);
  CHECK(completion(memory, kAway) == nullptr);
  CHECK(completion(memory, kCount - 1)->status.ok());
  CHECK(completion(memory, kCount)->status.code() == PINNATE_CORRUPT);
  memory.act([](ScriptedTier& t) { t.act(tier::ReadChunk{100, sha("a"), kCount - 2}); });
  CHECK(completion(memory, 100)->bytes == encoded);
  hold.set_value();
  CHECK(world.run_until([&] { return memory.diary.completions.size() == kCount + 1; }));
  // What came back makes room: the next is handed over again.
  memory.act([&](ScriptedTier& t) { t.act(tier::AcceptChunk{101, sha("a"), 0, encoded, sha(plain), 50000, true}); });
  CHECK(completion(memory, 101) == nullptr);
  CHECK(world.run_until([&] { return completion(memory, 101) != nullptr; }));
}

TEST_CASE("links stop reading while too many chunks wait to be kept, and go on afterwards") {
  TestFolder folder;
  World world;
  auto pool = runtime::Pool::shared();
  std::promise<void> hold;
  auto held = hold.get_future().share();
  TestNode server(world, [&](runtime::NodeParts&parts) { in_folder(parts, folder.path + "/cache"); }), client(world);
  const std::string plain(60000, 'c'), chunk = std::string(1, '\0') + plain;
  server.diary.on_message = [&, token = tier::Token{1}](ScriptedTier& t, LinkId link, const Buffer& m) mutable {
    if (link != tier::kHostLink) t.act(tier::AcceptChunk{token++, sha("a"), 0, m, sha(plain), 60000, true});
  };
  const std::string bound = server.listen("tcp://127.0.0.1:0");
  const std::size_t limit = 16 * 1024 * 1024 / chunk.size(), count = 2 * limit;
  for (int i = 0; i < 2; i++) pool->submit([held] { held.wait(); });  // both threads
  std::size_t unsent = count;
  const auto send = [&](ScriptedTier& t, LinkId link, std::size_t bytes) {
    for (; unsent > 0 && bytes >= chunk.size(); bytes -= chunk.size(), unsent--) t.send(link, chunk, wire::Class::bulk);
  };
  std::size_t room = 0;
  client.diary.on_opened = [&](ScriptedTier& t, LinkId link) { send(t, link, 2 * 1024 * 1024); };
  client.diary.on_drained = [&](ScriptedTier& t, LinkId link, std::size_t bytes) {
    send(t, link, room += bytes);
    room %= chunk.size();
  };
  client.act([&](ScriptedTier& t) { t.dial(bound); });
  CHECK(world.run_until([&] { return server.diary.messages.size() > limit; }, 20000));
  world.run_for(100);
  CHECK(server.diary.messages.size() < limit + 20);
  CHECK(server.diary.completions.empty());
  hold.set_value();
  CHECK(world.run_until([&] { return server.diary.completions.size() == count; }, 20000));
}

TEST_CASE("a node lives on the library's own thread as well") {
  ScriptedTier::Diary diary;
  auto reactor = runtime::Reactor::attach(nullptr);
  std::unique_ptr<runtime::Node> node;
  std::string bound;
  reactor->run([&] {
    runtime::NodeParts parts;
    parts.reactor = reactor;
    parts.tier = std::make_unique<ScriptedTier>(diary);
    parts.store = store::make_memory_store();
    node = runtime::Node::open(std::move(parts));
    diary.on_message = [](ScriptedTier& t, LinkId link, const Buffer& m) { t.send(link, m.str() + "!"); };
    bound = *node->listen("tcp://127.0.0.1:0");
  });
  RawPeer peer(bound);
  peer.send(RawPeer::frames_of("ping"));
  while (peer.messages.empty() && peer.wait_readable(5000)) peer.pump();
  CHECK(peer.messages == std::vector<std::string>{"ping!"});
  std::promise<void> closed;
  reactor->run([&] {
    node->close([&] {
      node.reset();
      closed.set_value();
    });
  });
  reactor.reset();
  CHECK(closed.get_future().wait_for(std::chrono::seconds(5)) == std::future_status::ready);
}
