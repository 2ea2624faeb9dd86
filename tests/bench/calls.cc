// Calls: how long one takes, and how many there are in a second.
#include "arguments.h"
#include "fleet.h"
#include "json_line.h"
#include "measurements.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

namespace bench {

const char kCallsHelp[] = R"(pinnate-bench calls --hops H --payload P --outstanding W [OPTION...]

Calls a function that answers with its payload, and prints one line of JSON: calls_per_s, p50_us, p99_us. Every tier is a process of its
own; the module was published at a controller, which takes no part in the calls.
  --hops 0   in process: pinnate_engine_call_wait, from W threads. function_pointer: the same loop around a plain function that
             copies the payload, so what is above it is Pinnate. Both include two looks at the clock
  --hops 1   a client linked directly to the engine
  --hops 3   client, node gateway, container gateway, engine

  --payload P         bytes; 0 to 1048576
  --outstanding W     calls under way at any time; 1 to 1024, and with --hops 0 to 64
  --calls N           calls measured, after a tenth as many to warm up; 1 to 100000000, default 20000
  --link KIND         tcp (default) or unix: all links that calls cross
  --run WHERE         worker (default), or inline: on the thread of the link (PINNATE_CALLS_INLINE)
  --state FOLDER      where the controller's folder is made, and removed; default $TMPDIR or /tmp
  --patience SECONDS  how long any step may take; 1 to 3600, default 120
)";

namespace {

std::vector<std::string> measure(Child* caller, const std::string& what, const std::vector<std::string>& load,
                                 double patience) {
  std::vector<std::string> command{what};
  command.insert(command.end(), load.begin(), load.end());
  return caller->ask(command, "called", patience);
}

void add_times(JsonLine* line, const std::vector<std::string>& words, std::uint64_t calls) {
  const double seconds = std::stod(words.at(0));
  const std::uint64_t failed = std::stoull(words.at(3));
  line->add("calls_per_s", double(calls - std::min(calls, failed)) / seconds, 0);
  line->add("p50_us", std::stod(words.at(1)), 3).add("p99_us", std::stod(words.at(2)), 3);
}

// Where the client dials.
std::string reach_engine(Fleet* fleet, std::uint64_t hops, const std::string& link) {
  if (hops == 3) {
    const std::string node = fleet->add_gateway(link);
    fleet->open_engines(1, {fleet->add_gateway(link, node)});
    return node;
  }
  fleet->open_engines(1);
  return hops == 0 ? ""
                   : fleet->engines().ask({"listen", fleet->listen_address(link)}, "ready", fleet->patience()).at(0);
}

}  // namespace

int run_calls(const std::vector<std::string>& words) {
  const Arguments given(words, {"hops", "payload", "outstanding", "calls", "link", "run", "state", "patience"});
  const std::uint64_t hops = given.number("hops", 4, 0, 3), payload = given.number("payload", UINT64_MAX, 0, 1 << 20);
  if (hops == 4 || payload == UINT64_MAX) throw WrongUsage("calls needs --hops, --payload and --outstanding");
  if (hops == 2) throw WrongUsage("--hops is '2'; 0, 1 and 3 are allowed");
  const std::uint64_t outstanding = given.number("outstanding", 0, 1, hops == 0 ? 64 : 1024);
  if (outstanding == 0) throw WrongUsage("calls needs --hops, --payload and --outstanding");
  const std::uint64_t calls = given.number("calls", 20000, 1, 100'000'000);
  const std::string link = given.choice("link", {"tcp", "unix"}), run = given.choice("run", {"worker", "inline"});

  Fleet fleet(given.text("state", ""), double(given.number("patience", 120, 1, 3600)));
  const std::string address = reach_engine(&fleet, hops, link);
  fleet.wait_online();
  fleet.publish(run == "inline" ? "inline" : "echo", 1, 4096);
  fleet.wait_serving(1);

  const std::vector<std::string> load{std::to_string(payload), std::to_string(outstanding), std::to_string(calls),
                                      std::to_string(calls / 10)};
  std::unique_ptr<Child> client;
  if (hops > 0) {
    client = std::make_unique<Child>("the client", "", std::vector<std::string>{"child", "client", address});
    client->hear("ready", fleet.patience());
  }
  Child& caller = client ? *client : fleet.engines();
  const auto times = measure(&caller, "call", load, fleet.patience());
  JsonLine line;
  line.add("bench", "calls").add("hops", hops);
  if (hops == 0)
    line.add_null("link");
  else
    line.add("link", link).add("run", run);
  line.add("payload", payload).add("outstanding", outstanding).add("calls", calls);
  add_times(&line, times, calls);
  if (hops == 0) {
    JsonLine pointer;
    add_times(&pointer, measure(&caller, "function-pointer", load, fleet.patience()), calls);
    line.add("function_pointer", pointer);
  }
  line.add("failed", std::stoull(times.at(3)));
  line.print();
  if (times.at(3) == "0") return 0;
  std::string why;
  for (std::size_t i = 4; i < times.size(); i++) why += " " + times[i];
  throw std::runtime_error(times.at(3) + " calls failed, the first with:" + why);
}

const char kFolderCallsHelp[] = R"(pinnate-bench folder-calls [OPTION...]

Calls in process, one after the other, of an engine with a state folder and of one without, taking turns. Prints a line of JSON for each
round, and `reach folder_calls_times RATIO 1.2 ok|short`: the ratio of the medians of their p50_us.
  --calls N           calls of each engine and round; 1 to 100000000, default 20000
  --rounds R          1 to 1000, default 9
  --settle SECONDS    since the service is live; 0 to 3600, default 62: for a minute each call is noted in the folder, for whoever comes
                      after a crash
  --state FOLDER, --patience SECONDS   as of `calls`
)";

int run_folder_calls(const std::vector<std::string>& words) {
  const Arguments given(words, {"calls", "rounds", "settle", "state", "patience"});
  const std::uint64_t calls = given.number("calls", 20000, 1, 100'000'000), rounds = given.number("rounds", 9, 1, 1000);
  const std::uint64_t settle = given.number("settle", 62, 0, 3600);
  Fleet fleet(given.text("state", ""), double(given.number("patience", 120, 1, 3600)));
  fleet.open_engines(1);
  fleet.open_engine_with_folder();
  fleet.wait_online();
  fleet.publish("echo", 1, 4096);
  fleet.wait_serving(1);
  std::this_thread::sleep_for(std::chrono::seconds(settle));  // time itself is under test: for a minute calls are noted
  std::vector<double> p50s[2];
  for (std::uint64_t round = 0; round < rounds; round++)
    for (const std::size_t engine : {0, 1}) {
      const auto times = measure(&fleet.engines(), "call",
                                 {"64", "1", std::to_string(calls), std::to_string(calls / 10), std::to_string(engine)},
                                 fleet.patience());
      if (times.at(3) != "0") throw std::runtime_error(times.at(3) + " calls failed");
      p50s[engine].push_back(std::stod(times.at(1)));
      JsonLine line;
      line.add("bench", "folder-calls").add("state_folder", engine).add("calls", calls);
      add_times(&line, times, calls);
      line.print();
    }
  for (auto& p50 : p50s) std::sort(p50.begin(), p50.end());
  const double ratio = p50s[1][rounds / 2] / p50s[0][rounds / 2];
  std::printf("reach folder_calls_times %.2f 1.2 %s\n", ratio, ratio <= 1.2 ? "ok" : "short");
  return 0;
}

}  // namespace bench
