// A tier's disk: records, and chunks of artifacts. What was committed or synced survives power
// loss.
//
// Blocking; any thread. Chunks are read, written and dropped while a commit or a sync waits for the
// disk; there is one commit at a time, and one sync.
#pragma once

#include "base/buffer.h"
#include "base/digest.h"
#include "base/status.h"
#include "content/record.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace pinnate::store {

class Store {
 public:
  virtual ~Store() = default;

  // Everything held now. Called once, first.
  virtual Result<Restored> restore() = 0;

  // All of `writes` or none, durable on return. PINNATE_NO_SPACE when the disk is full.
  virtual Status commit(const std::vector<RecordWrite>& writes) = 0;

  // The encoded bytes of one chunk, which the caller verifies against the manifest.
  // PINNATE_NOT_FOUND; PINNATE_CORRUPT where the file is not what it claims to be.
  virtual Result<Buffer> read_chunk(const Digest& artifact, std::uint32_t index) = 0;

  // Keeps one chunk, instead of what is held at that index. Not durable before sync_artifact; torn
  // by a crash it is absent.
  virtual Status write_chunk(const Digest& artifact, std::uint32_t index, const Buffer& encoded) = 0;

  virtual Status sync_artifact(const Digest& artifact) = 0;
  virtual Status drop_artifact(const Digest& artifact) = 0;
};

// For tiers without a folder. It keeps chunks alone: a tier reads records once, when it starts, and
// those of thousands of tiers below would be held twice.
std::unique_ptr<Store> make_memory_store();

// A gateway's cache or an engine's state in a folder: a log of commits, and one append-only file
// per artifact. `kind` is "gateway" or "engine". PINNATE_IN_USE: somebody has it open. Of another
// kind or a newer version: PINNATE_INCOMPATIBLE. A damaged commit of a gateway is given up and
// noted; of an engine it is PINNATE_CORRUPT.
//
// A log of our own and not SQLite: an engine needs one sync per commit and no queries, a damaged
// commit can be told from one that a crash cut short, and who is an engine alone need not link
// SQLite.
Result<std::unique_ptr<Store>> open_folder_store(const std::string& dir, const std::string& kind);

// The controller's state in a folder: records in SQLite (WAL, synchronous=FULL), artifacts as
// above.
Result<std::unique_ptr<Store>> open_controller_store(const std::string& dir);

}  // namespace pinnate::store
