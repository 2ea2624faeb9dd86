// What an engine's process makes of a module before it is loaded, and of what the dynamic linker
// says.
#include "module/loading/process_findings.h"
#include "module/host.h"

#include <zlib.h>

using namespace pinnate;
using namespace pinnate::module;

namespace {

struct Loaded {
  Status status;
  bool has(const char* words) const { return status.message().find(words) != std::string::npos; }
};

Loaded load(const std::string& module, std::vector<std::string> allowed = {}) {
  TestHost host;
  LoadOrder order = TestHost::order(1, test_module(module));
  order.allowed = std::move(allowed);
  return {host.load(std::move(order))};
}

content::SharedObject object_with(std::uint64_t tls_bytes) {
  content::SharedObject object;
  object.tls_bytes = tls_bytes;
  return object;
}

}  // namespace

TEST_CASE("a module whose own function would be another's of the process is refused, and its hidden twin is not") {
  REQUIRE(compressBound(100) != 142);  // this process has one
  const Loaded refused = load("own-names");
  CHECK(refused.status.code() == PINNATE_REFUSED);
  CHECK(refused.has("compressBound of "));
  TestHost host;
  host.serve(1, "own-names-hidden");
  CHECK(host.call(std::string(100, 'x')).bytes.view() == "142");
  CHECK(load("own-names", {"exports"}).status.ok());
}

TEST_CASE("a module whose second version would use the values of the first is refused, unless that is allowed") {
  const Loaded refused = load("shared-value-1");
  CHECK(refused.status.code() == PINNATE_REFUSED);
  CHECK(refused.has("GNU-unique symbols ("));
  CHECK(refused.has("version[abi:cxx11]"));
  CHECK(load("shared-value-1", {"unique-symbols"}).status.ok());
}

TEST_CASE("what would change or end the process is refused by its kind") {
  CHECK(load("executable-stack").has("executable stack"));
  CHECK(load("sanitized").has("sanitizer (asan)") != has_sanitizer());
  CHECK(load("large-static-tls").has("4000 bytes of thread-local storage"));
  for (const char* module : {"executable-stack", "large-static-tls"})
    CHECK(load(module).status.code() == PINNATE_REFUSED);
  CHECK(load("small-static-tls").status.ok());
}

TEST_CASE("what the dynamic linker says is told with what helps, and without a path that says nothing") {
  const std::string path = "/proc/7/fd/9";
  const auto says = [&](const std::string& words, const char* part, const std::string& from = "/proc/7/fd/9") {
    const std::string told = linker_refusal(words, object_with(400), from);
    CAPTURE(told);
    CHECK(told.find(part) != std::string::npos);
    CHECK(told.find(path) == std::string::npos);
  };
  says(path + ": cannot allocate memory in static TLS block", "A restart of the engine frees it");
  says(path + ": cannot allocate memory in static TLS block", "400 bytes");
  says(path + ": failed to map segment from shared object", "memory files");
  says("/state/x: failed to map segment from shared object", "noexec", "/state/x");
  says("/lib/libc.so.6: version `GLIBC_2.99' not found (required by " + path + ")", "(required by it)");
  says("/lib/libc.so.6: version `GLIBC_2.99' not found (required by " + path + ")", "Build it on the oldest system");
  says("libfoo.so.1: cannot open shared object file: No such file or directory", "libfoo.so.1");
  says("libfoo.so.1: cannot open shared object file: No such file or directory", "Install it there");
  says(path + ": undefined symbol: f", "undefined symbol: f");
  says(path + ": something new", "the dynamic linker refused it: something new");
}
