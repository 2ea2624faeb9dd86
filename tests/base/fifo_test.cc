#include "base/fifo.h"

#include <doctest/doctest.h>

#include <memory>
#include <vector>

using pinnate::Fifo;

TEST_CASE("what is put in comes out in order, however many there are at a time") {
  for (const int at_once : {1, 2, 5, 100, 1000}) {
    CAPTURE(at_once);
    Fifo<int> fifo;
    int in = 0, out = 0;
    for (int round = 0; round < 300; ++round) {
      while (in - out < at_once) fifo.push_back(in++);
      const int takes = 1 + round % at_once;
      for (int i = 0; i < takes; ++i) {
        REQUIRE(fifo.front() == out++);
        fifo.pop_front();
      }
      REQUIRE(fifo.size() == static_cast<std::size_t>(in - out));
      REQUIRE(std::vector<int>(fifo.begin(), fifo.end()).size() == fifo.size());
    }
    while (!fifo.empty()) {
      REQUIRE(fifo.front() == out++);
      fifo.pop_front();
    }
    CHECK(in == out);
  }
}

TEST_CASE("what was taken out is let go of at once, and what is removed is not there any more") {
  Fifo<std::shared_ptr<int>> fifo;
  const auto first = std::make_shared<int>(1), second = std::make_shared<int>(2), third = std::make_shared<int>(3);
  for (const auto& each : {first, second, third}) fifo.push_back(each);
  fifo.pop_front();
  CHECK(first.use_count() == 1);
  fifo.remove(second);
  CHECK(second.use_count() == 1);
  CHECK(fifo.front() == third);
  CHECK(fifo.size() == 1);
  fifo.remove(third);
  CHECK(fifo.empty());
}
