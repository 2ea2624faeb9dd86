// What a node orders of a disk, while that takes its time.
#include "content/chunk.h"
#include "content/sha256.h"
#include "folder.h"
#include "runtime/reactor.h"
#include "world.h"

#include <doctest/doctest.h>

#include <atomic>
#include <future>

using namespace pinnate;

namespace {

// A store in memory whose commits and syncs wait as long as `hold` says so.
class SlowStore : public store::Store {
 public:
  struct Watch {
    std::promise<void> begun, may_go_on;
    std::shared_future<void> go_on = may_go_on.get_future().share();
    std::atomic<bool> hold_commit{false}, hold_sync{false};
    std::atomic<int> commits{0};
  };
  explicit SlowStore(std::shared_ptr<Watch> watch) : watch_(std::move(watch)) {}

  Result<Restored> restore() override { return kept_->restore(); }
  Status commit(const std::vector<RecordWrite>& writes) override {
    watch_->commits++;
    hold(&watch_->hold_commit);
    return kept_->commit(writes);
  }
  Result<Buffer> read_chunk(const Digest& artifact, std::uint32_t index) override {
    return kept_->read_chunk(artifact, index);
  }
  Status write_chunk(const Digest& artifact, std::uint32_t index, const Buffer& encoded) override {
    return kept_->write_chunk(artifact, index, encoded);
  }
  Status sync_artifact(const Digest& artifact) override {
    hold(&watch_->hold_sync);
    return kept_->sync_artifact(artifact);
  }
  Status drop_artifact(const Digest& artifact) override { return kept_->drop_artifact(artifact); }

 private:
  void hold(std::atomic<bool>* asked) {
    if (!asked->exchange(false)) return;
    watch_->begun.set_value();
    watch_->go_on.wait();
  }
  std::shared_ptr<Watch> watch_;
  std::unique_ptr<store::Store> kept_ = store::make_memory_store();
};

struct SlowNode {
  SlowNode() : node(world, [&](runtime::NodeParts& parts) { parts.store = std::make_unique<SlowStore>(watch); }) {}
  const tier::Completion* completion(tier::Token token) const {
    for (const auto& c : node.diary.completions)
      if (c.token == token) return &c;
    return nullptr;
  }
  World world;
  std::shared_ptr<SlowStore::Watch> watch = std::make_shared<SlowStore::Watch>();
  TestNode node;
};

tier::Commit commit(tier::Token token, const std::string& key) { return {token, {{key, Buffer("v")}}}; }

const std::string kPlain(50000, 'p');
const Digest kArtifact = content::sha256("artifact of a slow disk");

}  // namespace

TEST_CASE("chunks are kept and read while the disk works on a commit or on a sync") {
  for (const bool commits : {true, false}) {
    CAPTURE(commits);
    SlowNode f;
    (commits ? f.watch->hold_commit : f.watch->hold_sync) = true;
    f.node.act([&](ScriptedTier& t) {
      if (commits)
        t.act(commit(1, "k"));
      else
        t.act(tier::SyncArtifact{1, kArtifact});
    });
    f.watch->begun.get_future().wait();
    f.node.act([&](ScriptedTier& t) {
      t.act(tier::AcceptChunk{2, kArtifact, 0, content::encode_chunk(kPlain), content::sha256(kPlain), 50000, true});
    });
    CHECK(f.world.run_until([&] { return f.completion(2) != nullptr; }));
    f.node.act([&](ScriptedTier& t) {
      t.act(tier::ReadChunk{3, kArtifact, 0});
      t.act(commits ? tier::Action(tier::SyncArtifact{4, kArtifact}) : tier::Action(commit(4, "k")));
    });
    CHECK(f.world.run_until([&] { return f.completion(3) != nullptr && f.completion(4) != nullptr; }));
    CHECK(f.completion(1) == nullptr);
    f.watch->may_go_on.set_value();
    CHECK(f.world.run_until([&] { return f.completion(1) != nullptr; }));
    CHECK(f.completion(3)->status.ok());
  }
}

TEST_CASE("commits that come while one is under way are written together, and one that cannot be keeps back no other") {
  SlowNode f;
  f.watch->hold_commit = true;
  f.node.act([&](ScriptedTier& t) { t.act(commit(1, "first")); });
  f.watch->begun.get_future().wait();
  f.node.act([&](ScriptedTier& t) {
    for (tier::Token i = 2; i <= 100; i++) t.act(commit(i, "key/" + std::to_string(i)));
  });
  f.watch->may_go_on.set_value();
  REQUIRE(f.world.run_until([&] { return f.node.diary.completions.size() == 100; }));
  CHECK(f.watch->commits == 2);
  for (tier::Token i = 1; i <= 100; i++) CHECK(f.completion(i)->status.ok());

  f.watch->begun = {};
  f.watch->may_go_on = {};
  f.watch->go_on = f.watch->may_go_on.get_future().share();
  f.watch->hold_commit = true;
  f.node.act([&](ScriptedTier& t) { t.act(commit(101, "again")); });
  f.watch->begun.get_future().wait();
  f.node.act([&](ScriptedTier& t) {
    t.act(commit(102, "good"));
    t.act(commit(103, "not a key"));
    t.act(commit(104, "good/too"));
  });
  f.watch->may_go_on.set_value();
  REQUIRE(f.world.run_until([&] { return f.node.diary.completions.size() == 104; }));
  CHECK(f.completion(102)->status.ok());
  CHECK(f.completion(103)->status.code() == PINNATE_INVALID);
  CHECK(f.completion(104)->status.ok());
}

TEST_CASE("closing waits for commits, syncs and chunks that were ordered before") {
  SlowNode f;
  f.watch->hold_sync = true;
  f.node.act([&](ScriptedTier& t) {
    t.act(tier::SyncArtifact{1, kArtifact});
    t.act(commit(2, "k"));
  });
  f.watch->begun.get_future().wait();
  f.node.begin_close();
  f.world.run_for(50);
  CHECK(f.node.closed == 0);
  f.watch->may_go_on.set_value();
  CHECK(f.world.run_until([&] { return f.node.closed == 1; }));
  CHECK(f.watch->commits == 1);
}

TEST_CASE("an artifact is checked as a whole: against its digest, and which of its chunks are not what is listed") {
  for (const bool in_memory : {true, false}) {
    CAPTURE(in_memory);
    TestFolder folder;
    World world;
    TestNode node(world, [&](runtime::NodeParts& parts) {
      parts.store_blocks = !in_memory;
      if (!in_memory) parts.store = std::move(*store::open_folder_store(folder.path, "gateway"));
    });
    const std::string first(kChunkBytes, 'f'), last(10, 'l');
    content::ArtifactEntry good{"any",
                                content::sha256(first + last),
                                first.size() + last.size(),
                                {content::sha256(first), content::sha256(last)}};
    content::ArtifactEntry other_digest = good, other_chunk = good;
    other_digest.digest = kArtifact;
    other_chunk.chunks[1] = content::sha256("other");
    node.act([&](ScriptedTier& t) {
      for (const Digest& digest : {good.digest, kArtifact}) {
        t.act(tier::AcceptChunk{1, digest, 0, content::encode_chunk(first), good.chunks[0], kChunkBytes, true});
        t.act(tier::AcceptChunk{2, digest, 1, content::encode_chunk(last), good.chunks[1], 10, true});
      }
    });
    REQUIRE(world.run_until([&] { return node.diary.completions.size() == 4; }));
    node.diary.completions.clear();
    node.act([&](ScriptedTier& t) {
      t.act(tier::SyncArtifact{3, good.digest, good});
      t.act(tier::SyncArtifact{4, kArtifact, other_digest});
      t.act(tier::SyncArtifact{5, good.digest, other_chunk});
    });
    REQUIRE(world.run_until([&] { return node.diary.completions.size() == 3; }));
    const auto& done = node.diary.completions;
    CHECK(done[0].status.ok());
    CHECK(done[1].status.code() == PINNATE_CORRUPT);
    CHECK(done[1].chunks.empty());
    CHECK(done[1].status.message().find(kArtifact.hex()) != std::string::npos);
    CHECK(done[2].status.code() == PINNATE_CORRUPT);
    CHECK(done[2].chunks == std::vector<std::uint32_t>{1});
  }
}
