#include "capi/sized.h"

#include <pinnate/controller.h>
#include <pinnate/fleet.h>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstring>
#include <string>

using namespace pinnate;

namespace {

// A host compiled against a later header: each struct has a field more.
struct LaterTier {
  pinnate_tier_options known;
  std::size_t later;
};
struct LaterController {
  std::size_t size;
  LaterTier tier;
  const char* state_dir;
  std::uint64_t artifact_limit_bytes;
  std::uint32_t forget_after_ms;
  std::uint64_t later;
};

}  // namespace

TEST_CASE("fields that a smaller struct does not have are zero") {
  pinnate_lookup lookup = PINNATE_LOOKUP_INIT;
  lookup.name = "f";
  lookup.limit = 7;
  lookup.timeout_ms = 99;
  lookup.size = offsetof(pinnate_lookup, limit);
  const auto copy = capi::read_sized(&lookup, "lookup");
  REQUIRE(copy.ok());
  CHECK(std::string(copy->name) == "f");
  CHECK(copy->limit == 0);
  CHECK(copy->timeout_ms == 0);
  CHECK(copy->size == sizeof(pinnate_lookup));
}

TEST_CASE("a larger struct is accepted when what is not known is zero, and refused in words when it is not") {
  struct {
    pinnate_call known;
    std::uint64_t later;
  } call{PINNATE_CALL_INIT, 0};
  call.known.size = sizeof call;
  call.known.name = "f";
  CHECK(capi::read_sized(&call.known, "call").ok());
  call.later = 1;
  const auto refused = capi::read_sized(&call.known, "call");
  CHECK(refused.status().code() == PINNATE_INVALID);
  CHECK(refused.status().message().find("call sets a field that this library (0.1.0) does not know") == 0);
}

TEST_CASE("a size that was never set is said to be wrong") {
  pinnate_call call{};
  CHECK(capi::read_sized(&call, "call").status().message() ==
        "call.size is 0: set it to sizeof the struct (PINNATE_..._INIT does)");
  call.size = 0x5a5a5a5a;
  CHECK(capi::read_sized(&call, "call").status().code() == PINNATE_INVALID);
  pinnate_controller_options options{};
  options.size = sizeof options;  // but not that of `tier`
  CHECK(capi::read_options(&options).status().message().find("options.tier.size is 0") == 0);
}

TEST_CASE("what follows the tier's options is found wherever the host's header puts it") {
  LaterController later{};
  later.size = sizeof later;
  later.tier.known = PINNATE_TIER_OPTIONS_INIT;
  later.tier.known.size = sizeof later.tier;
  later.tier.known.fleet = "orchard";
  later.state_dir = "/state";
  later.artifact_limit_bytes = 12;
  later.forget_after_ms = 34;
  const auto* given = reinterpret_cast<const pinnate_controller_options*>(&later);
  const auto copy = capi::read_options(given);
  REQUIRE(copy.ok());
  CHECK(std::string(copy->tier.fleet) == "orchard");
  CHECK(std::string(copy->state_dir) == "/state");
  CHECK(copy->artifact_limit_bytes == 12);
  CHECK(copy->forget_after_ms == 34);
  later.tier.later = 1;
  CHECK(capi::read_options(given).status().code() == PINNATE_INVALID);
  later.tier.later = 0;
  later.later = 1;
  CHECK(capi::read_options(given).status().code() == PINNATE_INVALID);
}

TEST_CASE("options may end with, or before, those of the tier") {
  pinnate_controller_options options = PINNATE_CONTROLLER_OPTIONS_INIT;
  options.tier.fleet = "orchard";
  options.state_dir = "/state";
  options.size = offsetof(pinnate_controller_options, state_dir);
  auto copy = capi::read_options(&options);
  REQUIRE(copy.ok());
  CHECK(std::string(copy->tier.fleet) == "orchard");
  CHECK(copy->state_dir == nullptr);
  options.size = sizeof(std::size_t);
  copy = capi::read_options(&options);
  REQUIRE(copy.ok());
  CHECK(copy->tier.fleet == nullptr);
}
