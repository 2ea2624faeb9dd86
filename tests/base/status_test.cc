#include "base/status.h"
#include "base/log.h"

#include <doctest/doctest.h>

#include <memory>
#include <vector>

using namespace pinnate;

TEST_CASE("a status is good unless told what went wrong") {
  CHECK(Status().ok());
  CHECK(Status().message().empty());
  const Status bad(PINNATE_BUSY, "later");
  CHECK_FALSE(bad.ok());
  CHECK(bad.code() == PINNATE_BUSY);
  CHECK(bad.message() == "later");
}

TEST_CASE("a result holds a value, or why there is none") {
  Result<std::unique_ptr<int>> good(std::make_unique<int>(7));
  REQUIRE(good.ok());
  CHECK(**good == 7);
  CHECK(good.status().ok());
  Result<std::unique_ptr<int>> bad(PINNATE_NOT_FOUND, "no such number");
  CHECK_FALSE(bad.ok());
  CHECK(bad.status().message() == "no such number");
}

TEST_CASE("a log passes on what is at its level or above, and one without a hook is silent") {
  std::vector<std::string> lines;
  Log log;
  log(PINNATE_LOG_ERROR, "nobody hears this");
  log.write = [](void* arg, pinnate_log_level, const char* message) {
    static_cast<std::vector<std::string>*>(arg)->push_back(message);
  };
  log.arg = &lines;
  log.lowest = std::make_shared<std::atomic<pinnate_log_level>>(PINNATE_LOG_WARNING);
  log(PINNATE_LOG_INFO, "too low");
  log(PINNATE_LOG_WARNING, "at it");
  log(PINNATE_LOG_ERROR, "above");
  CHECK(lines == std::vector<std::string>{"at it", "above"});
}
