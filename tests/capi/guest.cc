// What the library leaves alone in the process that it is a guest of.
#include "one_of_each.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <clocale>
#include <map>

namespace {

// Global state of this process, as the host set it.
struct Surroundings {
  Surroundings() {
    for (int number = 1; number < NSIG; number++) {
      struct sigaction action;
      if (sigaction(number, nullptr, &action) == 0)
        put("signal " + std::to_string(number), reinterpret_cast<std::uintptr_t>(action.sa_handler), action.sa_flags);
    }
    sigset_t blocked;
    REQUIRE(pthread_sigmask(SIG_BLOCK, nullptr, &blocked) == 0);
    for (int number = 1; number < NSIG; number++)
      put("blocked " + std::to_string(number), sigismember(&blocked, number));
    for (char** variable = environ; *variable; variable++) put(*variable, 1);
    const mode_t mask = umask(0);
    umask(mask);
    put("umask", mask);
    struct rlimit files;
    REQUIRE(getrlimit(RLIMIT_NOFILE, &files) == 0);
    put("descriptors", files.rlim_cur, files.rlim_max);
    seen["locale"] = setlocale(LC_ALL, nullptr);
    seen["folder"] = std::filesystem::current_path().string();
  }
  template <class... Numbers>
  void put(const std::string& what, Numbers... numbers) {
    ((seen[what] += " " + std::to_string(numbers)), ...);
  }
  std::map<std::string, std::string> seen;
};

// Takes what is written to stdout and stderr, by whatever thread, until it goes.
class Silence {
 public:
  Silence() {
    memory_ = memfd_create("output", MFD_CLOEXEC);
    REQUIRE(memory_ >= 0);
    fflush(nullptr);
    for (int fd : {1, 2}) {
      before_[fd] = dup(fd);
      REQUIRE(before_[fd] >= 0);
      REQUIRE(dup2(memory_, fd) == fd);
    }
  }
  // What a check that failed meanwhile said is worth hearing.
  ~Silence() {
    const std::string text = heard();
    fwrite(text.data(), 1, text.size(), stderr);
    close(memory_);
  }
  std::string heard() {
    give_back();
    std::string text(static_cast<std::size_t>(lseek(memory_, 0, SEEK_END)), '\0');
    if (pread(memory_, text.data(), text.size(), 0) < 0) text = "?";
    return text;
  }

 private:
  void give_back() {
    fflush(nullptr);
    for (int fd : {1, 2})
      if (before_[fd] >= 0) {
        dup2(before_[fd], fd);
        close(before_[fd]);
        before_[fd] = -1;
      }
  }
  int memory_ = -1;
  int before_[3] = {-1, -1, -1};
};

// Holds every thread of the loop's global pool until it goes: what needs one would wait for ever.
class BlockedPool {
 public:
  explicit BlockedPool(World& world) : world_(world) {
    for (uv_work_t& work : works_) {
      work.data = this;
      REQUIRE(uv_queue_work(
                  &world.uv, &work, [](uv_work_t* w) { static_cast<BlockedPool*>(w->data)->door_.wait(); },
                  [](uv_work_t* w, int) { static_cast<BlockedPool*>(w->data)->over_++; }) == 0);
    }
  }
  ~BlockedPool() {
    door_.open();
    CHECK(world_.until([&] { return over_ == kWorks; }));
  }
  greeting::Door door_;

 private:
  static constexpr int kWorks = 64;  // more threads than the pool has unless it was told otherwise
  World& world_;
  uv_work_t works_[kWorks];
  int over_ = 0;
};

// A fleet's life, with much that goes wrong in it, and nobody who listens to its log.
void live_a_life(bool own_loop) {
  World world(own_loop);
  Fleet fleet(world);
  for (const char* word : {"hello ", "broken"}) {
    PublishedAnswer published;
    const pinnate_publish publish = fleet.greet(word[0] == 'h' ? "1" : "2", word);
    REQUIRE(pinnate_controller_publish(fleet.controller, &publish, nullptr, PublishedAnswer::on_published,
                                       &published) == PINNATE_OK);
    REQUIRE(world.until([&] { return published.came(); }));
    if (word[0] == 'h') REQUIRE(fleet.live("1"));
  }
  REQUIRE(world.until([&] { return fleet.watch.row("greet", "2").failed == 1; }));
  for (const char* payload : {"x", "fail"}) {
    const pinnate_call call = fleet.call(payload);
    ResultAnswer answer;
    REQUIRE(pinnate_controller_call(fleet.controller, &call, ResultAnswer::on_result, &answer) == PINNATE_OK);
    REQUIRE(world.until([&] { return answer.came(); }));
  }
  // Another fleet's client is refused, and a second engine of the same id.
  Client stranger(world);
  pinnate_client_options options = PINNATE_CLIENT_OPTIONS_INIT;
  const std::string to = fleet.at("c");
  options.tier.uv_loop = world.loop();
  options.tier.fleet = "another";
  options.to = to.c_str();
  REQUIRE(pinnate_client_open(&options, &stranger.handle) == PINNATE_OK);
  RollupAnswer refused;
  REQUIRE(pinnate_client_status(stranger, nullptr, RollupAnswer::on_rollup, &refused) == PINNATE_OK);
  REQUIRE(world.until([&] { return refused.came(); }));
  CHECK(refused.status == PINNATE_REFUSED);
  CHECK(pinnate_controller_listen(fleet.controller, fleet.at("c").c_str(), nullptr, 0, nullptr) == PINNATE_IN_USE);
  fleet.gateway.close();  // and the links to it are lost
  REQUIRE(world.until([&] { return fleet.watch.online_engines() == 0; }));
}

}  // namespace

TEST_CASE(
    "the library writes nothing to stdout or stderr, and leaves signals, environment, locale, umask and folder alone") {
  for (const bool own_loop : {true, false}) {
    CAPTURE(own_loop);
    const Surroundings before;
    Silence silence;
    live_a_life(own_loop);
    CHECK(silence.heard() == "");
    const Surroundings after;
    CHECK(before.seen == after.seen);
  }
}

TEST_CASE("a fleet on the host's loop uses none of that loop's global pool, not even to find a host's name") {
  World world(true);
  BlockedPool blocked(world);
  Fleet fleet(world);
  fleet.serve("1", "hello ");
  char bound[64];
  REQUIRE(pinnate_controller_listen(fleet.controller, "tcp://127.0.0.1:0", bound, sizeof bound, nullptr) == PINNATE_OK);
  const std::string by_name = "tcp://localhost" + std::string(bound).substr(std::string(bound).rfind(':'));
  Client client(world);
  REQUIRE(open(client, by_name) == PINNATE_OK);
  const pinnate_call call = fleet.call("x");
  ResultAnswer answer;
  REQUIRE(pinnate_client_call(client, &call, ResultAnswer::on_result, &answer) == PINNATE_OK);
  REQUIRE(world.until([&] { return answer.came(); }));
  CHECK(answer.error == "");
  CHECK(answer.result == "hello !x");
}
