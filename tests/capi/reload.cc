// A configuration that is read again, and a socket that others opened.
#include "one_of_each.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

struct Lines {
  std::mutex mutex;
  std::vector<std::string> lines;
  static void on_line(void* arg, pinnate_log_level, const char* line) {
    auto* self = static_cast<Lines*>(arg);
    {
      std::lock_guard lock(self->mutex);
      self->lines.push_back(line);
    }
    bell().ring();
  }
  std::size_t size() {
    std::lock_guard lock(mutex);
    return lines.size();
  }
};

// As the controller knows them.
std::string labels_of(Fleet& fleet, const std::string& id) {
  pinnate_lookup lookup = PINNATE_LOOKUP_INIT;
  lookup.gateways = 1;
  TiersAnswer rows;
  REQUIRE(pinnate_controller_lookup(fleet.controller, &lookup, TiersAnswer::on_rows, &rows) == PINNATE_OK);
  REQUIRE(fleet.world.until([&] { return rows.came(); }));
  for (const TiersAnswer::Tier& row : rows.tiers)
    if (row.id == id) return row.labels;
  return "no such tier";
}

}  // namespace

TEST_CASE("labels change on an open engine, and its releases with them") {
  for (const bool own_loop : {true, false}) {
    World world(own_loop);
    Fleet fleet(world);
    pinnate_publish publish = fleet.greet("1.0.0", "hello ");
    publish.selector = "ring=canary";
    PublishedAnswer published;
    REQUIRE(pinnate_controller_publish(fleet.controller, &publish, nullptr, PublishedAnswer::on_published,
                                       &published) == PINNATE_OK);
    REQUIRE(world.until([&] { return published.came(); }));
    const pinnate_label canary = label("ring", "canary");
    const pinnate_label* const labels = &canary;
    pinnate_tier_options tier = PINNATE_TIER_OPTIONS_INIT;
    tier.id = "leaf-1";
    tier.labels = &labels;
    tier.label_count = 1;
    REQUIRE(pinnate_engine_reload(fleet.engine, &tier) == PINNATE_OK);
    REQUIRE(fleet.live("1.0.0"));
    CHECK(labels_of(fleet, "leaf-1") == "ring=canary ");
    // The same from above: what a gateway is labelled with is inherited.
    tier = PINNATE_TIER_OPTIONS_INIT;
    REQUIRE(pinnate_engine_reload(fleet.engine, &tier) == PINNATE_OK);
    REQUIRE(world.until([&] { return fleet.watch.row("greet", "1.0.0").live == 0; }));
    tier.labels = &labels;
    tier.label_count = 1;
    REQUIRE(pinnate_gateway_reload(fleet.gateway, &tier) == PINNATE_OK);
    REQUIRE(fleet.live("1.0.0"));
    CHECK(labels_of(fleet, pinnate_gateway_id(fleet.gateway)) == "ring=canary ");
  }
}

TEST_CASE("the log level of an open handle changes, and what cannot change is named") {
  World world(false);
  Lines lines;
  Gateway gateway(world);
  pinnate_gateway_options options = PINNATE_GATEWAY_OPTIONS_INIT;
  options.tier.log = Lines::on_line;
  options.tier.log_arg = &lines;
  options.tier.log_level = PINNATE_LOG_ERROR;
  options.tier.id = "gate";
  REQUIRE(pinnate_gateway_open(&options, &gateway.handle) == PINNATE_OK);
  REQUIRE(pinnate_gateway_dial_upstream(gateway, "unix:/nobody/listens/here", nullptr) == PINNATE_OK);
  options.tier.log_level = PINNATE_LOG_DEBUG;
  options.tier.backoff_min_ms = 1;
  options.tier.backoff_max_ms = 5;
  REQUIRE(pinnate_gateway_reload(gateway, &options.tier) == PINNATE_OK);
  CHECK(lines.size() == 0);
  REQUIRE(world.until([&] { return lines.size() > 20; }));  // soon, since the delays are short now

  const auto refused = [&](const char* words) {
    CHECK(pinnate_gateway_reload(gateway, &options.tier) == PINNATE_INVALID);
    CHECK_MESSAGE(says(words), pinnate_last_error());
  };
  options.tier.id = "other";
  refused("tier.id is 'other' and was 'gate': it cannot change");
  options.tier.id = "gate";
  options.tier.fleet = "another";
  refused("tier.fleet is 'another' and was 'default'");
  options.tier.fleet = nullptr;
  options.tier.link_limit_bytes = 16 * 1024 * 1024;
  refused("tier.link_limit_bytes is '16777216' and was '8388608'");
  options.tier.link_limit_bytes = 0;
  options.tier.heartbeat_ms = 1;
  refused("heartbeat_ms is 1");
  CHECK(pinnate_gateway_reload(gateway, nullptr) == PINNATE_INVALID);
}

TEST_CASE("a handle listens at a socket that was opened before it, and leaves it open") {
  World world(false);
  TestFolder folder;
  const std::string path = folder.path + "/s";
  const int unix_socket = socket(AF_UNIX, SOCK_STREAM, 0), tcp = socket(AF_INET, SOCK_STREAM, 0);
  const int anywhere = socket(AF_INET, SOCK_STREAM, 0), bare = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_un un{};
  un.sun_family = AF_UNIX;
  path.copy(un.sun_path, sizeof un.sun_path - 1);
  REQUIRE(bind(unix_socket, reinterpret_cast<sockaddr*>(&un), sizeof un) == 0);
  sockaddr_in in{};
  in.sin_family = AF_INET;
  REQUIRE(bind(anywhere, reinterpret_cast<sockaddr*>(&in), sizeof in) == 0);
  in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(bind(tcp, reinterpret_cast<sockaddr*>(&in), sizeof in) == 0);
  for (const int fd : {unix_socket, tcp, anywhere}) REQUIRE(listen(fd, 8) == 0);
  {
    Gateway gateway(world);
    REQUIRE(open(gateway) == PINNATE_OK);
    char bound[200] = "";
    const auto at = [&](int fd, const char* before = "") { return before + ("fd:" + std::to_string(fd)); };
    const auto listens = [&](const std::string& address) {
      return pinnate_gateway_listen(gateway, address.c_str(), bound, sizeof bound, nullptr);
    };
    REQUIRE(listens(at(unix_socket)) == PINNATE_OK);
    CHECK(bound == "unix:" + path);
    REQUIRE(listens(at(tcp)) == PINNATE_OK);
    Client client(world);
    REQUIRE(open(client, bound) == PINNATE_OK);
    RollupAnswer rollup;
    CHECK(pinnate_client_status_wait(client, nullptr, RollupAnswer::on_rollup, &rollup, nullptr, 0) == PINNATE_OK);
    CHECK(listens(at(anywhere)) == PINNATE_REFUSED);
    CHECK(listens(at(anywhere, "insecure+")) == PINNATE_OK);
    CHECK(listens(at(bare)) == PINNATE_INVALID);
    CHECK(says("no socket that listens"));
    CHECK(listens("fd:99999") == PINNATE_INVALID);
    CHECK(listens("fd:x") == PINNATE_INVALID);
    CHECK(pinnate_gateway_dial_upstream(gateway, "fd:3", nullptr) == PINNATE_INVALID);
  }
  // They are the host's: the next handle may have them.
  Gateway next(world);
  REQUIRE(open(next) == PINNATE_OK);
  CHECK(pinnate_gateway_listen(next, ("fd:" + std::to_string(unix_socket)).c_str(), nullptr, 0, nullptr) == PINNATE_OK);
  for (const int fd : {unix_socket, tcp, anywhere, bare}) close(fd);
}

TEST_CASE("the functions for languages without macros fill options as the macros do") {
  pinnate_engine_options by_macro = PINNATE_ENGINE_OPTIONS_INIT, by_function;
  std::memset(&by_function, 0xff, sizeof by_function);
  pinnate_engine_options_init(&by_function, sizeof by_function, sizeof by_function.tier);
  CHECK(std::memcmp(&by_macro, &by_function, sizeof by_macro) == 0);
  pinnate_call call_by_macro = PINNATE_CALL_INIT, call;
  std::memset(&call, 0xff, sizeof call);
  pinnate_call_init(&call, sizeof call);
  CHECK(std::memcmp(&call_by_macro, &call, sizeof call) == 0);
  pinnate_call_init(nullptr, sizeof call);
  char later[sizeof call + 8];
  std::memset(later, 0xff, sizeof later);
  pinnate_call_init(reinterpret_cast<pinnate_call*>(later), sizeof later);
  CHECK(later[sizeof later - 1] == 0);
}
