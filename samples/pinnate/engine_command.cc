#include "command_line.h"
#include "plain_loader.h"
#include "shown_text.h"
#include "tier_command.h"

#include <pinnate/engine.h>

#include <iterator>

namespace cli {

namespace {

struct EngineFlags {
  TierFlags tier;
};

void set_up(CLI::App& app, EngineFlags& flags) {
  Settings& given = flags.tier.given;
  add_tier_flags(app, flags.tier);
  const std::function<void(const std::string&)> take_up = [&given](const std::string& text) { given.up = text; };
  const std::function<void(const std::string&)> take_state = [&given](const std::string& text) { given.state = text; };
  app.add_option_function("--up", take_up, "dial the gateway or controller above (else it dials us, at --listen)")
      ->type_name("ADDR");
  app.add_option_function("--state", take_state,
                          "folder where artifacts, desired state and notes survive a restart (default: memory only)")
      ->type_name("DIR");
  app.add_option("--kept-images", given.kept_images,
                 "how many modules that cannot be unmapped may stay in memory (default 16);\n"
                 "at the limit no further version is loaded of a function that would stay")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{100000}))
      ->option_text("N");
  add_size(app, "--kept-bytes", given.kept_bytes, "and how much memory they may take (default 256MiB)");
  app.footer(
      "Prints each change of a service on stdout, as `service NAME@VERSION release N: PHASE`.\n"
      "Loads modules (loader `native`), and with the loader `plain` any shared object that exports C functions:\n"
      "the release's configuration names one of them, e.g. zlibVersion()s. " +
      std::string(kPlainSyntax) +
      "\n\nExamples:\n"
      "  pinnate engine --up unix:/run/pod/gateway.sock --label region=eu --state /var/lib/pinnate-engine\n"
      "  pinnate publish zlib@1.2.13 /lib/x86_64-linux-gnu/libz.so.1 --loader plain --config-text 'zlibVersion()s'");
}

// One line a change, so that whoever runs this engine can wait for it.
void print_service(void*, const pinnate_service* service) {
  if (service == nullptr) return;  // the watch ends with the engine
  std::string line = std::string("service ") + service->name + "@" + service->version + " release " +
                     std::to_string(service->release) + ": " + pinnate_phase_name(service->phase);
  if (service->reason[0] != '\0') line += std::string(": ") + service->reason;
  write_whole(Output::out, shown(line) + "\n");
}

ExitCode run(const EngineFlags& flags) {
  const Settings settings = settings_of(flags.tier, Reader::kEngine);
  if (!settings.up && settings.listen.empty()) {
    throw Failure(ExitCode::kUsage, "this engine has no way up: give --up ADDR, or --listen ADDR to be dialled");
  }
  StopSignals stop;
  const TierOptions tier(settings);
  pinnate_engine_options options = PINNATE_ENGINE_OPTIONS_INIT;
  options.tier = tier.get();
  options.state_dir = or_null(settings.state);

  static PlainLoader plain;  // outlives whatever is left behind in it
  const pinnate_loader loader = plain.table();
  const pinnate_loader* const loaders[] = {&loader};
  options.loaders = loaders;
  options.loader_count = std::size(loaders);
  options.kept_images_limit = static_cast<std::uint32_t>(settings.kept_images.value_or(0));
  options.kept_bytes_limit = settings.kept_bytes.value_or(0);
  Opened<pinnate_engine, pinnate_engine_close_wait, pinnate_engine_free> engine;
  check(pinnate_engine_open(&options, engine.receive()));
  check(pinnate_engine_watch(engine.get(), print_service, nullptr, nullptr));
  if (settings.up) check(pinnate_engine_dial_upstream(engine.get(), settings.up->c_str(), nullptr));
  listen_at(settings, engine.get(), pinnate_engine_listen);  // last: it says that all is well
  run_until_stopped("engine", stop);
  return ExitCode::kOk;
}

}  // namespace

void add_engine(CommandLine& line) {
  add_command<EngineFlags>(line, "engine", "run an engine, which loads modules and takes calls, in the foreground",
                           Kind::hosts_modules);
}

}  // namespace cli
