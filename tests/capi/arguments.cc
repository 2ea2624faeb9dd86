// What a host gets wrong is said in words, at once, and nothing happens.
#include "answers.h"
#include "greeting.h"
#include "world.h"

#include "folder.h"

#include <climits>
#include <cstring>
#include <fstream>

namespace {

struct Root {
  Root() : controller(world) { REQUIRE(open(controller, folder.path + "/state") == PINNATE_OK); }

  pinnate_status publish(const pinnate_publish& publish) {
    PublishedAnswer answer;
    const pinnate_status status =
        pinnate_controller_publish(controller, &publish, nullptr, PublishedAnswer::on_published, &answer);
    if (status == PINNATE_OK) world.until([&] { return answer.came(); });
    return status;
  }
  std::string file(const char* name, const std::string& content) {
    const std::string path = folder.path + "/" + name;
    std::ofstream(path) << content;
    return path;
  }

  World world{true};
  TestFolder folder;
  Controller controller;
};

pinnate_publish publish_of(const pinnate_artifact* const* artifacts, std::size_t count) {
  pinnate_publish publish = PINNATE_PUBLISH_INIT;
  publish.name = "f";
  publish.version = "1";
  publish.artifacts = artifacts;
  publish.artifact_count = count;
  return publish;
}

}  // namespace

TEST_CASE("NULL for a handle or a required argument is named") {
  CHECK(pinnate_controller_listen(nullptr, "tcp://127.0.0.1:0", nullptr, 0, nullptr) == PINNATE_INVALID);
  CHECK(says("controller is NULL"));
  CHECK(pinnate_gateway_close(nullptr, nullptr, nullptr) == PINNATE_INVALID);
  CHECK(says("gateway is NULL"));
  CHECK(pinnate_engine_call_wait(nullptr, nullptr, nullptr, nullptr, nullptr, 0) == PINNATE_INVALID);
  CHECK(says("engine is NULL"));
  CHECK(pinnate_client_watch(nullptr, nullptr, nullptr, nullptr) == PINNATE_INVALID);
  CHECK(says("client is NULL"));
  pinnate_gateway_options options = PINNATE_GATEWAY_OPTIONS_INIT;
  CHECK(pinnate_gateway_open(&options, nullptr) == PINNATE_INVALID);
  CHECK(says("gateway is NULL"));
  pinnate_gateway* gateway;
  CHECK(pinnate_gateway_open(nullptr, &gateway) == PINNATE_INVALID);
  CHECK(says("options is NULL"));

  Root root;
  CHECK(pinnate_controller_listen(root.controller, nullptr, nullptr, 0, nullptr) == PINNATE_INVALID);
  CHECK(says("address is NULL"));
  CHECK(pinnate_controller_publish(root.controller, nullptr, nullptr, PublishedAnswer::on_published, nullptr) ==
        PINNATE_INVALID);
  CHECK(says("publish is NULL"));
  CHECK(pinnate_controller_unpublish(root.controller, nullptr, 0, DoneAnswer::on_done, nullptr) == PINNATE_INVALID);
  CHECK(says("name is NULL"));
  CHECK(pinnate_controller_releases(root.controller, nullptr, nullptr, nullptr) == PINNATE_INVALID);
  CHECK(says("on_releases is NULL"));
  CHECK(pinnate_controller_call(root.controller, nullptr, ResultAnswer::on_result, nullptr) == PINNATE_INVALID);
  CHECK(says("call is NULL"));
}

TEST_CASE("options out of range are refused before anything is made") {
  TestFolder folder;
  const std::string dir = folder.path + "/state";
  pinnate_controller* controller = nullptr;
  pinnate_controller_options options = PINNATE_CONTROLLER_OPTIONS_INIT;
  CHECK(pinnate_controller_open(&options, &controller) == PINNATE_INVALID);
  CHECK(says("options.state_dir is NULL"));
  options.state_dir = "";
  CHECK(pinnate_controller_open(&options, &controller) == PINNATE_INVALID);
  options.state_dir = dir.c_str();
  options.tier.heartbeat_ms = 49;
  CHECK(pinnate_controller_open(&options, &controller) == PINNATE_INVALID);
  CHECK(says("heartbeat_ms is 49; 50 to 600000"));
  options.tier.heartbeat_ms = 0;
  options.tier.link_limit_bytes = 1;
  CHECK(pinnate_controller_open(&options, &controller) == PINNATE_INVALID);
  CHECK(says("link_limit_bytes is 1; at least 4194304"));
  options.tier.link_limit_bytes = 0;
  options.tier.id = "no spaces";
  CHECK(pinnate_controller_open(&options, &controller) == PINNATE_INVALID);
  CHECK(says("tier id 'no spaces'"));
  options.tier.id = nullptr;
  for (const int level : {4, -1, INT_MAX}) {
    std::memcpy(&options.tier.log_level, &level, sizeof level);  // as a host in C sets it
    CHECK(pinnate_controller_open(&options, &controller) == PINNATE_INVALID);
    CHECK(says(("log_level is " + std::to_string(level)).c_str()));
  }
  options.tier.log_level = PINNATE_LOG_DEBUG;
  options.tier.label_count = 1;
  CHECK(pinnate_controller_open(&options, &controller) == PINNATE_INVALID);
  CHECK(says("options.tier.labels is NULL"));
  const pinnate_label eu{sizeof eu, "region", "eu"}, us{sizeof us, "region", "us"};
  const pinnate_label* labels[] = {&eu, nullptr};
  options.tier.labels = labels;
  options.tier.label_count = 2;
  CHECK(pinnate_controller_open(&options, &controller) == PINNATE_INVALID);
  CHECK(says("options.tier.labels[1] is NULL"));
  labels[1] = &us;
  CHECK(pinnate_controller_open(&options, &controller) == PINNATE_INVALID);
  CHECK(says("labels[1]: the key 'region'"));
  options.tier.label_count = 0;
  options.artifact_limit_bytes = UINT64_MAX;
  CHECK(pinnate_controller_open(&options, &controller) == PINNATE_INVALID);
  CHECK(says("at most 2 GiB"));
  CHECK(controller == nullptr);
  CHECK_FALSE(std::filesystem::exists(dir));

  pinnate_engine_options engine_options = PINNATE_ENGINE_OPTIONS_INIT;
  pinnate_engine* engine = nullptr;
  engine_options.worker_threads = 65;
  CHECK(pinnate_engine_open(&engine_options, &engine) == PINNATE_INVALID);
  CHECK(says("options.worker_threads is 65; 1 to 64"));
  engine_options.worker_threads = 0;
  engine_options.platform = "linux x86";
  CHECK(pinnate_engine_open(&engine_options, &engine) == PINNATE_INVALID);

  pinnate_client_options client_options = PINNATE_CLIENT_OPTIONS_INIT;
  pinnate_client* client = nullptr;
  CHECK(pinnate_client_open(&client_options, &client) == PINNATE_INVALID);
  CHECK(says("options.to is NULL"));
  client_options.to = "carrier pigeon";
  CHECK(pinnate_client_open(&client_options, &client) == PINNATE_INVALID);
  CHECK(says("carrier pigeon"));
}

TEST_CASE("options whose size was never set are refused, and those that have nothing but a size are defaults") {
  pinnate_controller_options controller_options{};
  pinnate_gateway_options gateway_options{};
  pinnate_engine_options engine_options{};
  pinnate_client_options client_options{};
  World world(false);
  Controller controller(world);
  Gateway gateway(world);
  Engine engine(world);
  Client client(world);
  CHECK(pinnate_controller_open(&controller_options, &controller.handle) == PINNATE_INVALID);
  CHECK(says("options.size is 0"));
  CHECK(pinnate_gateway_open(&gateway_options, &gateway.handle) == PINNATE_INVALID);
  CHECK(says("options.size is 0"));
  CHECK(pinnate_engine_open(&engine_options, &engine.handle) == PINNATE_INVALID);
  CHECK(says("options.size is 0"));
  CHECK(pinnate_client_open(&client_options, &client.handle) == PINNATE_INVALID);
  CHECK(says("options.size is 0"));

  gateway_options.size = sizeof(std::size_t);
  engine_options.size = sizeof(std::size_t);
  CHECK(pinnate_gateway_open(&gateway_options, &gateway.handle) == PINNATE_OK);
  CHECK(pinnate_engine_open(&engine_options, &engine.handle) == PINNATE_OK);
}

TEST_CASE("what is wrong with a publish is said before it begins") {
  Root root;
  const pinnate_artifact artifact{sizeof artifact, nullptr, nullptr, {"x", 1}};
  const pinnate_artifact* artifacts[] = {&artifact};
  pinnate_publish publish = publish_of(artifacts, 1);
  publish.name = "Upper";
  CHECK(root.publish(publish) == PINNATE_INVALID);
  CHECK(says("function name 'Upper'"));
  publish.name = nullptr;
  CHECK(root.publish(publish) == PINNATE_INVALID);
  CHECK(says("publish.name is NULL"));
  publish.name = "f";
  publish.version = "a b";
  CHECK(root.publish(publish) == PINNATE_INVALID);
  publish.version = "1";
  publish.selector = "region=eu,=x";
  CHECK(root.publish(publish) == PINNATE_INVALID);
  CHECK(says("selector, term 2"));
  publish.selector = nullptr;
  publish.drain_limit_ms = 600001;
  CHECK(root.publish(publish) == PINNATE_INVALID);
  CHECK(says("publish.drain_limit_ms is 600001"));
  publish.drain_limit_ms = 0;
  const std::string config(64 * 1024 + 1, 'c');
  publish.config = {config.data(), config.size()};
  CHECK(root.publish(publish) == PINNATE_TOO_LARGE);
  CHECK(says("publish.config is 65537 bytes; at most 65536"));
  publish.config = {nullptr, 3};
  CHECK(root.publish(publish) == PINNATE_INVALID);
  CHECK(says("publish.config.data is NULL"));
  publish.config = {nullptr, 0};

  publish.artifact_count = 0;
  CHECK(root.publish(publish) == PINNATE_INVALID);
  publish.artifact_count = 17;
  CHECK(root.publish(publish) == PINNATE_INVALID);
  CHECK(says("at most 16"));
  publish.artifact_count = 1;
  artifacts[0] = nullptr;
  CHECK(root.publish(publish) == PINNATE_INVALID);
  CHECK(says("publish.artifacts[0] is NULL"));
  publish.artifacts = nullptr;
  CHECK(root.publish(publish) == PINNATE_INVALID);
  CHECK(says("publish.artifacts is NULL"));
}

TEST_CASE("a file that cannot be published is named") {
  Root root;
  const std::string missing = root.folder.path + "/missing.so", empty = root.file("empty.so", "");
  const std::string sparse = root.file("sparse.so", "x");
  pinnate_artifact artifact{sizeof artifact, nullptr, missing.c_str(), {nullptr, 0}};
  const pinnate_artifact* const artifacts = &artifact;
  const pinnate_publish publish = publish_of(&artifacts, 1);
  CHECK(root.publish(publish) == PINNATE_NOT_FOUND);
  CHECK(says(("publish.artifacts[0]: cannot open '" + missing + "'").c_str()));
  artifact.path = empty.c_str();
  CHECK(root.publish(publish) == PINNATE_INVALID);
  CHECK(says("empty.so is empty"));
  artifact.path = root.folder.path.c_str();
  CHECK(root.publish(publish) == PINNATE_INVALID);
  CHECK(says("is not a regular file"));
  std::filesystem::resize_file(sparse, (2ull << 30) + 1);
  artifact.path = sparse.c_str();
  CHECK(root.publish(publish) == PINNATE_TOO_LARGE);
  CHECK(says("larger than 2 GiB"));
  artifact.bytes = {"x", 1};
  CHECK(root.publish(publish) == PINNATE_INVALID);
  CHECK(says("both a path and bytes"));
  artifact = PINNATE_ARTIFACT_INIT;
  CHECK(root.publish(publish) == PINNATE_INVALID);
  CHECK(says("neither a path nor bytes"));
}

TEST_CASE("two artifacts for one platform are refused, also when it was read from the file") {
  Root root;
  std::string elf(
      "\x7f"
      "ELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0",
      20);
  constexpr std::size_t size = sizeof(pinnate_artifact);
  const pinnate_artifact stated{size, "linux-x86_64", nullptr, {"x", 1}};
  const pinnate_artifact read{size, nullptr, nullptr, {elf.data(), elf.size()}};
  const pinnate_artifact* const artifacts[] = {&stated, &read};
  CHECK(root.publish(publish_of(artifacts, 2)) == PINNATE_INVALID);
  CHECK(says("two artifacts for linux-x86_64"));
  const pinnate_artifact text{size, nullptr, nullptr, {"x", 1}}, any{size, "any", nullptr, {"y", 1}};
  const pinnate_artifact* const others[] = {&text, &any};
  CHECK(root.publish(publish_of(others, 2)) == PINNATE_INVALID);
  CHECK(says("two artifacts for any"));
}

TEST_CASE("a lookup or a call out of range is refused in words") {
  Root root;
  pinnate_lookup lookup = PINNATE_LOOKUP_INIT;
  lookup.limit = 1001;
  CHECK(pinnate_controller_lookup(root.controller, &lookup, TiersAnswer::on_rows, nullptr) == PINNATE_INVALID);
  CHECK(says("lookup.limit is 1001"));
  lookup.limit = 0;
  lookup.phase = PINNATE_PHASE_COUNT + 1;
  CHECK(pinnate_controller_lookup(root.controller, &lookup, TiersAnswer::on_rows, nullptr) == PINNATE_INVALID);
  CHECK(says("lookup.phase"));
  pinnate_call call = PINNATE_CALL_INIT;
  CHECK(pinnate_controller_call(root.controller, &call, ResultAnswer::on_result, nullptr) == PINNATE_INVALID);
  CHECK(says("call.name is NULL"));
  call.name = "f";
  call.payload = {"", 1024 * 1024 + 1};
  CHECK(pinnate_controller_call(root.controller, &call, ResultAnswer::on_result, nullptr) == PINNATE_TOO_LARGE);
  call.payload = {nullptr, 1};
  CHECK(pinnate_controller_call(root.controller, &call, ResultAnswer::on_result, nullptr) == PINNATE_INVALID);
  CHECK(says("call.payload.data is NULL"));
}

TEST_CASE("listening tells the port, cut to the room there is, and refuses what is open to the world") {
  Root root;
  char bound[64] = "", little[8];
  REQUIRE(pinnate_controller_listen(root.controller, "tcp://127.0.0.1:0", bound, sizeof bound, nullptr) == PINNATE_OK);
  CHECK(std::string(bound).substr(0, 16) == "tcp://127.0.0.1:");
  CHECK(std::string(bound) != "tcp://127.0.0.1:0");
  REQUIRE(pinnate_controller_listen(root.controller, "tcp://127.0.0.1:0", little, sizeof little, nullptr) ==
          PINNATE_OK);
  CHECK(std::string(little) == "tcp://1");
  CHECK(pinnate_controller_listen(root.controller, "tcp://0.0.0.0:0", nullptr, 0, nullptr) != PINNATE_OK);
  CHECK(says("insecure"));
  CHECK(pinnate_controller_listen(root.controller, bound, nullptr, 0, nullptr) == PINNATE_IN_USE);
}

TEST_CASE("loaders are checked, and come before links") {
  World world(true);
  Engine engine(world);
  REQUIRE(open(engine) == PINNATE_OK);
  pinnate_loader loader = greeting::loader();
  loader.create = nullptr;
  CHECK(pinnate_engine_add_loader(engine, &loader) == PINNATE_INVALID);
  CHECK(says("create"));
  loader = greeting::loader();
  loader.kind = nullptr;
  CHECK(pinnate_engine_add_loader(engine, &loader) == PINNATE_INVALID);
  loader.kind = "Greeting";
  CHECK(pinnate_engine_add_loader(engine, &loader) == PINNATE_INVALID);
  loader = greeting::loader();
  CHECK(pinnate_engine_add_loader(engine, &loader) == PINNATE_OK);
  REQUIRE(pinnate_engine_dial_upstream(engine, "unix:/nobody/listens/here", nullptr) == PINNATE_OK);
  CHECK(pinnate_engine_add_loader(engine, &loader) == PINNATE_INVALID);
  CHECK(says("before the engine dials or listens"));
}

TEST_CASE("loaders in the options are checked before anything is opened") {
  World world(true);
  const auto opened_with = [&](const pinnate_loader* const* loaders, std::size_t count) {
    Engine engine(world);
    pinnate_engine_options options = PINNATE_ENGINE_OPTIONS_INIT;
    options.tier.uv_loop = world.loop();
    options.loaders = loaders;
    options.loader_count = count;
    return pinnate_engine_open(&options, &engine.handle);
  };
  const pinnate_loader good = greeting::loader();
  pinnate_loader bad = good;
  bad.load = nullptr;
  const pinnate_loader* const both[] = {&good, &bad};
  CHECK(opened_with(both, 1) == PINNATE_OK);
  CHECK(opened_with(both, 2) == PINNATE_INVALID);
  CHECK(says("load"));
  const pinnate_loader* const none[] = {nullptr};
  CHECK(opened_with(none, 1) == PINNATE_INVALID);
  CHECK(says("options.loaders[0] is NULL"));
  CHECK(opened_with(nullptr, 1) == PINNATE_INVALID);
  CHECK(says("options.loaders is NULL"));
  CHECK(opened_with(both, 65) == PINNATE_INVALID);
  CHECK(says("options.loader_count is 65"));
}

TEST_CASE("an engine that does not serve a function says so to a call in process") {
  World world(false);
  Engine engine(world);
  REQUIRE(open(engine, "leaf") == PINNATE_OK);
  pinnate_call call = PINNATE_CALL_INIT;
  call.name = "nothing";
  void* result = &call;
  size_t size = 1;
  CHECK(pinnate_engine_call_wait(engine, &call, &result, &size, nullptr, 0) == PINNATE_NOT_FOUND);
  CHECK(result == nullptr);
  CHECK(size == 0);
  CHECK(says("nothing"));
  call.engine = "another";
  CHECK(pinnate_engine_call_wait(engine, &call, &result, &size, nullptr, 0) == PINNATE_INVALID);
  CHECK(says("call.engine is 'another', and this is 'leaf'"));
}
