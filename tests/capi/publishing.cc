#include "answers.h"
#include "world.h"

#include "folder.h"
#include "noise.h"

#include <cstdio>
#include <fstream>

namespace {

struct Stage {
  explicit Stage(bool own_loop) : world(own_loop), controller(world) {
    REQUIRE(open(controller, folder.path + "/state") == PINNATE_OK);
  }
  pinnate_publish publish_of(const char* version) {
    pinnate_publish publish = PINNATE_PUBLISH_INIT;
    publish.name = "f";
    publish.version = version;
    publish.artifacts = &artifacts;
    publish.artifact_count = 1;
    publish.allow = "not-a-module";
    return publish;
  }
  World world;
  TestFolder folder;
  Controller controller;
  pinnate_artifact artifact = PINNATE_ARTIFACT_INIT;
  const pinnate_artifact* artifacts = &artifact;
};

}  // namespace

TEST_CASE("progress grows to the size of the artifact while a file is published") {
  Stage stage(true);
  const std::string path = stage.folder.path + "/large.bin";
  const std::string bytes = pinnate::noise(9 * 1024 * 1024 + 17);
  std::ofstream(path, std::ios::binary) << bytes;
  stage.artifact.path = path.c_str();
  const pinnate_publish publish = stage.publish_of("1");
  PublishedAnswer answer;
  REQUIRE(pinnate_controller_publish(stage.controller, &publish, PublishedAnswer::on_progress,
                                     PublishedAnswer::on_published, &answer) == PINNATE_OK);
  REQUIRE(stage.world.until([&] { return answer.came(); }));
  CHECK(answer.error == "");
  CHECK(answer.status == PINNATE_OK);
  CHECK(answer.published.prepare_us > 0);
  CHECK(answer.published.durable_us > 0);
  CHECK(answer.total == bytes.size());
  CHECK(answer.progress > bytes.size() / 2);
  CHECK_FALSE(answer.went_back);

  SUBCASE("the same bytes from memory are the same module") {
    stage.artifact = {sizeof(pinnate_artifact), nullptr, nullptr, {bytes.data(), bytes.size()}};
    const pinnate_publish same = stage.publish_of("1");
    PublishedAnswer again;
    REQUIRE(pinnate_controller_publish(stage.controller, &same, nullptr, PublishedAnswer::on_published, &again) ==
            PINNATE_OK);
    REQUIRE(stage.world.until([&] { return again.came(); }));
    CHECK(again.status == PINNATE_OK);
    CHECK(again.published.created == 0);
  }
  SUBCASE("other bytes under the same version are a conflict") {
    stage.artifact = {sizeof(pinnate_artifact), nullptr, nullptr, {"other", 5}};
    const pinnate_publish other = stage.publish_of("1");
    PublishedAnswer again;
    REQUIRE(pinnate_controller_publish(stage.controller, &other, nullptr, PublishedAnswer::on_published, &again) ==
            PINNATE_OK);
    REQUIRE(stage.world.until([&] { return again.came(); }));
    CHECK(again.status == PINNATE_CONFLICT);
  }
}

TEST_CASE("progress grows as much when a client publishes over a link") {
  Stage stage(true);
  const std::string at = "unix:" + stage.folder.path + "/c", bytes = pinnate::noise(9 * 1024 * 1024);
  REQUIRE(pinnate_controller_listen(stage.controller, at.c_str(), nullptr, 0, nullptr) == PINNATE_OK);
  Client client(stage.world);
  REQUIRE(open(client, at) == PINNATE_OK);
  stage.artifact = {sizeof(pinnate_artifact), nullptr, nullptr, {bytes.data(), bytes.size()}};
  const pinnate_publish publish = stage.publish_of("1");
  PublishedAnswer answer;
  REQUIRE(pinnate_client_publish(client, &publish, PublishedAnswer::on_progress, PublishedAnswer::on_published,
                                 &answer) == PINNATE_OK);
  REQUIRE(stage.world.until([&] { return answer.came(); }));
  CHECK(answer.error == "");
  CHECK(answer.status == PINNATE_OK);
  CHECK(answer.total == bytes.size());
  CHECK(answer.progress > bytes.size() / 2);
  CHECK_FALSE(answer.went_back);
}

TEST_CASE("a file that changes while it is published fails in words and makes no release") {
  Stage stage(true);
  const std::string path = stage.folder.path + "/large.bin";
  std::ofstream(path, std::ios::binary) << pinnate::noise(24 * 1024 * 1024);
  stage.artifact.path = path.c_str();
  const pinnate_publish publish = stage.publish_of("1");
  PublishedAnswer answer;
  REQUIRE(pinnate_controller_publish(stage.controller, &publish, PublishedAnswer::on_progress,
                                     PublishedAnswer::on_published, &answer) == PINNATE_OK);
  SUBCASE("while it is hashed") {
    REQUIRE(stage.world.until([&] { return answer.progress > 0; }));
  }
  SUBCASE("while it is stored") {
    REQUIRE(stage.world.until([&] { return answer.progress > 12 * 1024 * 1024 || answer.came(); }));
  }
  REQUIRE_FALSE(answer.came());
  std::ofstream(path, std::ios::binary | std::ios::app) << "one line more";
  REQUIRE(stage.world.until([&] { return answer.came(); }));
  CHECK(answer.status == PINNATE_CONFLICT);
  CHECK(answer.error.find("large.bin' changed while it was being published") != std::string::npos);
  ReleasesAnswer history;
  REQUIRE(pinnate_controller_releases(stage.controller, nullptr, ReleasesAnswer::on_releases, &history) == PINNATE_OK);
  REQUIRE(stage.world.until([&] { return history.came(); }));
  CHECK(history.releases.empty());
}

TEST_CASE("closing in the middle of a publish ends it, and lets go of its files") {
  for (const bool own_loop : {true, false}) {
    Stage stage(own_loop);
    const std::string path = stage.folder.path + "/large.bin";
    std::ofstream(path, std::ios::binary) << pinnate::noise(24 * 1024 * 1024);
    stage.artifact.path = path.c_str();
    const pinnate_publish publish = stage.publish_of("1");
    PublishedAnswer answer;
    REQUIRE(pinnate_controller_publish(stage.controller, &publish, PublishedAnswer::on_progress,
                                       PublishedAnswer::on_published, &answer) == PINNATE_OK);
    REQUIRE(stage.world.until([&] { return answer.progress > 0; }));
    stage.controller.close();
    CHECK(answer.came());
    CHECK((answer.status == PINNATE_CLOSED || answer.status == PINNATE_OK));
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      std::error_code ignored;
      CHECK(std::filesystem::read_symlink(entry.path(), ignored) != path);
    }
  }
}

namespace {

// Bytes that this process has read, from whatever file.
std::uint64_t bytes_read() {
  std::ifstream io("/proc/self/io");
  std::string word;
  std::uint64_t bytes = 0;
  while (io >> word)
    if (word == "rchar:") io >> bytes;
  return bytes;
}

}  // namespace

TEST_CASE("an artifact over the controller's limit is refused in words, and not read") {
  World world(true);
  TestFolder folder;
  Controller controller(world);
  const std::string dir = folder.path + "/state", path = folder.path + "/module.bin";
  constexpr std::uint64_t kBytes = 64 * 1024 * 1024;
  std::ofstream(path).put('x');
  std::filesystem::resize_file(path, kBytes);
  pinnate_controller_options options = PINNATE_CONTROLLER_OPTIONS_INIT;
  options.tier.uv_loop = world.loop();
  options.state_dir = dir.c_str();
  options.artifact_limit_bytes = kBytes - 1;
  REQUIRE(pinnate_controller_open(&options, &controller.handle) == PINNATE_OK);
  const pinnate_artifact artifact{sizeof artifact, "any", path.c_str(), {nullptr, 0}};
  const pinnate_artifact* const artifacts = &artifact;
  pinnate_publish publish = PINNATE_PUBLISH_INIT;
  publish.name = "f";
  publish.version = "1";
  publish.allow = "not-a-module";
  publish.artifacts = &artifacts;
  publish.artifact_count = 1;
  PublishedAnswer answer;
  std::uint64_t before = 0;
  SUBCASE("in its own process") {
    before = bytes_read();
    REQUIRE(pinnate_controller_publish(controller, &publish, nullptr, PublishedAnswer::on_published, &answer) ==
            PINNATE_OK);
  }
  Client client(world);
  SUBCASE("over a link") {
    REQUIRE(pinnate_controller_listen(controller, ("unix:" + folder.path + "/c").c_str(), nullptr, 0, nullptr) ==
            PINNATE_OK);
    REQUIRE(open(client, "unix:" + folder.path + "/c") == PINNATE_OK);
    RollupAnswer linked;
    REQUIRE(pinnate_client_status(client, nullptr, RollupAnswer::on_rollup, &linked) == PINNATE_OK);
    REQUIRE(world.until([&] { return linked.came(); }));
    before = bytes_read();
    REQUIRE(pinnate_client_publish(client, &publish, nullptr, PublishedAnswer::on_published, &answer) == PINNATE_OK);
  }
  REQUIRE(world.until([&] { return answer.came(); }));
  CHECK(bytes_read() - before < kBytes / 8);
  CHECK(answer.status == PINNATE_TOO_LARGE);
  CHECK(answer.error.find("the artifact for any is 67108864 bytes; the limit is 67108863") != std::string::npos);
}

TEST_CASE("a file of a few MiB is read once while it is published, and another program may then change it") {
  Stage stage(true);
  const std::string path = stage.folder.path + "/module.bin";
  const std::string bytes = pinnate::noise(5 * 1024 * 1024);
  std::ofstream(path, std::ios::binary) << bytes;
  stage.artifact.path = path.c_str();
  const pinnate_publish publish = stage.publish_of("1");
  PublishedAnswer answer;
  const std::uint64_t before = bytes_read();
  REQUIRE(before > 0);
  REQUIRE(pinnate_controller_publish(stage.controller, &publish, PublishedAnswer::on_progress,
                                     PublishedAnswer::on_published, &answer) == PINNATE_OK);
  REQUIRE(stage.world.until([&] { return answer.progress >= bytes.size() / 2; }));  // it was read
  std::ofstream(path, std::ios::binary) << "another module";
  REQUIRE(stage.world.until([&] { return answer.came(); }));
  CHECK(answer.error == "");
  CHECK(answer.status == PINNATE_OK);
  // Once here, and once by the controller, which checks the digest of what is on its disk.
  CHECK(bytes_read() - before < bytes.size() * 9 / 4);
}
