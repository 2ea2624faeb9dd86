// Pulls manifests and chunks over one link, a window of them at a time. Who wants what is already
// wanted waits for the same answer. What was under way when the link went is asked for again.
#pragma once

#include "tier/inventory.h"
#include "tier/links.h"
#include "tier/manifests.h"

#include <list>

namespace pinnate::tier {

class Fetcher {
 public:
  struct Events {
    // A chunk that `peer` sent was not what the manifest says. It is asked for again.
    std::function<void(const std::string& peer, const std::string& what)> corrupt;
    // A good chunk of this artifact could not be kept on disk: it is passed on, not held.
    std::function<void(const Digest& artifact, const Status& why)> not_kept;
    // An artifact is whole, and synced.
    std::function<void(const Digest& artifact)> kept;
    // A chunk was kept that was superseded while it was on its way.
    std::function<void()> stray;
    bool sync_whole = false;
    // How many chunks are asked for and not answered at one time: 1 MiB on the way.
    std::size_t window = 16;
  };
  Fetcher(Core* core, Manifests* manifests, Inventory* inventory, Events events)
      : core_(core), manifests_(manifests), inventory_(inventory), events_(std::move(events)) {}
  ~Fetcher();

  // The link to ask, and what to call its other end in words.
  void source_up(LinkId link, const std::string& peer);
  void source_down();

  using ManifestDone = std::function<void(const Status&)>;
  void want_manifest(const Digest& digest, ManifestDone done);
  using ChunkDone = std::function<void(const Status&, const Buffer& encoded)>;
  // The manifest must be held.
  void want_chunk(const wire::WantChunk& chunk, ChunkDone done);

  void take(const wire::ManifestBytes& answer);
  void take(const wire::ChunkBytes& answer);

  // Gives up what belongs to other manifests (PINNATE_CANCELLED). What is in flight is still kept.
  void keep_only(const std::set<Digest>& wanted);

 private:
  using Key = wire::WantChunk;
  enum class Stage : std::uint8_t { queued, asked, verifying };
  struct Want {
    std::shared_ptr<const content::ArtifactEntry> artifact;
    std::vector<ChunkDone> waiting;
    Token token = 0;
    Alarm again;
    std::uint32_t corrupt = 0;  // times it came wrong
    Stage stage = Stage::queued;
    bool superseded = false;
  };
  using Wants = std::map<Key, Want>;
  // By what it is: artifact, index, and the digest it must have.
  struct BySubstance {
    bool operator()(Wants::iterator a, Wants::iterator b) const;
  };
  void ask_more();
  void ask_manifests();
  void queue(const Key& key, bool first);
  void accept(const Key& key, Want& want, const Buffer& encoded);
  void came_wrong(const Key& key, const std::string& why);
  void finish(const Key& key, const Status& status, const Buffer& encoded);
  bool under_way(Wants::iterator want) const;

  Core* core_;
  Manifests* manifests_;
  Inventory* inventory_;
  Events events_;
  LinkId source_ = 0;
  bool connected_ = false;
  std::string peer_;
  std::map<Digest, std::vector<ManifestDone>> manifest_wants_;
  std::set<Digest> manifests_asked_;  // over this link, and not answered
  Wants wants_;
  std::multiset<Wants::iterator, BySubstance> same_;  // of several that are the same, one at a time is under way
  std::list<Key> queue_;  // a list, for an empty deque takes 600 bytes, and most engines have nothing to fetch
  std::size_t in_flight_ = 0;  // asked and not answered
};

}  // namespace pinnate::tier
