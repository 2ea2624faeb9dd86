// How a command joins the command line.
#pragma once

#include "exit_code.h"

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

namespace cli {

enum class Kind {
  asks,  // and ends with the answer
  runs,  // until it is told to end: what nobody reads does not keep it then
  hosts_modules,  // the same, and a module may hold locks that exit() would wait for
};

// The command line. Each command adds itself; the one that was given sets `run` and `kind`.
struct CommandLine {
  CLI::App app;
  std::function<ExitCode()> run;
  Kind kind = Kind::asks;
};

// A named subcommand. Beside its Options stand set_up(CLI::App&, Options&), which declares its
// flags, and run(const Options&), as which it ends.
template <class Options>
void add_command(CommandLine& line, const std::string& name, const std::string& what, Kind kind = Kind::asks) {
  auto options = std::make_shared<Options>();
  CLI::App* command = line.app.add_subcommand(name, what);
  set_up(*command, *options);
  command->callback([&line, options, kind] {
    line.run = [options] { return run(*options); };
    line.kind = kind;
  });
}

void add_controller(CommandLine& line);
void add_gateway(CommandLine& line);
void add_engine(CommandLine& line);
void add_publish(CommandLine& line);
void add_check(CommandLine& line);
void add_unpublish(CommandLine& line);
void add_history(CommandLine& line);
void add_status(CommandLine& line);
void add_engines(CommandLine& line);
void add_members(CommandLine& line);
void add_call(CommandLine& line);
void add_demo(CommandLine& line);
void add_new(CommandLine& line);
void add_version(CommandLine& line);

}  // namespace cli
