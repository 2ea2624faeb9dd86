// What is asked of the tier above, and how much of it at a time.
#include "tier/fetcher.h"
#include "content/manifest.h"
#include "content/sha256.h"

#include <doctest/doctest.h>

using namespace pinnate;
using namespace pinnate::tier;

namespace {

struct Pull {
  // Of which manifests something was asked since the last call; notes what was to be accepted.
  template <class Want>
  std::vector<Digest> asked() {
    std::vector<Digest> by;
    for (Action& action : std::exchange(actions, {})) {
      if (const auto* accept = std::get_if<AcceptChunk>(&action)) {
        accepted.push_back(accept->token);
        verified = accept->verified;
      }
      const auto* send = std::get_if<Send>(&action);
      if (!send) continue;
      const auto message = wire::decode(send->message);
      REQUIRE(message.ok());
      if (const auto* want = std::get_if<Want>(&**message)) by.push_back(want->manifest);
    }
    return by;
  }

  std::vector<Action> actions;
  std::vector<Token> accepted;
  bool verified = false;  // the last one
  Core core{TierOptions{}, &actions};
  Manifests manifests;
  Inventory inventory{&core};
  Fetcher fetcher{&core, &manifests, &inventory, {}};
};

}  // namespace

TEST_CASE("manifests are asked for in a window, each once, and all of them over a new link") {
  Pull pull;
  Fetcher& fetcher = pull.fetcher;
  const auto asked = [&] { return pull.asked<wire::WantManifest>(); };
  std::size_t done = 0;
  const auto failed = [&](const Status& status) { done += status.code() == PINNATE_NOT_FOUND; };
  constexpr std::size_t kWanted = 1000;
  for (std::size_t i = 0; i < kWanted; i++) fetcher.want_manifest(content::sha256(std::to_string(i)), failed);
  CHECK(asked().empty());  // nobody is there

  fetcher.source_up(1, "the gateway");
  std::vector<Digest> under_way = asked();
  CHECK(under_way.size() == 64);
  fetcher.source_down();
  fetcher.source_up(3, "the gateway");
  CHECK(asked() == under_way);

  std::set<Digest> seen(under_way.begin(), under_way.end());
  while (!under_way.empty()) {
    const Digest digest = under_way.back();
    under_way.pop_back();
    fetcher.take(wire::ManifestBytes{digest, PINNATE_NOT_FOUND, "not here", {}});
    for (const Digest& next : asked()) {
      CHECK(seen.insert(next).second);
      under_way.push_back(next);
    }
    CHECK(under_way.size() <= 64);
  }
  CHECK(seen.size() == kWanted);
  CHECK(done == kWanted);
}

TEST_CASE("one artifact in two manifests is asked for once, and again where the first could not get it") {
  Pull pull;
  auto& [actions, accepted, verified, core, manifests, inventory, fetcher] = pull;
  content::Manifest manifest;
  manifest.name = "one";
  manifest.version = "1";
  manifest.artifacts = {{"any", content::sha256("artifact"), 5, {content::sha256("bytes")}}};
  const Digest first = content::sha256(content::encode_manifest(manifest).view());
  REQUIRE(manifests.add(content::encode_manifest(manifest)).ok());
  manifest.name = "two";
  const Digest second = content::sha256(content::encode_manifest(manifest).view());
  REQUIRE(manifests.add(content::encode_manifest(manifest)).ok());

  const auto asked = [&] { return pull.asked<wire::WantChunk>(); };
  std::vector<std::string> got;
  const auto want = [&](const Digest& by, std::string who) {
    fetcher.want_chunk({by, 0, 0}, [&got, who](const Status& status, const Buffer& bytes) {
      got.push_back(who + (status.ok() ? " " + bytes.str() : " not"));
    });
  };
  fetcher.source_up(1, "the gateway");
  want(first, "one");
  want(second, "two");
  CHECK(asked() == std::vector<Digest>{first});

  SUBCASE("both get it") {
    fetcher.take(wire::ChunkBytes{first, 0, 0, PINNATE_OK, "", Buffer("bytes")});
    CHECK(asked().empty());
    REQUIRE(accepted.size() == 1);
    core.complete({accepted[0], {}, {}, {}});
    CHECK(got == std::vector<std::string>{"one bytes", "two bytes"});
  }
  SUBCASE("the first is refused") {
    fetcher.take(wire::ChunkBytes{first, 0, 0, PINNATE_NOT_FOUND, "not here", {}});
    CHECK(asked() == std::vector<Digest>{second});
    CHECK(got == std::vector<std::string>{"one not"});
  }
  SUBCASE("the first is superseded while the link is away") {
    fetcher.source_down();
    fetcher.keep_only({second});
    fetcher.source_up(3, "the gateway");
    CHECK(asked() == std::vector<Digest>{second});
    CHECK(got == std::vector<std::string>{"one not"});
  }
  SUBCASE("the second is superseded while the first is on its way") {
    fetcher.keep_only({first});
    CHECK(asked().empty());
    fetcher.take(wire::ChunkBytes{first, 0, 0, PINNATE_OK, "", Buffer("bytes")});
    asked();
    core.complete({accepted.at(0), {}, {}, {}});
    CHECK(got == std::vector<std::string>{"two not", "one bytes"});
  }
}

TEST_CASE("chunks that come over a link are verified, and those of the process's own publisher are not again") {
  Pull pull;
  content::Manifest manifest;
  manifest.name = "one";
  manifest.version = "1";
  manifest.artifacts = {{"any", content::sha256("artifact"), 5, {content::sha256("bytes")}}};
  const Digest digest = content::sha256(content::encode_manifest(manifest).view());
  REQUIRE(pull.manifests.add(content::encode_manifest(manifest)).ok());
  for (const LinkId link : {LinkId{1}, kHostLink}) {
    pull.fetcher.source_up(link, "the publisher");
    pull.fetcher.want_chunk({digest, 0, 0}, [](const Status&, const Buffer&) {});
    pull.fetcher.take(wire::ChunkBytes{digest, 0, 0, PINNATE_OK, "", Buffer("bytes")});
    pull.asked<wire::WantChunk>();
    REQUIRE(pull.accepted.size() == 1);
    CHECK(pull.verified == (link == kHostLink));
    pull.core.complete({pull.accepted[0], {}, {}, {}});
    pull.accepted.clear();
  }
}

TEST_CASE("two manifests that give one artifact other chunks contradict each other") {
  Manifests manifests;
  content::Manifest manifest;
  manifest.name = "one";
  manifest.version = "1";
  manifest.artifacts = {{"any", content::sha256("artifact"), 5, {content::sha256("bytes")}}};
  REQUIRE(manifests.add(content::encode_manifest(manifest)).ok());
  CHECK(manifests.contradicting(manifest) == nullptr);
  manifest.artifacts[0].chunks = {content::sha256("other")};
  CHECK(manifests.contradicting(manifest) == &manifest.artifacts[0]);
  manifest.artifacts[0].digest = content::sha256("another artifact");
  CHECK(manifests.contradicting(manifest) == nullptr);
}
