#include <pinnate/fleet.h>

#include <doctest/doctest.h>

#include <string>

#include <sys/utsname.h>

TEST_CASE("every status and every phase has a name, and other numbers have one too") {
  CHECK(std::string(pinnate_status_name(PINNATE_OK)) == "ok");
  CHECK(std::string(pinnate_status_name(PINNATE_NOT_FOUND)) == "not found");
  CHECK(std::string(pinnate_status_name(PINNATE_INTERNAL)) == "internal");
  CHECK(std::string(pinnate_status_name(static_cast<pinnate_status>(4711))) == "unknown");
  CHECK(std::string(pinnate_status_name(static_cast<pinnate_status>(-1))) == "unknown");
  CHECK(std::string(pinnate_phase_name(PINNATE_PHASE_PENDING)) == "pending");
  CHECK(std::string(pinnate_phase_name(PINNATE_PHASE_OFFLINE)) == "offline");
  CHECK(std::string(pinnate_phase_name(PINNATE_PHASE_COUNT)) == "unknown");
}

TEST_CASE("the version is that of the header") { CHECK(std::string(pinnate_version()) == "0.1.0"); }

TEST_CASE("the platform is that of this machine") {
  utsname machine;
  REQUIRE(uname(&machine) == 0);
  CHECK(std::string(pinnate_platform()).substr(0, 6) == "linux-");
  if (std::string(machine.machine) == "x86_64" && sizeof(void*) == 8)
    CHECK(std::string(pinnate_platform()) == "linux-x86_64");
}
