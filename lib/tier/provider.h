// Serves manifests and chunks to the links below: what is held from the store, what is not through the fetcher, each read or
// fetched once for all that wait. What a slow link waits for is a list of names, not of bytes.
#pragma once

#include "tier/fetcher.h"

#include <list>
#include <map>
#include <set>

namespace pinnate::tier {

class Provider {
 public:
  // `fetcher` may be null: a controller has nobody to ask.
  Provider(Core* core, Links* links, Manifests* manifests, Inventory* inventory, Fetcher* fetcher)
      : core_(core), links_(links), manifests_(manifests), inventory_(inventory), fetcher_(fetcher) {}

  void want(Session& session, const wire::WantManifest& want);
  void want(Session& session, const wire::WantChunk& want);
  void room(Session& session);
  void link_down(LinkId link);
  // Chunks of other manifests are superseded: who waits for one is told so instead of being sent it.
  void keep_only(const std::set<Digest>& wanted);

 private:
  using Key = std::tuple<Digest, std::uint32_t, std::uint32_t>;  // manifest, artifact, index
  struct Asked {
    wire::WantChunk want;
    bool manifest = false;  // the manifest itself, not a chunk by it
  };
  void answer(LinkId link, const Digest& manifest, const Status& status);
  void send_manifest(Session& session, const Digest& manifest);
  void resolve(LinkId link, const wire::WantChunk& want);
  void load(const Key& key, const content::ArtifactEntry& artifact);
  void answer(const Key& key, const Status& status, const Buffer& encoded);
  void hand(Session& session, const Key& key, const Buffer& message);
  void send(Session& session, const Buffer& message);
  void remember(const Key& key, const Buffer& message);

  Core* core_;
  Links* links_;
  Manifests* manifests_;
  Inventory* inventory_;
  Fetcher* fetcher_;
  std::map<Digest, std::vector<LinkId>> manifests_wanted_;  // from above, and for whom
  std::map<LinkId, std::size_t> manifests_unanswered_;
  std::map<LinkId, std::list<Asked>> waiting_;  // for room; none is empty
  std::map<LinkId, std::list<std::pair<Key, Buffer>>>
      ready_;  // messages that wait for the pace of the link; none is empty
  std::map<Key, std::vector<LinkId>> loading_;  // being read or fetched, and for whom
  std::list<std::pair<Key, Buffer>> recent_;  // messages that many links want at the same time, newest first
  std::size_t recent_bytes_ = 0;
};

}  // namespace pinnate::tier
