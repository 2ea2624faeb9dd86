// A host's own loader on the engines of a fleet in virtual time: it is really called, and leaves
// nothing behind.
#include "testing_world.h"

#include "answers.h"
#include "world.h"

#include <pinnate/loader.h>

#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

// Artifacts of kind "counted" are a word that is put before what a call brings. What there is, is
// counted.
struct Counted {
  int modules = 0, services = 0, loads = 0;
  std::vector<std::string> refuses;  // words that cannot be loaded
  std::vector<pinnate_reply*> kept;  // of calls that asked to be answered later
  const pinnate_host* host = nullptr;  // of the service that was called last
  std::uint32_t remaining_ms = 0;
  pinnate_testing_fleet* fleet = nullptr;
  pinnate_status from_inside = PINNATE_OK;  // what a function said that was called from inside
};
struct CountedModule {
  Counted* all;
  std::string word;
  const pinnate_host* host = nullptr;
};

pinnate_loader counted_loader(Counted* all) {
  pinnate_loader loader{};
  loader.size = sizeof loader;
  loader.kind = "counted";
  loader.self = all;
  loader.load = [](void* self, const pinnate_image* image, void** module, char* error, size_t error_bytes) {
    auto* all = static_cast<Counted*>(self);
    all->loads++;
    const std::string word(static_cast<const char*>(image->data), image->size_bytes);
    for (const std::string& refused : all->refuses) {
      if (word != refused) continue;
      std::strncpy(error, "not this word", error_bytes);
      return 1;
    }
    all->modules++;
    *module = new CountedModule{all, word};
    return 0;
  };
  loader.create = [](void* module, const pinnate_host* host, const void* config, size_t config_bytes, void** service,
                     char*, size_t) {
    auto* m = static_cast<CountedModule*>(module);
    m->word.append(static_cast<const char*>(config), config_bytes);
    m->host = host;
    m->all->services++;
    host->log(host->context, 1, "created");
    *service = m;
    return 0;
  };
  loader.call = [](void*, void* service, pinnate_reply* reply, const void* payload, size_t payload_bytes) {
    auto* m = static_cast<CountedModule*>(service);
    m->all->host = m->host;
    m->all->remaining_ms = m->host->remaining_ms(reply);
    const std::string asked(static_cast<const char*>(payload), payload_bytes);
    if (asked == "keep") return m->all->kept.push_back(reply);
    if (asked == "fail") return m->host->fail(reply, "as you wished");
    if (asked == "inside") m->all->from_inside = pinnate_testing_advance(m->all->fleet, 1);
    const std::string answer = m->word + asked;
    m->host->answer(reply, answer.data(), answer.size());
    if (asked == "twice") m->host->answer(reply, "again", 5);
  };
  loader.destroy = [](void*, void* service) { static_cast<CountedModule*>(service)->all->services--; };
  loader.unload = [](void* module) {
    auto* m = static_cast<CountedModule*>(module);
    m->all->modules--;
    delete m;
  };
  return loader;
}

struct LoaderFleet : TestingFleet {
  explicit LoaderFleet(std::uint32_t engines = 3) : TestingFleet(1, 1, engines) {
    options.log = [](void* arg, pinnate_log_level, const char* line) {
      *static_cast<std::string*>(arg) += std::string(line) + "\n";
    };
    options.log_arg = &log;
    open();
    const pinnate_loader loader = counted_loader(&all);
    REQUIRE(pinnate_testing_add_loader(handle, &loader) == PINNATE_OK);
    all.fleet = handle;
  }
  ~LoaderFleet() { close(); }

  Counted all;
  std::string log;
};

}  // namespace

TEST_CASE("a host's loader gets the bytes and the configuration on every engine, and its services take the calls") {
  LoaderFleet fleet;
  const std::string big(200000, 'x');  // more than one chunk
  fleet.publish_live("1.0.0", big, nullptr, "counted");
  CHECK(fleet.all.modules == 3);
  CHECK(fleet.all.services == 3);
  CHECK(fleet.call("!") == big + "!");
  CHECK(fleet.all.remaining_ms > 5000);
  CHECK(fleet.all.remaining_ms <= 10000);
  CHECK(fleet.log.find("s0.k0.e1: module 'greet' 1.0.0: created") != std::string::npos);

  const pinnate_artifact artifact{sizeof artifact, nullptr, nullptr, {"word", 4}};
  const pinnate_artifact* const artifacts = &artifact;
  pinnate_publish order = PINNATE_PUBLISH_INIT;
  order.name = "greet";
  order.version = "2.0.0";
  order.loader = "counted";
  order.config = {"-config-", 8};
  order.artifacts = &artifacts;
  order.artifact_count = 1;
  pinnate_published published = PINNATE_PUBLISHED_INIT;
  REQUIRE(pinnate_testing_publish(fleet, &order, &published) == PINNATE_OK);
  REQUIRE(pinnate_testing_wait_live(fleet, published.release, 0, 10000) == PINNATE_OK);
  CHECK(fleet.call("!") == "word-config-!");
  REQUIRE(pinnate_testing_advance(fleet, 1000) == PINNATE_OK);  // the old ones drain
  CHECK(fleet.all.modules == 3);
  CHECK(fleet.all.loads == 6);
  fleet.close();
  CHECK(fleet.all.modules == 0);
  CHECK(fleet.all.services == 0);
}

TEST_CASE("what a host's loader refuses is told in its words, and a killed engine leaves nothing of the host's") {
  LoaderFleet fleet;
  fleet.all.refuses = {"bad"};
  fleet.publish_live("1.0.0", "good", nullptr, "counted");
  REQUIRE(fleet.publish("2.0.0", "bad", nullptr, "counted") == PINNATE_OK);
  CHECK(pinnate_testing_wait_live(fleet, fleet.published.release, 0, 5000) == PINNATE_TIMEOUT);
  CHECK(says("0 of 3 engines; 's0.k0.e0': failed: module 'greet' 2.0.0: not this word"));
  CHECK(fleet.call("!") == "good!");
  CHECK(fleet.call("fail") == "module 'greet' 1.0.0: as you wished");
  CHECK(fleet.last == PINNATE_FAILED);
  REQUIRE(pinnate_testing_kill(fleet, "s0.k0.e0") == PINNATE_OK);
  REQUIRE(pinnate_testing_lose_power(fleet, "s0.k0.e1") == PINNATE_OK);
  CHECK(fleet.all.modules == 1);
  CHECK(fleet.all.services == 1);
}

TEST_CASE("a call that is answered later, on any thread, ends when time passes") {
  LoaderFleet fleet;
  fleet.publish_live("1.0.0", "word", nullptr, "counted");
  ResultAnswer answer;
  REQUIRE(pinnate_testing_begin_call(fleet, nullptr, fleet.call_of("keep"), ResultAnswer::on_result, &answer) ==
          PINNATE_OK);
  REQUIRE(pinnate_testing_advance(fleet, 500) == PINNATE_OK);
  REQUIRE(fleet.all.kept.size() == 1);
  CHECK_FALSE(answer.came());
  std::thread([&] { fleet.all.host->answer(fleet.all.kept[0], "late", 4); }).join();
  CHECK_FALSE(answer.came());
  REQUIRE(pinnate_testing_advance(fleet, 100) == PINNATE_OK);
  CHECK(answer.times == 1);
  CHECK(answer.result == "late");
}

TEST_CASE("a call that is never answered ends at its limit, and holds up the end of its service as long as it may") {
  LoaderFleet fleet(1);
  fleet.publish_live("1.0.0", "word", nullptr, "counted");
  fleet.call("keep");
  CHECK(fleet.last == PINNATE_TIMEOUT);
  REQUIRE(pinnate_testing_advance(fleet, 100) == PINNATE_OK);  // the engine's own limit comes a little later
  CHECK(fleet.all.host->remaining_ms(fleet.all.kept[0]) == 0);
  fleet.publish_live("2.0.0", "other", nullptr, "counted");
  REQUIRE(pinnate_testing_advance(fleet, 1000) == PINNATE_OK);
  CHECK(fleet.all.services == 2);
  fleet.all.host->answer(fleet.all.kept[0], "late", 4);
  REQUIRE(pinnate_testing_advance(fleet, 1000) == PINNATE_OK);
  CHECK(fleet.all.services == 1);
  // An engine that is killed does not wait for it, and an answer is nobody's then.
  ResultAnswer answer;
  REQUIRE(pinnate_testing_begin_call(fleet, nullptr, fleet.call_of("keep"), ResultAnswer::on_result, &answer) ==
          PINNATE_OK);
  REQUIRE(pinnate_testing_advance(fleet, 100) == PINNATE_OK);
  REQUIRE(fleet.all.kept.size() == 2);
  const auto late = fleet.all.host->answer;
  REQUIRE(pinnate_testing_kill(fleet, "s0.k0.e0") == PINNATE_OK);
  CHECK(fleet.all.services == 0);
  late(fleet.all.kept[1], "late", 4);
  REQUIRE(pinnate_testing_advance(fleet, 100) == PINNATE_OK);
  CHECK(answer.times == 1);
  CHECK(answer.status == PINNATE_INTERRUPTED);
  CHECK(fleet.log.find("or that is over (ignored)") != std::string::npos);
}

TEST_CASE("a second answer to a call is ignored, and the log says who gave it") {
  LoaderFleet fleet;
  fleet.publish_live("1.0.0", "word", nullptr, "counted");
  CHECK(fleet.call("twice") == "wordtwice");
  CHECK(fleet.log.find("module 'greet' 1.0.0: answered a call that it had answered before") != std::string::npos);
}

TEST_CASE("the functions of a loader may not let time pass") {
  LoaderFleet fleet;
  fleet.publish_live("1.0.0", "word", nullptr, "counted");
  CHECK(fleet.call("inside") == "wordinside");
  CHECK(fleet.all.from_inside == PINNATE_WRONG_THREAD);
}

TEST_CASE("a loader for native modules stands in for shared objects, for what is loaded from then on") {
  LoaderFleet fleet;
  fleet.publish_live("1.0.0", "one");
  CHECK(fleet.call("!") == "greet@1.0.0:!");
  pinnate_loader loader = counted_loader(&fleet.all);
  loader.kind = "native";
  REQUIRE(pinnate_testing_add_loader(fleet, &loader) == PINNATE_OK);
  CHECK(fleet.call("!") == "greet@1.0.0:!");
  fleet.publish_live("2.0.0", "two");
  CHECK(fleet.call("!") == "two!");
}
