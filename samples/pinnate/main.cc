// The reference host: runs tiers, and asks them, on nothing but include/pinnate.
#include "command_line.h"
#include "shown_text.h"
#include "whole_output.h"

#include <pinnate/common.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <future>
#include <system_error>
#include <thread>

namespace cli {

namespace {

constexpr std::chrono::milliseconds kFinishLimit{500};
constexpr std::chrono::milliseconds kFlushLimit{200};

struct VersionOptions {};

std::string version_text() { return std::string("pinnate ") + pinnate_version() + " " + pinnate_platform(); }

void set_up(CLI::App&, VersionOptions&) {}

ExitCode run(const VersionOptions&) {
  std::printf("%s\n", version_text().c_str());
  return ExitCode::kOk;
}

// The command that was meant, for "see ... --help".
std::string command_name(const CLI::App& app) {
  const auto given = app.get_subcommands();
  return given.empty() ? "pinnate" : "pinnate " + given.front()->get_name();
}

void complain(const CLI::App& app, const std::string& first, const CLI::ParseError& error) {
  const std::string command = command_name(app);
  std::string words = error.what();
  if (app.get_subcommands().empty() && !first.starts_with("-")) {
    words = first.empty() ? "which command? There are:" : "there is no command '" + first + "'; there are:";
    for (const CLI::App* known : app.get_subcommands({})) words += " " + known->get_name();
  }
  write_whole(Output::err, shown_lines(command + ": " + words + "\nSee `" + command + " --help`.\n"));
}

int run(CommandLine& line, int argc, char** argv) {
  line.app.name("pinnate");
  line.app.description("Publish a function module once; every engine of the fleet loads it and answers calls.");
  line.app.footer("`pinnate COMMAND --help` tells more. To see it all at work: `pinnate demo`.\n\n" +
                  std::string(kExitCodeTable));
  line.app.set_version_flag("--version", version_text(), "as `pinnate version`");
  line.app.require_subcommand(1);
  line.app.get_formatter()->column_width(32);
  add_demo(line);
  add_controller(line);
  add_gateway(line);
  add_engine(line);
  add_new(line);
  add_check(line);
  add_publish(line);
  add_unpublish(line);
  add_history(line);
  add_status(line);
  add_engines(line);
  add_members(line);
  add_call(line);
  add_version(line);
  try {
    line.app.parse(argc, argv);
    const ExitCode code = line.run();
    // Others write whole_output.h alone: a module may hold the lock of stdout.
    if (line.kind == Kind::asks && (std::fflush(stdout) != 0 || std::ferror(stdout) != 0))
      throw Failure(code == ExitCode::kOk ? ExitCode::kFailed : code, kUnwritten);
    return static_cast<int>(code);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success))
      return line.app.exit(error);  // --help, --version
    complain(line.app, argc > 1 ? argv[1] : "", error);
    return static_cast<int>(ExitCode::kUsage);
  } catch (const Failure& failure) {
    const std::string command = command_name(line.app);
    std::string words = command + ": " + failure.what() + "\n";
    if (failure.code() == ExitCode::kUsage) words += "See `" + command + " --help`.\n";
    write_whole(Output::err, shown_lines(words));
    return static_cast<int>(failure.code());
  } catch (const std::exception& error) {
    write_whole(Output::err, shown_lines(std::string("pinnate: ") + error.what() + "\n"));
    return static_cast<int>(ExitCode::kFailed);
  }
}

// What modules wrote by the C library and did not flush goes out where nothing stands in its way: a
// module may hold a stream's lock, or the loader's, for ever.
[[noreturn]] void end_at_once(int code) {
  try {
    std::promise<void> flushed;
    std::thread([&] {
      std::fflush(nullptr);
      flushed.set_value();
    }).detach();
    flushed.get_future().wait_for(kFlushLimit);
    std::_Exit(code);
  } catch (const std::system_error&) {
    std::_Exit(code);
  }
}

int main(int argc, char** argv) {
  CommandLine line;
  const int code = run(line, argc, argv);
  finish_output(line.kind == Kind::asks ? std::chrono::hours(24) : kFinishLimit);
  if (line.kind == Kind::hosts_modules) end_at_once(code);
  return code;
}

}  // namespace

void add_version(CommandLine& line) {
  add_command<VersionOptions>(line, "version", "print the library's version and platform");
}

}  // namespace cli

int main(int argc, char** argv) { return cli::main(argc, argv); }
