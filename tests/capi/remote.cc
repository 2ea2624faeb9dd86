// A client does over a link what the controller's own host does, and a gateway answers for what is
// below it.
#include "one_of_each.h"

#include <memory>

namespace {

// All pages of a lookup, two rows each.
template <class Ask>
std::vector<std::string> ids_by_page(World& world, pinnate_lookup lookup, const Ask& ask, int* pages) {
  std::vector<std::string> ids;
  std::string cursor;
  lookup.limit = 2;
  for (*pages = 0; *pages < 10;) {
    lookup.cursor = cursor.empty() ? nullptr : cursor.c_str();
    TiersAnswer page;
    REQUIRE(ask(&lookup, TiersAnswer::on_rows, &page) == PINNATE_OK);
    REQUIRE(world.until([&] { return page.came(); }));
    REQUIRE_MESSAGE(page.status == PINNATE_OK, page.error);
    CHECK(page.tiers.size() <= 2);
    for (const auto& tier : page.tiers) ids.push_back(tier.id);
    ++*pages;
    if (page.next.empty()) break;
    cursor = page.next;
  }
  return ids;
}

}  // namespace

TEST_CASE("a client of the controller publishes, lists, watches, looks up, withdraws") {
  for (const bool own_loop : {true, false}) {
    CAPTURE(own_loop);
    World world(own_loop);
    Fleet fleet(world);
    Client client(world);
    REQUIRE(open(client, fleet.at("c")) == PINNATE_OK);
    RollupAnswer watch;
    REQUIRE(pinnate_client_watch(client, RollupAnswer::on_rollup, &watch, nullptr) == PINNATE_OK);

    const pinnate_publish publish = fleet.greet("1", "hello ");
    if (own_loop) CHECK(pinnate_client_publish_wait(client, &publish, nullptr, nullptr, 0) == PINNATE_WRONG_THREAD);
    pinnate_published published = PINNATE_PUBLISHED_INIT;
    std::atomic<int> status{-1};
    std::thread publisher([&] {
      status = pinnate_client_publish_wait(client, &publish, &published, nullptr, 0);
      bell().ring();
    });
    CHECK(world.until([&] { return status >= 0; }));
    publisher.join();
    CHECK(status == PINNATE_OK);
    CHECK(published.created == 1);
    CHECK(world.until([&] { return watch.row("greet", "1").live == 1; }));

    ReleasesAnswer releases;
    REQUIRE(pinnate_client_releases(client, "greet", ReleasesAnswer::on_releases, &releases) == PINNATE_OK);
    REQUIRE(world.until([&] { return releases.came(); }));
    REQUIRE(releases.releases.size() == 1);
    CHECK(releases.releases[0].current);

    pinnate_lookup lookup = PINNATE_LOOKUP_INIT;
    lookup.phase = 1 + PINNATE_PHASE_LIVE;
    TiersAnswer tiers;
    REQUIRE(pinnate_client_lookup(client, &lookup, TiersAnswer::on_rows, &tiers) == PINNATE_OK);
    REQUIRE(world.until([&] { return tiers.came(); }));
    REQUIRE(tiers.tiers.size() == 1);
    CHECK(tiers.tiers[0].id == "leaf-1");

    DoneAnswer gone;
    REQUIRE(pinnate_client_unpublish(client, "greet", releases.releases[0].number, DoneAnswer::on_done, &gone) ==
            PINNATE_OK);
    REQUIRE(world.until([&] { return gone.came(); }));
    CHECK(gone.status == PINNATE_OK);
    CHECK(world.until([&] { return watch.row("greet", "1").live == 0; }));
    client.close();
    CHECK(watch.last_status() == PINNATE_CLOSED);
  }
}

TEST_CASE("a gateway takes no orders, and answers status, lookups and calls without its upstream") {
  World world(false);
  Fleet fleet(world);
  const pinnate_publish publish = fleet.greet("1", "hello ");
  REQUIRE(pinnate_controller_publish_wait(fleet.controller, &publish, nullptr, nullptr, 0) == PINNATE_OK);
  REQUIRE(fleet.live("1"));
  Client client(world);
  REQUIRE(open(client, fleet.at("g")) == PINNATE_OK);
  CHECK(pinnate_client_publish_wait(client, &publish, nullptr, nullptr, 0) == PINNATE_REFUSED);
  DoneAnswer gone;
  REQUIRE(pinnate_client_unpublish(client, "greet", 0, DoneAnswer::on_done, &gone) == PINNATE_OK);
  REQUIRE(world.until([&] { return gone.came(); }));
  CHECK(gone.status == PINNATE_REFUSED);

  fleet.controller.close();
  RollupAnswer status;
  REQUIRE(pinnate_gateway_status(fleet.gateway, "greet", RollupAnswer::on_rollup, &status) == PINNATE_OK);
  REQUIRE(world.until([&] { return status.came(); }));
  CHECK(status.online == 1);
  CHECK(status.row("greet", "1").live == 1);
  const pinnate_call call = fleet.call("x");
  ResultAnswer result;
  REQUIRE(pinnate_gateway_call(fleet.gateway, &call, ResultAnswer::on_result, &result) == PINNATE_OK);
  REQUIRE(world.until([&] { return result.came(); }));
  CHECK(result.result == "hello !x");
  int pages = 0;
  const auto ask = [&](auto... arguments) { return pinnate_gateway_lookup(fleet.gateway, arguments...); };
  CHECK(ids_by_page(world, PINNATE_LOOKUP_INIT, ask, &pages) == std::vector<std::string>{"leaf-1"});
}

TEST_CASE("engines are listed in pages, below one gateway, and by phase") {
  World world(false);
  Fleet fleet(world);
  const char* const names[] = {"a-1", "a-2", "a-3", "a-4"};
  std::vector<std::unique_ptr<Engine>> engines;  // without the loader for greetings
  for (const char* name : names) {
    engines.push_back(std::make_unique<Engine>(world));
    REQUIRE(open(*engines.back(), name) == PINNATE_OK);
    REQUIRE(pinnate_engine_dial_upstream(*engines.back(), fleet.at("g").c_str(), nullptr) == PINNATE_OK);
  }
  REQUIRE(world.until([&] { return fleet.watch.online_engines() == 5; }));
  const pinnate_publish publish = fleet.greet("1", "hello ");
  REQUIRE(pinnate_controller_publish_wait(fleet.controller, &publish, nullptr, nullptr, 0) == PINNATE_OK);
  REQUIRE(world.until(
      [&] { return fleet.watch.row("greet", "1").incompatible == 4 && fleet.watch.row("greet", "1").live == 1; }));

  const std::vector<std::string> all = {"a-1", "a-2", "a-3", "a-4", "leaf-1"}, without = {"a-1", "a-2", "a-3", "a-4"};
  const auto ask = [&](auto... arguments) { return pinnate_controller_lookup(fleet.controller, arguments...); };
  int pages = 0;
  pinnate_lookup lookup = PINNATE_LOOKUP_INIT;
  CHECK(ids_by_page(world, lookup, ask, &pages) == all);
  CHECK(pages >= 3);
  lookup.phase = 1 + PINNATE_PHASE_INCOMPATIBLE;
  lookup.name = "greet";
  CHECK(ids_by_page(world, lookup, ask, &pages) == without);
  lookup.phase = 1 + PINNATE_PHASE_LIVE;
  CHECK(ids_by_page(world, lookup, ask, &pages) == std::vector<std::string>{"leaf-1"});
  lookup.phase = 0;
  lookup.engine = "a-3";
  CHECK(ids_by_page(world, lookup, ask, &pages) == std::vector<std::string>{"a-3"});
  lookup.engine = nullptr;
  RollupAnswer gateway;
  REQUIRE(pinnate_gateway_status(fleet.gateway, nullptr, RollupAnswer::on_rollup, &gateway) == PINNATE_OK);
  REQUIRE(world.until([&] { return gateway.came(); }));
  lookup.at = gateway.id.c_str();
  CHECK(ids_by_page(world, lookup, ask, &pages) == all);
  TiersAnswer nowhere;
  lookup.at = "no-such-gateway";
  REQUIRE(ask(&lookup, TiersAnswer::on_rows, &nowhere) == PINNATE_OK);
  REQUIRE(world.until([&] { return nowhere.came(); }));
  CHECK(nowhere.status == PINNATE_NOT_FOUND);
  CHECK(nowhere.tiers.empty());
}
