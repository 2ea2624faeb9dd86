// What is paid for while nothing happens.
#include "arguments.h"
#include "child.h"
#include "fleet.h"
#include "json_line.h"
#include "measurements.h"
#include "process_memory.h"

#include <pinnate/common.h>

#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>

namespace bench {

const char kIdleHelp[] = R"(pinnate-bench idle [OPTION...]

Prints one line of JSON, in bytes:
  engine_pss, empty_pss   of a process with one idle engine linked to a gateway, and of one with an empty libuv loop
                          (pinnate-bench-empty, which does not link Pinnate). Memory shared with other processes counts in parts
  engine_above_empty_pss  the difference
  engine_above_empty_rss  the same where shared memory counts in full: what the engine costs where nobody else has the library
  gateway_pss, gateway_unlinked_pss, per_link   of a gateway with --links idle engine links, of one with none, and what is between
  library, library_stripped   size of the shared library, and of a copy without its symbols (null where there is no `strip`)

  --links N           engines linked to the gateway; 1 to 10000, default 1000
  --settle MS         how long nothing happens before memory is read; 0 to 60000, default 2000
  --state FOLDER      where the controller's folder is made, and removed; default $TMPDIR or /tmp
  --patience SECONDS  how long any step may take; 1 to 3600, default 120
)";

namespace {

namespace fs = std::filesystem;

fs::path beside_this(const std::string& name) { return fs::read_symlink("/proc/self/exe").parent_path() / name; }

fs::path library_path() {
  Dl_info found{};
  if (dladdr(reinterpret_cast<const void*>(&pinnate_version), &found) == 0 || !found.dli_fname)
    throw std::runtime_error("cannot tell where the library is");
  return fs::canonical(found.dli_fname);
}

std::optional<std::uint64_t> stripped_size(const fs::path& library, const WorkingFolder& folder) {
  const std::string copy = folder.file("stripped");
  const pid_t pid = fork();
  if (pid == 0) {
    execlp("strip", "strip", "-o", copy.c_str(), library.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) return std::nullopt;
  return fs::file_size(copy);
}

struct Idle {
  Shares one_engine, empty;
  std::uint64_t gateway, unlinked;
};

Idle measure(const std::string& state, std::uint64_t links, std::uint64_t settle_ms, double patience) {
  Idle idle{};
  const auto settle = [&] {
    usleep(static_cast<useconds_t>(settle_ms * 1000));  // time itself is under test: what memory is left after a rest
  };
  {
    Fleet fleet(state, patience);
    fleet.open_engines(1, {fleet.add_gateway("tcp")});
    fleet.wait_online();
    Child empty("the empty process", beside_this("pinnate-bench-empty"), {});
    empty.hear("ready", patience);
    settle();
    idle.one_engine = share_bytes(fleet.engines().pid());
    idle.empty = share_bytes(empty.pid());
  }
  Fleet fleet(state, patience);
  const std::string address = fleet.add_gateway("tcp");
  fleet.add_gateway("tcp");
  fleet.open_engines(links, {address});
  fleet.wait_online();
  settle();
  idle.gateway = share_bytes(fleet.gateways()[0]->pid()).pss;
  idle.unlinked = share_bytes(fleet.gateways()[1]->pid()).pss;
  return idle;
}

}  // namespace

int run_idle(const std::vector<std::string>& words) {
  const Arguments given(words, {"links", "settle", "state", "patience"});
  const std::uint64_t links = given.number("links", 1000, 1, 10000), settle_ms = given.number("settle", 2000, 0, 60000);
  const std::string state = given.text("state", "");
  const Idle idle = measure(state, links, settle_ms, double(given.number("patience", 120, 1, 3600)));
  const fs::path library = library_path();
  const auto stripped = stripped_size(library, WorkingFolder(state));

  const auto above = [](std::uint64_t more, std::uint64_t less) { return std::int64_t(more) - std::int64_t(less); };
  JsonLine line;
  line.add("bench", "idle").add("engine_pss", idle.one_engine.pss).add("empty_pss", idle.empty.pss);
  line.add("engine_above_empty_pss", above(idle.one_engine.pss, idle.empty.pss));
  line.add("engine_above_empty_rss", above(idle.one_engine.rss, idle.empty.rss));
  line.add("links", links).add("gateway_pss", idle.gateway).add("gateway_unlinked_pss", idle.unlinked);
  line.add("per_link", above(idle.gateway, idle.unlinked) / std::int64_t(links));
  line.add("library", fs::file_size(library));
  if (stripped)
    line.add("library_stripped", *stripped);
  else
    line.add_null("library_stripped");
  line.print();
  return 0;
}

}  // namespace bench
