#include "fleet_values.h"

#include <algorithm>
#include <numeric>

namespace cli {

Published::Published(const pinnate_published& from)
    : release(from.release),
      epoch(from.epoch),
      revision(from.revision),
      created(from.created != 0),
      prepare_us(from.prepare_us),
      durable_us(from.durable_us) {}

Release::Release(const pinnate_release& from)
    : number(from.number),
      name(from.name),
      version(from.version),
      selector(from.selector),
      manifest(from.manifest),
      platforms(from.platforms),
      artifact_bytes(from.artifact_bytes),
      decided_unix_ms(from.decided_unix_ms),
      current(from.current != 0),
      ended(from.ended),
      known(from.decided_unix_ms != 0) {}

ReleaseStatus::ReleaseStatus(const pinnate_release_status& from)
    : number(from.number),
      name(from.name),
      version(from.version),
      current(from.current != 0),
      serving(from.serving),
      serving_offline(from.serving_offline) {
  std::copy_n(from.phases, std::min(from.phase_count, phases.size()), phases.begin());
  for (std::size_t i = 0; i < from.failure_count; ++i) {
    failures.emplace_back(from.failures[i]->engine, from.failures[i]->reason);
  }
}

std::uint64_t ReleaseStatus::engines() const { return std::accumulate(phases.begin(), phases.end(), std::uint64_t{0}); }

std::uint64_t ReleaseStatus::online_selected() const {
  return engines() - count(PINNATE_PHASE_NOT_SELECTED) - count(PINNATE_PHASE_OFFLINE);
}

std::uint64_t ReleaseStatus::unsettled() const {
  return count(PINNATE_PHASE_PENDING) + count(PINNATE_PHASE_FETCHING) + count(PINNATE_PHASE_LOADING);
}

Rollup::Rollup(const pinnate_rollup& from)
    : id(from.id),
      epoch(from.epoch),
      revision(from.revision),
      known_engines(from.known_engines),
      online_engines(from.online_engines),
      forgotten_engines(from.forgotten_engines),
      known_gateways(from.known_gateways),
      online_gateways(from.online_gateways),
      kept_images(from.kept_images),
      kept_bytes(from.kept_bytes) {
  for (std::size_t i = 0; i < from.release_count; ++i) releases.emplace_back(*from.releases[i]);
  for (std::size_t i = 0; i < from.notice_count; ++i) notices.emplace_back(from.notices[i]);
}

const ReleaseStatus* Rollup::release(std::uint64_t number) const {
  const auto found = std::find_if(releases.begin(), releases.end(), [&](const auto& r) { return r.number == number; });
  return found != releases.end() ? &*found : nullptr;
}

Tier::Tier(const pinnate_row& from)
    : role(from.role),
      id(from.id),
      path(from.path),
      online(from.online != 0),
      platform(from.platform),
      epoch(from.epoch),
      revision(from.revision),
      known_engines(from.known_engines),
      online_engines(from.online_engines),
      notice(from.notice) {
  for (std::size_t i = 0; i < from.label_count; ++i) {
    labels.emplace_back(from.labels[i]->key, from.labels[i]->value);
  }
  for (std::size_t i = 0; i < from.service_count; ++i) {
    const pinnate_service& s = *from.services[i];
    services.push_back({s.name, s.version, s.release, s.phase, s.reason, s.serving != 0});
  }
  for (std::size_t i = 0; i < from.kept_count; ++i) {
    const pinnate_kept_image& k = *from.kept[i];
    kept.push_back({k.function, k.version, k.bytes, k.threads, k.why});
  }
}

std::string place_text(const PeerText& path, const PeerText& id) { return (path.empty() ? "" : path + "/") + id; }

Member::Member(const pinnate_member& from)
    : state(from.state),
      path(from.path),
      address(from.address),
      id(from.id),
      named(from.named),
      terminating(from.terminating != 0),
      why(from.why),
      since_unix_ms(from.since_unix_ms) {
  for (std::size_t i = 0; i < from.source_count; ++i) sources.emplace_back(from.sources[i]);
}

const char* role_name(pinnate_role role) {
  switch (role) {
    case PINNATE_ROLE_CONTROLLER:
      return "controller";
    case PINNATE_ROLE_GATEWAY:
      return "gateway";
    case PINNATE_ROLE_ENGINE:
      return "engine";
    case PINNATE_ROLE_CLIENT:
      return "client";
  }
  return "unknown";
}

}  // namespace cli
