#include "command_line.h"
#include "fleet_tree.h"
#include "rollup_report.h"
#include "session.h"
#include "whole_output.h"

#include <algorithm>
#include <cstdio>
#include <utility>

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

// With no news for so long, the tier is asked whether it is there at all.
constexpr Milliseconds kQuiet{5'000};
// How often it is looked whether somebody still reads: without news nothing is written.
constexpr Milliseconds kReaderChecked{500};

// Prints the roll-ups that come, and says on stderr when the tier is out of reach and when it is
// back: what was printed last would else be taken for how the fleet stands. Ends by Ctrl-C, or when
// the tier is not reached in the first place or refuses us. When the link is lost later, the client
// dials again, and goes on with what the tier then says.
class Watching {
 public:
  Watching(Session& session, const StatusOptions& options) : session_(session), options_(options) {}

  [[noreturn]] void run() {
    print(first());
    for (;;) {
      try {
        if (const auto rollup = next()) {
          print(*rollup);
        } else if (const Rollup asked = session_.status(options_.name); away_) {
          print(asked);
        }
        if (std::exchange(away_, false)) write_whole(Output::err, "pinnate status: the tier is back\n");
      } catch (const Failure& failure) {
        const bool passing = failure.code() == ExitCode::kUnreachable || failure.code() == ExitCode::kTimeout;
        if (!passing) throw;
        if (std::exchange(away_, true)) continue;
        write_whole(Output::err, std::string("pinnate status: ") + failure.what() +
                                     "; what is printed is from before, and it is tried again\n");
      }
    }
  }

 private:
  Rollup first() {
    for (;;) {
      if (auto rollup = next()) return *std::move(rollup);
    }
  }

  // Nothing: there was none for kQuiet.
  std::optional<Rollup> next() {
    const Deadline quiet = deadline_after(kQuiet);
    do {
      terminal_.check_reader();
      if (auto rollup = session_.next_rollup(std::min(quiet, deadline_after(kReaderChecked)))) return rollup;
    } while (std::chrono::steady_clock::now() < quiet);
    return std::nullopt;
  }

  void print(const Rollup& rollup) {
    if (!options_.json && terminal_.redraws()) {
      terminal_.print("\x1b[H\x1b[2J" + screen(session_, rollup, options_.name, terminal_));
      return;
    }
    std::string line =
        options_.json ? json_line(rollup, options_.name, nullptr) : rollup_line(rollup, options_.name) + "\n";
    if (line == last_) return;
    terminal_.print(line);
    last_ = std::move(line);
  }

  Session& session_;
  const StatusOptions& options_;
  const Terminal terminal_{stdout};
  std::string last_;  // a roll-up may differ in what a line does not show
  bool away_ = false;
};

ExitCode run(const StatusOptions& options) {
  Session session(target_of(options.target), options.target.timeout.value_or(Milliseconds(30'000)));
  if (options.watch) Watching(session, options).run();
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
  add_command<StatusOptions>(line, "status", "show how the fleet stands, as a tree");
}

}  // namespace cli
