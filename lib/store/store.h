// A tier's disk: records, and chunks of artifacts. Blocking. What was committed or synced survives power
// loss: files are synced, and so is every folder whose entries changed.
//
// Any thread. Chunks are read, written and dropped while a commit or a sync waits for the disk; there is
// one commit at a time, and one sync.
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

  // The encoded bytes of one chunk. PINNATE_NOT_FOUND; PINNATE_CORRUPT where the file is not what it
  // claims to be. The caller verifies the content against the manifest.
  virtual Result<Buffer> read_chunk(const Digest& artifact, std::uint32_t index) = 0;

  // Keeps one chunk (replacing what is held at that index). Not durable before sync_artifact, but never
  // read back as something else after a crash: a torn write is an absent chunk.
  virtual Status write_chunk(const Digest& artifact, std::uint32_t index, const Buffer& encoded) = 0;

  virtual Status sync_artifact(const Digest& artifact) = 0;
  virtual Status drop_artifact(const Digest& artifact) = 0;
};

// For tiers without a folder.
std::unique_ptr<Store> make_memory_store();

// A gateway's cache folder or an engine's state folder: a log of commits, and one append-only file per
// artifact. `kind` is "gateway" or "engine". Takes a lock on the folder: PINNATE_IN_USE; a folder or a
// file of another kind or a newer version: PINNATE_INCOMPATIBLE, in words. A damaged commit of a gateway
// is given up and noted; of an engine it is PINNATE_CORRUPT, in words.
//
// A log of our own and not SQLite, which the controller has: an engine needs one sync per commit and no
// queries, a damaged commit can be told from one that a crash cut short, and an agent that is an engine
// alone need not link SQLite.
Result<std::unique_ptr<Store>> open_folder_store(const std::string& dir, const std::string& kind);

// The controller's state folder: records in SQLite (WAL, synchronous=FULL), chunks in a content store beside it.
Result<std::unique_ptr<Store>> open_controller_store(const std::string& dir);

}  // namespace pinnate::store
