// What is loaded is in this process's memory map, under the name of its module; what is unloaded is
// not.
#include "module/host.h"

#include <dlfcn.h>

using namespace pinnate;
using namespace pinnate::module;

namespace {

// Pieces of memory with code from a module of this name.
int mapped_code(const std::string& name) {
  std::ifstream maps("/proc/self/maps");
  int count = 0;
  for (std::string line; std::getline(maps, line);)
    count += line.find("r-xp") != std::string::npos && line.find("'" + name + "'") != std::string::npos;
  return count;
}

LoadOrder named(ServiceId id, const std::string& name, const std::string& module) {
  LoadOrder order = TestHost::order(id, test_module(module));
  order.name = name;
  return order;
}

}  // namespace

TEST_CASE(
    "a module that throws or ends its thread where it must not is said to, at once, and leaves the process all the "
    "same") {
  const std::string said = "module 'rude' 1.0.0: ";
  const std::string ended = said + "ended the thread that called it";
  std::string module;
  TestHost host;
  ServiceId id = 0;
  const auto load = [&](const char* behaviour) {
    LoadOrder order = named(++id, "rude", module);
    order.config = Buffer(behaviour);
    REQUIRE(host.load(std::move(order)).ok());
    return host.create(id);
  };
  for (const char* each : {"misbehaving", "misbehaving-alone"}) {
    CAPTURE(each);
    module = each;
    REQUIRE(load("health-ends-thread").ok());
    const Status checked = host.check_health(id);
    CHECK(checked.code() == PINNATE_FAILED);
    CHECK(checked.message() == ended);
    CHECK(host.destroy(id).ok());
    CHECK(mapped_code("rude") == 0);
    for (const auto& [behaviour, words] :
         {std::pair{"destroy-ends-thread", ended}, {"destroy-throws", said + "destroy threw an exception: not now"}}) {
      REQUIRE(load(behaviour).ok());
      const Status destroyed = host.destroy(id);
      CHECK(destroyed.code() == PINNATE_FAILED);
      CHECK(destroyed.message() == words);
      CHECK(mapped_code("rude") == 0);
      CHECK(host.create(id).code() == PINNATE_NOT_FOUND);
    }
  }
}

TEST_CASE(
    "templates and sample modules leave the process when they are destroyed, also after calls and beside their next "
    "version") {
  for (const std::string module :
       {"template-c", "template-cc", "anomaly-1.0.0", "thumbnail-1.0.0", "thumbnail-1.1.0"}) {
    if (test_module(module).empty()) {
      CHECK(module.rfind("thumbnail", 0) == 0);  // built only where libjpeg is
      continue;
    }
    CAPTURE(module);
    const std::string one = module + "-one", two = module + "-two";
    TestHost host;
    host.serve(named(1, one, module));
    CHECK(mapped_code(one) == 1);
    (void)host.call("1 2 3");
    (void)host.call_here("1 2 3");
    host.serve(named(2, two, module));
    CHECK(mapped_code(one) == 1);
    CHECK(mapped_code(two) == 1);
    CHECK(host.drain(1).ok());
    CHECK(host.destroy(1).ok());
    CHECK(mapped_code(one) == 0);
    CHECK(mapped_code(two) == 1);
    host.close();
    CHECK(mapped_code(two) == 0);
  }
}

TEST_CASE("a module that cannot leave is still there, so the memory map tells the difference") {
  TestHost host;
  host.serve(named(1, "stays-for-good", "counter-stays"));
  host.close();
  CHECK(mapped_code("stays-for-good") == 1);
}

TEST_CASE("a module that is refused leaves nothing behind") {
  TestHost host;
  for (const char* module : {"no-descriptor", "other-abi", "short-descriptor", "undefined-symbol"}) {
    CAPTURE(module);
    CHECK_FALSE(host.load(named(1, module, module)).ok());
    CHECK(mapped_code(module) == 0);
  }
}

TEST_CASE("a module's symbols are nobody else's") {
  TestHost host;
  host.serve(1, "counter-1");
  CHECK(dlsym(RTLD_DEFAULT, "pinnate_module") == nullptr);
}
