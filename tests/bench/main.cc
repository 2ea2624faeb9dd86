// pinnate-bench: measures Pinnate, written on include/ alone.
#include "arguments.h"
#include "child.h"
#include "measurements.h"
#include "tiers.h"

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

namespace {

using namespace bench;

const char kHelp[] = R"(pinnate-bench MEASUREMENT [OPTION...]

  fanout   from a publish to the last engine: --receivers N --bytes B --gateways G [--last-hop tcp|unix] [--repeat K]
  calls    calls of a function: --hops 0|1|3 --payload P --outstanding W [--calls N]
  folder-calls   what a state folder adds to a call in process [--calls N] [--rounds R]
  idle     memory of processes with nothing to do, and the size of the library

Prints lines of JSON. `pinnate-bench MEASUREMENT --help` says what they mean. Set PINNATE_BENCH_LOG to see the tiers' warnings.
Exit codes: 0 measured, 1 something did not work, 2 wrong usage, 130 interrupted.
)";

struct Measurement {
  const char* name;
  int (*run)(const std::vector<std::string>&);
  const char* help;
};
const Measurement kMeasurements[] = {
    {"fanout", run_fanout, kFanoutHelp},
    {"calls", run_calls, kCallsHelp},
    {"folder-calls", run_folder_calls, kFolderCallsHelp},
    {"idle", run_idle, kIdleHelp},
};

bool is_help(const std::string& word) { return word == "--help" || word == "-h"; }

int run(const std::vector<std::string>& words) {
  if (words.empty()) throw WrongUsage("which measurement?");
  if (is_help(words[0])) return std::fputs(kHelp, stdout), 0;
  const std::vector<std::string> rest(words.begin() + 1, words.end());
  for (const Measurement& measurement : kMeasurements) {
    if (words[0] != measurement.name) continue;
    for (const std::string& word : rest)
      if (is_help(word)) return std::fputs(measurement.help, stdout), 0;
    notice_interrupts();
    return measurement.run(rest);
  }
  throw WrongUsage("no measurement '" + words[0] + "'");
}

void run_child(const std::vector<std::string>& words) {
  const std::string role = words.size() > 1 ? words[1] : "";
  const Words rest(words.begin() + std::min<std::size_t>(words.size(), 2), words.end());
  if (role == "controller") run_controller(rest);
  if (role == "gateway") run_gateway(rest);
  if (role == "engines") run_engines(rest);
  if (role == "client") run_client(rest);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (!words.empty() && words[0] == "child") run_child(words);
  try {
    return run(words);
  } catch (const WrongUsage& e) {
    std::fprintf(stderr, "pinnate-bench: %s\nTry: pinnate-bench --help\n", e.what());
    return 2;
  } catch (const Interrupted&) {
    return 130;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "pinnate-bench: %s\n", e.what());
    return 1;
  }
}
