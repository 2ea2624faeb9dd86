// Waiting for an answer, or for a release, without a condition variable of the host's.
#include "one_of_each.h"

TEST_CASE("what answers by callback has a form that waits, whose callback has run when it returns") {
  World world(false);
  Fleet fleet(world);
  const pinnate_publish publish = fleet.greet("1.0.0", "hello ");
  pinnate_published published = PINNATE_PUBLISHED_INIT;
  char error[64] = "";
  REQUIRE(pinnate_controller_publish_wait(fleet.controller, &publish, &published, error, sizeof error) == PINNATE_OK);
  REQUIRE(fleet.live("1.0.0"));
  Client client(world);
  REQUIRE(open(client, fleet.at("c")) == PINNATE_OK);
  RollupAnswer by_controller, by_gateway, by_client;
  CHECK(pinnate_controller_status_wait(fleet.controller, nullptr, RollupAnswer::on_rollup, &by_controller, error,
                                       sizeof error) == PINNATE_OK);
  CHECK(pinnate_gateway_status_wait(fleet.gateway, nullptr, RollupAnswer::on_rollup, &by_gateway, error,
                                    sizeof error) == PINNATE_OK);
  CHECK(pinnate_client_status_wait(client, nullptr, RollupAnswer::on_rollup, &by_client, error, sizeof error) ==
        PINNATE_OK);
  for (RollupAnswer* answer : {&by_controller, &by_gateway, &by_client}) {
    CHECK(answer->times == 1);
    CHECK(answer->row("greet", "1.0.0").live == 1);
  }
  pinnate_lookup lookup = PINNATE_LOOKUP_INIT;
  TiersAnswer rows, own;
  CHECK(pinnate_client_lookup_wait(client, &lookup, TiersAnswer::on_rows, &rows, error, sizeof error) == PINNATE_OK);
  CHECK(rows.tiers.size() == 1);
  CHECK(pinnate_engine_services_wait(fleet.engine, TiersAnswer::on_rows, &own, error, sizeof error) == PINNATE_OK);
  CHECK(own.tiers.size() == 1);
  const pinnate_call call = fleet.call("you");
  void* result = nullptr;
  size_t size = 0;
  CHECK(pinnate_gateway_call_wait(fleet.gateway, &call, &result, &size, error, sizeof error) == PINNATE_OK);
  CHECK(std::string(static_cast<char*>(result), size) == "hello !you");
  pinnate_result_free(result);
  const pinnate_call fails = fleet.call("fail");
  CHECK(pinnate_client_call_wait(client, &fails, &result, &size, error, sizeof error) == PINNATE_FAILED);
  CHECK(std::string(static_cast<char*>(result), size) == "as you wished");
  CHECK(std::string(error).find("as you wished") != std::string::npos);
  pinnate_result_free(result);
  ReleasesAnswer releases;
  CHECK(pinnate_client_releases_wait(client, "greet", ReleasesAnswer::on_releases, &releases, error, sizeof error) ==
        PINNATE_OK);
  CHECK(releases.releases.size() == 1);
  CHECK(pinnate_client_unpublish_wait(client, "greet", published.release, error, sizeof error) == PINNATE_OK);
  CHECK(pinnate_controller_unpublish_wait(fleet.controller, "greet", 0, error, sizeof error) == PINNATE_NOT_FOUND);
  CHECK(std::string(error).find("greet") != std::string::npos);
}

TEST_CASE("on a loop of the host's the waiting forms say that they would block it") {
  World world(true);
  Gateway gateway(world);
  REQUIRE(open(gateway) == PINNATE_OK);
  RollupAnswer rollup;
  char error[128] = "";
  CHECK(pinnate_gateway_status_wait(gateway, nullptr, RollupAnswer::on_rollup, &rollup, error, sizeof error) ==
        PINNATE_WRONG_THREAD);
  CHECK(std::string(error).find("would block the loop") != std::string::npos);
  CHECK(rollup.times == 0);
}

TEST_CASE("a worker waits until its engine serves a function, and is told how it stands when that takes long") {
  World world(false);
  Fleet fleet(world);
  CHECK(pinnate_engine_when_serving_wait(fleet.engine, "greet", 30, nullptr, 0) == PINNATE_TIMEOUT);
  CHECK(says("no release of it is heard of yet"));
  CHECK(pinnate_engine_when_serving_wait(fleet.engine, "Not A Name", 0, nullptr, 0) == PINNATE_INVALID);
  DoneAnswer serving, cancelled;
  pinnate_ticket ticket = 0;
  REQUIRE(pinnate_engine_when_serving(fleet.engine, "greet", 0, DoneAnswer::on_done, &serving, nullptr) == PINNATE_OK);
  REQUIRE(pinnate_engine_when_serving(fleet.engine, "other", 0, DoneAnswer::on_done, &cancelled, &ticket) ==
          PINNATE_OK);
  const pinnate_publish bad = fleet.greet("0.9.0", "broken");
  REQUIRE(pinnate_controller_publish_wait(fleet.controller, &bad, nullptr, nullptr, 0) == PINNATE_OK);
  CHECK(pinnate_engine_when_serving_wait(fleet.engine, "greet", 1000, nullptr, 0) == PINNATE_TIMEOUT);
  CHECK(says("0.9.0 is failed: "));
  CHECK_FALSE(serving.came());
  const pinnate_publish good = fleet.greet("1.0.0", "hello ");
  REQUIRE(pinnate_controller_publish_wait(fleet.controller, &good, nullptr, nullptr, 0) == PINNATE_OK);
  CHECK(pinnate_engine_when_serving_wait(fleet.engine, "greet", 0, nullptr, 0) == PINNATE_OK);
  REQUIRE(world.until([&] { return serving.came(); }));
  CHECK(serving.status == PINNATE_OK);
  CHECK(pinnate_engine_cancel(fleet.engine, ticket) == PINNATE_OK);
  CHECK(cancelled.status == PINNATE_CANCELLED);
}

TEST_CASE("a release is waited for: live, failed, withdrawn, cancelled") {
  World world(false);
  Fleet fleet(world);
  pinnate_published published = PINNATE_PUBLISHED_INIT;
  const pinnate_publish good = fleet.greet("1.0.0", "hello ");
  REQUIRE(pinnate_controller_publish_wait(fleet.controller, &good, &published, nullptr, 0) == PINNATE_OK);
  Client client(world);
  REQUIRE(open(client, fleet.at("c")) == PINNATE_OK);
  CHECK(pinnate_client_when_live_wait(client, published.release, 0, 0, nullptr, 0) == PINNATE_OK);
  CHECK(pinnate_controller_when_live_wait(fleet.controller, published.release, 2, 50, nullptr, 0) == PINNATE_TIMEOUT);
  CHECK(says("1 live, 0 on the way, 0 failed"));
  CHECK(pinnate_controller_when_live_wait(fleet.controller, published.release + 7, 0, 0, nullptr, 0) ==
        PINNATE_NOT_FOUND);
  const pinnate_publish bad = fleet.greet("1.1.0", "broken");
  REQUIRE(pinnate_controller_publish_wait(fleet.controller, &bad, &published, nullptr, 0) == PINNATE_OK);
  CHECK(pinnate_controller_when_live_wait(fleet.controller, published.release, 0, 2000, nullptr, 0) == PINNATE_TIMEOUT);
  CHECK(says("1 failed"));
  CHECK(says("this one is broken"));

  DoneAnswer cancelled, withdrawn;
  pinnate_ticket ticket = 0;
  REQUIRE(pinnate_controller_when_live(fleet.controller, published.release, 0, 0, DoneAnswer::on_done, &cancelled,
                                       &ticket) == PINNATE_OK);
  REQUIRE(pinnate_controller_when_live(fleet.controller, published.release, 0, 0, DoneAnswer::on_done, &withdrawn,
                                       nullptr) == PINNATE_OK);
  CHECK(pinnate_controller_cancel(fleet.controller, ticket) == PINNATE_OK);
  CHECK(cancelled.status == PINNATE_CANCELLED);
  CHECK(pinnate_controller_unpublish_wait(fleet.controller, "greet", published.release, nullptr, 0) == PINNATE_OK);
  REQUIRE(world.until([&] { return withdrawn.came(); }));
  CHECK(withdrawn.status == PINNATE_NOT_FOUND);
}
