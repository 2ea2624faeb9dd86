// What stays of a module when its service is gone, and why; by real shared objects.
#include "module/loading/kept_images.h"
#include "base/known_threads.h"
#include "module/host.h"
#include "module/loading/linked_objects.h"
#include "threads_of_process.h"

#include <pthread.h>

#include <atomic>
#include <thread>

using namespace pinnate;
using namespace pinnate::module;

namespace {

// One whose bytes are known to be the same when they come again.
LoadOrder known(ServiceId id, const std::string& module, int content, const std::string& version = "1") {
  LoadOrder order = TestHost::order(id, test_module(module), "", version);
  order.name = module;
  order.image.content = digest_of(content);
  return order;
}

std::vector<wire::KeptImage> kept_of(const Outcome& outcome) {
  REQUIRE(outcome.kept);
  return *outcome.kept;
}

const wire::KeptImage* find(const std::vector<wire::KeptImage>& kept, const std::string& function) {
  for (const auto& each : kept)
    if (each.function == function) return &each;
  return nullptr;
}

// Serves it, calls it once, ends it; what is kept of it then.
std::optional<wire::KeptImage> left_by(const std::string& module, int content) {
  TestHost host;
  host.serve(known(1, module, content));
  CHECK(host.call("").status.ok());
  const auto kept = kept_of(host.end(1));
  const auto* found = find(kept, module);
  return found ? std::optional(*found) : std::nullopt;
}

}  // namespace

TEST_CASE("a module that leaves nothing behind is not kept") {
  CHECK_FALSE(left_by("leaves-nothing-1", 101).has_value());
  CHECK_FALSE(left_by("cleans-up", 102).has_value());
}

TEST_CASE("a module with a thread of its own stays, and the thread is counted") {
  const auto kept = left_by("leaves-thread-1", 103);
  REQUIRE(kept);
  CHECK(kept->why == "threads are in it");
  CHECK(kept->threads == 1);
  CHECK(kept->version == "1");
  CHECK(kept->bytes >= 16 * 1024);
}

TEST_CASE("a module that its threads have left goes when another one is loaded") {
  std::string module;
  SUBCASE("that wait") { module = "leaves-thread-1"; }
  SUBCASE("that run all the while") { module = "leaves-thread-running"; }
  CAPTURE(module);
  Fifo fifo;
  TestHost host;
  LoadOrder order = known(1, module, 118);
  order.config = Buffer(fifo.path);
  order.name = "left";
  host.serve(std::move(order));
  fifo.wait_until_inside();
  const int threads = threads_named("left-behind");
  CHECK(find(kept_of(host.end(1)), "left"));
  host.serve(known(2, "leaves-nothing-1", 119));
  CHECK(find(kept_of(host.end(2)), "left"));
  fifo.let_go();
  while (threads_named("left-behind") == threads) std::this_thread::yield();
  host.serve(known(3, "leaves-nothing-2", 120));
  CHECK_FALSE(find(kept_of(host.end(3)), "left"));
}

TEST_CASE("a thread that runs elsewhere all the while keeps no module in memory") {
  TestHost host;
  host.serve(known(1, "leaves-nothing-1", 121));
  struct Flags {
    std::atomic<bool> begun{false}, stop{false};
  } flags;
  pthread_attr_t fresh;  // a stack of no thread before it: larger than those that are used again
  pthread_attr_init(&fresh);
  pthread_attr_setstacksize(&fresh, 24 * 1024 * 1024);
  pthread_t runs;
  const auto run = [](void* given) -> void* {
    auto* flags = static_cast<Flags*>(given);
    flags->begun = true;
    while (!flags->stop) continue;
    return nullptr;
  };
  REQUIRE(pthread_create(&runs, &fresh, run, &flags) == 0);
  while (!flags.begun) std::this_thread::yield();  // before that, nothing tells where its stack is
  CHECK_FALSE(find(kept_of(host.end(1)), "leaves-nothing-1"));
  flags.stop = true;
  pthread_join(runs, nullptr);
  pthread_attr_destroy(&fresh);
}

TEST_CASE("a module that a signal handler points into stays") {
  struct sigaction before, after;
  sigaction(SIGUSR2, nullptr, &before);
  const auto kept = left_by("leaves-handler", 104);
  REQUIRE(kept);
  CHECK(kept->why == "its handler of SIGUSR2");
  sigaction(SIGUSR2, nullptr, &after);
  CHECK((after.sa_handler != before.sa_handler));  // it is the process's, and left to it
  raise(SIGUSR2);  // whose code is there
  sigaction(SIGUSR2, &before, nullptr);
}

TEST_CASE("a module that uses pthread keys stays, so that threads that called it may end") {
  TestHost host;
  host.serve(known(1, "leaves-key-1", 105));
  std::thread caller([&] {
    CHECK(host->call_here("f", "", 20000).status.ok());
    const auto kept = kept_of(host.end(1));
    const auto* found = find(kept, "leaves-key-1");
    REQUIRE(found);
    CHECK(found->why == "it uses pthread_key_create and does not say PINNATE_CLEANS_UP");
  });
  caller.join();  // ends in a function of the module's
}

TEST_CASE("a module that says so stays, and serves again when the same bytes come again") {
  const auto kept = left_by("stays-loaded", 106);
  REQUIRE(kept);
  CHECK(kept->why == "it says so (PINNATE_STAYS_LOADED)");
  const auto objects = [] {
    std::size_t count = 0;
    for (const LinkedObject& each : linked_objects()) count += each.path.starts_with("/proc/");
    return count;
  };
  const std::size_t before = objects();
  TestHost host;  // of the process, not of the engine that brought it
  for (ServiceId id = 1; id <= 3; ++id) {
    host.serve(known(id, "stays-loaded", 106));
    CHECK(objects() == before);
    CHECK(find(kept_of(host.end(id)), "stays-loaded"));
  }
}

TEST_CASE("a further version of a function that stays is refused at the limit, in words, and others are not") {
  ServiceHostOptions options;
  options.kept.images = 1;
  TestHost host(options);
  for (const auto& each : kept_of(host.end((host.serve(known(1, "leaves-nothing-1", 107)), 1)))) {
    CAPTURE(each.function);  // what was left by engines that are gone counts here too
  }
  options.kept.images =
      static_cast<std::uint32_t>(kept_of(host.end((host.serve(known(2, "leaves-nothing-1", 107)), 2))).size() + 1);
  TestHost limited(options);
  const auto named = [](LoadOrder order) { return order.name = "limited", order; };
  limited.serve(named(known(1, "leaves-thread-1", 108)));
  CHECK(find(kept_of(limited.end(1)), "limited"));
  const Status refused = limited.load(named(known(2, "leaves-thread-2", 109, "2")));
  CHECK(refused.code() == PINNATE_REFUSED);
  CHECK(refused.message().find("a restart of the engine frees them") != std::string::npos);
  CHECK(refused.message().find("limited 1") != std::string::npos);
  limited.serve(known(3, "leaves-nothing-2", 110, "2"));
  CHECK(limited.load(known(4, "stays-loaded", 999)).code() == PINNATE_REFUSED);
}

TEST_CASE("libraries that came with a module stay with their threads, and are counted") {
  TestHost host;
  host.serve(known(1, "uses-library-1", 111));
  CHECK(host.call("").bytes.view() == "1");
  const auto kept = kept_of(host.end(1));
  const auto* library = find(kept, "uses-library-1");
  REQUIRE(library);
  CHECK(library->why == "libpinnate-test-library.so.1, which came with it");
  CHECK(library->threads == 1);
  CHECK(kept.size() >= 1);

  SUBCASE("and a module that was built to use another one of that name is refused") {
    const Status refused = host.load(known(2, "uses-library-2", 112));
    CHECK(refused.code() == PINNATE_REFUSED);
    CHECK(refused.message().find("libpinnate-test-library.so.1 instead") != std::string::npos);
    LoadOrder allowed = known(3, "uses-library-2", 112);
    allowed.allowed = {"sonames"};
    host.serve(std::move(allowed));
    CHECK(host.call("").bytes.view() == "1");  // as it was told
  }
}

TEST_CASE("a version that would enter a registry of the process a second time is refused") {
  TestHost host;
  const auto named = [](LoadOrder order) { return order.name = "registers", order; };
  host.serve(named(known(1, "registers-1", 113)));
  CHECK(find(kept_of(host.end(1)), "registers"));
  const Status refused = host.load(named(known(2, "registers-2", 114)));
  CHECK(refused.code() == PINNATE_REFUSED);
  CHECK(refused.message().find("GObject types") != std::string::npos);
  CHECK(refused.message().find("restart the engine") != std::string::npos);
  host.serve(named(known(3, "registers-1", 113)));  // the one that is known there
}
