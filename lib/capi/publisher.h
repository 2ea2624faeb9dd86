// Publishes for one handle: prepares the manifest on the pool, sends it to the tier, and answers the tier's asking back
// for chunks. Holds the bytes until the answer. On the loop's thread; reading, hashing and compressing happen on the
// pool.
#pragma once

#include "base/digest.h"
#include "base/status.h"
#include "capi/mailbox.h"
#include "capi/preparation.h"
#include "capi/publish_order.h"
#include "capi/requests.h"
#include "runtime/pool.h"
#include "wire/message.h"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <tuple>

namespace pinnate::capi {

class Publisher {
 public:
  // How far it is, each byte counted half when it is read and half when it is stored.
  using Progress = std::function<void(std::uint64_t done_bytes, std::uint64_t total_bytes)>;
  // The answer, unless the status is another than OK; and how long preparing took.
  using Done = std::function<void(const Status&, const wire::Published*, std::uint32_t prepare_us)>;

  Publisher(std::shared_ptr<Mailbox> mailbox, Requests* requests, std::function<void(const wire::Message&)> send);

  void publish(PublishOrder order, Progress progress, Done done);
  void wanted(const wire::WantChunk& want);

  // Begins nothing more; `idle` runs once no job is left on the pool, perhaps at once.
  void stop(std::function<void()> idle);

 private:
  struct Publication {
    std::shared_ptr<const PublishOrder> order;
    std::shared_ptr<Preparation> preparation;  // until there is a manifest
    Digest manifest;
    Progress progress;
    std::uint64_t reported_bytes = 0;
    std::chrono::steady_clock::time_point begun;
    std::uint32_t prepare_us = 0;
  };
  // Manifest, artifact, index.
  using Want = std::tuple<Digest, std::uint32_t, std::uint32_t>;

  void prepare(std::uint64_t id);
  void prepared(std::uint64_t id, const Result<bool>& all_read);
  void send_manifest(std::uint64_t id, Publication* publication);
  void report(Publication* publication, std::uint64_t done_bytes);
  bool answered(std::uint64_t id, const wire::Message& message, const Done& done);
  const Publication* with_manifest(const Digest& manifest) const;
  void encode_next();
  void submit(std::function<std::function<void()>()> job);

  std::shared_ptr<Mailbox> mailbox_;
  Requests* requests_;
  std::function<void(const wire::Message&)> send_;
  std::shared_ptr<runtime::Pool> pool_;  // once something is published
  std::map<std::uint64_t, Publication> publications_;  // by the id of the request
  std::deque<Want> queue_;
  std::set<Want> wanted_;  // queued or being encoded: what a peer asks twice costs nothing
  std::size_t encoding_ = 0, jobs_ = 0;
  std::function<void()> idle_;  // set: stopping
};

}  // namespace pinnate::capi
