// What loads, what does not, and in which words.
#include "content/sha256.h"
#include "module/host.h"

#include <elf.h>

#include <cstddef>
#include <filesystem>

using namespace pinnate;
using namespace pinnate::module;

namespace {

std::string refusal(const std::string& bytes, Code code) {
  TestHost host;
  const Status s = host.load(TestHost::order(1, bytes));
  CHECK(s.code() == code);
  return s.message();
}

bool has(const std::string& text, const std::string& part) {
  const bool found = text.find(part) != std::string::npos;
  if (!found) MESSAGE(text);
  return found;
}

}  // namespace

TEST_CASE("a file that is not a shared object is refused in words") {
  CHECK(refusal("#!/bin/sh\necho hello, world\n", PINNATE_INVALID) ==
        "module 'f' 1.0.0: not a shared object (no ELF header)");
  CHECK(has(refusal(std::string(1, 'x'), PINNATE_INVALID), "no ELF header"));
}

TEST_CASE("a shared object for another architecture is refused before the linker sees it, and named") {
  std::string bytes = test_module("counter-1");
  const bool on_arm = bytes[offsetof(Elf64_Ehdr, e_machine)] == static_cast<char>(EM_AARCH64);
  bytes[offsetof(Elf64_Ehdr, e_machine)] = static_cast<char>(on_arm ? EM_X86_64 : EM_AARCH64);
  bytes[offsetof(Elf64_Ehdr, e_machine) + 1] = 0;
  CHECK(has(refusal(bytes, PINNATE_INCOMPATIBLE), on_arm
                                                      ? "a shared object for linux-x86_64; this engine is linux-aarch64"
                                                      : "a shared object for linux-aarch64; this engine is linux-"));
  bytes[offsetof(Elf64_Ehdr, e_machine)] = static_cast<char>(EM_S390);
  bytes[EI_DATA] = ELFDATA2MSB;
  std::swap(bytes[offsetof(Elf64_Ehdr, e_machine)], bytes[offsetof(Elf64_Ehdr, e_machine) + 1]);
  std::swap(bytes[offsetof(Elf64_Ehdr, e_type)], bytes[offsetof(Elf64_Ehdr, e_type) + 1]);
  CHECK(has(refusal(bytes, PINNATE_INCOMPATIBLE), "a shared object for linux-s390x"));
}

TEST_CASE("a program and an object file are told from a shared object") {
  std::string bytes = test_module("counter-1");
  bytes[offsetof(Elf64_Ehdr, e_type)] = ET_EXEC;
  CHECK(has(refusal(bytes, PINNATE_INVALID), "it is a program"));
  bytes[offsetof(Elf64_Ehdr, e_type)] = ET_REL;
  CHECK(has(refusal(bytes, PINNATE_INVALID), "not linked"));
}

TEST_CASE("a shared object cut short anywhere is refused and does not crash the engine") {
  const std::string bytes = test_module("counter-1");
  for (std::size_t size : {std::size_t{20}, std::size_t{63}, std::size_t{200}, bytes.size() / 4, bytes.size() / 2}) {
    TestHost host;
    CHECK(!host.load(TestHost::order(1, bytes.substr(0, size))).ok());
  }
  CHECK(has(refusal(bytes.substr(0, 200), PINNATE_INVALID), "cut short"));
}

TEST_CASE("a shared object without the descriptor, or with one of another ABI, is refused in words") {
  CHECK(has(refusal(test_module("no-descriptor"), PINNATE_INVALID), "it does not export 'pinnate_module'"));
  CHECK(has(refusal(test_module("other-abi"), PINNATE_INCOMPATIBLE),
            "made for module ABI 99, where this version speaks 1"));
  CHECK(has(refusal(test_module("short-descriptor"), PINNATE_INVALID), "has 16 bytes, fewer than ABI 1 needs"));
}

TEST_CASE("a descriptor that a later header made longer is taken for what is known of it") {
  TestHost host;
  CHECK(host.load(1, "later-descriptor").ok());
  CHECK(host.create(1).ok());
  CHECK(host.check_health(1).ok());
}

TEST_CASE("an undefined symbol is refused by its name") {
  CHECK(refusal(test_module("undefined-symbol"), PINNATE_FAILED) ==
        "module 'f' 1.0.0: the dynamic linker refused it: undefined symbol: nobody_defines_this (neither it nor a "
        "library that it "
        "names defines that symbol. Link what does)");
}

TEST_CASE("an unknown loader is refused, with those that there are") {
  TestHost host;
  LoadOrder order = TestHost::order(1, test_module("counter-1"));
  order.loader = "lua";
  const Status s = host.load(std::move(order));
  CHECK(s.code() == PINNATE_UNSUPPORTED);
  CHECK(s.message() == "module 'f' 1.0.0: no loader 'lua' on this engine (it has: native)");
}

TEST_CASE("v2 loaded beside v1 is never v1") {
  for (const bool private_files : {false, true}) {
    CAPTURE(private_files);
    ServiceHostOptions options;
    options.private_files = private_files;
    TestHost host(options);
    host.serve(1, "counter-1");
    CHECK(host.call_here("").bytes.view() == "1 1");
    host.serve(2, "counter-2");
    CHECK(host.call_here("").bytes.view() == "2 1");
    // The same bytes again are a library of their own, with a state of their own.
    host.serve(3, "counter-2");
    CHECK(host.call_here("").bytes.view() == "2 1");
  }
}

TEST_CASE("a version loaded after another one is unloaded is never that other one") {
  for (const bool private_files : {false, true}) {
    CAPTURE(private_files);
    ServiceHostOptions options;
    options.private_files = private_files;
    TestHost host(options);
    ServiceId id = 0;
    // "stays" remains in memory under the name of its descriptor, whose number the next one gets.
    for (const char* version : {"1", "2", "stays", "1", "stays", "2"}) {
      host.serve(++id, "counter-" + std::string(version));
      CHECK(host.call_here("").bytes.view() == std::string(version) + " 1");
      host->deactivate("f");
      CHECK(host.drain(id).ok());
      CHECK(host.destroy(id).ok());
    }
  }
}

TEST_CASE("private files are removed with their module, and those of a dead process when the engine opens") {
  TestFolder folder;
  { std::ofstream(folder.path + "/pinnate-image-1-1") << "left behind"; }
  ServiceHostOptions options;
  options.state_dir = folder.path;
  options.private_files = true;
  const auto images = [&] {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path))
      if (entry.path().filename().string().rfind("pinnate-image-", 0) == 0) ++count;
    return count;
  };
  TestHost host(options);
  CHECK(images() == 0);
  host.serve(1, "counter-1");
  CHECK(images() == 1);
  host->deactivate("f");
  CHECK(host.destroy(1).ok());
  CHECK(images() == 0);
}

TEST_CASE("bad chunks are all named at once, unreadable ones too, and other failures in their own words") {
  TestHost host;
  const std::string bytes(3 * kChunkBytes + 5, 'x');
  LoadOrder order = TestHost::order(1, bytes);
  order.image.read_chunk = [read = order.image.read_chunk](std::uint32_t i) -> Result<Buffer> {
    if (i == 1) return Status(PINNATE_NOT_FOUND, "not held");
    if (i == 2) return Status(PINNATE_IO, "a bad sector");
    if (i == 3) return Status(PINNATE_CORRUPT, "wrong digest");
    return read(i);
  };
  Promised p;
  host.load(std::move(order), p.done());
  const Outcome outcome = p.get();
  CHECK(outcome.bad_chunks == std::vector<std::uint32_t>{1, 2, 3});
  CHECK(outcome.status.message() ==
        "module 'f' 1.0.0: 3 of 4 chunks are missing or damaged; the first is chunk 1: not held");

  LoadOrder failing = TestHost::order(2, bytes);
  failing.image.read_chunk = [](std::uint32_t) -> Result<Buffer> {
    return Status(PINNATE_CLOSED, "the store is closed");
  };
  const Status s = host.load(std::move(failing));
  CHECK(s.code() == PINNATE_CLOSED);
  CHECK(has(s.message(), "the store is closed"));
}

TEST_CASE("engines with the same artifact share its bytes and not the state of its library") {
  for (const bool private_files : {false, true}) {
    CAPTURE(private_files);
    ServiceHostOptions options;
    options.private_files = private_files;
    TestHost one(options), two(options);
    for (TestHost* host : {&one, &two}) {
      LoadOrder order = TestHost::order(1, test_module("counter-1"));
      order.image.content = content::sha256(test_module("counter-1"));
      host->serve(std::move(order));
    }
    CHECK(one.call_here("").bytes.view() == "1 1");
    CHECK(two.call_here("").bytes.view() == "1 1");
    CHECK(one.call_here("").bytes.view() == "1 2");
    one.close();
    CHECK(two.call_here("").bytes.view() == "1 2");
  }
}
