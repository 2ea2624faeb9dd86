// What a tier answers with: everything it wants done in the world. A driver carries actions out in order.
#pragma once

#include "base/buffer.h"
#include "base/digest.h"
#include "base/status.h"
#include "content/manifest.h"
#include "content/record.h"
#include "wire/message.h"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace pinnate::tier {

// Links are numbered by whoever opens them: a tier for those it dials (odd), the driver for those it accepts (even, from 2).
// Never used twice in the life of a tier. kHostLink is the process around the tier: it is always there, never dialled,
// dropped or counted, and speaks the messages of a client.
using LinkId = std::uint64_t;
inline constexpr LinkId kHostLink = 0;

// Names an order that is answered by Tier::completed. Never 0, and never used twice, across restarts too, so that a completion
// from a life before is told apart.
using Token = std::uint64_t;
using ServiceId = std::uint64_t;
using EndpointId = std::uint64_t;  // a wish for a link, never 0

// ---- links ----
struct Dial {
  LinkId link;
  std::string address;
};  // answered by link_opened or link_closed
struct Send {
  LinkId link;
  wire::Class priority;
  Buffer message;
};  // in order within a class, but for streams of their own
struct Drop {
  LinkId link;
  Status why;
};  // after what was sent is flushed (at most 1 s); no
    // link_closed follows
// ---- disk: each is answered by completed(token) ----
struct Commit {
  Token token;
  std::vector<RecordWrite> writes;
};
struct ReadChunk {
  Token token;
  Digest artifact;
  std::uint32_t index;
};  // completed: bytes = encoded chunk
// Decodes and verifies, unless this process has hashed and encoded it itself (`verified`); then
// keeps it. PINNATE_CORRUPT: not what was expected. PINNATE_NO_SPACE, PINNATE_IO: good, but not kept.
struct AcceptChunk {
  Token token;
  Digest artifact;
  std::uint32_t index;
  Buffer encoded;
  Digest expected;
  std::uint32_t plain_bytes;
  bool keep;
  bool verified = false;
};
// `check`: first reads the whole artifact back and verifies its chunks and its own digest. PINNATE_CORRUPT,
// and nothing was synced: chunks = those that were bad or missing; none, when the artifact itself is wrong.
struct SyncArtifact {
  Token token;
  Digest artifact;
  std::optional<content::ArtifactEntry> check = {};
};
struct DropArtifact {
  Digest artifact;
};  // not answered

// ---- modules (engines): answered but where said ----
struct
    Load {  // reads the chunks from the store, verifies, seals, loads. completed: chunks = those that were bad or missing
  Token token;
  ServiceId service;
  std::string name, version, loader;
  content::ArtifactEntry artifact;
  Buffer config;
  std::uint32_t call_limit_ms;
  std::uint32_t limit_ms;  // after which the tier waits for it no longer
};
struct Create {
  Token token;
  ServiceId service;
};
struct CheckHealth {
  Token token;
  ServiceId service;
};
struct Activate {
  std::string function;
  ServiceId service;
};  // not answered; takes effect before the next action
struct Deactivate {
  std::string function;
};  // not answered
struct Drain {
  Token token;
  ServiceId service;
};
struct Destroy {
  Token token;
  ServiceId service;
};
struct Abandon {
  ServiceId service;
};  // not answered; nor are its orders any more
struct Trust {
  ServiceId service;
};  // not answered
struct Invoke {
  Token token;
  std::string function;
  Buffer payload;
  std::uint32_t timeout_ms;
};  // completed: bytes = result

// ---- the host ----
struct WriteLog {
  pinnate_log_level level;
  std::string message;
};

using Action = std::variant<Dial, Send, Drop, Commit, ReadChunk, AcceptChunk, SyncArtifact, DropArtifact, Load, Create,
                            CheckHealth, Activate, Deactivate, Drain, Destroy, Abandon, Trust, Invoke, WriteLog>;

// How an order ended.
struct Completion {
  Token token = 0;
  Status status;
  Buffer bytes;
  std::vector<std::uint32_t> chunks;
};

}  // namespace pinnate::tier
