// Slots and IdMap beside the standard's maps, which they stand in for.
#include "base/id_map.h"
#include "base/random.h"
#include "base/slots.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <vector>

using namespace pinnate;

TEST_CASE("slots keep what was added until it is removed, each under a number of its own") {
  Slots<std::unique_ptr<int>> slots;
  std::map<std::uint64_t, int*> kept;
  std::set<std::uint64_t> ever;
  Random random(3);
  for (int i = 0; i < 20000; ++i) {
    if (kept.empty() || random.below(i % 4000 < 2000 ? 3 : 2) > 0) {
      auto [number, slot] = slots.add();
      CHECK(number != 0);
      CHECK(ever.insert(number).second);
      *slot = std::make_unique<int>(i);
      kept[number] = slot->get();
    } else {
      const auto one = std::next(kept.begin(), static_cast<std::ptrdiff_t>(random.below(kept.size())));
      slots.remove(one->first);
      CHECK(slots.find(one->first) == nullptr);
      kept.erase(one);
    }
    CHECK(slots.size() == kept.size());
  }
  for (const auto& [number, at] : kept) CHECK(slots.find(number)->get() == at);
  std::size_t seen = 0;
  slots.each([&](std::uint64_t number, const std::unique_ptr<int>& value) {
    CHECK(kept.at(number) == value.get());
    ++seen;
  });
  CHECK(seen == kept.size());
  for (const auto& [number, at] : kept) slots.remove(number);
  CHECK(slots.size() == 0);
  for (std::uint64_t number : ever) CHECK(slots.find(number) == nullptr);
  CHECK(slots.find(0) == nullptr);
}

TEST_CASE("what a slot held is gone when it is removed, and stays where it is until then") {
  Slots<std::shared_ptr<int>> slots;
  const auto thing = std::make_shared<int>(1);
  const auto [number, at] = slots.add();
  *at = thing;
  for (int i = 0; i < 1000; ++i) slots.add();
  CHECK(slots.find(number) == at);
  slots.remove(number);
  CHECK(thing.use_count() == 1);
}

TEST_CASE("a table by ids finds what a map finds, however ids are chosen") {
  for (const std::uint64_t spread : {std::uint64_t{1}, std::uint64_t{1} << 20, std::uint64_t{1} << 40}) {
    CAPTURE(spread);
    IdMap<std::unique_ptr<int>> table;
    std::map<std::uint64_t, int*> map;
    Random random(spread);
    CHECK(table.find(1) == nullptr);
    CHECK_FALSE(table.remove(1));
    for (int i = 0; i < 50000; ++i) {
      const std::uint64_t id = random.below(3000) * spread;
      if (table.contains(id)) {
        CHECK(table.find(id)->get() == map.at(id));
        CHECK(table.remove(id));
        map.erase(id);
      } else {
        CHECK(map.count(id) == 0);
        map[id] = table.add(id, std::make_unique<int>(i)).get();
      }
      CHECK(table.size() == map.size());
    }
    std::map<std::uint64_t, int*> seen;
    table.each([&](std::uint64_t id, const std::unique_ptr<int>& value) { seen[id] = value.get(); });
    CHECK(seen == map);
    for (const auto& [id, value] : map) CHECK(table.remove(id));
    CHECK(table.empty());
  }
}
