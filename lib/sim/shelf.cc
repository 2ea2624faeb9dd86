#include "sim/shelf.h"

#include "content/manifest_builder.h"

#include <algorithm>

namespace pinnate::sim {

const Shelf::Book& Shelf::add(const Module& module) {
  auto artifacts = module.artifacts;
  std::sort(artifacts.begin(), artifacts.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  content::Manifest facts;
  facts.name = module.name;
  facts.version = module.version;
  facts.loader = module.loader;
  facts.limits = module.limits;
  Book book;
  for (const auto& [platform, bytes] : artifacts) {
    content::ArtifactEntry& entry = facts.artifacts.emplace_back();
    entry.platform = platform;
    entry.size_bytes = bytes.size();
    book.artifacts.push_back(bytes);
  }
  content::ManifestBuilder builder(std::move(facts));
  while (!builder.complete())
    builder.add(book.artifacts[builder.artifact()].view().substr(builder.offset(), builder.next_bytes()));
  book.manifest = builder.manifest();
  if (module.lie)
    for (content::ArtifactEntry& artifact : book.manifest.artifacts) artifact.digest = *module.lie;
  book.bytes = content::encode_manifest(book.manifest);
  book.digest = content::sha256(book.bytes.view());
  const Digest digest = book.digest;
  return books_.insert_or_assign(digest, std::move(book)).first->second;
}

}  // namespace pinnate::sim
