#include "command_line.h"
#include "tier_command.h"

#include <pinnate/controller.h>

namespace cli {

namespace {

struct ControllerFlags {
  TierFlags tier;
};

void set_up(CLI::App& app, ControllerFlags& flags) {
  Settings& given = flags.tier.given;
  add_tier_flags(app, flags.tier);
  const std::function<void(const std::string&)> take_state = [&given](const std::string& text) { given.state = text; };
  app.add_option_function("--state", take_state, "folder of the desired state, releases and artifacts; made if missing")
      ->type_name("DIR");
  app.add_option("--down", given.down, "keep a link to a gateway or engine that listens there; repeat for more")
      ->type_name("ADDR")
      ->take_all();
  add_size(app, "--artifact-limit", given.artifact_limit, "largest artifact accepted (default 256MiB)");
  add_duration(app, "--forget-after", given.forget_after, "how long an offline tier is remembered (default 1d)");
  app.footer(
      "Examples:\n"
      "  pinnate controller --state /var/lib/pinnate --listen tcp://127.0.0.1:7070\n"
      "  pinnate controller --config /etc/pinnate/controller.toml");
}

ExitCode run(const ControllerFlags& flags) {
  const Settings settings = settings_of(flags.tier, Reader::kController);
  if (!settings.state) {
    throw Failure(ExitCode::kUsage,
                  "a controller needs a folder for its state: give --state DIR, or `state` in --config");
  }
  if (settings.listen.empty() && settings.down.empty()) {
    throw Failure(ExitCode::kUsage, "nobody could reach this controller: give --listen ADDR, or --down ADDR");
  }
  StopSignals stop;
  const TierOptions tier(settings);
  pinnate_controller_options options = PINNATE_CONTROLLER_OPTIONS_INIT;
  options.tier = tier.get();
  options.state_dir = settings.state->c_str();
  options.artifact_limit_bytes = settings.artifact_limit.value_or(0);
  options.forget_after_ms = static_cast<std::uint32_t>(settings.forget_after.value_or(Milliseconds(0)).count());

  Opened<pinnate_controller, pinnate_controller_close_wait, pinnate_controller_free> controller;
  check(pinnate_controller_open(&options, controller.receive()));
  listen_at(settings, controller.get(), pinnate_controller_listen);
  for (const std::string& address : settings.down) {
    check(pinnate_controller_dial(controller.get(), address.c_str(), nullptr));
  }
  run_until_stopped("controller", stop);
  return ExitCode::kOk;
}

}  // namespace

void add_controller(CommandLine& line) {
  add_command<ControllerFlags>(line, "controller", "run a controller, the root of a fleet, in the foreground",
                               Kind::runs);
}

}  // namespace cli
