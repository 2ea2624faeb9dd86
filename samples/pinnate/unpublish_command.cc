#include "command_line.h"
#include "session.h"

#include <charconv>

namespace cli {

namespace {

struct UnpublishOptions {
  TargetOptions target;
  std::string module;
};

void set_up(CLI::App& app, UnpublishOptions& options) {
  add_target_options(app, options.target, "how long to wait for the controller (default 30s)");
  named_alone(app.add_option("NAME[@RELEASE]", options.module,
                             "a name withdraws all its current releases; with a release's number only that"))
      ->required();
  app.footer(
      "Withdrawing a release that was laid over older ones for a few engines uncovers those.\n\n"
      "Examples:\n"
      "  pinnate unpublish thumbnail\n"
      "  pinnate unpublish thumbnail@7      release 7 of `pinnate history thumbnail`");
}

ExitCode run(const UnpublishOptions& options) {
  const std::size_t at = options.module.find('@');
  const std::string name = options.module.substr(0, at);
  std::uint64_t release = 0;
  if (at != std::string::npos) {
    const std::string number = options.module.substr(at + 1);
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), release);
    if (error != std::errc() || end != number.data() + number.size() || release == 0) {
      throw Failure(ExitCode::kUsage, "'" + number + "' is no release's number (write NAME@7; `pinnate history " +
                                          name + "` lists them)");
    }
  }
  Session session(target_of(options.target), options.target.timeout.value_or(Milliseconds(30'000)));
  session.unpublish(name, release);
  std::printf("withdrew %s\n", release == 0 ? name.c_str() : (name + " release " + std::to_string(release)).c_str());
  return ExitCode::kOk;
}

}  // namespace

void add_unpublish(CommandLine& line) {
  add_command<UnpublishOptions>(line, "unpublish", "withdraw a module from the fleet");
}

}  // namespace cli
