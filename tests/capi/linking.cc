// Either end of a link may dial, over each kind of address.
#include "answers.h"
#include "world.h"

#include "folder.h"

#include <fstream>

namespace {

// Listens at `address` and returns where it can be dialled.
template <class Handle>
std::string listening(Handle& handle, const std::string& address,
                      pinnate_status (*listen)(decltype(handle.handle), const char*, char*, size_t, pinnate_ticket*)) {
  char bound[256] = "";
  const pinnate_status status = listen(handle, address.c_str(), bound, sizeof bound, nullptr);
  REQUIRE_MESSAGE(status == PINNATE_OK, pinnate_last_error());
  return bound;
}

// A controller, one gateway and two engines, all opened and none linked.
struct Unlinked {
  explicit Unlinked(bool own_loop) : world(own_loop), controller(world), gateway(world), first(world), second(world) {
    REQUIRE(open(controller, folder.path + "/state") == PINNATE_OK);
    REQUIRE(open(gateway) == PINNATE_OK);
    REQUIRE(open(first, "first") == PINNATE_OK);
    REQUIRE(open(second, "second") == PINNATE_OK);
  }
  // Both engines are seen below the gateway, and as many gateways as there are.
  void linked() {
    RollupAnswer watch;
    REQUIRE(pinnate_controller_watch(controller, RollupAnswer::on_rollup, &watch, nullptr) == PINNATE_OK);
    CHECK(world.until([&] {
      std::lock_guard lock(watch.mutex);
      return watch.online == 2 && watch.gateways == 1;
    }));
    pinnate_lookup lookup = PINNATE_LOOKUP_INIT;
    TiersAnswer tiers;
    REQUIRE(pinnate_controller_lookup(controller, &lookup, TiersAnswer::on_rows, &tiers) == PINNATE_OK);
    REQUIRE(world.until([&] { return tiers.came(); }));
    REQUIRE(tiers.tiers.size() == 2);
    CHECK(tiers.tiers[0].id == "first");
    CHECK(tiers.tiers[1].id == "second");
    CHECK(tiers.tiers[0].path == tiers.tiers[1].path);
    second.close(), first.close(), gateway.close(), controller.close();
  }
  std::string socket(const char* name) const { return "unix:" + folder.path + "/" + name; }

  TestFolder folder;
  World world;
  Controller controller;
  Gateway gateway;
  Engine first, second;
};

}  // namespace

TEST_CASE("a gateway dials its upstream and listens for what is below") {
  for (const bool own_loop : {true, false})
    for (const char* form : {"tcp://127.0.0.1:0", "tcp://[::1]:0", "tcp://localhost:0", "unix"}) {
      CAPTURE(own_loop);
      CAPTURE(form);
      Unlinked tree(own_loop);
      const bool by_path = std::string(form) == "unix";
      const std::string top = listening(tree.controller, by_path ? tree.socket("c") : form, pinnate_controller_listen);
      const std::string site = listening(tree.gateway, by_path ? tree.socket("g") : form, pinnate_gateway_listen);
      CHECK(pinnate_gateway_dial_upstream(tree.gateway, top.c_str(), nullptr) == PINNATE_OK);
      CHECK(pinnate_engine_dial_upstream(tree.first, site.c_str(), nullptr) == PINNATE_OK);
      CHECK(pinnate_engine_dial_upstream(tree.second, site.c_str(), nullptr) == PINNATE_OK);
      tree.linked();
    }
}

TEST_CASE("a gateway accepts its upstream, and dials a static list of those below") {
  for (const bool own_loop : {true, false})
    for (const char* form : {"tcp://127.0.0.1:0", "tcp://[::1]:0", "tcp://localhost:0", "unix"}) {
      CAPTURE(own_loop);
      CAPTURE(form);
      Unlinked tree(own_loop);
      const bool by_path = std::string(form) == "unix";
      const std::string site = listening(tree.gateway, by_path ? tree.socket("g") : form, pinnate_gateway_listen);
      const std::string one = listening(tree.first, by_path ? tree.socket("1") : form, pinnate_engine_listen);
      const std::string two = listening(tree.second, by_path ? tree.socket("2") : form, pinnate_engine_listen);
      CHECK(pinnate_gateway_dial_downstream(tree.gateway, one.c_str(), nullptr) == PINNATE_OK);
      CHECK(pinnate_gateway_dial_downstream(tree.gateway, two.c_str(), nullptr) == PINNATE_OK);
      CHECK(pinnate_controller_dial(tree.controller, site.c_str(), nullptr) == PINNATE_OK);
      tree.linked();
    }
}

TEST_CASE("a gateway dials whom its host names, however an address is spelt") {
  for (const bool own_loop : {true, false}) {
    CAPTURE(own_loop);
    Unlinked tree(own_loop);
    const std::string top = listening(tree.controller, "tcp://127.0.0.1:0", pinnate_controller_listen);
    CHECK(pinnate_gateway_dial_upstream(tree.gateway, top.c_str(), nullptr) == PINNATE_OK);
    const std::string one = listening(tree.first, "tcp://127.0.0.1:0", pinnate_engine_listen);
    const std::string two = listening(tree.second, tree.socket("2"), pinnate_engine_listen);
    const char* const wrong[] = {one.c_str(), "tcp://nowhere"};
    CHECK(pinnate_gateway_set_members(tree.gateway, "consul", wrong, 2) == PINNATE_INVALID);
    CHECK(std::string(pinnate_last_error()).find("tcp://nowhere") != std::string::npos);
    const char* const both[] = {one.c_str(), two.c_str(), one.c_str()};
    CHECK(pinnate_gateway_set_members(tree.gateway, "consul", both, 3) == PINNATE_OK);
    CHECK(pinnate_gateway_set_members(tree.gateway, "file", both, 1) == PINNATE_OK);
    CHECK(pinnate_gateway_set_members(tree.gateway, "consul", nullptr, 0) == PINNATE_OK);
    tree.linked();  // also whom nobody names since a moment ago
  }
}

TEST_CASE("a gateway looks for members at sources, and says whom it found there") {
  for (const bool own_loop : {true, false}) {
    CAPTURE(own_loop);
    Unlinked tree(own_loop);
    const std::string top = listening(tree.controller, "tcp://127.0.0.1:0", pinnate_controller_listen);
    CHECK(pinnate_gateway_dial_upstream(tree.gateway, top.c_str(), nullptr) == PINNATE_OK);
    const std::string one = listening(tree.first, "tcp://127.0.0.1:0", pinnate_engine_listen);
    const std::string two = listening(tree.second, tree.socket("2"), pinnate_engine_listen);
    const std::string list = "static:" + one, file = "file:" + tree.folder.path + "/members", none = "static:" + tree.socket("nobody");
    pinnate_ticket ticket = 0;
    CHECK(pinnate_gateway_add_source(tree.gateway, list.c_str(), nullptr) == PINNATE_OK);
    CHECK(pinnate_gateway_add_source(tree.gateway, list.c_str(), nullptr) == PINNATE_CONFLICT);
    CHECK(pinnate_gateway_add_source(tree.gateway, file.c_str(), nullptr) == PINNATE_OK);
    CHECK(pinnate_gateway_add_source(tree.gateway, none.c_str(), &ticket) == PINNATE_OK);
    CHECK(pinnate_gateway_cancel(tree.gateway, ticket) == PINNATE_OK);
    CHECK(pinnate_gateway_cancel(tree.gateway, ticket) == PINNATE_NOT_FOUND);
    const auto members = [&](MembersAnswer* answer) {
      pinnate_lookup lookup = PINNATE_LOOKUP_INIT;
      lookup.at = pinnate_gateway_id(tree.gateway);
      REQUIRE(pinnate_controller_members(tree.controller, &lookup, MembersAnswer::on_members, answer) == PINNATE_OK);
      REQUIRE(tree.world.until([&] { return answer->came(); }));
    };
    // Asked again and again: nobody is told when a source says something.
    const auto comes = [&](const auto& holds) {
      const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
      while (std::chrono::steady_clock::now() < end) {
        MembersAnswer answer;
        members(&answer);
        if (holds(answer)) return true;
      }
      return false;
    };
    CHECK(comes([&](MembersAnswer& answer) {
      return answer.find(one) == "linked first by " + list && answer.find(file).starts_with("stale source");
    }));
    pinnate_member_counts counts = PINNATE_MEMBER_COUNTS_INIT;
    REQUIRE(pinnate_gateway_member_counts(tree.gateway, &counts) == PINNATE_OK);
    CHECK(counts.sources == 2);
    CHECK(counts.stale_sources == 1);
    CHECK(counts.linked == 1);
    CHECK(counts.dials_total >= 1);
    CHECK(counts.dials_total == counts.failed_dials_total + 1);  // whom the cancelled source named may have been dialled
    std::ofstream(tree.folder.path + "/members") << two << "\n";
    CHECK(comes([&](MembersAnswer& answer) {
      return answer.find(two) == "linked second by " + file && answer.find(file) == "source names 1";
    }));
    tree.linked();
  }
}

TEST_CASE("a wrong source, or a wrong question for members, is refused in words") {
  Unlinked tree(true);
  const auto refused = [&](pinnate_status status, pinnate_status expected, const std::string& words) {
    CHECK(status == expected);
    CHECK_MESSAGE(std::string(pinnate_last_error()).find(words) != std::string::npos, pinnate_last_error());
  };
  refused(pinnate_gateway_add_source(nullptr, "static:unix:/e", nullptr), PINNATE_INVALID, "gateway");
  refused(pinnate_gateway_add_source(tree.gateway, nullptr, nullptr), PINNATE_INVALID, "uri");
  refused(pinnate_gateway_add_source(tree.gateway, "10.0.0.1", nullptr), PINNATE_INVALID, "no source of members");
  refused(pinnate_gateway_add_source(tree.gateway, "ldap:x", nullptr), PINNATE_INVALID, "there is no source 'ldap:'");
  refused(pinnate_gateway_add_source(tree.gateway, "static:tcp://10.0.0.1:7070,somewhere", nullptr), PINNATE_INVALID,
          "source 'static:tcp://10.0.0.1:7070,somewhere': address 'somewhere'");
  refused(pinnate_gateway_members(tree.gateway, nullptr, MembersAnswer::on_members, nullptr), PINNATE_INVALID, "lookup");
  refused(pinnate_gateway_member_counts(tree.gateway, nullptr), PINNATE_INVALID, "counts");
  pinnate_lookup lookup = PINNATE_LOOKUP_INIT;
  refused(pinnate_gateway_members(tree.gateway, &lookup, nullptr, nullptr), PINNATE_INVALID, "on_members");
  lookup.name = "f";
  refused(pinnate_gateway_members(tree.gateway, &lookup, MembersAnswer::on_members, nullptr), PINNATE_INVALID,
          "only at, cursor, limit, timeout_ms and ticket may be set");
  CHECK(std::string(pinnate_member_state_name(PINNATE_MEMBER_STALE_SOURCE)) == "stale source");
  CHECK(std::string(pinnate_member_state_name(static_cast<pinnate_member_state>(77))) == "unknown");
}

TEST_CASE("wrong names of members are refused in words") {
  Unlinked tree(true);
  const char* const none[] = {nullptr};
  const auto refused = [&](pinnate_status code, const std::string& words) {
    CHECK(std::string(pinnate_last_error()).find(words) != std::string::npos);
    return code;
  };
  CHECK(refused(pinnate_gateway_set_members(nullptr, "s", none, 0), "gateway") == PINNATE_INVALID);
  CHECK(refused(pinnate_gateway_set_members(tree.gateway, nullptr, none, 0), "source") == PINNATE_INVALID);
  CHECK(refused(pinnate_gateway_set_members(tree.gateway, "a source", none, 0), "a source") == PINNATE_INVALID);
  CHECK(refused(pinnate_gateway_set_members(tree.gateway, "s", nullptr, 1), "addresses") == PINNATE_INVALID);
  CHECK(refused(pinnate_gateway_set_members(tree.gateway, "s", none, 1), "addresses[0]") == PINNATE_INVALID);
  CHECK(refused(pinnate_gateway_set_members(tree.gateway, "s", none, 65537), "65537 addresses; at most 65536") ==
        PINNATE_TOO_LARGE);
}
