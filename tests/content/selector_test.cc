#include "content/selector.h"

#include <doctest/doctest.h>

using namespace pinnate;
using namespace pinnate::content;

namespace {

bool matches(const char* text, const Labels& labels) {
  const auto selector = Selector::parse(text);
  REQUIRE(selector.ok());
  return selector->matches(labels);
}

std::string refusal(const std::string& text) {
  const auto selector = Selector::parse(text);
  CHECK(selector.status().code() == PINNATE_INVALID);
  return selector.status().message();
}

}  // namespace

TEST_CASE("an empty selector selects everything") {
  CHECK(matches("", {}));
  CHECK(matches("  ", {{"a", "b"}}));
  CHECK(Selector::parse("")->selects_everything());
  CHECK_FALSE(Selector::parse("a")->selects_everything());
}

TEST_CASE("every term of a selector must hold") {
  const char* text = "region=eu,ring!=canary,gpu,!lab";
  CHECK(matches(text, {{"region", "eu"}, {"gpu", ""}}));
  CHECK(matches(text, {{"region", "eu"}, {"gpu", "a100"}, {"ring", "stable"}}));
  CHECK_FALSE(matches(text, {{"region", "us"}, {"gpu", ""}}));
  CHECK_FALSE(matches(text, {{"region", "eu"}, {"gpu", ""}, {"ring", "canary"}}));
  CHECK_FALSE(matches(text, {{"region", "eu"}}));
  CHECK_FALSE(matches(text, {{"region", "eu"}, {"gpu", ""}, {"lab", ""}}));
  CHECK_FALSE(matches(text, {{"gpu", ""}}));
}

TEST_CASE("an empty value is a value") {
  CHECK(matches("gpu=", {{"gpu", ""}}));
  CHECK_FALSE(matches("gpu=", {}));
  CHECK_FALSE(matches("gpu!=", {{"gpu", ""}}));
}

TEST_CASE("equal selectors have equal text") {
  CHECK(Selector::parse(" gpu , region = eu,!lab,gpu,ring != canary")->str() == "gpu,!lab,region=eu,ring!=canary");
  CHECK(Selector::parse("a=2,a=1,a,!a")->str() == Selector::parse("!a,a,a=1,a=2")->str());
  const auto again = Selector::parse(Selector::parse("b,a!=x")->str());
  REQUIRE(again.ok());
  CHECK(again->str() == "a!=x,b");
}

TEST_CASE("a selector that is wrong is refused by the term that is wrong") {
  CHECK(refusal("a,,b") == "selector, term 2 is empty");
  CHECK(refusal("a,") == "selector, term 2 is empty");
  CHECK(refusal("a,=x").find("term 2: label key is empty") != std::string::npos);
  CHECK(refusal("!").find("term 1: label key is empty") != std::string::npos);
  CHECK(refusal("!=x").find("term 1") != std::string::npos);
  CHECK(refusal("a,b==c").find("term 2: label value '=c'") != std::string::npos);
  CHECK(refusal("!a=b").find("term 1: label key 'a=b'") != std::string::npos);
  CHECK(refusal("a b").find("term 1: label key 'a b'") != std::string::npos);
  refusal(std::string("a\0", 2));
  refusal("a=" + std::string(64, 'x'));
}

TEST_CASE("a selector over 1024 characters or 32 terms is refused") {
  std::string terms = "k0";
  for (int i = 1; i < 32; i++) terms += ",k" + std::to_string(i);
  CHECK(Selector::parse(terms).ok());
  CHECK(refusal(terms + ",k32") == "selector has more than 32 terms");
  CHECK(refusal(std::string(1025, ' ')) == "selector is longer than 1024 characters");
}
