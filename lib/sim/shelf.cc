#include "sim/shelf.h"

#include "base/limits.h"
#include "content/chunk.h"
#include "content/sha256.h"

#include <algorithm>

namespace pinnate::sim {

const Shelf::Book& Shelf::add(const Module& module) {
  Book book;
  book.manifest.name = module.name;
  book.manifest.version = module.version;
  book.manifest.loader = module.loader;
  book.manifest.limits = module.limits;
  auto artifacts = module.artifacts;
  std::sort(artifacts.begin(), artifacts.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [platform, bytes] : artifacts) {
    content::ArtifactEntry entry;
    entry.platform = platform;
    entry.digest = module.lie.value_or(content::sha256(bytes.view()));
    entry.size_bytes = bytes.size();
    for (std::size_t at = 0; at < bytes.size(); at += kChunkBytes)
      entry.chunks.push_back(content::sha256(bytes.view().substr(at, kChunkBytes)));
    book.manifest.artifacts.push_back(std::move(entry));
    book.artifacts.push_back(bytes);
  }
  book.bytes = content::encode_manifest(book.manifest);
  book.digest = content::sha256(book.bytes.view());
  const Digest digest = book.digest;
  return books_.insert_or_assign(digest, std::move(book)).first->second;
}

const Shelf::Book* Shelf::find(const Digest& manifest) const {
  const auto found = books_.find(manifest);
  return found == books_.end() ? nullptr : &found->second;
}

std::string Shelf::title_of(const Digest& artifact) const {
  for (const auto& [digest, book] : books_) {
    for (const auto& entry : book.manifest.artifacts) {
      if (entry.digest == artifact) return book.manifest.name + "@" + book.manifest.version;
    }
  }
  return {};
}

std::vector<Digest> Shelf::artifacts() const {
  std::vector<Digest> digests;
  for (const auto& [digest, book] : books_)
    for (const auto& artifact : book.manifest.artifacts) digests.push_back(artifact.digest);
  return digests;
}

wire::ChunkBytes Shelf::answer(const wire::WantChunk& want) const {
  wire::ChunkBytes reply;
  reply.manifest = want.manifest;
  reply.artifact = want.artifact;
  reply.index = want.index;
  const Book* book = find(want.manifest);
  if (!book || want.artifact >= book->artifacts.size() ||
      want.index >= book->manifest.artifacts[want.artifact].chunks.size()) {
    reply.code = PINNATE_NOT_FOUND;
    reply.reason = "no such chunk on the shelf";
    return reply;
  }
  reply.encoded = content::encode_chunk(
      book->artifacts[want.artifact].view().substr(std::size_t(want.index) * kChunkBytes, kChunkBytes));
  return reply;
}

}  // namespace pinnate::sim
