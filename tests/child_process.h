// A test case that needs a process of its own runs its program again, with that case alone.
#pragma once

#include <doctest/doctest.h>

#include <spawn.h>
#include <sys/wait.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

extern char** environ;

namespace pinnate::testing {

inline bool in_child() { return std::getenv("PINNATE_TEST_CHILD") != nullptr; }

// Runs the present test case in a child, where in_child() holds; whether it passes there. `asan` is
// added to ASAN_OPTIONS.
inline bool passes_in_a_child(const std::string& asan = "") {
  std::string only = "--test-case=";
  for (const char* c = doctest::getContextOptions()->currentTest->m_name; *c; ++c) only += *c == ',' ? '?' : *c;
  char self[] = "/proc/self/exe";
  char* const arguments[] = {self, only.data(), nullptr};
  const char* before = std::getenv("ASAN_OPTIONS");
  std::string child_too = "PINNATE_TEST_CHILD=1", options = "ASAN_OPTIONS=" + std::string(before ? before : "") + asan;
  std::vector<char*> environment{child_too.data(), options.data()};
  for (char** variable = environ; *variable; variable++)
    if (std::strncmp(*variable, "ASAN_OPTIONS=", 13) != 0) environment.push_back(*variable);
  environment.push_back(nullptr);
  pid_t child = 0;
  REQUIRE(posix_spawn(&child, self, nullptr, nullptr, arguments, environment.data()) == 0);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace pinnate::testing
