#include "content/artifact_check.h"

#include "content/chunk.h"
#include "content/sha256.h"

namespace pinnate::content {

Status check_artifact(const ArtifactEntry& artifact, const std::function<Result<Buffer>(std::uint32_t)>& read,
                      std::vector<std::uint32_t>* bad) {
  Sha256 whole;
  for (std::uint32_t i = 0; i < artifact.chunks.size(); i++) {
    Result<Buffer> chunk = read(i);
    if (chunk.ok()) chunk = decode_chunk(*chunk, artifact.chunk_bytes(i), artifact.chunks[i]);
    if (const Code code = chunk.status().code(); code == PINNATE_CORRUPT || code == PINNATE_NOT_FOUND)
      bad->push_back(i);
    else if (!chunk.ok())
      return chunk.status();
    else if (bad->empty())
      whole.update(chunk->view());
  }
  const std::string name = "the artifact for " + artifact.platform;
  if (!bad->empty())
    return {PINNATE_CORRUPT, std::to_string(bad->size()) + " chunks of " + name + " are damaged or missing on disk"};
  const Digest digest = whole.finish();
  if (digest == artifact.digest) return {};
  return {PINNATE_CORRUPT, name + " is not what its digest says: its chunks make " + digest.hex() +
                               ", and the manifest names " + artifact.digest.hex()};
}

}  // namespace pinnate::content
