// Answers of the C ABI as values: what a callback is given is gone when it returns.
#pragma once

#include "shown_text.h"

#include <pinnate/fleet.h>

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace cli {

struct Published {
  explicit Published(const pinnate_published& from);

  std::uint64_t release;
  std::uint64_t epoch;
  std::uint64_t revision;
  bool created;
  std::uint32_t prepare_us;
  std::uint32_t durable_us;
};

struct Release {
  explicit Release(const pinnate_release& from);

  std::uint64_t number;
  PeerText name, version, selector, manifest, platforms;
  std::uint64_t artifact_bytes;
  std::int64_t decided_unix_ms;
  bool current;
  PeerText ended;
  bool known;  // else it was lost with a restored copy, and engines told its number, name and version alone
};

struct ReleaseStatus {
  explicit ReleaseStatus(const pinnate_release_status& from);

  std::uint64_t count(pinnate_phase phase) const { return phases[phase]; }
  std::uint64_t engines() const;  // all that are known
  std::uint64_t online_selected() const;  // online engines that the release selects
  std::uint64_t unsettled() const;  // pending, fetching or loading

  std::uint64_t number;
  PeerText name, version;
  bool current;
  std::array<std::uint64_t, PINNATE_PHASE_COUNT> phases{};
  std::uint64_t serving, serving_offline;
  std::vector<std::pair<PeerText, PeerText>> failures;  // engine, reason
};

struct Rollup {
  explicit Rollup(const pinnate_rollup& from);

  const ReleaseStatus* release(std::uint64_t number) const;

  PeerText id;
  std::uint64_t epoch, revision;
  std::uint64_t known_engines, online_engines, forgotten_engines, known_gateways, online_gateways;
  std::vector<ReleaseStatus> releases;
  std::vector<PeerText> notices;
  std::uint64_t kept_images, kept_bytes;
};

struct Service {
  PeerText name, version;
  std::uint64_t release;
  pinnate_phase phase;
  PeerText reason;
  bool serving;
};

struct KeptImage {
  PeerText function, version;
  std::uint64_t bytes;
  std::uint32_t threads;
  PeerText why;
};

struct Tier {
  explicit Tier(const pinnate_row& from);

  pinnate_role role;
  PeerText id, path;
  bool online;
  PeerText platform;
  std::vector<std::pair<PeerText, PeerText>> labels;
  std::uint64_t epoch, revision, known_engines, online_engines;
  std::vector<Service> services;
  PeerText notice;
  std::vector<KeptImage> kept;
};

// A member of a gateway, or one of its sources.
struct Member {
  explicit Member(const pinnate_member& from);

  pinnate_member_state state;
  PeerText path, address, id;
  std::vector<PeerText> sources;
  std::uint64_t named;
  bool terminating;
  PeerText why;
  std::uint64_t since_unix_ms;

  bool source() const { return state == PINNATE_MEMBER_SOURCE || state == PINNATE_MEMBER_STALE_SOURCE; }
};

template <class Row>
struct Page {
  std::vector<Row> rows;
  std::string next;  // "" on the last page
};

const char* role_name(pinnate_role role);
// "site-1/pod-3/engine-7", to show.
std::string place_text(const PeerText& path, const PeerText& id);

}  // namespace cli
