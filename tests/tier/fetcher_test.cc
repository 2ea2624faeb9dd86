// What is asked of the tier above, and how much of it at a time.
#include "tier/fetcher.h"
#include "content/manifest.h"
#include "content/sha256.h"

#include <doctest/doctest.h>

using namespace pinnate;
using namespace pinnate::tier;

TEST_CASE("manifests are asked for in a window, each once, and all of them over a new link") {
  std::vector<Action> actions;
  Core core(TierOptions{}, &actions);
  Manifests manifests;
  Inventory inventory(&core);
  Fetcher fetcher(&core, &manifests, &inventory, {});
  const auto asked = [&] {
    std::vector<Digest> digests;
    for (Action& action : std::exchange(actions, {})) {
      const auto* send = std::get_if<Send>(&action);
      if (!send) continue;
      const auto message = wire::decode(send->message);
      REQUIRE(message.ok());
      if (const auto* want = std::get_if<wire::WantManifest>(&**message)) digests.push_back(want->manifest);
    }
    return digests;
  };
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
