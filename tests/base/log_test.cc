#include "base/log.h"

#include <doctest/doctest.h>

TEST_CASE("a line of the log is one line, whatever a peer calls itself") {
  std::string got;
  pinnate::Log log;
  log.write = [](void* arg, pinnate_log_level, const char* line) { *static_cast<std::string*>(arg) = line; };
  log.arg = &got;
  log(PINNATE_LOG_INFO, "refused 'x\nall is well\r\x1b[2J\x7f' \xc3\xa9");
  CHECK(got == "refused 'x all is well  [2J ' \xc3\xa9");
}
