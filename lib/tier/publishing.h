// One publish on its way in: pulls the chunks that are not held, then has the artifacts checked and
// synced. The decision itself is the controller's.
#pragma once

#include "tier/fetcher.h"

namespace pinnate::tier {

class Publishing {
 public:
  // `done` runs once. `link` is where to pull from, `publisher` who is there, in words.
  Publishing(Core* core, Manifests* manifests, Inventory* inventory, LinkId link, std::string publisher,
             wire::Publish publish, Digest manifest, std::function<void(Publishing&, const Status&)> done);
  ~Publishing();

  LinkId link() const { return link_; }
  const wire::Publish& request() const { return publish_; }
  const Digest& manifest() const { return manifest_; }
  std::int64_t whole_ms() const { return whole_ms_; }  // when the last chunk had come

  void begin();
  bool begun() const { return begun_; }
  void take(const wire::ChunkBytes& chunk) { fetcher_.take(chunk); }

 private:
  void arrived(const Status& status, std::size_t bytes);
  void wait_for_more();
  void sync_next();
  void pull_again(const std::vector<std::uint32_t>& chunks);
  void finish(const Status& status);

  Core* core_;
  Manifests* manifests_;
  Inventory* inventory_;
  LinkId link_;
  std::string publisher_;
  wire::Publish publish_;
  Digest manifest_;
  std::function<void(Publishing&, const Status&)> done_;
  Fetcher fetcher_;
  Status not_kept_;
  std::uint64_t total_bytes_ = 0, done_bytes_ = 0;
  std::size_t missing_ = 0, synced_ = 0;
  std::int64_t told_ms_ = 0, whole_ms_ = 0;
  Token sync_ = 0;
  Alarm ending_, silence_;
  bool begun_ = false, finished_ = false, mended_ = false;
};

}  // namespace pinnate::tier
