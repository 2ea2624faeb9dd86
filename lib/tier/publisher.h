// What a process does to publish: sends the manifest once it is prepared, answers the asking back
// for chunks, and ends with the tier's answer. Its owner reads, hashes and compresses.
#pragma once

#include "wire/message.h"

#include <deque>
#include <functional>
#include <set>

namespace pinnate::tier {

// What is done outside. None of it may call back before it returns.
class PublisherOwner {
 public:
  virtual void send(const wire::Message& message) = 0;
  // Reads the next piece of the publication's artifacts; answered by Publisher::prepared.
  virtual void prepare(std::uint64_t publication) = 0;
  // Reads and encodes a chunk of what was prepared; answered by Publisher::chunk_read.
  virtual void read_chunk(std::uint64_t publication, const wire::WantChunk& want) = 0;

 protected:
  ~PublisherOwner() = default;
};

class Publisher {
 public:
  struct Publication {
    std::vector<std::uint64_t> artifact_bytes;  // sizes, as they will stand in the manifest
    std::string selector;
    Buffer config;
    std::vector<std::string> needs{};  // features that the controller must know
    std::vector<std::string> allowed{};  // content::Release::allowed
    // How far it is: a byte counts half when it is read and half when it is stored. May be null.
    std::function<void(std::uint64_t done_bytes, std::uint64_t total_bytes)> progress;
    // Once. Without an answer where the status is not the tier's.
    std::function<void(const Status&, const wire::Published*)> done;
  };

  explicit Publisher(PublisherOwner* owner) : owner_(owner) {}

  // `id` is that of the request, and names the publication.
  void publish(std::uint64_t id, Publication publication);
  // A piece is read: so many bytes in all, and the manifest when that was the last.
  void prepared(std::uint64_t id, const Status& status, std::uint64_t read_bytes, const Buffer& manifest);
  void chunk_read(const wire::WantChunk& want, const Result<Buffer>& encoded);
  // False: a message that is for somebody else.
  bool received(const wire::Message& message);
  // Ends one, as `why` says. What the controller has of it by now may still be decided. False: it
  // is not under way.
  bool cancel(std::uint64_t id, const Status& why);
  // Ends all publications. Nothing is begun or sent any more.
  void stop(const Status& why);

 private:
  struct Running {
    Publication what;
    std::uint64_t total_bytes = 0, reported_bytes = 0;
    bool sent = false;
    Digest manifest;  // once it is sent
  };
  void report(Running& running, std::uint64_t done_bytes);
  void end(std::uint64_t id, const Status& status, const wire::Published* answer);
  void wanted(const wire::WantChunk& want);
  void answer(const wire::WantChunk& want, const Status& status, const Buffer& encoded = {});
  void read_next();
  std::map<std::uint64_t, Running>::const_iterator with_manifest(const Digest& manifest) const;

  PublisherOwner* owner_;
  std::map<std::uint64_t, Running> running_;
  std::deque<wire::WantChunk> queue_;
  std::set<wire::WantChunk> wanted_;  // queued or being read: what a peer asks twice costs nothing
  std::size_t reading_ = 0;
  bool stopped_ = false;
};

}  // namespace pinnate::tier
