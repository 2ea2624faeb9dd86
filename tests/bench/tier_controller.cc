#include "tiers.h"

#include "clock.h"
#include "content.h"

#include <pinnate/controller.h>

#include <condition_variable>
#include <cstring>
#include <mutex>
#include <string>

namespace bench {
namespace {

// The newest roll-up, as far as it is waited for.
class NewestRollup {
 public:
  void heard(const pinnate_rollup& rollup) {
    const std::lock_guard lock(mutex_);
    engines_ = rollup.online_engines;
    gateways_ = rollup.online_gateways;
    version_.clear();
    serving_ = others_ = 0;
    for (std::size_t i = 0; i < rollup.release_count; i++) {
      if (!rollup.releases[i]->current) {
        others_ += rollup.releases[i]->serving;
        continue;
      }
      version_ = rollup.releases[i]->version;
      serving_ = rollup.releases[i]->phases[PINNATE_PHASE_LIVE];
    }
    changed_.notify_all();
  }

  void wait_online(std::uint64_t engines, std::uint64_t gateways) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return engines_ >= engines && gateways_ >= gateways; });
  }

  // Until that is the last thing to be told of a publish: nobody serves anything else any more.
  void wait_serving(const std::string& version, std::uint64_t engines) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return version_ == version && serving_ >= engines && others_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t engines_ = 0, gateways_ = 0, serving_ = 0, others_ = 0;
  std::string version_;
};

void publish(pinnate_controller* controller, const std::string& content, const std::string& loader,
             const std::string& release) {
  const std::string version = "1.0." + release;
  pinnate_artifact artifact = PINNATE_ARTIFACT_INIT;
  const pinnate_artifact* const artifacts = &artifact;
  artifact.platform = "any";
  artifact.bytes = {content.data(), content.size()};
  pinnate_publish publish = PINNATE_PUBLISH_INIT;
  publish.name = "bench";
  publish.version = version.c_str();
  publish.loader = loader.c_str();
  publish.artifacts = &artifacts;
  publish.artifact_count = 1;
  pinnate_published published = PINNATE_PUBLISHED_INIT;
  const std::int64_t called = now_ns();
  check(pinnate_controller_publish_wait(controller, &publish, &published, nullptr, 0), "publish");
  const std::int64_t acknowledged = now_ns();
  answer({"published", std::to_string(called), std::to_string(acknowledged), std::to_string(published.prepare_us),
          std::to_string(published.durable_us)});
}

}  // namespace

void run_controller(const Words& arguments) {
  static NewestRollup fleet;
  pinnate_controller* controller = nullptr;
  std::string content;
  std::map<std::string, Command> commands;
  commands["open"] = [&](const Words& words) {
    pinnate_controller_options options = PINNATE_CONTROLLER_OPTIONS_INIT;
    options.tier = tier_options("controller");
    options.state_dir = words.at(0).c_str();
    char bound[256];
    check(pinnate_controller_open(&options, &controller), "controller");
    check(pinnate_controller_listen(controller, "tcp://127.0.0.1:0", bound, sizeof bound, nullptr), "controller");
    const auto on_rollup = [](void*, pinnate_status status, const char*, const pinnate_rollup* rollup) {
      if (status == PINNATE_OK) fleet.heard(*rollup);
    };
    check(pinnate_controller_watch(controller, on_rollup, nullptr, nullptr), "watch");
    answer({"ready", bound});
  };
  commands["online"] = [&](const Words& words) {
    fleet.wait_online(std::stoull(words.at(0)), std::stoull(words.at(1)));
    answer({"online"});
  };
  commands["serving"] = [&](const Words& words) {
    fleet.wait_serving("1.0." + words.at(0), std::stoull(words.at(1)));
    answer({"serving"});
  };
  commands["content"] = [&](const Words& words) {
    content = noise(std::stoull(words.at(0)), std::stoull(words.at(1)));
    answer({"made"});
  };
  commands["publish"] = [&](const Words& words) { publish(controller, content, words.at(0), words.at(1)); };
  add_link_commands(&commands, true);
  serve(commands, "open", arguments);
}

}  // namespace bench
