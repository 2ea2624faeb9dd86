#include "base/names.h"

#include <doctest/doctest.h>

using namespace pinnate;

namespace {

using Check = Status (*)(std::string_view);

// Shortest and longest, what it may hold beside lower-case letters and digits, and what it may
// begin with.
struct Rule {
  const char* what;
  Check check;
  std::size_t shortest, longest;
  std::string punctuation;
  bool upper;
  bool begins_alphanumeric;
};

const Rule kRules[] = {
    {"function name", check_function_name, 1, 63, "._-", false, true},
    {"version", check_version, 1, 63, "._+-", true, true},
    {"tier id", check_tier_id, 1, 127, "._-", true, true},
    {"fleet name", check_fleet, 1, 63, "._-", true, true},
    {"label key", check_label_key, 1, 63, "._/-", true, true},
    {"label value", check_label_value, 0, 63, "._/-", true, false},
    {"platform", check_platform, 1, 63, "._-", true, true},
    {"loader kind", check_loader_kind, 1, 31, "._-", false, true},
};

}  // namespace

TEST_CASE("a name may hold exactly the characters that its kind allows") {
  for (const Rule& rule : kRules) {
    CAPTURE(rule.what);
    for (int byte = 0; byte < 256; byte++) {
      CAPTURE(byte);
      const char c = static_cast<char>(byte);
      const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (rule.upper && c >= 'A' && c <= 'Z');
      const bool listed = byte != 0 && rule.punctuation.find(c) != std::string::npos;
      CHECK(rule.check(std::string("a") + c).ok() == (plain || listed));
      CHECK(rule.check(std::string(1, c)).ok() == (plain || (listed && !rule.begins_alphanumeric)));
    }
  }
}

TEST_CASE("a name is as long as its kind allows and no longer") {
  for (const Rule& rule : kRules) {
    CAPTURE(rule.what);
    CHECK(rule.check("").ok() == (rule.shortest == 0));
    CHECK(rule.check(std::string(rule.longest, 'a')).ok());
    const Status s = rule.check(std::string(rule.longest + 1, 'a'));
    CHECK(s.code() == PINNATE_INVALID);
    CHECK(s.message().find(std::to_string(rule.longest)) != std::string::npos);
    CHECK(rule.check(std::string(1 << 20, 'a')).message().size() < 300);
  }
}

TEST_CASE("what is wrong with a name is said in words that name it, and hostile bytes are not passed on") {
  for (const Rule& rule : kRules) {
    const Status s = rule.check("a\x1b[2J\n\xff b");
    CHECK(s.code() == PINNATE_INVALID);
    CHECK(s.message().find(rule.what) != std::string::npos);
    for (char c : s.message()) CHECK((c >= 0x20 && c < 0x7f));
  }
  CHECK(check_function_name("Thumbnail").message().find("lower-case") != std::string::npos);
  CHECK(check_tier_id("-a").message().find("must begin with") != std::string::npos);
}

TEST_CASE("labels are at most 64, each with a good key and value") {
  Labels labels;
  for (int i = 0; i < 64; i++) labels["key" + std::to_string(i)] = i % 2 ? "value" : "";
  CHECK(check_labels(labels).ok());
  labels["one-more"] = "";
  CHECK(check_labels(labels).code() == PINNATE_TOO_LARGE);
  CHECK(check_labels({{"", "x"}}).code() == PINNATE_INVALID);
  CHECK(check_labels({{"region", "e u"}}).message().find("label value") != std::string::npos);
  CHECK(check_labels({{"re gion", "eu"}}).message().find("label key") != std::string::npos);
}
