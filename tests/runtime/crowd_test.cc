#include <doctest/doctest.h>

#include "world.h"

#include <sys/resource.h>

#include <set>

using namespace pinnate;
using tier::LinkId;

TEST_CASE("a thousand links are opened, carry messages and are dropped") {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  const std::size_t count = files.rlim_cur >= 2200 ? 1000 : (files.rlim_cur - 100) / 2;

  World world;
  TestNode server(world), client(world);
  const std::string bound = server.listen("tcp://127.0.0.1:0");
  server.diary.on_message = [](ScriptedTier& t, LinkId link, const Buffer& m) { t.send(link, m.str()); };
  client.diary.on_opened = [](ScriptedTier& t, LinkId link) { t.send(link, "from " + std::to_string(link)); };
  client.act([&](ScriptedTier& t) {
    for (std::size_t i = 0; i < count; i++) t.dial(bound);
  });
  const auto answers = [&] {
    std::size_t n = 0;
    for (const auto& [link, text] : client.diary.messages) n += text == "from " + std::to_string(link);
    return n;
  };
  CHECK(world.run_until([&] { return client.diary.messages.size() >= count + 1; }, 20000));
  CHECK(answers() == count);
  CHECK(std::set<LinkId>(server.diary.opened.begin(), server.diary.opened.end()).size() == count);
  for (LinkId link : server.diary.opened) CHECK(link % 2 == 0);
  server.act([](ScriptedTier& t) {
    for (LinkId link : t.diary.opened) t.act(tier::Drop{link, {PINNATE_CLOSED, "that was all"}});
  });
  CHECK(world.run_until([&] { return client.diary.closed.size() == count; }, 20000));
}

TEST_CASE("hundreds of nodes share one loop") {
  World world;
  TestNode server(world);
  const std::string bound = server.listen("tcp://127.0.0.1:0");
  server.diary.on_message = [](ScriptedTier& t, LinkId link, const Buffer& m) { t.send(link, m.str()); };
  std::vector<std::unique_ptr<TestNode>> nodes;
  for (int i = 0; i < 300; i++) {
    nodes.push_back(std::make_unique<TestNode>(world, [](runtime::NodeParts& parts) { parts.store_blocks = false; }));
    nodes.back()->diary.on_opened = [](ScriptedTier& t, LinkId link) { t.send(link, "hello"); };
    REQUIRE(nodes.back()->node->keep_link(tier::Side::upstream, bound).ok());
  }
  CHECK(world.run_until([&] {
    std::size_t answered = 0;
    for (const auto& node : nodes) answered += !node->diary.messages.empty();
    return answered == nodes.size();
  }));
  for (auto& node : nodes) node->begin_close();
}
