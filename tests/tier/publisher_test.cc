// What a process that publishes sends, reads and tells its host, message by message.
#include "tier/publisher.h"
#include "base/limits.h"
#include "content/sha256.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

using namespace pinnate;
using namespace pinnate::tier;

namespace {

constexpr std::uint64_t kSize = 3 * kChunkBytes;

struct Process final : PublisherOwner {
  void send(const wire::Message& message) override { sent.push_back(message); }
  void prepare(std::uint64_t publication) override { asked_to_prepare.push_back(publication); }
  void read_chunk(std::uint64_t, const wire::WantChunk& want) override { reads.push_back(want); }

  void publish(std::uint64_t id) {
    Publisher::Publication publication;
    publication.artifact_bytes = {kSize};
    publication.selector = "region=eu";
    publication.config = Buffer("config");
    publication.progress = [this](std::uint64_t done, std::uint64_t total) {
      CHECK(total == kSize);
      progress.push_back(done);
    };
    publication.done = [this](const Status& status, const wire::Published* published) {
      ends.push_back(status);
      if (published) answer = *published;
    };
    publisher.publish(id, std::move(publication));
  }
  // One that has sent its manifest.
  void publish_sent(std::uint64_t id) {
    publish(id);
    publisher.prepared(id, {}, kSize, manifest);
    sent.clear();
  }
  wire::WantChunk want(std::uint32_t index) const { return {content::sha256(manifest.view()), 0, index}; }
  void answered(std::uint64_t id, Code code) {
    wire::Published published;
    published.id = id;
    published.code = code;
    published.reason = code == PINNATE_OK ? "" : "the link was lost";
    published.release = 7;
    CHECK(publisher.received(published));
  }
  // The only thing that was sent.
  template <class Message>
  Message only() {
    REQUIRE(sent.size() == 1);
    REQUIRE(std::holds_alternative<Message>(sent[0]));
    return std::get<Message>(sent[0]);
  }

  const Buffer manifest{std::string("manifest")};
  std::vector<wire::Message> sent;
  std::vector<std::uint64_t> asked_to_prepare, progress;
  std::vector<wire::WantChunk> reads;
  std::vector<Status> ends;
  std::optional<wire::Published> answer;
  Publisher publisher{this};
};

}  // namespace

TEST_CASE("the manifest is sent once all is read, of which each byte counts half") {
  Process p;
  p.publish(5);
  CHECK(p.asked_to_prepare == std::vector<std::uint64_t>{5});
  p.publisher.prepared(5, {}, kSize / 2, {});
  CHECK(p.asked_to_prepare.size() == 2);
  CHECK(p.sent.empty());
  p.publisher.prepared(5, {}, kSize, p.manifest);
  CHECK(p.asked_to_prepare.size() == 2);
  const auto message = p.only<wire::Publish>();
  CHECK(message.id == 5);
  CHECK(message.manifest == p.manifest);
  CHECK(message.selector == "region=eu");
  CHECK(message.config.str() == "config");
  CHECK(p.publisher.received(wire::PublishProgress{5, 50, 100}));
  CHECK(p.publisher.received(wire::PublishProgress{5, 20, 100}));  // never back
  CHECK(p.progress == std::vector<std::uint64_t>{kSize / 4, kSize / 2, kSize / 2 + kSize / 4});
  p.answered(5, PINNATE_OK);
  REQUIRE(p.ends.size() == 1);
  CHECK(p.ends[0].ok());
  CHECK(p.answer->release == 7);
}

TEST_CASE("what cannot be read ends a publication before its manifest is sent") {
  Process p;
  p.publish(5);
  p.publisher.prepared(5, {PINNATE_CONFLICT, "it changed"}, 0, {});
  REQUIRE(p.ends.size() == 1);
  CHECK(p.ends[0].message() == "it changed");
  CHECK(p.sent.empty());
  CHECK_FALSE(p.publisher.received(wire::Published{}));  // of nobody's
}

TEST_CASE("chunks are read two at a time, each once however often it is asked for") {
  Process p;
  p.publish_sent(5);
  for (const std::uint32_t index : {0u, 1u, 2u, 0u, 2u}) CHECK(p.publisher.received(p.want(index)));
  CHECK(p.reads.size() == 2);
  p.publisher.chunk_read(p.want(1), Buffer("encoded"));
  CHECK(p.reads.size() == 3);
  const auto answer = p.only<wire::ChunkBytes>();
  CHECK(answer.index == 1);
  CHECK(answer.encoded.str() == "encoded");
  p.sent.clear();
  p.publisher.chunk_read(p.want(0), Status(PINNATE_IO, "the disk"));
  const auto refusal = p.only<wire::ChunkBytes>();
  CHECK(refusal.code == PINNATE_IO);
  CHECK(refusal.reason == "the disk");
  p.publisher.chunk_read(p.want(2), Buffer("encoded"));
  CHECK(p.reads.size() == 3);
  p.publisher.received(p.want(1));  // it was answered: asked for anew
  CHECK(p.reads.size() == 4);
}

TEST_CASE("chunks of what is not published here, or that are none, are refused in words") {
  Process p;
  p.publish(5);
  p.publisher.received(p.want(0));
  CHECK(p.only<wire::ChunkBytes>().code == PINNATE_NOT_FOUND);
  p.publisher.prepared(5, {}, kSize, p.manifest);
  p.sent.clear();
  p.publisher.received(p.want(3));
  CHECK(p.only<wire::ChunkBytes>().code == PINNATE_INVALID);
  p.sent.clear();
  wire::WantChunk other = p.want(0);
  other.artifact = 1;
  p.publisher.received(other);
  CHECK(p.only<wire::ChunkBytes>().code == PINNATE_INVALID);
  CHECK(p.reads.empty());
}

TEST_CASE("a publication that a lost link has ended reads nothing more, and the next one does") {
  Process p;
  p.publish_sent(5);
  for (const std::uint32_t index : {0u, 1u, 2u}) p.publisher.received(p.want(index));
  p.answered(5, PINNATE_INTERRUPTED);
  REQUIRE(p.ends.size() == 1);
  CHECK(p.ends[0].code() == PINNATE_INTERRUPTED);
  p.publisher.chunk_read(p.want(0), Buffer("encoded"));
  CHECK(p.reads.size() == 2);
  p.publisher.chunk_read(p.want(1), Buffer("encoded"));
  p.publish_sent(6);
  p.publisher.received(p.want(2));
  CHECK(p.reads.size() == 3);
}

TEST_CASE("stopping ends all publications and sends nothing more") {
  Process p;
  p.publish_sent(5);
  p.publish(6);
  for (const std::uint32_t index : {0u, 1u, 2u}) p.publisher.received(p.want(index));
  p.publisher.stop({PINNATE_CLOSED, "closed"});
  REQUIRE(p.ends.size() == 2);
  CHECK(p.ends[1].code() == PINNATE_CLOSED);
  p.publisher.chunk_read(p.want(0), Buffer("encoded"));
  p.publisher.prepared(6, {}, kSize, p.manifest);
  CHECK(p.sent.empty());
  CHECK(p.reads.size() == 2);
}
