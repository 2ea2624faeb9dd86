#include "content/release.h"

#include "base/limits.h"
#include "content/hostile.h"
#include "content/sha256.h"

#include <doctest/doctest.h>

#include <functional>

using namespace pinnate;
using namespace pinnate::content;

namespace {

Release seventh() {
  Release r;
  r.number = 7;
  r.epoch = 2;
  r.name = "thumbnail";
  r.version = "1.2.0";
  r.manifest = sha256("manifest");
  r.selector = "region=eu,!lab";
  r.config = Buffer("{\"size\": 64}");
  r.decided_unix_ms = 1700000000123;
  return r;
}

Code refused(const std::function<void(Release&)>& change) {
  Release r = seventh();
  change(r);
  return decode_release(encode_release(r)).status().code();
}

void check_equal(const Release& a, const Release& b) {
  CHECK(a.number == b.number);
  CHECK(a.epoch == b.epoch);
  CHECK(a.name == b.name);
  CHECK(a.version == b.version);
  CHECK(a.manifest == b.manifest);
  CHECK(a.selector == b.selector);
  CHECK(a.config == b.config);
  CHECK(a.decided_unix_ms == b.decided_unix_ms);
}

}  // namespace

TEST_CASE("a release comes back as it was") {
  for (const Release& r : {seventh(), [] {
                             Release extreme = seventh();
                             extreme.number = extreme.epoch = UINT64_MAX;
                             extreme.selector = "";
                             extreme.config = Buffer(std::string(kConfigLimitBytes, 'c'));
                             extreme.decided_unix_ms = -1;
                             return extreme;
                           }()}) {
    const auto decoded = decode_release(encode_release(r));
    REQUIRE(decoded.ok());
    check_equal(*decoded, r);
  }
}

TEST_CASE("the configuration of a decoded release shares the memory of its bytes") {
  const Buffer bytes = encode_release(seventh());
  const auto decoded = decode_release(bytes);
  REQUIRE(decoded.ok());
  CHECK(decoded->config.data() > bytes.data());
  CHECK(decoded->config.data() < bytes.data() + bytes.size());
}

TEST_CASE("the bytes of a release are those that PROTOCOL.md gives") {
  Release r;
  r.number = 300;
  r.epoch = 1;
  r.name = "f";
  r.version = "1";
  r.decided_unix_ms = 5;
  CHECK(encode_release(r).str() == std::string("\x9b\x01\xcd\x01\x2c\x01\xa1"
                                               "f\xa1"
                                               "1\xc4\x20") +
                                       std::string(32, '\0') + std::string("\xa0\xc4\x00\x05\x90\x90", 6));
}

TEST_CASE("a release whose values are out of bounds is refused") {
  CHECK(refused([](Release&) {}) == PINNATE_OK);
  CHECK(refused([](Release& r) { r.number = 0; }) == PINNATE_INVALID);
  CHECK(refused([](Release& r) { r.name = "A"; }) == PINNATE_INVALID);
  CHECK(refused([](Release& r) { r.version = "1 2"; }) == PINNATE_INVALID);
  CHECK(refused([](Release& r) { r.selector = "a,,b"; }) == PINNATE_INVALID);
  CHECK(refused([](Release& r) { r.selector = std::string(1025, 'a'); }) == PINNATE_TOO_LARGE);
  CHECK(refused([](Release& r) { r.config = Buffer(std::string(kConfigLimitBytes + 1, 'c')); }) == PINNATE_TOO_LARGE);
  CHECK(decode_release(Buffer(std::string(1024 * 1024, '\x9b'))).status().code() == PINNATE_TOO_LARGE);
}

TEST_CASE("a release of another format is refused as incompatible") {
  std::string bytes = encode_release(seventh()).str();
  bytes[1] = 2;
  CHECK(decode_release(Buffer(bytes)).status().code() == PINNATE_INCOMPATIBLE);
}

TEST_CASE("features that a release needs are read; with one that is not known its selector is not judged") {
  Release later = seventh();
  later.needs = {"waves", "selector-2"};
  later.selector = "region in (eu, us)";
  const auto decoded = decode_release(encode_release(later));
  REQUIRE(decoded.ok());
  CHECK(decoded->needs == later.needs);
  CHECK(decoded->selector == later.selector);
  CHECK(unknown_need(decoded->needs) == "waves");
  CHECK(unknown_need({}).empty());
  CHECK(refused([](Release& r) { r.needs = {"No Feature"}; }) == PINNATE_INVALID);
}

TEST_CASE("what a publisher insists on goes with the release") {
  Release insists = seventh();
  insists.allowed = {"exports", "stays"};
  const auto decoded = decode_release(encode_release(insists));
  REQUIRE(decoded.ok());
  CHECK(decoded->allowed == insists.allowed);
  CHECK(refused([](Release& r) { r.allowed = {"No Word"}; }) == PINNATE_INVALID);
}

TEST_CASE("the last fields of a release are optional") {
  std::string bytes = encode_release(seventh()).str();
  bytes[0] = '\x99';
  bytes.resize(bytes.size() - 2);
  const auto decoded = decode_release(Buffer(bytes));
  REQUIRE(decoded.ok());
  check_equal(*decoded, seventh());
}

TEST_CASE("fields that a later version adds at the end of a release are passed over") {
  std::string bytes = encode_release(seventh()).str();
  bytes[0] = '\x9d';
  const auto decoded = decode_release(Buffer(bytes + "\x90\xa5later"));
  REQUIRE(decoded.ok());
  check_equal(*decoded, seventh());
}

TEST_CASE("whatever is done to a release's bytes, what is accepted keeps every bound") {
  for_each_damage(encode_release(seventh()).str(), [&](const std::string& damaged) {
    const auto decoded = decode_release(Buffer(damaged));
    if (!decoded.ok()) return;
    const auto again = decode_release(encode_release(*decoded));
    REQUIRE(again.ok());
    check_equal(*again, *decoded);
  });
}
