#include <doctest/doctest.h>

#include "content/chunk.h"
#include "content/sha256.h"
#include "no_memory.h"
#include "world.h"

#include <future>
#include <map>
#include <thread>

using namespace pinnate;
using module::Done;
using module::Outcome;
using module::ServiceId;

namespace {

// Answers from another thread, as the real one does, and writes down what it was asked.
struct FakeServices : module::ServiceHost {
  struct Seen {
    std::vector<std::string> orders;
    std::string image;
    std::vector<std::uint32_t> bad;
    std::uint32_t close_limit_ms = 0;
    std::function<Result<Buffer>(std::uint32_t)> read_later;
  };
  explicit FakeServices(Seen& s) : seen(s) {}
  ~FakeServices() override { join(); }
  void join() {
    for (auto& t : threads) t.join();
    threads.clear();
  }
  void answer(const std::string& order, Done done, std::string bytes = {}) {
    seen.orders.push_back(order);
    threads.emplace_back([this, done, bytes] {
      Outcome outcome{{}, Buffer(bytes)};
      const NoMemory none(out_of_memory);
      done(std::move(outcome));
    });
  }

  std::vector<Restored::Death> deaths() const override { return {{content::sha256("killer"), "create", 2}}; }
  Status add_loader(const pinnate_loader&) override { return {}; }
  std::set<std::string> loaders() const override { return {"native"}; }
  void assemble(module::LoadOrder order, Done done) override {
    seen.orders.push_back("assemble " + order.name + " " + order.version);
    threads.emplace_back([this, order, done] {
      Outcome outcome;
      for (std::uint32_t i = 0; i < order.image.chunk_count; i++) {
        auto plain = order.image.read_chunk(i);
        if (plain.ok()) {
          seen.image += plain->view();
        } else {
          outcome.bad_chunks.push_back(i);
          outcome.status = plain.status();
        }
      }
      seen.read_later = order.image.read_chunk;
      done(outcome);
    });
  }
  void drop_artifact(const Digest& artifact) override { seen.orders.push_back("drop " + artifact.hex()); }
  void load(ServiceId service, std::uint32_t limit_ms, Done done) override {
    answer("load " + std::to_string(service) + " in " + std::to_string(limit_ms), done);
  }
  void create(ServiceId service, Done done) override { answer("create " + std::to_string(service), done); }
  void check_health(ServiceId service, Done done) override { answer("check " + std::to_string(service), done); }
  void activate(const std::string& f, ServiceId service) override {
    seen.orders.push_back("activate " + f + " " + std::to_string(service));
  }
  module::Inline run_inline(const std::string&, Buffer, std::uint32_t, Labels) override { return {}; }
  module::Invoked await(const std::shared_ptr<module::Call>&, Done) override { return {}; }
  void deactivate(const std::string& f) override { seen.orders.push_back("deactivate " + f); }
  void drain(ServiceId service, Done done) override { answer("drain " + std::to_string(service), done); }
  void destroy(ServiceId service, Done done) override { answer("destroy " + std::to_string(service), done); }
  void hold(const std::string& f) override { seen.orders.push_back("hold " + f); }
  void abandon(ServiceId service, Done gone) override { answer("abandon " + std::to_string(service), gone); }
  void trust(ServiceId service) override { seen.orders.push_back("trust " + std::to_string(service)); }
  module::Invoked invoke(const std::string& f, Buffer payload, std::uint32_t, Done done, Labels) override {
    answer("invoke " + f, done, payload.str() + "!");
    return {};
  }
  void give_up(const module::Invoked&) override { seen.orders.push_back("give up"); }
  Outcome call_here(const std::string&, std::string_view, std::uint32_t, Labels, bool) override { return {}; }
  std::size_t left_behind() const override { return 0; }
  void close(std::uint32_t limit_ms, std::function<void()> closed) override {
    seen.close_limit_ms = limit_ms;
    std::promise<void> told;  // and not from inside
    threads.emplace_back([closed, inside = told.get_future()] {
      inside.wait();
      closed();
    });
    told.set_value();
  }

  Seen& seen;
  std::vector<std::thread> threads;
  bool out_of_memory = false;
};

content::ArtifactEntry entry_of(const std::vector<std::string>& plain) {
  content::ArtifactEntry entry;
  entry.digest = content::sha256("the artifact");
  for (const auto& p : plain) {
    entry.size_bytes += p.size();
    entry.chunks.push_back(content::sha256(p));
  }
  return entry;
}

}  // namespace

TEST_CASE("a module's answer reaches the tier also when no memory is left to bring it") {
  World world;
  FakeServices::Seen seen;
  TestNode node(world, [&](runtime::NodeParts& parts) {
    auto services = std::make_unique<FakeServices>(seen);
    services->out_of_memory = true;
    parts.services = std::move(services);
  });
  node.act([](ScriptedTier& t) {
    t.act(tier::Create{1, 2});
    t.act(tier::Invoke{2, "f", Buffer(std::string("payload")), 1000});
  });
  REQUIRE(world.run_until([&] { return node.diary.completions.size() == 2; }));
  for (const auto& c : node.diary.completions)
    if (c.token == 2) CHECK(c.bytes.str() == "payload!");
}

TEST_CASE("orders for modules reach the service host, and its answers the tier") {
  World world;
  FakeServices::Seen seen;
  const std::vector<std::string> plain = {std::string(kChunkBytes, '1'), std::string(kChunkBytes, '2'), "tail"};
  const content::ArtifactEntry entry = entry_of(plain);
  {
    TestNode node(world, [&](runtime::NodeParts& parts) { parts.services = std::make_unique<FakeServices>(seen); });
    REQUIRE(node.node->services() != nullptr);
    REQUIRE(node.diary.restored.deaths.size() == 1);
    CHECK(node.diary.restored.deaths[0].in_a_row == 2);

    // Chunk 1 is missing, then wrong, then right.
    node.act([&](ScriptedTier& t) {
      for (std::uint32_t i : {0u, 2u})
        t.act(tier::AcceptChunk{10 + i, entry.digest, i, content::encode_chunk(plain[i]), entry.chunks[i],
                                entry.chunk_bytes(i), true});
    });
    REQUIRE(world.run_until([&] { return node.diary.completions.size() == 2; }));
    node.act([&](ScriptedTier& t) {
      t.act(tier::Assemble{20, 1, "thumbnail", "1.2.0", "native", entry, Buffer(), 1000});
    });
    REQUIRE(world.run_until([&] { return node.diary.completions.size() == 3; }));
    CHECK(node.diary.completions[2].status.code() == PINNATE_NOT_FOUND);
    CHECK(node.diary.completions[2].chunks == std::vector<std::uint32_t>{1});

    seen.image.clear();
    node.act([&](ScriptedTier& t) {
      t.act(tier::AcceptChunk{30, entry.digest, 1, content::encode_chunk(plain[1]), entry.chunks[1],
                              entry.chunk_bytes(1), true});
    });
    REQUIRE(world.run_until([&] { return node.diary.completions.size() == 4; }));
    node.act([&](ScriptedTier& t) {
      t.act(tier::Assemble{21, 2, "thumbnail", "1.2.0", "native", entry, Buffer(), 1000});
    });
    REQUIRE(world.run_until([&] { return node.diary.completions.size() == 5; }));
    CHECK(node.diary.completions[4].status.ok());
    CHECK(seen.image == plain[0] + plain[1] + plain[2]);

    seen.orders.clear();
    node.act([&entry](ScriptedTier& t) {
      t.act(tier::Load{{6, 2}, 500});
      t.act(tier::DropArtifact{entry.digest});
      t.act(tier::Create{1, 2});
      t.act(tier::CheckHealth{2, 2});
      t.act(tier::Activate{"thumbnail", 2});
      t.act(tier::Invoke{3, "thumbnail", Buffer(std::string("payload")), 1000});
      t.act(tier::Trust{2});
      t.act(tier::Hold{"thumbnail"});
      t.act(tier::Deactivate{"thumbnail"});
      t.act(tier::Drain{4, 2});
      t.act(tier::Destroy{5, 2});
      t.act(tier::Abandon{1, 7});
    });
    CHECK(seen.orders == std::vector<std::string>{"load 2 in 500", "drop " + entry.digest.hex(), "create 2", "check 2",
                                                  "activate thumbnail 2", "invoke thumbnail", "trust 2",
                                                  "hold thumbnail", "deactivate thumbnail", "drain 2", "destroy 2",
                                                  "abandon 1"});
    REQUIRE(world.run_until([&] { return node.diary.completions.size() == 12; }));
    for (const auto& c : node.diary.completions)
      if (c.token == 3) CHECK(c.bytes.str() == "payload!");
  }
  CHECK(seen.close_limit_ms > 0);
  CHECK(seen.close_limit_ms <= 5000);
  // A module thread that was left behind finds the store closed, not gone.
  REQUIRE(seen.read_later);
  CHECK(seen.read_later(0).status().code() == PINNATE_CLOSED);
}
