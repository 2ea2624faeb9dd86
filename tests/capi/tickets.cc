// What is under way has a ticket, by which it is ended.
#include "one_of_each.h"

#include <unistd.h>

#include <thread>
#include <utility>

namespace {

struct Links {
  struct Told {
    pinnate_ticket dial;
    pinnate_link_state state;
    std::string address, id, why;
    bool upstream;
    std::uint32_t next_try_ms;
  };
  std::mutex mutex;
  std::vector<Told> all;
  bool ended = false;
  static void on_link(void* arg, const pinnate_link* link) {
    auto* self = static_cast<Links*>(arg);
    {
      std::lock_guard lock(self->mutex);
      if (link)
        self->all.push_back(
            {link->dial, link->state, link->address, link->id, link->why, link->upstream != 0, link->next_try_ms});
      self->ended = !link;
    }
    bell().ring();
  }
  // The last that was told of this dial, 0: of what was accepted.
  Told last(pinnate_ticket dial) {
    std::lock_guard lock(mutex);
    Told told{0, PINNATE_LINK_CONNECTING, "", "", "", false, 0};
    for (const Told& t : all)
      if (t.dial == dial) told = t;
    return told;
  }
  std::size_t size() {
    std::lock_guard lock(mutex);
    return all.size();
  }
  bool has_ended() {
    std::lock_guard lock(mutex);
    return ended;
  }
};

bool seen_cancelled(World& world) {
  for (int i = 0; i < 3000 && !greeting::later().cancelled(); i++) {  // long before the call's own time is up
    usleep(1000);  // time itself is under test: a module is not told, and has to ask
    if (world.own) uv_run(world.loop(), UV_RUN_NOWAIT);
  }
  return greeting::later().cancelled();
}

}  // namespace

TEST_CASE("a call that is cancelled ends once, as cancelled, and the module sees it, however far away") {
  for (const bool own_loop : {true, false}) {
    World world(own_loop);
    Fleet fleet(world);
    fleet.serve("1.0.0", "hello ");
    pinnate_call call = fleet.call("later");
    pinnate_ticket ticket = 0;
    call.ticket = &ticket;
    for (const bool from_above : {true, false}) {
      ResultAnswer answer;
      if (from_above)
        REQUIRE(pinnate_controller_call(fleet.controller, &call, ResultAnswer::on_result, &answer) == PINNATE_OK);
      else
        REQUIRE(pinnate_engine_call(fleet.engine, &call, ResultAnswer::on_result, &answer) == PINNATE_OK);
      CHECK(ticket != 0);
      REQUIRE(world.until([] { return greeting::later().kept(); }));
      CHECK_FALSE(greeting::later().cancelled());
      CHECK((from_above ? pinnate_controller_cancel(fleet.controller, ticket)
                        : pinnate_engine_cancel(fleet.engine, ticket)) == PINNATE_OK);
      CHECK(answer.times == 1);
      CHECK(answer.status == PINNATE_CANCELLED);
      CHECK(seen_cancelled(world));
      CHECK((from_above ? pinnate_controller_cancel(fleet.controller, ticket)
                        : pinnate_engine_cancel(fleet.engine, ticket)) == PINNATE_NOT_FOUND);
      CHECK(says("stands for nothing that is under way"));
      greeting::later().answer();
      // What comes later does not come to whoever gave up.
      ResultAnswer next;
      const pinnate_call other = fleet.call("you");
      REQUIRE(pinnate_controller_call(fleet.controller, &other, ResultAnswer::on_result, &next) == PINNATE_OK);
      REQUIRE(world.until([&] { return next.came(); }));
      CHECK(next.result == "hello !you");
      CHECK(answer.times == 1);
    }
  }
}

TEST_CASE("cancelled calls hold no worker and no place in the queue") {
  World world(false);
  Fleet fleet(world);
  const pinnate_publish publish = fleet.greet("1.0.0", "hello ");
  REQUIRE(pinnate_controller_publish_wait(fleet.controller, &publish, nullptr, nullptr, 0) == PINNATE_OK);
  REQUIRE(fleet.live("1.0.0"));
  greeting::door().shut();
  pinnate_call call = fleet.call("wait");
  pinnate_ticket inside = 0, waiting = 0;
  ResultAnswer first, second;
  call.ticket = &inside;
  REQUIRE(pinnate_engine_call(fleet.engine, &call, ResultAnswer::on_result, &first) == PINNATE_OK);
  REQUIRE(world.until([] { return greeting::door().entered(); }));
  call.ticket = &waiting;
  call.payload = {"later", 5};  // it would be seen if it ran
  REQUIRE(pinnate_engine_call(fleet.engine, &call, ResultAnswer::on_result, &second) == PINNATE_OK);
  CHECK(pinnate_engine_cancel(fleet.engine, waiting) == PINNATE_OK);
  CHECK(pinnate_engine_cancel(fleet.engine, inside) == PINNATE_OK);
  CHECK(second.status == PINNATE_CANCELLED);
  greeting::door().open();
  // The next one has its turn, and what was cancelled before its turn never ran.
  void* result = nullptr;
  size_t size = 0;
  const pinnate_call next = fleet.call("you");
  REQUIRE(pinnate_controller_call_wait(fleet.controller, &next, &result, &size, nullptr, 0) == PINNATE_OK);
  CHECK(std::string(static_cast<char*>(result), size) == "hello !you");
  pinnate_result_free(result);
  CHECK_FALSE(greeting::later().kept());
}

TEST_CASE("a request that waits for a link is cancelled before it is sent") {
  World world(false);
  TestFolder folder;
  const std::string at = "unix:" + folder.path + "/c";
  Client client(world);
  REQUIRE(open(client, at) == PINNATE_OK);
  pinnate_ticket ticket = 0;
  pinnate_lookup lookup = PINNATE_LOOKUP_INIT;
  lookup.ticket = &ticket;
  TiersAnswer tiers;
  REQUIRE(pinnate_client_lookup(client, &lookup, TiersAnswer::on_rows, &tiers) == PINNATE_OK);
  CHECK(pinnate_client_cancel(client, ticket) == PINNATE_OK);
  CHECK(tiers.status == PINNATE_CANCELLED);
  CHECK(tiers.times == 1);

  pinnate_artifact artifact = PINNATE_ARTIFACT_INIT;
  const pinnate_artifact* const artifacts = &artifact;
  artifact.bytes = {"x", 1};
  pinnate_publish publish = PINNATE_PUBLISH_INIT;
  publish.name = "f";
  publish.version = "1";
  publish.artifacts = &artifacts;
  publish.artifact_count = 1;
  publish.allow = "not-a-module";
  publish.ticket = &ticket;
  PublishedAnswer published;
  REQUIRE(pinnate_client_publish(client, &publish, nullptr, PublishedAnswer::on_published, &published) == PINNATE_OK);
  CHECK(pinnate_client_cancel(client, ticket) == PINNATE_OK);
  CHECK(published.status == PINNATE_CANCELLED);
  // Now there is a controller, to which nothing of the two comes.
  Controller controller(world);
  REQUIRE(open(controller, folder.path + "/state") == PINNATE_OK);
  REQUIRE(pinnate_controller_listen(controller, at.c_str(), nullptr, 0, nullptr) == PINNATE_OK);
  ReleasesAnswer releases;
  REQUIRE(pinnate_client_releases_wait(client, nullptr, ReleasesAnswer::on_releases, &releases, nullptr, 0) ==
          PINNATE_OK);
  CHECK(releases.releases.empty());
}

TEST_CASE("a handle has several watches, each with an end of its own") {
  for (const bool own_loop : {true, false}) {
    World world(own_loop);
    Fleet fleet(world);
    RollupAnswer one, two;
    ServiceChanges services;
    pinnate_ticket first = 0, second = 0, third = 0;
    REQUIRE(pinnate_controller_watch(fleet.controller, RollupAnswer::on_rollup, &one, &first) == PINNATE_OK);
    REQUIRE(pinnate_controller_watch(fleet.controller, RollupAnswer::on_rollup, &two, &second) == PINNATE_OK);
    REQUIRE(pinnate_engine_watch(fleet.engine, ServiceChanges::on_service, &services, &third) == PINNATE_OK);
    REQUIRE(world.until([&] { return one.came() && two.came(); }));
    CHECK(pinnate_controller_cancel(fleet.controller, first) == PINNATE_OK);
    CHECK(one.last_status() == PINNATE_CANCELLED);
    const int told = one.times;
    PublishedAnswer published;
    const pinnate_publish publish = fleet.greet("1.0.0", "hello ");
    REQUIRE(pinnate_controller_publish(fleet.controller, &publish, nullptr, PublishedAnswer::on_published,
                                       &published) == PINNATE_OK);
    REQUIRE(world.until([&] { return two.row("greet", "1.0.0").live == 1; }));
    REQUIRE(world.until([&] { return services.told("greet 1.0.0 live serving"); }));
    CHECK(one.times == told);
    CHECK(pinnate_engine_cancel(fleet.engine, third) == PINNATE_OK);
    CHECK(services.told("ended"));
    CHECK(pinnate_engine_cancel(fleet.engine, third) == PINNATE_NOT_FOUND);
    CHECK(pinnate_controller_cancel(fleet.controller, second) == PINNATE_OK);
    CHECK(pinnate_controller_cancel(fleet.controller, 0) == PINNATE_NOT_FOUND);
  }
}

TEST_CASE("a call that a service is in when its engine closes is answered, and others end as closed") {
  for (const bool own_loop : {true, false}) {
    World world(own_loop);
    Fleet fleet(world);
    fleet.serve("1.0.0", "hello ");
    greeting::door().shut();
    ResultAnswer inside;
    RollupAnswer watch;
    const pinnate_call call = fleet.call("wait");
    REQUIRE(pinnate_engine_call(fleet.engine, &call, ResultAnswer::on_result, &inside) == PINNATE_OK);
    REQUIRE(world.until([] { return greeting::door().entered(); }));
    Closed closed;
    REQUIRE(pinnate_engine_close(fleet.engine, Closed::on_closed, &closed) == PINNATE_OK);
    greeting::door().open();
    REQUIRE(world.until([&] { return closed.yet.load(); }));
    CHECK(inside.times == 1);
    CHECK(inside.status == PINNATE_OK);
    CHECK(inside.result == "hello !wait");
    pinnate_engine_free(std::exchange(fleet.engine.handle, nullptr));
  }
}

TEST_CASE("a watch may end itself in its callback, and is told so there") {
  World world(false);
  TestFolder folder;
  Controller controller(world);
  REQUIRE(open(controller, folder.path + "/state") == PINNATE_OK);
  struct Scene {
    pinnate_controller* controller;
    pinnate_ticket ticket = 0;
    std::atomic<int> times{0};
    std::atomic<pinnate_status> last{PINNATE_OK};
  } scene{controller};
  const auto on_rollup = [](void* arg, pinnate_status status, const char*, const pinnate_rollup* rollup) {
    auto* s = static_cast<Scene*>(arg);
    s->last = status;
    if (s->times++ == 0) CHECK(pinnate_controller_cancel(s->controller, s->ticket) == PINNATE_OK);
    CHECK((rollup == nullptr) == (status != PINNATE_OK));
    bell().ring();
  };
  REQUIRE(pinnate_controller_watch(controller, on_rollup, &scene, &scene.ticket) == PINNATE_OK);
  REQUIRE(world.until([&] { return scene.times == 2; }));
  CHECK(scene.last == PINNATE_CANCELLED);
}

TEST_CASE("how links fare is told: dialled in vain, up, down and why, and when it is tried again") {
  for (const bool own_loop : {true, false}) {
    World world(own_loop);
    TestFolder folder;
    const std::string at = "unix:" + folder.path + "/g";
    Links links, late;
    Engine engine(world);
    REQUIRE(open(engine, "leaf-1") == PINNATE_OK);
    CHECK(pinnate_engine_id(engine) == std::string("leaf-1"));
    TiersAnswer alone;
    REQUIRE(pinnate_engine_services(engine, TiersAnswer::on_rows, &alone) == PINNATE_OK);
    REQUIRE(world.until([&] { return alone.came(); }));
    CHECK_FALSE(alone.tiers.at(0).online);
    pinnate_ticket watch = 0, dial = 0;
    REQUIRE(pinnate_engine_watch_links(engine, Links::on_link, &links, &watch) == PINNATE_OK);
    REQUIRE(pinnate_engine_dial_upstream(engine, at.c_str(), &dial) == PINNATE_OK);
    REQUIRE(world.until([&] { return links.last(dial).state == PINNATE_LINK_DOWN; }));
    CHECK(links.last(dial).address == at);
    CHECK(links.last(dial).why.find("No such file") != std::string::npos);
    CHECK(links.last(dial).next_try_ms > 0);
    {
      Links above;
      Gateway gateway(world);
      REQUIRE(open(gateway) == PINNATE_OK);
      REQUIRE(pinnate_gateway_watch_links(gateway, Links::on_link, &above, nullptr) == PINNATE_OK);
      REQUIRE(pinnate_gateway_listen(gateway, at.c_str(), nullptr, 0, nullptr) == PINNATE_OK);
      REQUIRE(world.until([&] { return links.last(dial).state == PINNATE_LINK_UP; }));
      CHECK(links.last(dial).upstream);
      CHECK(links.last(dial).id == pinnate_gateway_id(gateway));
      REQUIRE(world.until([&] { return above.last(0).state == PINNATE_LINK_UP; }));
      CHECK(above.last(0).id == "leaf-1");
      CHECK_FALSE(above.last(0).upstream);
      // Who watches later hears at once how the dials fare.
      REQUIRE(pinnate_engine_watch_links(engine, Links::on_link, &late, nullptr) == PINNATE_OK);
      REQUIRE(world.until([&] { return late.last(dial).state == PINNATE_LINK_UP; }));
      gateway.close();
      CHECK(above.has_ended());
    }
    REQUIRE(world.until([&] { return links.last(dial).state == PINNATE_LINK_DOWN; }));
    CHECK(pinnate_engine_cancel(engine, watch) == PINNATE_OK);
    CHECK(links.has_ended());
    const std::size_t told = links.size();
    CHECK(pinnate_engine_cancel(engine, dial) == PINNATE_OK);
    CHECK(pinnate_engine_cancel(engine, dial) == PINNATE_NOT_FOUND);
    CHECK(links.size() == told);
    engine.close();
    CHECK(late.has_ended());
  }
}

TEST_CASE("a dial that is cancelled ends its link, and another takes its place") {
  World world(false);
  Links links;  // told until the engine has closed
  Fleet fleet(world);
  Gateway other(world);
  REQUIRE(open(other) == PINNATE_OK);
  REQUIRE(pinnate_gateway_listen(other, fleet.at("other").c_str(), nullptr, 0, nullptr) == PINNATE_OK);
  Engine engine(world);
  REQUIRE(open(engine, "leaf-2") == PINNATE_OK);
  pinnate_ticket first = 0, second = 0;
  REQUIRE(pinnate_engine_watch_links(engine, Links::on_link, &links, nullptr) == PINNATE_OK);
  REQUIRE(pinnate_engine_dial_upstream(engine, fleet.at("g").c_str(), &first) == PINNATE_OK);
  REQUIRE(world.until([&] { return links.last(first).state == PINNATE_LINK_UP; }));
  // One link up at a time: the second stands by until the first is gone.
  REQUIRE(pinnate_engine_dial_upstream(engine, fleet.at("other").c_str(), &second) == PINNATE_OK);
  CHECK(pinnate_engine_cancel(engine, first) == PINNATE_OK);
  REQUIRE(world.until([&] { return links.last(second).state == PINNATE_LINK_UP; }));
  CHECK(links.last(second).id == pinnate_gateway_id(other));
  CHECK(links.last(first).state == PINNATE_LINK_DOWN);
  CHECK(links.last(first).next_try_ms == 0);
}

TEST_CASE("a listener that is cancelled frees its address") {
  World world(false);
  TestFolder folder;
  const std::string at = "unix:" + folder.path + "/g";
  Gateway one(world), two(world);
  REQUIRE(open(one) == PINNATE_OK);
  REQUIRE(open(two) == PINNATE_OK);
  pinnate_ticket ticket = 0;
  REQUIRE(pinnate_gateway_listen(one, at.c_str(), nullptr, 0, &ticket) == PINNATE_OK);
  CHECK(pinnate_gateway_listen(two, at.c_str(), nullptr, 0, nullptr) == PINNATE_IN_USE);
  CHECK(pinnate_gateway_cancel(one, ticket) == PINNATE_OK);
  CHECK(pinnate_gateway_listen(two, at.c_str(), nullptr, 0, nullptr) == PINNATE_OK);
  CHECK(pinnate_gateway_cancel(one, ticket) == PINNATE_NOT_FOUND);
}
