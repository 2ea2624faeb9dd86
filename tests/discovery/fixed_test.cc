#include "discovery/discovery.h"
#include "discovery/polled_loop.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

using namespace pinnate;
using namespace pinnate::discovery;

namespace {

struct Heard {
  PolledLoop loop;
  std::vector<Naming> said;
  std::unique_ptr<Source> source;

  Status open(const std::string& uri) {
    auto opened = open_source(uri, loop, {}, [this](Naming naming) { said.push_back(std::move(naming)); });
    if (!opened.ok()) return opened.status();
    source = std::move(*opened);
    return {};
  }
  const Naming& next() {
    const std::size_t before = said.size();
    loop.until([&] { return said.size() > before; });
    return said.back();
  }
};

struct Folder {
  char path[32] = "/tmp/pin-XXXXXX";
  Folder() { REQUIRE(mkdtemp(path)); }
  ~Folder() { std::system(("rm -rf " + std::string(path)).c_str()); }
  // As a careful writer does: a file is there whole or not at all.
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path + ("/new-" + name)) << text;
    REQUIRE(std::rename((path + ("/new-" + name)).c_str(), (path + ("/" + name)).c_str()) == 0);
  }
};

}  // namespace

TEST_CASE("a static list says its addresses, once, and never from inside the call that opens it") {
  Heard heard;
  REQUIRE(heard.open("static:tcp://10.0.0.1:7070,unix:/run/e.sock").ok());
  CHECK(heard.said.empty());
  CHECK(heard.next() == Naming{Naming::Answer::whole, {"tcp://10.0.0.1:7070", "unix:/run/e.sock"}, {}, ""});
}

TEST_CASE("a file is read again when it changes, and one that cannot be read takes nobody away") {
  Folder folder;
  Heard heard;
  REQUIRE(heard.open("file:" + std::string(folder.path) + "/members").ok());
  CHECK(heard.next().answer == Naming::Answer::failed);
  CHECK(heard.said.back().why == "cannot read " + std::string(folder.path) + "/members: No such file or directory");
  folder.write("members", "# engines\n tcp://10.0.0.1:7070 \r\n\ntcp://10.0.0.2:7070 # second");
  CHECK(heard.next() == Naming{Naming::Answer::whole, {"tcp://10.0.0.1:7070", "tcp://10.0.0.2:7070"}, {}, ""});
  folder.write("members", "tcp://10.0.0.2:7070\n");
  CHECK(heard.next().addresses == std::vector<std::string>{"tcp://10.0.0.2:7070"});
  folder.write("members", "# nobody\n");
  CHECK(heard.next() == Naming{Naming::Answer::whole, {}, {}, std::string(folder.path) + "/members has no address"});
}

TEST_CASE("a file is seen to change where the link to its folder does") {  // as a ConfigMap is changed
  Folder folder;
  const std::string path = folder.path;
  for (const std::string version : {"1", "2"}) {
    REQUIRE(mkdir((path + "/" + version).c_str(), 0700) == 0);
    std::ofstream(path + "/" + version + "/members") << "tcp://10.0.0." << version << ":7070\n";
  }
  REQUIRE(symlink("1", (path + "/data").c_str()) == 0);
  Heard heard;
  REQUIRE(heard.open("file:" + path + "/data/members").ok());
  CHECK(heard.next().addresses.front() == "tcp://10.0.0.1:7070");
  REQUIRE(symlink("2", (path + "/next").c_str()) == 0);
  REQUIRE(std::rename((path + "/next").c_str(), (path + "/data").c_str()) == 0);
  CHECK(heard.next().addresses.front() == "tcp://10.0.0.2:7070");
}

TEST_CASE("what is wrong with a URI is said in words") {
  Heard heard;
  const auto words = [&](const std::string& uri) { return heard.open(uri).message(); };
  CHECK(words("10.0.0.1") == "'10.0.0.1' is no source of members; one is dns:NAME:PORT, for example");
  CHECK(words("dns :a").find("is no source of members") != std::string::npos);
  CHECK(words(std::string(3000, 'a')) == "a source of members has at most 2048 bytes");
  CHECK(words("ldap:a") ==
        "source 'ldap:a': there is no source 'ldap:'; there are static, file, dns, srv, kubernetes and docker");
  CHECK(words("static:") == "source 'static:': an address is empty");
  CHECK(words("static:tcp://a:1,") == "source 'static:tcp://a:1,': an address is empty");
  CHECK(words("file:members") == "source 'file:members': the path of a file begins with '/'");
  CHECK(words("file:/a?b") == "source 'file:/a?b': option 'b' is not written KEY=VALUE");
  CHECK(words("file:/a?b=1") == "source 'file:/a?b=1': it has no option 'b'");
}
