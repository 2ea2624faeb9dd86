#include "base/buffer.h"

#include <doctest/doctest.h>

#include <optional>

using namespace pinnate;

TEST_CASE("a buffer without bytes is empty") {
  CHECK(Buffer().empty());
  CHECK(Buffer(std::string()).size() == 0);
  CHECK(Buffer() == Buffer(std::string()));
}

TEST_CASE("a buffer holds any bytes, zeroes among them") {
  const std::string bytes("a\0b\xff", 4);
  const Buffer b(bytes);
  CHECK(b.size() == 4);
  CHECK(b.str() == bytes);
  CHECK(b == Buffer(bytes));
  CHECK_FALSE(b == Buffer(std::string("a\0c\xff", 4)));
}

TEST_CASE("short bytes stay where they are when a buffer is copied or moved") {
  Buffer first(std::string("short enough to lie within a std::string").substr(0, 5));
  const char* at = first.data();
  Buffer second = first, third = std::move(first);
  CHECK(second.data() == at);
  CHECK(third.data() == at);
  CHECK(third.view() == "short");
}

TEST_CASE("a slice is cut to the end of the buffer and shares its memory") {
  const Buffer b(std::string("0123456789"));
  CHECK(b.slice(2, 3).view() == "234");
  CHECK(b.slice(2, 3).data() == b.data() + 2);
  CHECK(b.slice(8, 100).view() == "89");
  CHECK(b.slice(10, 1).empty());
  CHECK(b.slice(11, 1).empty());
  CHECK(b.slice(static_cast<std::size_t>(-1), 1).empty());
  CHECK(b.slice(1, static_cast<std::size_t>(-1)).view() == "123456789");
  CHECK(b.slice(b.view().substr(3, 2)).view() == "34");
  CHECK(Buffer().slice(0, 1).empty());
}

TEST_CASE("a slice outlives the buffer it was cut from") {
  std::optional<Buffer> whole(std::string(100000, 'x'));
  const Buffer part = whole->slice(50000, 10);
  whole.reset();
  CHECK(part.view() == "xxxxxxxxxx");
}
