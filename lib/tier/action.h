// What a tier wants done in the world. A driver carries actions out in order.
#pragma once

#include "content/manifest.h"
#include "content/record.h"
#include "wire/message.h"

#include <memory>
#include <optional>

namespace pinnate::tier {

// Links are numbered by whoever opens them: a tier those it dials (odd), the driver those it
// accepts (even, from 2), each number once in the life of a tier. kHostLink is the process around:
// always there, never dialled or dropped, and it speaks the messages of a client.
using LinkId = std::uint64_t;
inline constexpr LinkId kHostLink = 0;

// Names an order that Tier::completed answers. Never 0, nor used twice, across restarts too.
using Token = std::uint64_t;
using ServiceId = std::uint64_t;
using EndpointId = std::uint64_t;  // a wish for a link, never 0

// ---- links ----
struct Dial {
  LinkId link;
  std::string address;
  std::uint32_t limit_ms = 10000;
};  // answered by link_opened or link_closed, the latter once the limit is over
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
// Decodes and verifies, unless this process has encoded it itself (`verified`); then keeps it.
// PINNATE_CORRUPT: not what was expected. PINNATE_NO_SPACE, PINNATE_IO: good, but not kept.
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
// `check`: first verifies the whole artifact. PINNATE_CORRUPT: nothing was synced, and chunks =
// those that were bad or missing; none, when the artifact itself is wrong.
struct SyncArtifact {
  Token token;
  Digest artifact;
  std::optional<content::ArtifactEntry> check = {};
};
struct DropArtifact {
  Digest artifact;
};  // not answered

// ---- modules (engines): answered but where said ----
// Reads the chunks from the store, verifies them, and makes the image that Load takes. One that is
// abandoned stops, and the next one of these bytes goes on there, unless the artifact is dropped.
// completed: chunks = those that were bad or missing.
struct Assemble {
  Token token;
  ServiceId service;
  std::string name, version, loader;
  content::ArtifactEntry artifact;
  Buffer config;
  std::uint32_t call_limit_ms;
  std::vector<std::string> allowed{};  // content::Release::allowed
};
struct ServiceOrder {
  Token token;
  ServiceId service;
};
struct Load : ServiceOrder {
  std::uint32_t limit_ms;  // after which the tier waits for it no longer
};
struct Create : ServiceOrder {};
struct CheckHealth : ServiceOrder {};
struct Drain : ServiceOrder {};
struct Destroy : ServiceOrder {};
// One that drains takes calls again, and its drain is not answered.
struct Activate {
  std::string function;
  ServiceId service;
};  // not answered; takes effect before the next action
// Until the next Activate or Deactivate, calls of the function wait for that, each for nine tenths
// of its time, and 10 s at most.
struct Hold {
  std::string function;
};  // not answered
struct Deactivate {
  std::string function;
};  // not answered
struct Abandon {
  ServiceId service;
  Token gone = 0;
};  // its orders are not answered any more. completed(gone), where that is not 0: what it was in has
    // returned after all, and it is destroyed
struct Trust {
  ServiceId service;
};  // not answered
struct Invoke {
  Token token;
  std::string function;
  Buffer payload;
  std::uint32_t timeout_ms;
  Labels headers{};
};  // completed: bytes = result
struct GiveUp {
  Token token;
};  // of an Invoke: nobody waits for its result any more. Not answered itself

// ---- the host ----
struct WriteLog {
  pinnate_log_level level;
  std::string message;
};

// How a link fares. Of those that are accepted only what was up is told.
struct TellLink {
  enum class State : std::uint8_t { connecting, up, down };
  State state;
  EndpointId endpoint = 0;  // for which it was dialled; 0: it was accepted
  std::string address;
  std::string peer{};  // its id, once it is known; and then:
  wire::Role role = wire::Role::client;
  bool upstream = false;
  Status why{};  // of its end
  std::optional<std::int64_t> again_in_ms{};  // until it is dialled again; none: not by itself
};

using Action = std::variant<Dial, Send, Drop, Commit, ReadChunk, AcceptChunk, SyncArtifact, DropArtifact, Assemble,
                            Load, Create, CheckHealth, Activate, Hold, Deactivate, Drain, Destroy, Abandon, Trust,
                            Invoke, GiveUp, WriteLog, TellLink>;

struct Completion {
  Token token = 0;
  Status status;
  Buffer bytes;
  std::vector<std::uint32_t> chunks;
  // Of an order about a module: what people should know of it, and what stays in memory now (null:
  // not looked at).
  std::vector<std::string> notices{};
  std::shared_ptr<const std::vector<wire::KeptImage>> kept{};
  bool one_at_a_time = false;  // of a Load: the module says so
};

}  // namespace pinnate::tier
