#include "command_line.h"
#include "fleet_tree.h"
#include "rollup_report.h"
#include "session.h"

namespace cli {

namespace {

struct StatusOptions {
  TargetOptions target;
  std::string name;
  bool watch = false;
  bool json = false;
};

void set_up(CLI::App& app, StatusOptions& options) {
  add_target_options(app, options.target, "how long to wait for each answer (default 30s)");
  named_alone(app.add_option("NAME", options.name, "only this function"));
  app.add_flag("--watch", options.watch, "go on until Ctrl-C: redrawn on a terminal, else a line per change");
  app.add_flag("--json", options.json, "print one line of JSON (with --watch one per change, without the tree)");
  app.footer(
      "Any tier answers, for what is below it.\n\n"
      "Examples:\n"
      "  pinnate status --to tcp://127.0.0.1:7070\n"
      "  pinnate status thumbnail --watch");
}

std::string json_line(const Rollup& rollup, const std::string& name, const FleetTree* tree) {
  JsonText json;
  json.begin_object();
  write_json(json, rollup, name);
  if (tree != nullptr) {
    json.key("tree");
    write_json(json, *tree);
  }
  json.end_object();
  return json.text() + "\n";
}

std::string screen(Session& session, const Rollup& rollup, const std::string& name, const Terminal& terminal) {
  return rollup_text(rollup, name, terminal) + terminal.bold("tree") + "\n" +
         drawn(look_up_tree(session, rollup, name), terminal);
}

// Ends by Ctrl-C, or when the tier is not reached in the first place or refuses us. When the link is lost later, the client
// dials again, and goes on with what the tier then says.
[[noreturn]] void watch(Session& session, const StatusOptions& options) {
  const Terminal terminal(stdout);
  std::string last;  // a roll-up may differ in what a line does not show
  for (;;) {
    const auto rollup = session.next_rollup(deadline_after(Milliseconds(3'600'000)));
    if (!rollup) continue;
    if (!options.json && terminal.redraws()) {
      terminal.print("\x1b[H\x1b[2J" + screen(session, *rollup, options.name, terminal));
      continue;
    }
    std::string line = options.json ? json_line(*rollup, options.name, nullptr) : rollup_line(*rollup, options.name) + "\n";
    if (line == last) continue;
    terminal.print(line);
    last = std::move(line);
  }
}

ExitCode run(const StatusOptions& options) {
  Session session(target_of(options.target), options.target.timeout.value_or(Milliseconds(30'000)));
  if (options.watch) watch(session, options);
  const Rollup rollup = session.status(options.name);
  const Terminal terminal(stdout);
  if (options.json) {
    const FleetTree tree = look_up_tree(session, rollup, options.name);
    terminal.print(json_line(rollup, options.name, &tree));
  } else {
    terminal.print(screen(session, rollup, options.name, terminal));
  }
  return ExitCode::kOk;
}

}  // namespace

void add_status(CommandLine& line) {
  add_command<StatusOptions>(line, "status", "show how the fleet stands, as a tree", set_up, run);
}

}  // namespace cli
