#include "discovery/containers/container_watch.h"
#include "discovery/containers/docker_api.h"
#include "discovery/discovery.h"
#include "discovery/http_server.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace pinnate;
using namespace pinnate::discovery;

namespace {

using Ips = std::vector<std::string>;
using DockerVisit = HttpServerUnderTest::Visit;

// A container as Docker 24 lists it (API 1.43).
std::string docker_container(const std::string& id, const std::string& networks, const std::string& state = "running") {
  return R"({"Id":")" + id + R"(","Names":["/engine-)" + id +
         R"("],"Image":"pinnate/engine:1","ImageID":"sha256:9c7a","Command":"/engine --port 7070","Created":1732960000,)"
         R"("Ports":[{"IP":"0.0.0.0","PrivatePort":7070,"PublicPort":32768,"Type":"tcp"}],"Labels":{"pinnate.site":"a=b"},)"
         R"("State":")" +
         state +
         R"(","Status":"Up 2 seconds","HostConfig":{"NetworkMode":"edge"},)"
         R"("NetworkSettings":{"Networks":{)" +
         networks + R"(}},"Mounts":[]})";
}
std::string docker_network(const std::string& name, const std::string& ip, const std::string& ip6 = "") {
  return "\"" + name +
         R"(":{"IPAMConfig":null,"Links":null,"Aliases":null,"NetworkID":"596220","EndpointID":"20852d",)"
         R"("Gateway":"172.17.0.1","IPAddress":")" +
         ip + R"(","IPPrefixLen":16,"IPv6Gateway":"","GlobalIPv6Address":")" + ip6 +
         R"(","GlobalIPv6PrefixLen":0,"MacAddress":"02:42:ac:11:00:0b","DriverOpts":null})";
}
// And as podman 4.3 does: more members, and the members of networks in another order.
std::string podman_container(const std::string& id, const std::string& networks) {
  return R"({"Id":")" + id +
         R"(","Names":["/engine"],"Image":"localhost/engine:latest","ImageID":"sha256:9c7a",)"
         R"("Command":"/engine","Created":1732960000,"Ports":[],"Labels":{"pinnate.site":"a=b"},"State":"running",)"
         R"("Status":"Up 3 seconds","HostConfig":{"NetworkMode":"host"},"NetworkSettings":{"Networks":)" +
         networks +
         R"(},"Mounts":[],"Name":"","Config":null,"NetworkingConfig":null,"Platform":null,"AdjustCPUShares":false})";
}
std::string podman_network(const std::string& name, const std::string& ip) {
  return "{\"" + name +
         R"(":{"IPAMConfig":null,"Links":null,"Aliases":["8b4f4a2d1f0c"],"NetworkID":"podman","EndpointID":"",)"
         R"("Gateway":"10.88.0.1","IPAddress":")" +
         ip +
         R"(","IPPrefixLen":16,"IPv6Gateway":"","GlobalIPv6Address":"",)"
         R"("GlobalIPv6PrefixLen":0,"MacAddress":"de:ad:be:ef:00:01","DriverOpts":null}})";
}

// Events of Docker 24, of podman 4.3 (which has "died" and "remove" of its own), and of Docker 29,
// where the older names of the same are gone.
std::string docker_event(const std::string& action, const std::string& type = "container") {
  return R"({"status":")" + action + R"(","id":"4b7","from":"pinnate/engine:1","Type":")" + type + R"(","Action":")" +
         action +
         R"(","Actor":{"ID":"4b7","Attributes":{"image":"pinnate/engine:1","name":"engine","Action":"x"}},"scope":"local",)"
         R"("time":1732960000,"timeNano":1732960000000000000})"
         "\n";
}

class DockerUnderTest {
 public:
  DockerUnderTest() {
    server.on_request([this](DockerVisit& visit) {
      const std::string target = visit.target();
      if (target == "/version") return visit.send(whole_answer(version_status, version_json));
      const bool is_known = target.substr(0, target.find('/', 1)) == "/v" + served_version;
      if (!is_known)
        return visit.send(whole_answer(
            "400 Bad Request", R"({"message":"client version 1.40 is too old. Minimum supported API version is )" +
                                   served_version + R"(, please upgrade your client to a newer version"})"));
      if (target.find("/events") != std::string::npos) {
        streams.push_back(target);
        on_events(visit);
      } else {
        lists.push_back(target);
        on_list(visit);
      }
    });
    timing.soon_ms = 10;
    timing.settle_ms = timing.again_ms = 600000;
    timing.backoff_least_ms = 10;
    timing.backoff_most_ms = 30;
  }

  void open(const std::string& network = "") {
    Log log;
    log.arg = this;
    log.write = [](void* arg, pinnate_log_level, const char* line) {
      static_cast<DockerUnderTest*>(arg)->logged += line;
    };
    auto opened = watch_containers(
        loop, log, [this](Naming naming) { said.push_back(std::move(naming)); },
        {path, {"pinnate.site=a=b", "tier=\"e\""}, network, 7070}, timing);
    REQUIRE(opened.ok());
    source = std::move(*opened);
  }
  const Naming& next() {
    const std::size_t before = said.size();
    loop.until([&] { return said.size() > before; });
    return said.back();
  }
  void until_lists(std::size_t count) {
    loop.until([&] { return lists.size() >= count; });
  }
  // The stream of events, once there were so many.
  DockerVisit& events(std::size_t count) {
    loop.until([&] { return streams.size() >= count; });
    for (DockerVisit* visit : server.visits())
      if (visit->target() == streams.back()) return *visit;
    FAIL("the stream has gone");
    throw 0;
  }
  void run(const std::vector<std::string>& all) {
    containers.clear();
    for (const std::string& container : all) containers += (containers.empty() ? "" : ",") + container;
  }

  const std::string path = "/tmp/pin-docker-" + std::to_string(getpid());
  PolledLoop loop;
  HttpServerUnderTest server{loop, path};
  ContainerTiming timing;
  std::string containers, logged, served_version = "1.40", version_status = "200 OK", version_json;
  std::vector<std::string> lists, streams;  // what was asked for
  std::function<void(DockerVisit&)> on_list = [this](DockerVisit& visit) {
    visit.send(whole_answer("200 OK", "[" + containers + "]\n"));
  };
  std::function<void(DockerVisit&)> on_events = [](DockerVisit& visit) { visit.send(begin_of_stream()); };
  std::vector<Naming> said;
  std::unique_ptr<Source> source;
};

Ips ips_of(const std::string& containers, const std::string& network = "") {
  ContainerList list;
  std::string json = "[" + containers + "]";
  REQUIRE(list.read(json, network));
  return list.ips;
}

}  // namespace

TEST_CASE("containers are listed once the events are listened to, and again when an event says so") {
  DockerUnderTest docker;
  docker.run({docker_container("1", docker_network("edge", "172.18.0.2")),
              docker_container("2", docker_network("edge", "172.18.0.3"))});
  docker.open();
  CHECK(docker.said.empty());
  CHECK(docker.next() == Naming{Naming::Answer::whole, {"tcp://172.18.0.2:7070", "tcp://172.18.0.3:7070"}, {}, ""});
  CHECK(docker.server.requests.size() == 2);
  CHECK(docker.streams == Ips{"/v1.40/events?filters=%7B%22type%22%3A%5B%22container%22%2C%22network%22%5D%7D"});
  CHECK(docker.lists ==
        Ips{"/v1.40/containers/json?filters=" +
            std::string("%7B%22label%22%3A%5B%22pinnate.site%3Da%3Db%22%2C%22tier%3D%5C%22e%5C%22%22%5D%2C"
                        "%22status%22%3A%5B%22running%22%2C%22paused%22%5D%7D")});
  std::size_t lists = 1;
  for (const std::string action :
       {"start", "die", "stop", "kill", "pause", "unpause", "destroy", "remove", "restart"}) {
    CAPTURE(action);
    docker.run({docker_container("1", docker_network("edge", "172.18.1." + std::to_string(lists)))});
    docker.events(1).send(chunk(docker_event(action)));
    CHECK(docker.next().addresses == Ips{"tcp://172.18.1." + std::to_string(lists) + ":7070"});
    CHECK(docker.lists.size() == ++lists);
  }
  for (const std::string action : {"connect", "disconnect"}) {
    docker.run({docker_container("1", docker_network("edge", "172.18.2." + std::to_string(lists)))});
    docker.events(1).send(chunk(docker_event(action, "network")));
    CHECK(docker.next().addresses == Ips{"tcp://172.18.2." + std::to_string(lists) + ":7070"});
    CHECK(docker.lists.size() == ++lists);
  }
  for (const std::string action :
       {"exec_create: sh -c true", "exec_start: sh", "exec_die", "health_status: healthy", "top", "create"})
    docker.events(1).send(chunk(docker_event(action)));
  docker.events(1).send(chunk(docker_event("create", "network") + "no event\n\n" + docker_event("start", "image")));
  docker.loop.for_ms(30);
  CHECK(docker.lists.size() == lists);  // a check of health each second makes no list
}

TEST_CASE("what happens together is listed once, and what happens during a list is listed after it") {
  DockerUnderTest docker;
  docker.open();
  docker.next();
  std::string many;
  for (int i = 0; i < 50; i++) many += docker_event("start");
  docker.events(1).send(chunk(many.substr(0, 1000)));
  docker.events(1).send(chunk(many.substr(1000)));
  docker.until_lists(2);
  docker.loop.for_ms(40);
  CHECK(docker.lists.size() == 2);

  DockerVisit* waiting = nullptr;
  docker.on_list = [&](DockerVisit& visit) { waiting = &visit; };
  docker.events(1).send(chunk(docker_event("start")));
  docker.until_lists(3);
  docker.events(1).send(chunk(docker_event("die")));
  docker.loop.for_ms(40);
  CHECK(docker.lists.size() == 3);
  docker.on_list = [&](DockerVisit& visit) {
    visit.send(whole_answer("200 OK", "[" + docker_container("1", docker_network("edge", "172.18.0.9")) + "]"));
  };
  waiting->send(whole_answer("200 OK", "[]"));
  CHECK(docker.next().addresses == Ips{"tcp://172.18.0.9:7070"});
}

TEST_CASE("the list is looked at again soon after listening began, and now and then where nothing is heard") {
  for (const bool settling : {true, false}) {
    DockerUnderTest docker;
    (settling ? docker.timing.settle_ms : docker.timing.again_ms) = 400;
    if (!settling) docker.on_events = [](DockerVisit&) {};  // nothing is heard at all
    if (!settling) docker.timing.settle_ms = 5;
    docker.open();
    docker.until_lists(1);
    const std::int64_t begin_ms = docker.loop.monotonic_ms();
    docker.until_lists(2);
    CHECK(docker.loop.monotonic_ms() - begin_ms >= 399);
    CHECK(docker.said.size() == 1);
  }
  const ContainerTiming timing;
  CHECK(timing.soon_ms == 50);
  CHECK(timing.again_ms == 30000);
}

TEST_CASE("the stream's end takes nobody away, and it is begun again") {
  DockerUnderTest docker;
  docker.run({docker_container("1", docker_network("edge", "172.18.0.2"))});
  docker.open();
  docker.next();
  docker.events(1).send(end_of_stream());
  docker.events(2).close();
  docker.run({docker_container("1", docker_network("edge", "172.18.0.3"))});  // meanwhile, unheard
  CHECK(docker.next().addresses == Ips{"tcp://172.18.0.3:7070"});
  docker.events(3).send(chunk(std::string(2 << 20, 'x')));  // no event is that long
  docker.events(4).send(chunk(docker_event("die").substr(0, 40)));
  docker.events(4).send(chunk(docker_event("die").substr(40)));
  docker.run({});
  CHECK(docker.next() ==
        Naming{Naming::Answer::whole, {}, {}, "docker:" + docker.path + " has no running container with the label"});
  CHECK(docker.said.size() == 3);
}

TEST_CASE("a runtime without a stream of events is listed all the same") {
  DockerUnderTest docker;
  docker.timing.again_ms = 30;
  docker.timing.backoff_least_ms = docker.timing.backoff_most_ms = 20000;
  docker.on_events = [](DockerVisit& visit) {
    visit.send(whole_answer("500 Internal Server Error", R"({"message":"no journal"})"));
  };
  docker.open();
  CHECK(docker.next().addresses.empty());
  docker.run({docker_container("1", docker_network("edge", "172.18.0.2"))});
  CHECK(docker.next().addresses == Ips{"tcp://172.18.0.2:7070"});
  CHECK(docker.streams.size() == 1);
}

TEST_CASE("a socket that is missing, refuses, or answers nonsense is said in words, until it is well") {
  DockerUnderTest docker;
  docker.run({docker_container("1", docker_network("edge", "172.18.0.2"))});
  docker.server.stop();
  docker.open();
  const auto words = [&] {
    CHECK(docker.next().answer == Naming::Answer::failed);
    CHECK(docker.said.back().addresses.empty());
    return docker.said.back().why;
  };
  const std::string who = "docker:" + docker.path + ": ";
  const std::string missing = who + "cannot connect to the server: No such file or directory";
  CHECK(words() == missing);
  docker.on_list = [](DockerVisit& visit) { visit.send(whole_answer("200 OK", "<html>")); };
  docker.server.listen();
  CHECK(words() == who + "what it answered is no list of containers");
  docker.on_list = [](DockerVisit& visit) {
    visit.send(whole_answer("500 Internal Server Error", R"({"cause":"x","message":"disk\nfull"})"));
  };
  CHECK(words() == who + "the runtime answered 500: disk full");
  docker.timing.answer_ms = 50;
  docker.on_list = [](DockerVisit&) {};
  docker.source.reset();
  docker.open();
  CHECK(words() == who + "the server was silent for 50 ms");
  docker.on_list = [&](DockerVisit& visit) { visit.send(whole_answer("200 OK", "[" + docker.containers + "]")); };
  CHECK(docker.next().addresses == Ips{"tcp://172.18.0.2:7070"});
  docker.server.stop();
  CHECK(words() == missing);
  docker.server.listen();
  CHECK(docker.next().addresses == Ips{"tcp://172.18.0.2:7070"});
}

TEST_CASE("a runtime that no longer serves the version of the API is spoken to by its oldest") {
  DockerUnderTest docker;
  docker.served_version = "1.44";
  docker.version_json =
      R"({"Platform":{"Name":"Docker Engine - Community"},"Components":[{"Name":"Engine","Details":{"MinAPIVersion":"1"}}],)"
      R"("Version":"29.0.0","ApiVersion":"1.52","MinAPIVersion":"1.44","Os":"linux"})";
  docker.run({docker_container("1", docker_network("edge", "172.18.0.2"))});
  docker.open();
  CHECK(docker.next().addresses == Ips{"tcp://172.18.0.2:7070"});
  CHECK(docker.events(1).target().substr(0, 13) == "/v1.44/events");
  CHECK(docker.logged == "docker:" + docker.path + ": it is spoken to by version 1.44 of the Docker API");

  docker.source.reset();
  docker.version_json = R"({"MinAPIVersion":"1.40"})";
  docker.open();
  CHECK(docker.next().why.find("the runtime answered 400: client version 1.40 is too old.") != std::string::npos);
  docker.version_status = "404 Not Found";
  docker.loop.for_ms(50);
  CHECK(docker.said.back().answer == Naming::Answer::failed);
}

TEST_CASE("addresses are taken from one network or from all, of Docker and of podman") {
  const std::string two = docker_container(
      "1", docker_network("bridge", "172.17.0.2") + "," + docker_network("edge", "172.18.0.2", "fd00::2"), "paused");
  CHECK(ips_of(two) == Ips{"172.17.0.2", "172.18.0.2", "fd00::2"});
  CHECK(ips_of(two, "edge") == Ips{"172.18.0.2", "fd00::2"});
  CHECK(ips_of(two, "other").empty());
  CHECK(ips_of(docker_container("1", docker_network("host", ""))).empty());
  CHECK(ips_of(podman_container("1", podman_network("podman", "10.88.0.7"))) == Ips{"10.88.0.7"});
  CHECK(ips_of(podman_container("1", "null")).empty());  // rootless, by slirp4netns
  CHECK(ips_of(R"({"Id":"x","NetworkSettings":null},{"Id":"y"})").empty());
  ContainerList list;
  std::string json = "{}";
  CHECK_FALSE(list.read(json, ""));

  DockerUnderTest docker;
  docker.run({docker_container("1", docker_network("host", ""))});
  docker.open("edge");
  CHECK(docker.next() ==
        Naming{Naming::Answer::whole,
               {},
               {},
               "docker:" + docker.path + ": none of its containers with the label has an address in network 'edge'"});
  docker.run({docker_container(
                  "1", docker_network("edge", "172.18.0.2", "fd00::2") + "," + docker_network("bridge", "172.17.0.2")),
              docker_container("2", docker_network("edge", "172.18.0.2"))});
  docker.events(1).send(chunk(docker_event("connect", "network")));
  CHECK(docker.next().addresses == Ips{"tcp://172.18.0.2:7070", "tcp://[fd00::2]:7070"});
}

TEST_CASE("a source of containers may be closed at any moment") {
  for (int turns = 0; turns < 15; turns++) {
    DockerUnderTest docker;
    docker.on_events = [](DockerVisit& visit) {
      visit.send(begin_of_stream() + chunk(docker_event("start")) + end_of_stream());
    };
    docker.open();
    for (int i = 0; i < turns; i++) docker.loop.turn(1);
    docker.source.reset();
    const std::size_t said = docker.said.size();
    for (int i = 0; i < 3; i++) docker.loop.turn(1);
    CHECK(docker.said.size() == said);
  }
}

TEST_CASE("what is wrong with a URI of containers is said in words") {
  PolledLoop loop;
  const auto words = [&](const std::string& uri) {
    auto opened = open_source(uri, loop, {}, [](Naming) {});
    return opened.ok() ? "" : opened.status().message().substr(("source '" + uri + "': ").size());
  };
  CHECK(words("docker:run/docker.sock?label=a=b") ==
        "it is written docker:SOCKET?label=KEY=VALUE, and the path of a socket begins with '/'");
  CHECK(words("docker:/" + std::string(107, 'a') + "?label=a=b") == "the path of a socket has at most 107 bytes");
  CHECK(words("docker:/run/docker.sock") == "without a label every container would be a member: say label=KEY=VALUE");
  CHECK(words("docker:/run/docker.sock?label=a") == "option 'label' is written label=KEY=VALUE");
  CHECK(words("docker:/run/docker.sock?label==a") == "option 'label' is written label=KEY=VALUE");
  CHECK(words("docker:/run/docker.sock?label=a=b&port=0") == "option 'port' is a number from 1 to 65535");
  CHECK(words("docker:/run/docker.sock?label=a=b&network=") == "option 'network' is the name of a network");
  CHECK(words("docker:/run/docker.sock?label=a=b&x=y") == "it has no option 'x'");
  CHECK(words("docker:/run/docker.sock?label=a=b&label=c=d=e&port=1&network=edge") == "");
}
