#include "base/check.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>

namespace {
std::string failed;
}

TEST_CASE("a check that holds says nothing; one that fails is told with its words and its place") {
  const auto before = std::exchange(pinnate::on_failed_check, [](const char* words, const char* file, int line) {
    failed = std::string(words) + " in " + file + ":" + std::to_string(line);
  });
  CHECK(PINNATE_CHECK(1 + 1 == 2, "arithmetic"));
  CHECK(failed.empty());
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // those builds end here, whatever the hook does
  CHECK_FALSE(PINNATE_CHECK(1 + 1 == 3, "arithmetic"));
  CHECK(failed.starts_with("arithmetic in "));
  CHECK(failed.find("check_test.cc:") != std::string::npos);
#endif
  pinnate::on_failed_check = before;
}
