#include "sim/shelf_publisher.h"

#include "content/chunk.h"

#include <utility>

namespace pinnate::sim {
namespace {

constexpr Micros kReadTime = 100;

}  // namespace

void ShelfPublisher::publish(std::uint64_t id, const Shelf::Book& book, const std::string& selector, Buffer config,
                             std::vector<std::string> needs) {
  tier::Publisher::Publication publication;
  for (const Buffer& artifact : book.artifacts) publication.artifact_bytes.push_back(artifact.size());
  publication.selector = selector;
  publication.needs = std::move(needs);
  publication.config = std::move(config);
  publication.done = [this, id](const Status&, const wire::Published*) { books_.erase(id); };
  books_.emplace(id, &book);
  publisher_.publish(id, std::move(publication));
}

bool ShelfPublisher::received(const wire::Message& message) {
  return publisher_.received(message) && std::holds_alternative<wire::WantChunk>(message);
}

void ShelfPublisher::prepare(std::uint64_t publication) {
  host_.later(kReadTime, [this, publication] {
    const auto found = books_.find(publication);
    if (found == books_.end()) return;
    std::uint64_t bytes = 0;
    for (const Buffer& artifact : found->second->artifacts) bytes += artifact.size();
    publisher_.prepared(publication, {}, bytes, found->second->bytes);
  });
}

void ShelfPublisher::read_chunk(std::uint64_t publication, const wire::WantChunk& want) {
  if (!reads_) return;
  const Buffer artifact = books_.at(publication)->artifacts[want.artifact];
  host_.later(kReadTime, [this, want, artifact] {
    const auto plain = artifact.view().substr(std::size_t(want.index) * kChunkBytes, kChunkBytes);
    publisher_.chunk_read(want, content::encode_chunk(plain));
  });
}

}  // namespace pinnate::sim
