// Publishes for one node: what tier::Publisher wants read, hashed and compressed is done on the
// pool. On the loop's thread, but for that.
#pragma once

#include "base/buffer.h"
#include "base/status.h"
#include "content/manifest.h"
#include "runtime/artifact_source.h"
#include "runtime/pool.h"
#include "tier/publisher.h"
#include "wire/message.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace pinnate::runtime {

// What a host wants published: nothing in it points to the host's memory.
struct PublishOrder {
  struct Artifact {
    std::string platform;
    ArtifactSource source;
  };
  std::string name, version, loader, selector;
  std::vector<Artifact> artifacts;  // by platform, as they will stand in the manifest
  content::Limits limits;
  Buffer config;
  std::vector<std::string> needs;  // of the Publish
  std::vector<std::string> allowed;
  std::vector<std::string> warnings;  // of its artifacts, for people
};

class PublisherDriver final : private tier::PublisherOwner {
 public:
  // Brings work onto the loop's thread from any other. Work is dropped where that is gone.
  using Post = std::function<void(std::function<void()>)>;
  using Progress = std::function<void(std::uint64_t done_bytes, std::uint64_t total_bytes)>;
  // As tier::Publisher says it; and how long preparing took.
  using Done = std::function<void(const Status&, const wire::Published*, std::uint32_t prepare_us)>;

  PublisherDriver(Post post, std::function<void(const wire::Message&)> send);

  // What is larger is refused before it is read. Over a link the controller's Welcome says it; until
  // that comes, files are read.
  void set_artifact_limit(std::uint64_t bytes) { artifact_limit_bytes_ = bytes; }

  void publish(std::uint64_t id, PublishOrder order, Progress progress, Done done);
  bool received(const wire::Message& message);
  bool cancel(std::uint64_t id, const Status& why) { return publisher_.cancel(id, why); }
  // Ends what runs and begins nothing more. `idle` runs once no job is left on the pool, perhaps at
  // once.
  void stop(const Status& why, std::function<void()> idle);

 private:
  class Reading;

  void send(const wire::Message& message) override { send_(message); }
  void prepare(std::uint64_t publication) override;
  void read_chunk(std::uint64_t publication, const wire::WantChunk& want) override;
  void submit(std::function<std::function<void()>()> job);

  const Post post_;
  const std::function<void(const wire::Message&)> send_;
  tier::Publisher publisher_{this};
  std::shared_ptr<Pool> pool_;  // once something is published
  std::map<std::uint64_t, std::shared_ptr<Reading>> readings_;  // of what runs
  std::uint64_t held_bytes_ = 0;
  std::uint64_t artifact_limit_bytes_ = kArtifactCeilingBytes;
  std::size_t jobs_ = 0;
  std::function<void()> idle_;  // set: stopping
};

}  // namespace pinnate::runtime
