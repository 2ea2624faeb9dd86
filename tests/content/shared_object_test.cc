// What is read from shared objects, and what is expected of them: by real ones, which the tests'
// modules are, and by damaged ones.
#include "content/shared_object.h"
#include "content/object_findings.h"

#include <doctest/doctest.h>
#include <pinnate/module.h>

#include <algorithm>
#include <fstream>
#include <iterator>

using namespace pinnate;
using namespace pinnate::content;

namespace {

std::string bytes_of(const std::string& module) {
  std::ifstream file(PINNATE_TEST_FILES "/" + module + ".so", std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  REQUIRE(!bytes.empty());
  return bytes;
}

Result<SharedObject> read(const std::string& bytes) { return read_shared_object(ObjectBytes::in_memory(bytes)); }

SharedObject object(const std::string& module) {
  auto read_object = read(bytes_of(module));
  REQUIRE_MESSAGE(read_object.ok(), read_object.status().message());
  return *read_object;
}

// "exports" for a warning, "!exports" for a refusal.
std::vector<std::string> words(const std::string& module) {
  std::vector<std::string> all;
  for (const Finding& each : findings(object(module)))
    all.push_back((each.refused ? "!" : "") + std::string(each.word));
  return all;
}
using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("of a module that is built as it should be there is nothing to be said") {
  CHECK(words("leaves-nothing-1") == Words{});
  CHECK(words("cleans-up") == Words{});
  CHECK(words("stays-loaded") == Words{});
}

TEST_CASE("each kind of trouble is found by its word, those first that are refused") {
  CHECK(words("shared-value-1") == Words{"!unique-symbols", "exports", "dependencies"});
  CHECK(words("own-names") == Words{"exports"});
  CHECK(words("executable-stack") == Words{"!executable-stack"});
  CHECK(words("sanitized") == Words{"!sanitizer"});
  CHECK(words("large-static-tls") == Words{"!static-tls"});
  CHECK(words("small-static-tls") == Words{"static-tls"});
  CHECK(words("leaves-key-1") == Words{"registers"});
  CHECK(words("registers-1") == Words{"registry"});
  CHECK(words("uses-library-1") == Words{"dependencies"});
  CHECK(words("no-descriptor").front() == "!not-a-module");
  CHECK(words("other-abi").front() == "!abi");
  const Words stays = words("counter-stays");
  CHECK(std::find(stays.begin(), stays.end(), "stays") != stays.end());
}

TEST_CASE("an object says its platform, its C library and its descriptor") {
  const SharedObject o = object("stays-loaded");
  CHECK(o.exports_descriptor);
  REQUIRE(o.descriptor);
  CHECK(o.descriptor->abi == PINNATE_MODULE_ABI);
  CHECK(o.descriptor->flags == PINNATE_STAYS_LOADED);
  CHECK(o.descriptor->size_bytes == sizeof(pinnate_descriptor));
  CHECK(o.exports.empty());
  CHECK_FALSE(o.for_musl());
#ifdef __GLIBC__
  CHECK(o.needs("libc.so.6"));
  CHECK_FALSE(o.glibc_version().empty());
#endif
  CHECK(object("own-names").exports.at(0).name == "compressBound");
  CHECK(object("own-names").exports.at(0).by_name);
}

TEST_CASE("musl is told from the GNU C library, and its newest version is the one that counts") {
  SharedObject o;
  o.needed = {"libc.so"};
  CHECK(o.for_musl());
  o.needed = {"libc.musl-x86_64.so.1"};
  CHECK(o.for_musl());
  o.needed = {"libc.so.6"};
  o.needed_versions = {{"libc.so.6", "GLIBC_2.2.5"},
                       {"libm.so.6", "GLIBC_2.29"},
                       {"libc.so.6", "GLIBC_2.9"},
                       {"libc.so.6", "GLIBC_PRIVATE"},
                       {"libstdc++.so.6", "GLIBCXX_3.4.30"}};
  CHECK_FALSE(o.for_musl());
  CHECK(o.glibc_version() == "2.29");
  CHECK(older_version("2.9", "2.34"));
  CHECK_FALSE(older_version("2.34", "2.9"));
  CHECK_FALSE(older_version("2.34", "2.34"));
  CHECK(older_version("", "2.0.1"));
}

TEST_CASE("what is no whole shared object is refused in words") {
  CHECK(read("").status().message() == "not a shared object (no ELF header)");
  CHECK(read("#!/bin/sh\n").status().message() == "not a shared object (no ELF header)");
  const std::string whole = bytes_of("leaves-nothing-1");
  for (std::size_t bytes = 0; bytes < whole.size(); bytes += bytes < 1024 ? 1 : 97) {
    const auto cut = read(whole.substr(0, bytes));
    if (cut.ok()) continue;  // only its section headers are missing
    CHECK(cut.status().code() == PINNATE_INVALID);
  }
  CHECK_FALSE(read(whole.substr(0, whole.size() / 4)).ok());
}

TEST_CASE("whatever is done to an object's tables, reading it ends") {
  const std::string whole = bytes_of("own-names");
  const std::size_t tables = std::min<std::size_t>(whole.size(), 4096);
  for (std::size_t at = 4; at < whole.size(); at += at < tables ? 1 : 31)
    for (const char value : {'\x00', '\x01', '\x7f', '\xff'}) {
      std::string damaged = whole;
      damaged[at] = value;
      const auto result = read(damaged);
      if (result.ok()) CHECK(findings(*result).size() <= 32);
    }
}

TEST_CASE("only known words can be allowed") {
  const auto some = read_allowed("stays,exports,stays");
  REQUIRE(some.ok());
  CHECK(*some == Words{"exports", "stays"});
  CHECK(read_allowed("")->empty());
  CHECK(read_allowed("everything").status().code() == PINNATE_INVALID);
  CHECK(read_allowed("everything").status().message().find("unique-symbols") != std::string::npos);
}
