// What a module changes of its thread is put back, and what it changes of the process is told.
#include "module/host.h"
#include "module/lasting/process_state.h"
#include "module/lasting/thread_state.h"
#include "threads_of_process.h"

#include <sys/stat.h>

#include <cfenv>
#include <clocale>
#include <set>

using namespace pinnate;
using namespace pinnate::module;

namespace {

// SigBlk of /proc/TID/status (proc(5)).
std::string mask_of(const std::filesystem::path& task) {
  std::ifstream status(task / "status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("SigBlk:")) return line;
  return {};
}

// Threads are given by the system to whoever asks next, so another module shows what one has left.
std::string seen_by_next(TestHost& host) {
  LoadOrder next = TestHost::order(2, test_module("leaves-nothing-2"));
  host.serve(std::move(next));
  return host.call("rounding").bytes.str();
}

}  // namespace

TEST_CASE("a module's signal mask, alternate stack and rounding end with its function") {
  TestHost host;
  host.serve(1, "leaves-thread-state");
  const Outcome ended = host.end(1);
  REQUIRE(ended.kept);
  for (const auto& each : *ended.kept) CHECK(each.why.find("alternate") == std::string::npos);
  CHECK(seen_by_next(host) == "to nearest");
}

TEST_CASE("a call's floating-point environment ends with it, on workers and on the caller's thread") {
  TestHost host;
  host.serve(1, "leaves-nothing-1");
  for (int i = 0; i < 4; ++i) CHECK(host.call("rounding").bytes.view() == "to nearest");
  for (int i = 0; i < 2; ++i) CHECK(host.call_here("rounding").bytes.view() == "to nearest");
  CHECK(std::fegetround() == FE_TONEAREST);
}

TEST_CASE("a module built with -ffast-math flushes nobody else's denormals to zero") {
  volatile double small = 1e-308;
  TestHost host;
  host.serve(1, "fast-math");
  CHECK(host.call_here("").status.ok());
  CHECK(small / 4 != 0);
}

TEST_CASE("what a module changes of the process is told once, by its name, and left as it is") {
  char folder[4096];
  REQUIRE(getcwd(folder, sizeof folder));
  const mode_t mask = umask(022);
  umask(022);
  {
    TestHost host;
    REQUIRE(host.load(1, "leaves-process-state").ok());
    const Outcome created = host.ordered(&ServiceHost::create, 1);
    REQUIRE(created.notices.size() == 1);
    const std::string& notice = created.notices[0];
    CHECK(notice.starts_with("module 'f' 1.0.0 changed of this process in create: "));
    CHECK(notice.find("the locale (C, now C.UTF-8)") != std::string::npos);
    CHECK(notice.find("the current folder (" + std::string(folder) + ", now /)") != std::string::npos);
    CHECK(notice.find("the umask (0022, now 0123)") != std::string::npos);
    CHECK(host.ordered(&ServiceHost::check_health, 1).notices.empty());
  }
  CHECK(umask(mask) == 0123);
  CHECK(std::string(setlocale(LC_ALL, nullptr)) == "C.UTF-8");
  setlocale(LC_ALL, "C");
  CHECK(chdir(folder) == 0);
}

TEST_CASE("a handler that a module installs or takes away is told by the name of its signal") {
  struct sigaction before;
  sigaction(SIGUSR2, nullptr, &before);
  TestHost host;
  REQUIRE(host.load(1, "leaves-handler").ok());
  const Outcome created = host.ordered(&ServiceHost::create, 1);
  REQUIRE(created.notices.size() == 1);
  CHECK(created.notices[0].ends_with("the handler of SIGUSR2 (the default, now a function)"));
  sigaction(SIGUSR2, &before, nullptr);
}

TEST_CASE("a handler that a module puts back as it was is not told of") {
  const int unused = SIGRTMIN + 9;
  const ProcessState found = ProcessState::now(true);
  struct sigaction before, taken{};
  taken.sa_handler = [](int) {};
  sigaction(unused, &taken, &before);
  CHECK(ProcessState::now(true).changed_since(found).size() == 1);
  sigaction(unused, &before, nullptr);
  CHECK(ProcessState::now(true).changed_since(found).empty());
}

TEST_CASE("modules run with the signal mask that the engine was opened with") {
  sigset_t mask, before;
  sigemptyset(&mask);
  sigaddset(&mask, SIGUSR1);
  pthread_sigmask(SIG_SETMASK, &mask, &before);
  TestHost host;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  host.serve(1, "leaves-nothing-1");
  CHECK(host.call("blocked").bytes.view() == "yn");
}

TEST_CASE("threads that have run a module keep its signal mask, so that a collector of it can stop them") {
  TestHost host;
  host.serve(1, "counter-1");
  CHECK(host.call("").status.ok());
  std::set<std::string> kept;  // by some thread of this name: another of the queue's may have run nothing yet
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream comm(task.path() / "comm");
    std::string name;
    std::getline(comm, name);
    if (mask_of(task.path()) == mask_of("/proc/thread-self")) kept.insert(name);
  }
  CHECK(kept.contains("pinnate-module"));
  CHECK(kept.contains("pinnate-worker"));
}
