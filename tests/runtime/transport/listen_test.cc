#include <doctest/doctest.h>

#include "folder.h"
#include "runtime/raw_peer.h"
#include "runtime/world.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>

using namespace pinnate;

namespace {

void log_to(std::vector<std::string>* lines, runtime::NodeParts& parts) {
  parts.log.arg = lines;
  parts.log.lowest = std::make_shared<std::atomic<pinnate_log_level>>(PINNATE_LOG_WARNING);
  parts.log.write = [](void* arg, pinnate_log_level, const char* line) {
    static_cast<std::vector<std::string>*>(arg)->push_back(line);
  };
}

}  // namespace

TEST_CASE("listening beyond loopback needs the word insecure") {
  World world;
  TestNode node(world);
  for (const char* address : {"tcp://0.0.0.0:0", "tcp://[::]:0"}) {
    const auto refused = node.node->listen(address);
    CHECK(refused.status().code() == PINNATE_REFUSED);
    CHECK(refused.status().message().find(std::string("insecure+") + address) != std::string::npos);
  }
  const std::string bound = node.listen("insecure+tcp://0.0.0.0:0");
  CHECK(bound.find("insecure+tcp://0.0.0.0:") == 0);
  CHECK(bound != "insecure+tcp://0.0.0.0:0");
  node.listen("insecure+tcp://[::]:0");
}

TEST_CASE("a port in use is reported with its address") {
  World world;
  TestNode one(world), two(world);
  const std::string bound = one.listen("tcp://127.0.0.1:0");
  const auto second = two.node->listen(bound);
  CHECK(second.status().code() == PINNATE_IN_USE);
  CHECK(second.status().message().find(bound) != std::string::npos);
  CHECK(second.status().message().find("another handle of this process") != std::string::npos);
}

TEST_CASE("an address of another machine, a missing folder and an unknown host are told apart") {
  World world;
  TestNode node(world);
  CHECK(node.node->listen("insecure+tcp://192.0.2.1:0").status().message().find("not an address of this machine") !=
        std::string::npos);
  CHECK(node.node->listen("unix:/no/such/folder/s").status().message().find("folder does not exist") !=
        std::string::npos);
  CHECK(node.node->listen("tcp://no..such..host:1").status().code() == PINNATE_INVALID);
}

TEST_CASE("a socket file is removed at close, replaced when nobody listens at it, and respected when somebody does") {
  TestFolder folder;
  const std::string path = folder.path + "/s";
  World world;
  {
    TestNode node(world);
    node.listen("unix:" + path);
    CHECK(std::filesystem::exists(path));
    TestNode other(world);
    const auto refused = other.node->listen("unix:" + path).status();
    CHECK(refused.code() == PINNATE_IN_USE);
    CHECK(refused.message().find("another handle of this process") != std::string::npos);
    CHECK(std::filesystem::exists(path));
  }
  CHECK_FALSE(std::filesystem::exists(path));
  {
    runtime::Socket left_behind = runtime::Socket::open(AF_UNIX);
    const auto name = runtime::unix_address(path);
    REQUIRE(bind(left_behind.fd(), name.get(), name.length) == 0);
    REQUIRE(listen(left_behind.fd(), 1) == 0);
  }
  TestNode node(world);
  node.listen("unix:" + path);
  RawPeer peer("unix:" + path);
  CHECK(world.run_until([&] { return node.diary.opened.size() == 1; }));
}

TEST_CASE("a socket file that is removed or replaced is said, and made anew as soon as its path is free") {
  TestFolder folder;
  const std::string path = folder.path + "/s", away = folder.path + "/away";
  World world;
  std::vector<std::string> log;
  {
    TestNode node(world, [&](runtime::NodeParts& parts) { log_to(&log, parts); });
    node.listen("unix:" + path);
    std::filesystem::remove(path);
    REQUIRE(world.run_until([&] { return log.size() == 1; }, 20000));
    CHECK(log[0].find("unix:" + path + " was removed or replaced: made anew") != std::string::npos);
    RawPeer first("unix:" + path);
    CHECK(world.run_until([&] { return node.diary.opened.size() == 1; }));

    std::filesystem::rename(path, away);
    std::optional<TestNode> other(std::in_place, world);
    other->listen("unix:" + path);
    REQUIRE(world.run_until([&] { return log.size() == 2; }, 20000));
    CHECK(log[1].find("in use") != std::string::npos);
    std::filesystem::remove(path);
    other.reset();
    REQUIRE(world.run_until([&] { return log.size() == 3; }, 20000));
    RawPeer second("unix:" + path);
    CHECK(world.run_until([&] { return node.diary.opened.size() == 2; }));
    std::filesystem::remove(path);
    std::ofstream(path) << "somebody else's";
  }
  CHECK(std::filesystem::exists(path));
}

TEST_CASE("a file that is no socket is never removed for one") {
  TestFolder folder;
  const std::string path = folder.path + "/precious";
  std::ofstream(path) << "bytes";
  World world;
  TestNode node(world);
  CHECK(node.node->listen("unix:" + path).status().code() == PINNATE_INVALID);
  CHECK(std::filesystem::file_size(path) == 5);
}

TEST_CASE("every descriptor is closed on exec") {
  World world;
  TestNode node(world);
  RawPeer peer(node.listen("tcp://127.0.0.1:0"));
  REQUIRE(world.run_until([&] { return node.diary.opened.size() == 1; }));
  int open = 0;
  for (int fd = 3; fd < 256; fd++) {
    struct stat facts {};
    if (fstat(fd, &facts) != 0 || !S_ISSOCK(facts.st_mode)) continue;
    open++;
    CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
  }
  CHECK(open >= 3);
}

TEST_CASE("out of descriptors, callers are turned away, and links are accepted again afterwards") {
  World world;
  std::vector<std::string> log;
  TestNode node(world, [&](runtime::NodeParts& parts) { log_to(&log, parts); });
  const std::string bound = node.listen("tcp://127.0.0.1:0");
  const auto target = *runtime::numeric_address("127.0.0.1", runtime::parse_address(bound)->port);
  std::vector<runtime::Socket> callers;
  for (int i = 0; i < 4; i++) callers.push_back(runtime::Socket::open(AF_INET));

  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  const int next = dup(0);  // the lowest free descriptor
  ::close(next);
  const rlimit none{static_cast<rlim_t>(next), before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  for (auto& caller : callers) caller.connect(target);
  char byte = 0;
  const bool turned_away = world.run_until([&] {
    for (auto& caller : callers)
      if (::recv(caller.fd(), &byte, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET) return true;
    return false;
  });
  setrlimit(RLIMIT_NOFILE, &before);
  CHECK(turned_away);
  CHECK(node.diary.opened.empty());
  REQUIRE_FALSE(log.empty());
  CHECK(log[0].find("Too many open files") != std::string::npos);
  CHECK(log.size() == 1);
  RawPeer peer(bound);
  CHECK(world.run_until([&] { return node.diary.opened.size() == 1; }));
}
