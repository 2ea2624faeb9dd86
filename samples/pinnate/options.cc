#include "options.h"

#include "log_line.h"

#include <CLI/CLI.hpp>

namespace cli {

CLI::Option* named_alone(CLI::Option* positional) { return positional->option_text(" "); }

CLI::Option* add_duration(CLI::App& app, const std::string& name, std::optional<Milliseconds>& value,
                          const std::string& what) {
  const std::function<void(const std::string&)> take = [&value, name](const std::string& text) {
    value = parse_duration(text);
    // 0 would be the default, silently.
    if (!value || value->count() == 0) throw CLI::ValidationError(name, "'" + text + "' is no duration (" + kDurationForm + ")");
  };
  return app.add_option_function(name, take, what)->type_name("TIME");
}

CLI::Option* add_size(CLI::App& app, const std::string& name, std::optional<std::uint64_t>& value,
                      const std::string& what) {
  const std::function<void(const std::string&)> take = [&value, name](const std::string& text) {
    value = parse_size(text);
    if (!value || *value == 0) throw CLI::ValidationError(name, "'" + text + "' is no size (" + kSizeForm + ")");
  };
  return app.add_option_function(name, take, what)->type_name("SIZE");
}

void add_target_options(CLI::App& app, TargetOptions& target, const std::string& timeout_words) {
  app.add_option("--to", target.to,
                 "the tier to ask: tcp://HOST:PORT or unix:/PATH\n"
                 "(else PINNATE_TO, else `to` in the --config file)")
      ->type_name("ADDR");
  app.add_option("--fleet", target.fleet, "name of the fleet (default: `default`)")->type_name("NAME");
  app.add_option("--config", target.config, "TOML file with the keys `to` and `fleet`; a tier's own file will do")
      ->type_name("FILE");
  app.add_option("--log-level", target.log_level,
                 std::string("also log the link to stderr, from this level: ") + kLogLevels)
      ->type_name("LEVEL");
  add_duration(app, "--timeout", target.timeout, timeout_words);
}

}  // namespace cli
