// Messages that nobody honest sends.
#include "wire/message.h"

#include "base/limits.h"
#include "content/hostile.h"
#include "wire/allocations.h"
#include "wire/examples.h"

#include <doctest/doctest.h>

using namespace pinnate;
using namespace pinnate::wire;

namespace {

Code code_of(const std::string& bytes) { return decode(Buffer(bytes)).status().code(); }

// The most memory that decoding held at once.
std::size_t peak_of(const std::string& bytes) {
  const Buffer message(bytes);
  Allocations allocations;
  (void)decode(message);
  return allocations.peak_bytes();
}

}  // namespace

TEST_CASE("whatever is done to the bytes of a message, it is decoded or refused in words") {
  std::size_t read = 0, refused = 0;
  for (const auto& [name, m] : example_messages())
    for_each_damage(encode(m).str(), [&](const std::string& bytes) {
      const Buffer message(bytes);
      Result<std::optional<Message>> decoded(PINNATE_INTERNAL, "");
      REQUIRE_NOTHROW(decoded = decode(message));
      if (decoded.ok()) {
        read++;
        if (decoded->has_value()) REQUIRE_NOTHROW((void)encode(**decoded));
        return;
      }
      refused++;
      const Status& why = decoded.status();
      REQUIRE((why.code() == PINNATE_CORRUPT || why.code() == PINNATE_UNSUPPORTED));
      REQUIRE((!why.message().empty() && why.message().size() < 200));
    });
  CHECK(read > 10000);
  CHECK(refused > 10000);
}

TEST_CASE("no message that was cut short is taken for a whole one") {
  for (const auto& [name, m] : example_messages()) {
    const std::string bytes = encode(m).str();
    for (std::size_t length = 0; length < bytes.size(); length++)
      CHECK(code_of(bytes.substr(0, length)) == PINNATE_CORRUPT);
  }
}

TEST_CASE("bytes after the end of a message are refused") {
  for (const char* tail : {"\xc0", "\x92\x04\x07", "x"})
    CHECK(code_of(std::string("\x92\x04\x07") + tail) == PINNATE_CORRUPT);
}

TEST_CASE("what is not msgpack, or not an array that begins with a type, is refused") {
  for (const std::string& bytes :
       {std::string(), std::string("\xc1"), std::string("GET / HTTP/1.1\r\n\r\n"),
        std::string("\x16\x03\x01\x02\x00\x01", 6), std::string("\xc0"), std::string("\x07"), std::string("\xa5hello"),
        std::string("\x80"), std::string("\x90"), std::string("\x91\xc0"), std::string("\x91\xff"),
        std::string("\x91\xa1x"), std::string("\x91\x91\x04"), std::string("\x92\x04\xc1")}) {
    const auto decoded = decode(Buffer(bytes));
    CHECK(decoded.status().code() == PINNATE_CORRUPT);
    CHECK_FALSE(decoded.status().message().empty());
  }
}

TEST_CASE("arrays and maps may lie eight deep within each other, the message counted, and no deeper") {
  const auto nested = [](int levels) {
    return "\x92\x42" + std::string(static_cast<std::size_t>(levels - 2), '\x91') + "\x90";
  };
  CHECK(decode(Buffer(nested(8))).ok());
  CHECK(code_of(nested(9)) == PINNATE_CORRUPT);
  CHECK(code_of(nested(100000)) == PINNATE_CORRUPT);
  CHECK(peak_of(nested(100000)) < 4096 * 8);
  const std::string maps = "\x92\x42" + std::string(20, '\x81').append(20, '\xc0');
  CHECK(code_of(maps) == PINNATE_CORRUPT);
}

TEST_CASE("a length that is claimed but not sent takes no memory") {
  const std::string tail(20, '\0');
  for (const std::string& claim :
       {std::string("\xdd\xff\xff\xff\xff"), std::string("\xdc\xff\xff"), std::string("\xdf\xff\xff\xff\xff"),
        std::string("\xde\xff\xff"), std::string("\xdb\xff\xff\xff\xff"), std::string("\xc6\xff\xff\xff\xff"),
        std::string("\xc9\xff\xff\xff\xff\x01"), std::string("\xdd\x7f\xff\xff\xff")}) {
    CHECK(code_of(claim + tail) == PINNATE_CORRUPT);
    CHECK(peak_of(claim + tail) < 16 * 1024);
    CHECK(code_of("\x92\x08" + claim + tail) == PINNATE_CORRUPT);
    CHECK(peak_of("\x92\x08" + claim + tail) < 16 * 1024);
  }
}

TEST_CASE("claims within the limits, one in another, take no more than they may") {
  // Eight arrays that each claim as many elements as an array may have, of which only the first is
  // ever sent.
  std::string claims = std::string("\x92\x42");
  for (int i = 0; i < 7; i++) claims += std::string("\xdc\x20\x00", 3);
  claims += std::string(kMessageLimitBytes - claims.size() - 5, '\xa0');
  CHECK(code_of(claims) == PINNATE_CORRUPT);
  CHECK(peak_of(claims) < 4 * 1024 * 1024);
}

TEST_CASE("an array or a map beyond its limit is refused although it was sent") {
  const auto array = [](std::uint32_t n) {
    return std::string("\x92\x42\xdc") + static_cast<char>(n >> 8) + static_cast<char>(n) + std::string(n, '\xc0');
  };
  CHECK(decode(Buffer(array(8192))).ok());
  CHECK(code_of(array(8193)) == PINNATE_CORRUPT);
  const auto map = [](std::uint32_t n) {
    std::string bytes = std::string("\x92\x42\xde") + static_cast<char>(n >> 8) + static_cast<char>(n);
    for (std::uint32_t i = 0; i < n; i++) bytes += std::string("\xa1") + static_cast<char>(i) + "\xa0";
    return bytes;
  };
  CHECK(decode(Buffer(map(64))).ok());
  CHECK(code_of(map(65)) == PINNATE_CORRUPT);
}

TEST_CASE("a message over the limit is refused unread") {
  std::string large = "\x92\x42\xc6" + std::string("\x00\x18\x00\x00", 4) + std::string(kMessageLimitBytes, 'x');
  CHECK(code_of(large) == PINNATE_CORRUPT);
  CHECK(peak_of(large) < 4096);
}
