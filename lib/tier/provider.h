// Serves manifests and chunks to the links below, each read or fetched once for all that wait. What
// a slow link waits for is a list of names, not of bytes.
#pragma once

#include "tier/fetcher.h"

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
  // Chunks of other manifests are superseded, and who waits for one is told so.
  void keep_only(const std::set<Digest>& wanted);

 private:
  using Key = wire::WantChunk;
  struct Asked {
    Key chunk;
    bool manifest = false;  // the manifest itself, not a chunk by it
  };
  using Messages = std::list<std::pair<Key, Buffer>>;
  struct Asker {
    std::list<Asked> waiting;  // for room
    Messages ready;  // for the pace of the link
    std::size_t manifests = 0;  // wanted from above, and not answered
  };
  bool too_many(LinkId link, std::size_t asked, const char* what);  // ends the link
  void answer(LinkId link, const Digest& manifest, const Status& status);
  void send_manifest(Session& session, const Digest& manifest);
  void resolve(Session& session, const Key& key);
  void load(const Key& key, const std::shared_ptr<const content::ArtifactEntry>& artifact);
  void fetch(const Key& key);
  void answer(const Key& key, const Status& status, const Buffer& encoded);
  void hand(Session& session, const Key& key, const Buffer& message);
  void send(Session& session, const Buffer& message);

  Core* core_;
  Links* links_;
  Manifests* manifests_;
  Inventory* inventory_;
  Fetcher* fetcher_;
  std::map<LinkId, Asker> askers_;
  std::map<Digest, std::vector<LinkId>> manifests_wanted_;  // from above, and for whom
  std::map<Key, std::vector<LinkId>> loading_;  // being read or fetched, and for whom
  Messages recent_;  // that many links want at the same time, newest first
  std::size_t recent_bytes_ = 0;
};

}  // namespace pinnate::tier
