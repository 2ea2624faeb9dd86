#include "tiers.h"

#include "call_commands.h"
#include "clock.h"
#include "loaders.h"

#include <pinnate/engine.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <deque>
#include <string>

namespace bench {
namespace {

struct Engine {
  pinnate_engine* handle = nullptr;
  Arrival arrival;
  std::atomic<std::int64_t> live_ns{0};

  static void on_service(void* arg, const pinnate_service* service) {
    Engine& engine = *static_cast<Engine*>(arg);
    if (!service || service->phase != PINNATE_PHASE_LIVE) return;
    const char* const last = std::strrchr(service->version, '.');
    if (last && std::atoll(last + 1) == engine.arrival.expected_release.load()) {
      engine.live_ns = now_ns();
      engine.live_ns.notify_one();
    }
  }
};

void open(Engine* engine, std::size_t number, const std::string& upstream, const std::string& state = "") {
  const std::string id = "engine-" + std::to_string(number);
  const pinnate_loader bytes = arrival_loader(&engine->arrival), echo = echo_loader(), inlined = inline_echo_loader();
  pinnate_engine_options options = PINNATE_ENGINE_OPTIONS_INIT;
  options.tier = tier_options(id.c_str());
  if (!state.empty()) options.state_dir = state.c_str();
  check(pinnate_engine_open(&options, &engine->handle), id);
  check(pinnate_engine_add_loader(engine->handle, &bytes), id);
  check(pinnate_engine_add_loader(engine->handle, &echo), id);
  check(pinnate_engine_add_loader(engine->handle, &inlined), id);
  check(pinnate_engine_watch(engine->handle, &Engine::on_service, engine, nullptr), id);
  check(pinnate_engine_dial_upstream(engine->handle, upstream.c_str(), nullptr), id);
}

void expect(std::deque<Engine>* engines, std::int64_t release) {
  for (Engine& engine : *engines) {
    engine.arrival.verified_ns = 0;
    engine.live_ns = 0;
    engine.arrival.expected_release = release;
  }
}

void answer_arrivals(const std::deque<Engine>& engines) {
  for (const Engine& engine : engines) engine.live_ns.wait(0);
  std::int64_t first = INT64_MAX, last = 0, live = 0;
  for (const Engine& engine : engines) {
    first = std::min(first, engine.arrival.verified_ns.load());
    last = std::max(last, engine.arrival.verified_ns.load());
    live = std::max(live, engine.live_ns.load());
  }
  answer({"arrived", std::to_string(first), std::to_string(last), std::to_string(live)});
}

}  // namespace

void run_engines(const Words& arguments) {
  raise_file_limit();
  std::deque<Engine> engines;
  std::map<std::string, Command> commands;
  commands["open"] = [&](const Words& words) {
    const std::size_t count = std::stoull(words.at(0)), upstreams = words.size() - 1;
    for (std::size_t i = 0; i < count; i++) open(&engines.emplace_back(), i, words.at(1 + i % upstreams));
    answer({"ready"});
  };
  commands["open-with-folder"] = [&](const Words& words) {
    open(&engines.emplace_back(), engines.size(), words.at(0), words.at(1));
    answer({"ready"});
  };
  commands["listen"] = [&](const Words& words) {
    char bound[256];
    check(pinnate_engine_listen(engines.at(0).handle, words.at(0).c_str(), bound, sizeof bound, nullptr), "engine");
    answer({"ready", bound});
  };
  commands["expect"] = [&](const Words& words) {
    expect(&engines, std::stoll(words.at(0)));
    answer({"expected"});
  };
  commands["arrived"] = [&](const Words&) { answer_arrivals(engines); };
  commands["call"] = [&](const Words& words) {
    const std::size_t engine = words.size() > 4 ? std::stoull(words.at(4)) : 0;
    answer_times(measure_calls(engines.at(engine).handle, read_load(words)));
  };
  commands["function-pointer"] = [](const Words& words) { answer_times(measure_function_pointer(read_load(words))); };
  add_link_commands(&commands, false);
  serve(commands, "open", arguments);
}

}  // namespace bench
