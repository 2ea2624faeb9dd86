#include "command_line.h"
#include "demo_steps.h"
#include "stop_signals.h"
#include "whole_output.h"

#include <algorithm>
#include <filesystem>

namespace cli {

namespace {

namespace fs = std::filesystem;

struct DemoOptions {
  DemoShape shape;
  std::string module;
  std::string out = ".";
  bool keep = false;
};

void set_up(CLI::App& app, DemoOptions& options) {
  app.add_option("--nodes", options.shape.nodes, "sites, each with a node gateway (default 2)")
      ->option_text("N")
      ->check(CLI::Range(1u, 20u));
  app.add_option("--clusters", options.shape.clusters, "container gateways per node (default 2)")
      ->option_text("N")
      ->check(CLI::Range(1u, 20u));
  app.add_option("--engines", options.shape.engines, "engines per container gateway (default 3)")
      ->option_text("N")
      ->check(CLI::Range(1u, 100u));
  app.add_option("--module", options.module, "publish this shared object instead of the sample module `thumbnail`")
      ->type_name("FILE");
  app.add_option("--out", options.out, "folder for the thumbnails (default: the current one)")->type_name("DIR");
  app.add_flag("--keep", options.keep, "leave the fleet running until Ctrl-C, to try the other commands on it");
  app.footer(
      "Starts a whole fleet as processes of this machine, publishes a module to it, calls it, replaces it by its\n"
      "next version, and takes everything down.\n\n"
      "Examples:\n"
      "  pinnate demo\n"
      "  pinnate demo --nodes 3 --clusters 2 --engines 10 --keep");
}

// What comes with the program: beside it in a build, under share/pinnate when installed.
std::string sample(const std::string& name, const std::vector<std::string>& folders) {
  const fs::path bin = fs::read_symlink("/proc/self/exe").parent_path();
  for (const std::string& folder : folders) {
    const fs::path path = (bin / folder / name).lexically_normal();
    if (fs::exists(path)) return path.string();
  }
  throw Failure(ExitCode::kNotFound, "the sample '" + name + "' is not at '" +
                                         (bin / folders.front()).lexically_normal().string() +
                                         "': build the target `all`");
}

DemoModule sample_module(const std::string& name, const std::string& version) {
  return {name, version, sample(name + "-" + version + ".so", {"../modules", "../share/pinnate/modules"})};
}

// A function's name made of a file's: lib and .so say nothing, and not every character is allowed.
std::string function_name(const std::string& file) {
  std::string name = fs::path(file).filename().string();
  name = name.substr(0, name.find(".so"));
  if (name.starts_with("lib") && name.size() > 3) name.erase(0, 3);
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const bool allowed = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    if (!allowed) c = '-';
  }
  const std::size_t start = name.find_first_not_of("._-");
  name = start == std::string::npos ? "module" : name.substr(start, 63);
  return name;
}

struct Script {
  DemoModule first, second, stateful;
  std::string picture;
};

// Everything that may be missing is looked for before anything is started.
Script script_for(const DemoOptions& options) {
  Script script;
  if (options.module.empty()) {
    script.first = sample_module("thumbnail", "1.0.0");
    script.second = sample_module("thumbnail", "1.1.0");
    script.picture = sample("photo.jpg", {"../share/pinnate"});
  } else {
    if (!fs::is_regular_file(options.module))
      throw Failure(ExitCode::kNotFound, "--module: no file '" + options.module + "'");
    script.first = {function_name(options.module), "1.0.0", options.module};
    script.second = {script.first.name, "1.1.0", options.module};
  }
  script.stateful = sample_module("anomaly", "1.0.0");
  constexpr unsigned kEngines = 500;  // each is a process; more would be no demonstration but a test of this machine
  if (options.shape.engine_count() > kEngines) {
    throw Failure(ExitCode::kUsage, "that would be " + std::to_string(options.shape.engine_count()) +
                                        " engines, each a process: at most " + std::to_string(kEngines));
  }
  if (!fs::is_directory(options.out)) throw Failure(ExitCode::kUsage, "--out: no folder '" + options.out + "'");
  return script;
}

void play(DemoSteps& steps, const Script& script, const DemoOptions& options) {
  const auto call = [&](const DemoModule& module) {
    if (script.picture.empty()) {
      steps.try_out(module);
    } else {
      steps.make_thumbnail(module, script.picture, options.out);
    }
  };
  steps.introduce_fleet();
  steps.await_engines();
  steps.heading("Publish " + script.first.name + " " + script.first.version + ", once, at the controller");
  steps.publish(script.first);
  steps.draw_tree();
  steps.leave_a_line();
  call(script.first);
  steps.heading("Publish " + script.second.name + " " + script.second.version +
                ": engines change over while they serve");
  steps.publish(script.second);
  call(script.second);
  steps.heading("Publish " + script.stateful.name + ": a service keeps its state between calls");
  steps.publish(script.stateful);
  steps.feed_readings(script.stateful);
  steps.draw_tree();
}

void keep_until_stopped(DemoSteps& steps, DemoFleet& fleet, Session& session) {
  steps.heading("The fleet stays up; Ctrl-C takes it down");
  steps.say("Try in another terminal:");
  steps.say("  export PINNATE_TO=" + fleet.address());
  steps.say("  pinnate status --watch");
  steps.say("  pinnate engines");
  try {
    for (;;) {
      fleet.check_alive();
      session.next_rollup(deadline_after(std::chrono::seconds(1)));
    }
  } catch (const Failure& failure) {
    if (failure.code() != ExitCode::kInterrupted) throw;
  }
}

// The story waits for who reads it, but not for ever.
void await_readers(const std::stop_token& stop) {
  constexpr std::chrono::milliseconds kPatience(100);
  Written written = finish_output(kPatience);
  while (!stop.stop_requested() && written == Written::not_yet) written = finish_output(kPatience);
  if (written == Written::not_yet) throw Failure(ExitCode::kInterrupted, "interrupted");
  if (written == Written::in_part) throw Failure(ExitCode::kFailed, kUnwritten);
}

ExitCode run(const DemoOptions& options) {
  const StopOnSignal signals;
  const Terminal terminal(stdout, Terminal::Way::never_waits);
  const Script script = script_for(options);
  terminal.print(terminal.bold("Pinnate " + std::string(pinnate_version())) + ": publish once, live everywhere\n");

  DemoFleet fleet(options.shape, signals.token());
  try {
    Session session({fleet.address(), "", std::nullopt}, Milliseconds(30'000), signals.token());
    DemoSteps steps(terminal, options.shape, fleet, session);
    play(steps, script, options);
    if (options.keep) keep_until_stopped(steps, fleet, session);
    steps.heading("Take everything down");
  } catch (const Failure&) {
    terminal.print("\nTaking everything down\n");
    throw;
  }
  const std::size_t processes = fleet.process_count();
  fleet.take_down();
  terminal.print("   " + std::to_string(processes) + " processes ended cleanly\n");
  await_readers(signals.token());
  return ExitCode::kOk;
}

}  // namespace

void add_demo(CommandLine& line) {
  add_command<DemoOptions>(line, "demo", "watch it at work: a fleet of processes on this machine", Kind::runs);
}

}  // namespace cli
