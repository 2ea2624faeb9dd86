#include "tier_command.h"

#include "exit_code.h"
#include "log_line.h"

#include <CLI/CLI.hpp>

namespace cli {

namespace {

// Options of CLI11 write to plain values; what was not given must stay absent.
void add_text(CLI::App& app, const std::string& name, std::optional<std::string>& value, const std::string& what,
              const std::string& type) {
  const std::function<void(const std::string&)> take = [&value](const std::string& text) { value = text; };
  app.add_option_function(name, take, what)->type_name(type);
}

std::uint32_t milliseconds(const std::optional<Milliseconds>& duration) {
  return duration ? static_cast<std::uint32_t>(duration->count()) : 0;
}

}  // namespace

void add_tier_flags(CLI::App& app, TierFlags& flags) {
  app.add_option("--config", flags.config,
                 "TOML file; its keys are the names of these flags, and flags win. Labels are a table:\n"
                 "labels = { region = \"eu\" }")
      ->type_name("FILE");
  add_text(app, "--id", flags.given.id, "unique in the fleet (default: kept in the state folder, or made at random)",
           "ID");
  add_text(app, "--fleet", flags.given.fleet, "who belongs together (default: `default`)", "NAME");
  app.add_option("--label", flags.labels, "a label that selectors ask for, e.g. region=eu; repeat for more")
      ->type_name("KEY=VALUE")
      ->take_all();
  app.add_option("--listen", flags.given.listen,
                 "accept links at tcp://HOST:PORT (port 0: any free one) or unix:/PATH; beyond loopback\n"
                 "insecure+tcp://HOST:PORT; repeat for more. Prints `listening on ADDR`")
      ->type_name("ADDR")
      ->take_all();
  add_duration(app, "--heartbeat", flags.given.heartbeat, "silence after which a link is probed (default 5s)");
  app.add_option("--log-level", flags.log_level,
                 std::string("lowest level logged to stderr: ") + kLogLevels + " (default info)")
      ->type_name("LEVEL");
}

Settings settings_of(const TierFlags& flags, Reader reader) {
  Settings given = flags.given;
  for (const std::string& label : flags.labels) given.labels.push_back(parse_label(label));
  if (!flags.log_level.empty()) {
    given.log_level = parse_log_level(flags.log_level);
    if (!given.log_level) {
      throw Failure(ExitCode::kUsage, "--log-level: '" + flags.log_level + "' must be " + kLogLevels);
    }
  }
  return flags.config.empty() ? given : combined(std::move(given), read_settings(flags.config, reader));
}

TierOptions::TierOptions(const Settings& settings) {
  for (const auto& [key, value] : settings.labels)
    labels_.push_back({sizeof(pinnate_label), key.c_str(), value.c_str()});
  options_.fleet = or_null(settings.fleet);
  options_.id = or_null(settings.id);
  for (const pinnate_label& label : labels_) label_pointers_.push_back(&label);
  options_.labels = label_pointers_.data();
  options_.label_count = label_pointers_.size();
  options_.log = log_line;
  options_.log_level = settings.log_level.value_or(PINNATE_LOG_INFO);
  options_.heartbeat_ms = milliseconds(settings.heartbeat);
}

void run_until_stopped(const char* tier, StopSignals& stop) {
  write_whole(Output::out, std::string(tier) + " is running\n");
  stop.wait();
  write_whole(Output::out, std::string(tier) + " is stopping\n");
}

}  // namespace cli
