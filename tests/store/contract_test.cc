// What every store does, whatever it keeps things in.
#include "store/store.h"

#include "base/limits.h"
#include "content/sha256.h"
#include "folder.h"
#include "store/stored.h"

#include <doctest/doctest.h>

#include <functional>

using namespace pinnate;
using namespace pinnate::store;

namespace {

using Open = std::function<Result<std::unique_ptr<Store>>(const std::string&)>;

const Digest kOther = content::sha256("other");

RecordWrite removal(const std::string& key) { return {key, std::nullopt}; }

void for_each_store(const std::function<void(Store&)>& look) {
  const std::pair<const char*, Open> kinds[] = {
      {"memory", [](const std::string&) -> Result<std::unique_ptr<Store>> { return make_memory_store(); }},
      {"engine", [](const std::string& dir) { return open_folder_store(dir, "engine"); }},
      {"controller", [](const std::string& dir) { return open_controller_store(dir); }},
  };
  for (const auto& [name, open] : kinds) {
    CAPTURE(name);
    TestFolder folder;
    auto store = open(folder.path + "/a/b");
    REQUIRE_MESSAGE(store.ok(), store.status().message());
    look(**store);
  }
}

// What a later life finds.
void for_each_durable_store(const std::function<void(Store&)>& first, const std::function<void(Store&)>& second) {
  const std::pair<const char*, Open> kinds[] = {
      {"gateway", [](const std::string& dir) { return open_folder_store(dir, "gateway"); }},
      {"controller", [](const std::string& dir) { return open_controller_store(dir); }},
  };
  for (const auto& [name, open] : kinds) {
    CAPTURE(name);
    TestFolder folder;
    for (const auto& look : {first, second}) {
      auto store = open(folder.path);
      REQUIRE_MESSAGE(store.ok(), store.status().message());
      look(**store);
    }
  }
}

}  // namespace

TEST_CASE("a new store is empty") {
  for_each_store([](Store& store) {
    const auto restored = store.restore();
    REQUIRE(restored.ok());
    CHECK(restored->records.empty());
    CHECK(restored->chunks.empty());
    CHECK(store.read_chunk(kArtifact, 0).status().code() == PINNATE_NOT_FOUND);
    CHECK(store.drop_artifact(kArtifact).ok());
    CHECK(store.sync_artifact(kArtifact).code() == PINNATE_NOT_FOUND);
  });
}

TEST_CASE("records come back in the next life as they were last written") {
  const std::string longest(200, '/');
  const std::string binary("a\0b\n\xff", 5);
  for_each_durable_store(
      [&](Store& store) {
        CHECK(store.commit({put("id", "one")}).ok());
        CHECK(store
                  .commit(
                      {put("id", "two"), put("release/7", binary), put("gone", "x"), put(longest, ""), put(".", "dot")})
                  .ok());
        CHECK(store.commit({put("..", "dots"), put("a/b", "1"), put("a.b", "2"), put("A/b", "3")}).ok());
        CHECK(store.commit({removal("gone")}).ok());
        CHECK(store.commit({removal("never")}).ok());
        CHECK(store.commit({}).ok());
      },
      [&](Store& store) {
        const auto restored = store.restore();
        REQUIRE(restored.ok());
        const std::map<std::string, Buffer> expected = {
            {"id", Buffer("two")},  {"release/7", Buffer(binary)}, {longest, Buffer("")}, {".", Buffer("dot")},
            {"..", Buffer("dots")}, {"a/b", Buffer("1")},          {"a.b", Buffer("2")},  {"A/b", Buffer("3")}};
        CHECK(restored->records == expected);
      });
}

TEST_CASE("the last of several writes of one key counts") {
  for_each_durable_store(
      [](Store& store) {
        const auto writes = {put("a", "1"), removal("a"), put("b", "1"), put("a", "2"), put("c", "1"), removal("c")};
        CHECK(store.commit(writes).ok());
      },
      [](Store& store) {
        const auto restored = store.restore();
        REQUIRE(restored.ok());
        CHECK(restored->records == std::map<std::string, Buffer>{{"a", Buffer("2")}, {"b", Buffer("1")}});
      });
}

TEST_CASE("a store in memory keeps no records, and refuses bad ones all the same") {
  const auto store = make_memory_store();
  CHECK(store->commit({put("a", "1")}).ok());
  CHECK(store->restore()->records.empty());
  CHECK(store->commit({put("a b", "1")}).code() == PINNATE_INVALID);
}

TEST_CASE("a batch with a bad key is refused, and nothing of it is kept") {
  for_each_store([](Store& store) {
    for (const std::string& bad :
         {std::string(), std::string(201, 'a'), std::string("a b"), std::string("a\0", 2), std::string("a%2Fb")})
      CHECK(store.commit({put("good", "1"), put(bad, "2")}).code() == PINNATE_INVALID);
    CHECK(store.restore()->records.empty());
  });
}

TEST_CASE("chunks come back as they were last written") {
  const std::string largest(kChunkBytes + 1, 'z');
  for_each_durable_store(
      [&](Store& store) {
        CHECK(store.write_chunk(kArtifact, 3, Buffer("three")).ok());
        CHECK(store.write_chunk(kArtifact, 0, Buffer(largest)).ok());
        CHECK(store.write_chunk(kArtifact, 3, Buffer("again")).ok());
        CHECK(store.write_chunk(kOther, 1, Buffer("other")).ok());
        CHECK(store.sync_artifact(kArtifact).ok());
        CHECK(store.sync_artifact(kArtifact).ok());
        CHECK(store.read_chunk(kArtifact, 3)->view() == "again");
      },
      [&](Store& store) {
        const auto restored = store.restore();
        REQUIRE(restored.ok());
        const std::map<std::uint32_t, std::uint32_t> held = {{0, kChunkBytes + 1}, {3, 5}};
        CHECK(restored->chunks.at(kArtifact) == held);
        CHECK(restored->chunks.at(kOther).size() == 1);
        CHECK(store.read_chunk(kArtifact, 0)->view() == largest);
        CHECK(store.read_chunk(kArtifact, 3)->view() == "again");
        CHECK(store.read_chunk(kArtifact, 1).status().code() == PINNATE_NOT_FOUND);
        CHECK(store.write_chunk(kArtifact, 1, Buffer("more")).ok());
        CHECK(store.sync_artifact(kArtifact).ok());
        CHECK(store.read_chunk(kArtifact, 1)->view() == "more");
      });
}

TEST_CASE("a chunk without bytes, over 64 KiB or of an absurd index is refused") {
  for_each_store([](Store& store) {
    CHECK_FALSE(store.write_chunk(kArtifact, 0, Buffer()).ok());
    CHECK_FALSE(store.write_chunk(kArtifact, 0, Buffer(std::string(kChunkBytes + 2, 'a'))).ok());
    CHECK_FALSE(store.write_chunk(kArtifact, 0xffffffff, Buffer("a")).ok());
    CHECK(store.restore()->chunks.empty());
  });
}

TEST_CASE("a dropped artifact is gone, and may come again") {
  for_each_store([](Store& store) {
    CHECK(store.write_chunk(kArtifact, 0, Buffer("first")).ok());
    CHECK(store.write_chunk(kArtifact, 1, Buffer("first")).ok());
    CHECK(store.write_chunk(kOther, 0, Buffer("stays")).ok());
    CHECK(store.drop_artifact(kArtifact).ok());
    CHECK(store.read_chunk(kArtifact, 0).status().code() == PINNATE_NOT_FOUND);
    CHECK(store.write_chunk(kArtifact, 1, Buffer("second")).ok());
    CHECK(store.sync_artifact(kArtifact).ok());
    CHECK(store.read_chunk(kArtifact, 1)->view() == "second");
    CHECK(store.read_chunk(kArtifact, 0).status().code() == PINNATE_NOT_FOUND);
    CHECK(store.read_chunk(kOther, 0)->view() == "stays");
  });
}

TEST_CASE("a buffer that was read outlives its artifact and its store") {
  for_each_store([](Store& store) {
    CHECK(store.write_chunk(kArtifact, 0, Buffer("kept")).ok());
    const auto chunk = store.read_chunk(kArtifact, 0);
    CHECK(store.drop_artifact(kArtifact).ok());
    CHECK(chunk->view() == "kept");
  });
}
