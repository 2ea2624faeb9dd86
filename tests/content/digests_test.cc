#include "content/elf.h"
#include "content/sha256.h"

#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

using namespace pinnate;
using namespace pinnate::content;

TEST_CASE("SHA-256 agrees with the examples of FIPS 180") {
  CHECK(sha256("").hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256(std::string(1000000, 'a')).hex() == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("a digest in pieces is that of the whole") {
  const std::string text = "the quick brown fox jumps over the lazy dog";
  Sha256 whole;
  for (char c : text) whole.update({&c, 1});
  whole.update({});
  Sha256 moved = std::move(whole);
  CHECK(moved.finish() == sha256(text));
}

TEST_CASE("threads that hash their first bytes at the same time all get it right") {
  std::vector<Digest> digests(8);
  std::vector<std::thread> threads;
  for (auto& digest : digests) threads.emplace_back([&digest] { digest = sha256("abc"); });
  for (auto& thread : threads) thread.join();
  for (const auto& digest : digests) CHECK(digest == sha256("abc"));
}

namespace {
std::string header(int width, int order, unsigned machine) {
  std::string head(64, '\0');
  head.replace(0, 4,
               "\x7f"
               "ELF");
  head[4] = static_cast<char>(width);
  head[5] = static_cast<char>(order);
  head[order == 1 ? 18 : 19] = static_cast<char>(machine & 255);
  head[order == 1 ? 19 : 18] = static_cast<char>(machine >> 8);
  return head;
}
}  // namespace

TEST_CASE("a shared object tells its platform by its first bytes") {
  CHECK(elf_platform(header(2, 1, 62)) == "linux-x86_64");
  CHECK(elf_platform(header(2, 1, 183)) == "linux-aarch64");
  CHECK(elf_platform(header(1, 1, 40)) == "linux-armv7");
  CHECK(elf_platform(header(2, 1, 243)) == "linux-riscv64");
  CHECK(elf_platform(header(1, 1, 3)) == "linux-i686");
  CHECK(elf_platform(header(2, 2, 22)) == "linux-s390x");
  CHECK(elf_platform(header(2, 1, 258)) == "linux-loongarch64");
  CHECK(elf_platform(header(2, 1, 62).substr(0, 20)) == "linux-x86_64");
}

TEST_CASE("ARM without a floating-point unit has a calling convention, and so a name, of its own") {
  std::string soft = header(1, 1, 40);
  soft.resize(52);
  soft[37] = 2;  // e_flags: EF_ARM_ABI_FLOAT_SOFT
  CHECK(elf_platform(soft) == "linux-armel");
  soft[37] = 4;  // hard
  CHECK(elf_platform(soft) == "linux-armv7");
  CHECK(is_elf_platform("linux-armel"));
  CHECK_FALSE(is_elf_platform("my-board"));
}

TEST_CASE("a machine without a name is not taken for one that has one") {
  CHECK(elf_platform(header(2, 1, 4711)) == "linux-machine-4711");
  CHECK(elf_platform(header(2, 2, 62)) == "linux-machine-62");
}

TEST_CASE("what is not ELF has no platform") {
  CHECK(elf_platform("") == "");
  CHECK(elf_platform("#!/bin/sh\n echo not an object\n") == "");
  CHECK(elf_platform(header(2, 1, 62).substr(0, 19)) == "");
  CHECK(elf_platform(header(3, 1, 62)) == "");
  CHECK(elf_platform(header(2, 0, 62)) == "");
}
