// Who is blamed for a death, and when that is forgotten. Deaths are real: this program runs itself
// with the first of these tests, which then dies in a module.
#include "module/lasting/black_box.h"
#include "child_process.h"
#include "module/host.h"
#include "module/lasting/note.h"

#include <spawn.h>
#include <sys/wait.h>
#include <zlib.h>

#include <cstdlib>

extern char** environ;

using namespace pinnate;
using namespace pinnate::module;

namespace {

// In a process of its own, on `folder`; true when it was killed by a signal.
bool die(const std::string& folder, const std::string& module, const std::string& config) {
  setenv("PINNATE_TEST_FOLDER", folder.c_str(), 1);
  setenv("PINNATE_TEST_MODULE", module.c_str(), 1);
  setenv("PINNATE_TEST_CONFIG", config.c_str(), 1);
  setenv("PINNATE_TEST_CHILD", "1", 1);
  std::string program = "/proc/self/exe", name = "-tc=a module that kills its process*";
  char* arguments[] = {program.data(), name.data(), nullptr};
  posix_spawn_file_actions_t quiet;
  posix_spawn_file_actions_init(&quiet);
  posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  REQUIRE(posix_spawn(&child, program.c_str(), &quiet, nullptr, arguments, environ) == 0);
  posix_spawn_file_actions_destroy(&quiet);
  unsetenv("PINNATE_TEST_CHILD");
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) != 0);
}

ServiceHostOptions in(const TestFolder& folder) {
  ServiceHostOptions options;
  options.state_dir = folder.path;
  return options;
}

std::shared_ptr<HostCallbacks> silent() { return std::make_shared<HostCallbacks>(Log{}); }

std::unique_ptr<BlackBox> open_box(const TestFolder& folder) {
  auto box = BlackBox::open(folder.path, silent());
  REQUIRE(box.ok());
  return std::move(*box);
}

void die_in_a_module() {
  const std::string module = getenv("PINNATE_TEST_MODULE"), config = getenv("PINNATE_TEST_CONFIG");
  ServiceHostOptions options;
  options.state_dir = getenv("PINNATE_TEST_FOLDER");
  TestHost host(options);
  host.serve(1, "counter-1");  // an innocent one, in its first 60 s
  host.serve(2, module, config);
  CHECK(host.check_health(2).ok());
  CHECK(host.call("x").status.ok());
  host->deactivate("f");
  CHECK(host.drain(2).ok());  // a call is over when it has returned, which its answer does not wait for
  std::_Exit(0);  // as bad as a crash to whoever comes next
}

}  // namespace

TEST_CASE(
    "a module that kills its process on load, create, health check or call is blamed for it, and nobody else is") {
  if (testing::in_child()) return die_in_a_module();
  const struct {
    const char *module, *config, *moment;
  } cases[] = {
      {"constructor-aborts", "", "load"},
      {"misbehaving", "create-aborts", "create"},
      {"misbehaving", "health-aborts", "health check"},
      {"misbehaving", "call-aborts", "call"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.moment);
    TestFolder folder;
    for (std::uint32_t times = 1; times <= 2; ++times) {
      REQUIRE(die(folder.path, c.module, c.config));
      TestHost host(in(folder));
      const auto deaths = host->deaths();
      REQUIRE(deaths.size() == 1);
      CHECK(deaths[0].artifact == digest_of(2));
      CHECK(deaths[0].moment == c.moment);
      CHECK(deaths[0].in_a_row == times);
      host.close();
      const auto later = TestHost(in(folder))->deaths();  // closed cleanly, so nothing new; and nothing is forgotten
      REQUIRE(later.size() == 1);
      CHECK(later[0].moment == c.moment);
      CHECK(later[0].in_a_row == times);
    }
  }
}

TEST_CASE("a module that ended the thread it was called on is inside nothing any more") {
  TestFolder folder, copy;
  TestHost host(in(folder));
  REQUIRE(host.load(1, "misbehaving", "create-ends-thread").ok());
  CHECK(host.create(1).code() == PINNATE_FAILED);
  CHECK(host.destroy(1).ok());  // the thread has gone
  REQUIRE(host.load(2, "misbehaving", "health-ends-thread").ok());
  REQUIRE(host.create(2).ok());
  host->trust(2);
  CHECK(host.check_health(2).code() == PINNATE_FAILED);
  host.serve(3, "counter-1");
  host->trust(3);
  std::ofstream(copy.path + "/black-box", std::ios::binary) << file_bytes(folder.path + "/black-box");
  const auto deaths = open_box(copy)->deaths();
  for (const auto& death : deaths) CHECK(death.moment == "just unloaded");
}

TEST_CASE("the death of one module does not make those of another forgotten") {
  TestFolder folder;
  const auto dies_in = [&](int artifact) {
    auto box = open_box(folder);
    box->write(box->begin(digest_of(artifact), "'a' 1"), Moment::kCreate);
  };  // gone without shut()
  dies_in(1);
  dies_in(1);
  dies_in(2);
  const auto box = open_box(folder);
  REQUIRE(box->deaths().size() == 2);
  for (const auto& death : box->deaths()) CHECK(death.in_a_row == (death.artifact == digest_of(1) ? 2 : 1));
}

TEST_CASE("when no module was inside anything, those in their first 60 s are blamed") {
  TestFolder folder;
  die(folder.path, "misbehaving", "echo");
  TestHost host(in(folder));
  REQUIRE(host->deaths().size() == 2);
  CHECK(host->deaths()[0].moment == "first 60 s");
  CHECK(host->deaths()[1].in_a_row == 1);
}

TEST_CASE("the deaths of an artifact before a service of it was trusted are not counted any more") {
  TestFolder folder;
  die(folder.path, "misbehaving", "call-aborts");
  {
    TestHost host(in(folder));
    REQUIRE(host->deaths().size() == 1);
    host.serve(2, "misbehaving");
    host->trust(2);
  }
  die(folder.path, "misbehaving", "call-aborts");
  TestHost host(in(folder));
  REQUIRE(host->deaths().size() == 1);
  CHECK(host->deaths()[0].in_a_row == 1);
}

TEST_CASE("a black box that is not one is ignored with a warning, and begun anew") {
  TestFolder folder;
  {
    std::ofstream(folder.path + "/black-box")
        << "what a mess this is, and longer than a slot is: 0123456789 0123456789";
  }
  TestHost host(in(folder));
  CHECK(host.said("is not a black box of this version"));
  CHECK(host->deaths().empty());
  host.serve(1, "counter-1");
}

TEST_CASE("a damaged note is ignored with a warning, and the others count") {
  TestFolder folder;
  {
    auto box = open_box(folder);
    box->write(box->begin(digest_of(1), "'a' 1"), Moment::kCreate);
    box->write(box->begin(digest_of(2), "'b' 1"), Moment::kCreate);
  }  // gone without shut(), as in a death
  {
    std::fstream file(folder.path + "/black-box", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(256 + 9);
    file.put('!');
  }
  TestHost host(in(folder));
  CHECK(host.said("1 of its notes are damaged"));
  REQUIRE(host->deaths().size() == 1);
  CHECK(host->deaths()[0].artifact == digest_of(2));
}

TEST_CASE("a trusted service that is idle is not blamed, and calls are noted from the first in to the last out") {
  TestFolder folder;
  static auto& kept = *new std::vector<Note*>;  // for ever, and reachable: a note's end would be noted
  const auto moment_of = [&](auto what) {
    {
      std::shared_ptr<BlackBox> box = open_box(folder);
      auto* note = kept.emplace_back(new Note(box, digest_of(3), "'c' 1"));
      what(*note);
    }
    auto box = open_box(folder);
    const auto deaths = box->deaths();
    box->forgive(digest_of(3));
    box->shut();
    return deaths.empty() ? std::string() : deaths[0].moment;
  };
  CHECK(moment_of([](Note&) {}) == "");
  CHECK(moment_of([](Note& n) { n.set_young(), n.trust(); }) == "");
  CHECK(moment_of([](Note& n) { n.set_young(), n.set_doing(Moment::kHealthCheck); }) == "health check");
  CHECK(moment_of([](Note& n) { n.set_young(), n.enter_call(); }) == "call");
  CHECK(moment_of([](Note& n) { n.set_young(), n.enter_call(), n.leave_call(); }) == "first 60 s");
  CHECK(moment_of([](Note& n) { n.enter_call(), n.enter_call(), n.leave_call(); }) == "call");
  CHECK(moment_of([](Note& n) { n.enter_call(), n.leave_call(), n.enter_call(); }) == "call");
  CHECK(moment_of([](Note& n) { n.set_young(), n.trust(), n.enter_call(); }) == "");
  CHECK(moment_of([](Note& n) { n.set_young(), n.enter_call(), n.trust(); }) == "");
}

TEST_CASE("a state folder that cannot be written is an error in words") {
  ServiceHostOptions options;
  options.state_dir = "/nowhere/at/all";
  const auto host = ServiceHost::open(options);
  CHECK(!host.ok());
  CHECK(host.status().message() == "cannot open /nowhere/at/all/black-box: No such file or directory");
}

TEST_CASE("of those that may have ended the process each is named with the others, and counts by half") {
  TestFolder folder;
  const auto dies = [&](bool with_other) {
    auto box = open_box(folder);
    box->write(box->begin(digest_of(1), "'new' 2"), Moment::kFirstMinute);
    if (with_other) box->write(box->begin(digest_of(2), "'old' 1"), Moment::kUnloaded);
  };  // gone without shut()
  dies(true);
  {
    const auto deaths = open_box(folder)->deaths();
    REQUIRE(deaths.size() == 2);
    CHECK(deaths[0].others == "'old' 1 (just unloaded)");
    CHECK(deaths[1].others == "'new' 2 (first 60 s)");
    for (const auto& death : deaths) {
      CHECK(death.in_a_row == 1);
      CHECK(death.weight() == 0);
      CHECK(death.last);
    }
  }
  dies(true);
  dies(false);  // the second one is alone, so it is no longer in doubt
  const auto deaths = open_box(folder)->deaths();
  REQUIRE(deaths.size() == 2);
  CHECK(deaths[0].weight() == 2);
  CHECK(deaths[0].others.empty());
  CHECK(deaths[1].weight() == 1);
  CHECK_FALSE(deaths[1].last);
}

TEST_CASE("the notes of the version before count, and are written anew") {
  TestFolder folder;
  {
    std::string old(128, '\0');
    old.replace(0, 8, "PINNBOX1");
    old[64] = 2, old[65] = 4, old[68] = 3;  // a tally, in a call, 3
    old.replace(64 + 8, 32, std::string(digest_of(7).view()));
    const auto sum = static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(old.data() + 64), 60));
    for (int i = 0; i < 4; ++i) old[static_cast<std::size_t>(124 + i)] = static_cast<char>(sum >> (8 * i));
    std::ofstream(folder.path + "/black-box", std::ios::binary) << old;
  }
  for (int open = 0; open < 2; ++open) {
    const auto deaths = open_box(folder)->deaths();
    REQUIRE(deaths.size() == 1);
    CHECK(deaths[0].artifact == digest_of(7));
    CHECK(deaths[0].moment == "call");
    CHECK(deaths[0].in_a_row == 3);
  }
  CHECK(file_bytes(folder.path + "/black-box").starts_with("PINNBOX2"));
}

TEST_CASE("a module that was unloaded a moment ago is one of those that may have ended the process") {
  TestFolder folder, copy;
  TestHost host(in(folder));
  host.serve(1, "leaves-nothing-1");
  CHECK(host.end(1).status.ok());
  host.serve(2, "leaves-nothing-2");
  std::ofstream(copy.path + "/black-box", std::ios::binary) << file_bytes(folder.path + "/black-box");
  const auto deaths = open_box(copy)->deaths();
  REQUIRE(deaths.size() == 2);
  CHECK(deaths[0].moment == "just unloaded");
  CHECK(deaths[0].name == "'f' 1.0.0");
  CHECK(deaths[1].moment == "first 60 s");
}
