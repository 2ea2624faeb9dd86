// Flags that several commands share, and how a command joins the command line.
#pragma once

#include "exit_code.h"
#include "quantity.h"

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>

namespace cli {

// The command line. Each command adds itself; the one that was given sets `run`.
struct CommandLine {
  CLI::App app;
  std::function<ExitCode()> run;
};

// A named subcommand: `setup(app, options)` declares its flags, and it ends as `run(options)` does.
template <class Options, class Setup, class Run>
void add_command(CommandLine& line, const std::string& name, const std::string& what, Setup setup, Run run) {
  auto options = std::make_shared<Options>();
  CLI::App* command = line.app.add_subcommand(name, what);
  setup(*command, *options);
  command->callback([&line, options, run] { line.run = [options, run] { return run(*options); }; });
}

// For a positional, whose name says it all: help shows no type behind it.
CLI::Option* named_alone(CLI::Option* positional);

CLI::Option* add_duration(CLI::App& app, const std::string& name, std::optional<Milliseconds>& value,
                          const std::string& what);
CLI::Option* add_size(CLI::App& app, const std::string& name, std::optional<std::uint64_t>& value,
                      const std::string& what);

// How a command that asks reaches a tier.
struct TargetOptions {
  std::string to;
  std::string fleet;
  std::string config;
  std::string log_level;
  std::optional<Milliseconds> timeout;
};

// `timeout_words` completes "--timeout": what it limits, and its default.
void add_target_options(CLI::App& app, TargetOptions& target, const std::string& timeout_words);

void add_controller(CommandLine& line);
void add_gateway(CommandLine& line);
void add_engine(CommandLine& line);
void add_publish(CommandLine& line);
void add_unpublish(CommandLine& line);
void add_history(CommandLine& line);
void add_status(CommandLine& line);
void add_engines(CommandLine& line);
void add_call(CommandLine& line);
void add_demo(CommandLine& line);
void add_version(CommandLine& line);

}  // namespace cli
