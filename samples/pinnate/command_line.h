// How a command joins the command line.
#pragma once

#include "exit_code.h"

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

namespace cli {

// The command line. Each command adds itself; the one that was given sets `run`.
struct CommandLine {
  CLI::App app;
  std::function<ExitCode()> run;
};

// A named subcommand. Beside its Options stand set_up(CLI::App&, Options&), which declares its
// flags, and run(const Options&), as which it ends.
template <class Options>
void add_command(CommandLine& line, const std::string& name, const std::string& what) {
  auto options = std::make_shared<Options>();
  CLI::App* command = line.app.add_subcommand(name, what);
  set_up(*command, *options);
  command->callback([&line, options] { line.run = [options] { return run(*options); }; });
}

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
