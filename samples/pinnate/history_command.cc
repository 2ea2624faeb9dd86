#include "command_line.h"
#include "json_text.h"
#include "session.h"
#include "terminal.h"

#include <algorithm>

namespace cli {

namespace {

struct HistoryOptions {
  TargetOptions target;
  std::string name;
  bool json = false;
};

void set_up(CLI::App& app, HistoryOptions& options) {
  add_target_options(app, options.target, "how long to wait for the controller (default 30s)");
  named_alone(app.add_option("NAME", options.name, "only releases of this module"));
  app.add_flag("--json", options.json, "print a line of JSON per release");
  app.footer("Newest first, at most 1000.\n\nExamples:\n  pinnate history\n  pinnate history thumbnail --json");
}

void print_json(const Release& release) {
  JsonText json;
  json.begin_object().member("release", release.number).member("name", release.name);
  json.member("version", release.version);
  if (release.known) {
    json.member("selector", release.selector).member("manifest", release.manifest);
    json.member("platforms", release.platforms).member("artifact_bytes", release.artifact_bytes);
    json.member("decided_unix_ms", release.decided_unix_ms);
  } else {
    for (const char* name : {"selector", "manifest", "platforms", "artifact_bytes", "decided_unix_ms"})
      json.key(name).null();
  }
  json.member("current", release.current);
  json.member("ended", release.ended).end_object();
  std::printf("%s\n", json.text().c_str());
}

void print_table(const std::vector<Release>& releases, const std::string& name) {
  const Terminal terminal(stdout);
  const auto named = [](const Release& release) { return release.name + "@" + release.version; };
  std::size_t widest = 0;
  for (const Release& release : releases) widest = std::max(widest, columns_of(named(release)));
  for (const Release& release : releases) {
    const std::string state = release.current ? terminal.green("current") : terminal.faint(release.ended);
    const std::string name_and_room = named(release) + std::string(widest - columns_of(named(release)), ' ');
    const auto if_known = [&](const std::string& text) { return release.known ? text : "unknown"; };
    std::printf("%6llu  %-19s  %s  %10s  %s  %s%s\n", static_cast<unsigned long long>(release.number),
                if_known(time_text(release.decided_unix_ms)).c_str(), name_and_room.c_str(),
                if_known(size_text(release.artifact_bytes)).c_str(), if_known(release.platforms).c_str(), state.c_str(),
                release.selector.empty() ? "" : ("  for " + release.selector).c_str());
  }
  if (releases.empty()) std::printf("nothing was published%s\n", name.empty() ? " yet" : (" as " + name).c_str());
}

ExitCode run(const HistoryOptions& options) {
  Session session(target_of(options.target), options.target.timeout.value_or(Milliseconds(30'000)));
  const std::vector<Release> releases = session.releases(options.name);
  if (!options.json) {
    print_table(releases, options.name);
    return ExitCode::kOk;
  }
  for (const Release& release : releases) print_json(release);
  return ExitCode::kOk;
}

}  // namespace

void add_history(CommandLine& line) { add_command<HistoryOptions>(line, "history", "list releases"); }

}  // namespace cli
