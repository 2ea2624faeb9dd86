// Stores in memory, as far as they know of each other.
#include "content/sha256.h"
#include "store/store.h"

#include <doctest/doctest.h>

#include <thread>
#include <vector>

using namespace pinnate;
using namespace pinnate::store;

namespace {

const Digest kHeldOnce = content::sha256("artifact of stores in memory");

const char* where(Store& store, std::uint32_t index) {
  const auto chunk = store.read_chunk(kHeldOnce, index);
  REQUIRE(chunk.ok());
  return chunk->data();
}

}  // namespace

TEST_CASE("stores in memory hold a chunk that they all have once") {
  const auto one = make_memory_store(), other = make_memory_store();
  const std::string bytes(1000, 'x');
  REQUIRE(one->write_chunk(kHeldOnce, 0, Buffer(bytes)).ok());
  REQUIRE(other->write_chunk(kHeldOnce, 0, Buffer(bytes)).ok());
  CHECK(where(*one, 0) == where(*other, 0));
  REQUIRE(one->drop_artifact(kHeldOnce).ok());
  CHECK(other->read_chunk(kHeldOnce, 0)->view() == bytes);
}

TEST_CASE("a store in memory gives back what it was given, whatever another holds under that name") {
  const auto one = make_memory_store(), other = make_memory_store();
  REQUIRE(one->write_chunk(kHeldOnce, 0, Buffer("encoded in one way")).ok());
  REQUIRE(other->write_chunk(kHeldOnce, 0, Buffer("encoded in another")).ok());
  CHECK(one->read_chunk(kHeldOnce, 0)->view() == "encoded in one way");
  CHECK(other->read_chunk(kHeldOnce, 0)->view() == "encoded in another");
}

TEST_CASE("a chunk that no store in memory holds any longer is forgotten") {
  const auto one = make_memory_store(), other = make_memory_store();
  const Buffer first(std::string(1000, 'x')), second(std::string(1000, 'x'));
  REQUIRE(one->write_chunk(kHeldOnce, 0, first).ok());
  REQUIRE(one->drop_artifact(kHeldOnce).ok());
  REQUIRE(other->write_chunk(kHeldOnce, 0, second).ok());
  CHECK(where(*other, 0) == second.data());
}

TEST_CASE("stores in memory may be used from many threads at once") {
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 4; t++)
    threads.emplace_back([&right] {
      for (int round = 0; round < 50; round++) {
        const auto store = make_memory_store();
        for (std::uint32_t i = 0; i < 20; i++)
          if (!store->write_chunk(kHeldOnce, i, Buffer(std::to_string(i))).ok()) return;
        for (std::uint32_t i = 0; i < 20; i++)
          if (const auto chunk = store->read_chunk(kHeldOnce, i); chunk.ok() && chunk->view() == std::to_string(i))
            right++;
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(right == 4 * 50 * 20);
}
