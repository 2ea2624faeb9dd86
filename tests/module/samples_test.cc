// The sample modules do what their first lines say.
#include "base/random.h"
#include "host.h"

using namespace pinnate;
using namespace pinnate::module;

namespace {

struct Size {
  unsigned width = 0, height = 0;
};

// From the frame header of a baseline or progressive JPEG.
Size jpeg_size(std::string_view jpeg) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(jpeg[i]); };
  for (std::size_t i = 2; i + 9 < jpeg.size() && at(i) == 0xff; i += 2 + (at(i + 2) << 8 | at(i + 3)))
    if (at(i + 1) == 0xc0 || at(i + 1) == 0xc2)
      return {static_cast<unsigned>(at(i + 7) << 8 | at(i + 8)), static_cast<unsigned>(at(i + 5) << 8 | at(i + 6))};
  return {};
}

std::string example() { return file_bytes(PINNATE_TEST_FILES "/example.jpg"); }

}  // namespace

TEST_CASE("both templates are modules that echo, and unload") {
  for (const char* module : {"template-c", "template-cc"}) {
    CAPTURE(module);
    TestHost host;
    host.serve(1, module);
    CHECK(host.call("echo this").bytes.view() == "echo this");
    host->deactivate("f");
    CHECK(host.drain(1).ok());
    CHECK(host.destroy(1).ok());
  }
}

TEST_CASE("anomaly remembers what is usual between calls") {
  TestHost host;
  host.serve(1, "anomaly-1.0.0", "alpha=0.2,threshold=4,warmup=4");
  CHECK(host.call("10 10.5, 9.5\n10 10.2").bytes.view().find("anomaly") == std::string_view::npos);
  CHECK(host.call("9.8").bytes.view().find(" ok\n") != std::string_view::npos);
  CHECK(host.call("37.5").bytes.view().find("37.5 ") == 0);
  CHECK(host.call("37.5").bytes.view().find(" anomaly\n") != std::string_view::npos);
  CHECK(host.call("10").bytes.view().find(" ok\n") != std::string_view::npos);
  CHECK(host.call("warm").status.message() == "module 'f' 1.0.0: not a reading: 'warm'");
  CHECK(host.call("").status.ok());
}

TEST_CASE("anomaly refuses a configuration that it does not understand") {
  TestHost host;
  ServiceId id = 0;
  for (const char* config : {"alpha", "alpha=2", "speed=1", "threshold=x"}) {
    CAPTURE(config);
    REQUIRE(host.load(++id, "anomaly-1.0.0", config).ok());
    CHECK(host.create(id).message().find("configuration '") != std::string::npos);
  }
}

TEST_CASE("thumbnail makes a JPEG small, and 1.1.0 makes another one of the same size") {
  if (example().empty()) return;  // built without libjpeg
  std::string pictures[2];
  for (int i = 0; i < 2; ++i) {
    TestHost host;
    host.serve(1, i == 0 ? "thumbnail-1.0.0" : "thumbnail-1.1.0", "max=100,quality=70");
    const Outcome outcome = host.call(example());
    REQUIRE_MESSAGE(outcome.status.ok(), outcome.status.message());
    pictures[i] = outcome.bytes.str();
    CHECK(jpeg_size(pictures[i]).width == 100);
    CHECK(jpeg_size(pictures[i]).height == 75);
    CHECK(host.call(pictures[i]).status.ok());  // one that is small already
  }
  CHECK(jpeg_size(example()).width == 800);
  CHECK(pictures[0] != pictures[1]);
}

TEST_CASE("thumbnail fails in words on what is no JPEG, and on damaged ones, and goes on") {
  if (example().empty()) return;
  TestHost host;
  host.serve(1, "thumbnail-1.0.0");
  CHECK(host.call("").status.message().find("the payload is empty") != std::string::npos);
  CHECK(host.call("GIF89a, not a JPEG").status.message().find("not a JPEG: ") != std::string::npos);
  const std::string whole = example();
  Random random(7);
  for (int i = 0; i < 200; ++i) {
    std::string damaged = whole.substr(0, 1 + random.below(whole.size()));
    for (int k = 0; k < 8; ++k) damaged[random.below(damaged.size())] = static_cast<char>(random.next());
    const Outcome outcome = host.call_here(damaged);
    CHECK((outcome.status.ok() || outcome.status.code() == PINNATE_FAILED));
  }
  std::string huge = whole;  // a header that claims 65500 x 65500 pixels
  for (std::size_t i = 0; i + 9 < huge.size(); ++i)
    if (huge[i] == '\xff' && huge[i + 1] == '\xc0') {
      huge[i + 5] = huge[i + 7] = '\xff', huge[i + 6] = huge[i + 8] = '\xdc';
      break;
    }
  CHECK(host.call(huge).status.code() == PINNATE_FAILED);
  CHECK(host.call(whole).status.ok());
}
