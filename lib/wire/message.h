// Every message as a struct; PROTOCOL.md specifies the fields. A message is a msgpack array [type,
// fields...]. Later versions add fields at its end, and at the end of the structures within: a
// receiver ignores those that it does not know. Missing ones have the defaults given here, but for
// the first few, which are required. A receiver that does not know a type below 64 refuses the
// link; types from 64 on may be ignored.
#pragma once

#include "base/buffer.h"
#include "base/digest.h"
#include "base/names.h"
#include "base/status.h"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace pinnate::wire {

enum class Class : std::uint8_t { control = 0, call = 1, bulk = 2 };
enum class Role : std::uint8_t { controller = 0, gateway = 1, engine = 2, client = 3 };
enum class Phase : std::uint8_t { pending, fetching, loading, live, failed, incompatible, not_selected, offline };
inline constexpr std::size_t kPhases = 8;
// How a member stands: it is linked, being dialled, waits for its next try, was refused or refuses,
// is linked under another address, or ends and is not dialled. Or how a source does: what it said is
// whole, or what it said last is kept.
enum class MemberState : std::uint8_t { none, linked, dialling, waiting, refused, elsewhere, ending, good, stale };
inline constexpr std::size_t kMemberStates = 9;

inline constexpr std::uint32_t kProtocolVersion = 1;
// Bits of Hello::features that this version knows. None is defined so far.
inline constexpr std::uint64_t kFeatures = 0;

// Over what a message comes: which kinds may is said in PROTOCOL.md, section 3.
enum class Way : std::uint8_t {
  handshake,
  down_to_gateway,
  down_to_engine,
  down_to_client,
  up_from_gateway,
  up_from_engine,
  up_from_client
};
using Ways = std::uint8_t;
constexpr Ways way(Way w) { return static_cast<Ways>(1u << static_cast<unsigned>(w)); }

// Fields at the end of a message that only a later version knows.
struct Rest {
  std::uint32_t fields = 0;
  Buffer bytes;
};

// Which desired state: in an epoch the revision only grows; the digest tells two histories apart.
struct Position {
  std::uint64_t epoch = 0;
  std::uint64_t revision = 0;
  Digest digest;
  bool operator==(const Position&) const = default;
  bool newer_than(const Position& o) const { return epoch != o.epoch ? epoch > o.epoch : revision > o.revision; }
  // Whether a fleet may have got from here to `later` unseen. An epoch begins when a copy is put
  // back, some times in a fleet's life; a claim far beyond that is a defect or a lie.
  bool could_precede(const Position& later) const {
    return later.epoch <= epoch + 1024 && later.revision <= revision + (std::uint64_t{1} << 32);
  }
};

// ---- handshake and liveness ---------------------------------------------------------------------
struct Hello {  // 1: the first message of both ends
  std::uint32_t version_min = kProtocolVersion, version_max = kProtocolVersion;
  std::uint64_t features = 0;
  std::string fleet, tenant;
  Role role = Role::client;
  std::uint8_t facing = 0;  // what the sender takes the receiver for: 0 either, 1 its upstream, 2 its downstream
  std::string id;
  std::uint64_t incarnation = 0;
  std::string auth_method = "none";
  Buffer auth_payload;
  Labels labels;
  std::string platform;  // engines
  Position position;  // the desired state it has
  std::uint32_t heartbeat_ms = 5000;
  std::uint64_t needs = 0;  // features that the receiver must know
  bool ephemeral = false;  // it is forgotten when its link ends, and does not come back under its id
};
struct Welcome {  // 2: the hello was accepted
  Labels inherited;  // downward: labels of the sender and all above it, nearest first to win
  std::uint64_t artifact_limit_bytes = 0;  // of a controller: what is larger it does not publish. 0: not said
};
struct Refuse {  // 3: it was not, or the link ends now; the sender closes
  Code code = PINNATE_REFUSED;
  std::string reason;
};
struct Ping {
  std::uint64_t nonce = 0;
};  // 4
struct Pong {
  std::uint64_t nonce = 0;
};  // 5
struct Goodbye {
  bool forget = false;
};  // 6: the sender ends well; forget: it will not come back under this id

// ---- desired state, downward --------------------------------------------------------------------
struct ReleaseEntry {
  Buffer record;  // content::Release, as its author wrote it
  Buffer manifest;  // content::Manifest likewise, or empty: ask for it
};
struct Desired {  // 8: one page
  Position position;  // what the receiver will have after the last page
  std::uint64_t base_epoch = 0, base_revision = 0;  // what it must have before the first; 0, 0: nothing (the whole set)
  std::uint32_t page = 0;
  bool last = true;
  std::vector<std::uint64_t> withdrawn;
  std::vector<ReleaseEntry> releases;
};
struct Confirm {  // 9, upward: page taken; after the last page `position` is what the sender has
  Position position;
  std::uint32_t page = 0;
  bool whole = false;  // the base did not fit, or the digest differed: send the whole set
  Position seen;  // the highest position the sender has heard of at all
};
struct Context {
  Labels inherited;
};  // 10, downward: inherited labels changed

// ---- status, upward -----------------------------------------------------------------------------
struct ServiceRow {
  std::uint64_t release = 0;
  std::string name, version;
  Phase phase = Phase::pending;
  bool serving = false;
  std::string reason;
  bool operator==(const ServiceRow&) const = default;
};
// A module that could not be unmapped, or a library that came with one: in memory until the engine's
// process ends.
struct KeptImage {
  std::string function, version;
  std::uint64_t bytes = 0;
  std::uint32_t threads = 0;  // that are in it
  std::string why;
  bool operator==(const KeptImage&) const = default;
};
struct EngineStatus {  // 12: replaces the one before
  Position position;  // the desired state it has evaluated
  std::vector<ServiceRow>
      rows;  // releases that select it, or that it still serves; others up to position are not selected
  std::string notice;
  std::vector<KeptImage> kept{};
};
struct Failure {
  std::string engine, reason;
  bool operator==(const Failure&) const = default;
};
struct ReleaseRow {
  std::uint64_t release = 0;
  std::string name, version;
  // Online engines by phase; and those of Rollup::evaluated that it selects, whatever their phase.
  std::uint64_t fetching = 0, loading = 0, live = 0, failed = 0, incompatible = 0, selected = 0;
  std::uint64_t serving = 0, serving_offline = 0;
  std::vector<Failure> failures;
};
struct Evaluated {  // online engines whose desired state is that of this revision, in the epoch of Rollup::position
  std::uint64_t revision = 0, engines = 0;
};
struct Rollup {  // 13: totals replace; rows replace those of the same release; a row of zeroes removes
  Position position, seen;
  std::uint64_t online = 0, offline = 0, forgotten = 0, gateways_online = 0, gateways_offline = 0;
  std::vector<Evaluated> evaluated;
  bool whole = true;  // rows not named are gone
  std::vector<ReleaseRow> rows;
  std::vector<std::string> notices;
  std::uint64_t kept_images = 0, kept_bytes = 0;  // of online engines
};

// ---- content ------------------------------------------------------------------------------------
struct WantManifest {
  Digest manifest;
};  // 16
struct ManifestBytes {
  Digest manifest;
  Code code = PINNATE_OK;
  std::string reason;
  Buffer bytes;
};  // 17
struct WantChunk {
  Digest manifest;
  std::uint32_t artifact = 0, index = 0;
  auto operator<=>(const WantChunk&) const = default;
};  // 18: artifact: place in the manifest
struct ChunkBytes {  // 19
  Digest manifest;
  std::uint32_t artifact = 0, index = 0;
  Code code = PINNATE_OK;
  std::string reason;
  Buffer encoded;  // content/chunk.h
};

// ---- requests: `id` is the asker's, per link ----------------------------------------------------
struct Publish {  // 24: the receiver asks back for chunks it lacks with WantChunk on the same link
  std::uint64_t id = 0;
  Buffer manifest;
  std::string selector;
  Buffer config;
  std::vector<std::string> needs{};  // features that the controller must know to decide this
  std::vector<std::string> allowed{};  // content::Release::allowed
};
struct Published {  // 25
  std::uint64_t id = 0;
  Code code = PINNATE_OK;
  std::string reason;
  std::uint64_t release = 0;
  Position position;
  bool created = false;
  std::uint64_t durable_us = 0;
};
struct PublishProgress {
  std::uint64_t id = 0, done_bytes = 0, total_bytes = 0;
};  // 64
struct Unpublish {
  std::uint64_t id = 0;
  std::string name;
  std::uint64_t release = 0;
};  // 26
struct Done {
  std::uint64_t id = 0;
  Code code = PINNATE_OK;
  std::string reason;
};  // 27
struct ListReleases {
  std::uint64_t id = 0;
  std::string name;
};  // 28
struct ReleaseFacts {
  std::uint64_t number = 0;
  std::string name, version, selector;
  Digest manifest;
  std::string platforms;
  std::uint64_t artifact_bytes = 0;
  std::int64_t decided_unix_ms = 0;
  bool current = false;
  std::string ended;
};
struct Releases {
  std::uint64_t id = 0;
  Code code = PINNATE_OK;
  std::string reason;
  std::vector<ReleaseFacts> releases;
};  // 29
struct GetStatus {
  std::uint64_t id = 0;
  std::string name;
  bool watch = false;
  bool end_watch = false;
};  // 30
struct StatusRow {
  std::uint64_t release = 0;
  std::string name, version;
  bool current = false;
  std::vector<std::uint64_t> phases;  // kPhases counts
  std::uint64_t serving = 0, serving_offline = 0;
  std::vector<Failure> failures;
};
struct StatusReport {  // 31: the answer; with watch, again whenever it changed
  std::uint64_t id = 0;
  Code code = PINNATE_OK;
  std::string reason;
  std::string tier;
  Position position;
  std::uint64_t online = 0, offline = 0, forgotten = 0, gateways_online = 0, gateways_offline = 0;
  std::vector<StatusRow> rows;
  std::vector<std::string> notices;
  std::uint64_t kept_images = 0, kept_bytes = 0;
};
struct Lookup {  // 32
  std::uint64_t id = 0;
  std::string at, name, engine;
  std::uint8_t phase = 0;  // 0 any, else 1 + Phase
  bool gateways = false;
  std::string cursor;
  std::uint32_t limit = 100;
  std::uint32_t timeout_ms = 10000;
  bool members = false;
};
struct TierRow {
  Role role = Role::engine;
  std::string id, path;
  bool online = false;
  std::string platform;
  Labels labels;
  Position position;
  std::uint64_t known_engines = 0, online_engines = 0;
  std::vector<ServiceRow> services;
  std::string notice;
  std::vector<KeptImage> kept{};
  // Where a lookup asks for members: the address of one, or a source, and who names it.
  MemberState member = MemberState::none;
  std::string address{};
  std::vector<std::string> sources{};
  std::uint64_t since_unix_ms = 0;
  bool terminating = false;
};
struct Tiers {
  std::uint64_t id = 0;
  Code code = PINNATE_OK;
  std::string reason;
  std::vector<TierRow> rows;
  std::string next;
};  // 33
struct Call {  // 34
  std::uint64_t id = 0;
  std::string function;
  std::string engine;  // "" any
  std::vector<std::string> route;  // ids of the tiers still to pass, nearest first, the engine last; empty: choose
  std::uint32_t timeout_ms = 10000;
  bool idempotent = false;
  Buffer payload;
  std::vector<std::string> needs{};  // features that whoever chooses an engine, or runs it, must know
  std::string version{}, request_id{}, selector{};  // not used yet; a call that says a version or selector is refused
  Labels headers{};  // see check_headers
  Rest rest{};
};
struct Returned {
  std::uint64_t id = 0;
  Code code = PINNATE_OK;
  std::string reason;
  bool ran = true;
  Buffer result;
  Rest rest{};
};  // 35
struct Cancel {
  std::uint64_t id = 0;
};  // 65: the asker no longer waits for the answer to `id`

using Message =
    std::variant<Hello, Welcome, Refuse, Ping, Pong, Goodbye, Desired, Confirm, Context, EngineStatus, Rollup,
                 WantManifest, ManifestBytes, WantChunk, ChunkBytes, Publish, Published, PublishProgress, Unpublish,
                 Done, ListReleases, Releases, GetStatus, StatusReport, Lookup, Tiers, Call, Returned, Cancel>;

Buffer encode(const Message& message);

// A decoded message; nothing: of an unknown type that may be ignored. Fails, in this order, with
// PINNATE_CORRUPT (not msgpack, nested too deep, over a limit), PINNATE_UNSUPPORTED (an unknown
// type), PINNATE_REFUSED (such a message may not come over `over`, if that is given), and
// PINNATE_CORRUPT (a field is missing or malformed: which, and what it is). Byte fields share the
// memory of `bytes`.
Result<std::optional<Message>> decode(const Buffer& bytes, std::optional<Way> over = std::nullopt);

// A message that is to be of one kind.
template <class M>
Result<M> decode_as(const Buffer& bytes) {
  auto decoded = decode(bytes);
  if (!decoded.ok()) return decoded.status();
  M* message = *decoded ? std::get_if<M>(&**decoded) : nullptr;
  if (!message) return {PINNATE_CORRUPT, "it is of another kind"};
  return std::move(*message);
}

bool may_come(std::uint64_t type, Way over);  // a message of this type may
const char* type_name(std::uint64_t type);  // as PROTOCOL.md has it; "message" for a number without a name
Class class_of(const Message& message);  // in which class a message of this kind travels

}  // namespace pinnate::wire
