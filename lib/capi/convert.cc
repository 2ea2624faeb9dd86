#include "capi/convert.h"

#include <algorithm>
#include <limits>

namespace pinnate::capi {
namespace {

// The numbers of the ABI are those of the protocol.
static_assert(int(wire::Phase::pending) == PINNATE_PENDING && int(wire::Phase::fetching) == PINNATE_FETCHING &&
              int(wire::Phase::loading) == PINNATE_LOADING && int(wire::Phase::live) == PINNATE_LIVE &&
              int(wire::Phase::failed) == PINNATE_PHASE_FAILED &&
              int(wire::Phase::incompatible) == PINNATE_PHASE_INCOMPATIBLE &&
              int(wire::Phase::not_selected) == PINNATE_NOT_SELECTED && int(wire::Phase::offline) == PINNATE_OFFLINE &&
              wire::kPhases == PINNATE_PHASE_COUNT);
static_assert(int(wire::Role::controller) == PINNATE_ROLE_CONTROLLER &&
              int(wire::Role::gateway) == PINNATE_ROLE_GATEWAY && int(wire::Role::engine) == PINNATE_ROLE_ENGINE &&
              int(wire::Role::client) == PINNATE_ROLE_CLIENT);

}  // namespace

pinnate_published to_published(const wire::Published& message, std::uint32_t prepare_us) {
  pinnate_published published{};
  published.release = message.release;
  published.epoch = message.position.epoch;
  published.revision = message.position.revision;
  published.created = message.created;
  published.prepare_us = prepare_us;
  published.durable_us = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(message.durable_us, std::numeric_limits<std::uint32_t>::max()));
  return published;
}

pinnate_service to_service(const wire::ServiceRow& row) {
  pinnate_service service{};
  service.name = row.name.c_str();
  service.version = row.version.c_str();
  service.release = row.release;
  service.phase = static_cast<pinnate_phase>(row.phase);
  service.reason = row.reason.c_str();
  service.serving = row.serving;
  return service;
}

ReleasesView::ReleasesView(const wire::Releases& message) : rows_(message.releases.size()) {
  digests_.reserve(rows_.size());
  for (std::size_t i = 0; i < rows_.size(); i++) {
    const wire::ReleaseFacts& facts = message.releases[i];
    pinnate_release& row = rows_[i];
    row.number = facts.number;
    row.name = facts.name.c_str();
    row.version = facts.version.c_str();
    row.selector = facts.selector.c_str();
    row.manifest = digests_.emplace_back(facts.manifest.hex()).c_str();
    row.platforms = facts.platforms.c_str();
    row.artifact_bytes = facts.artifact_bytes;
    row.decided_unix_ms = facts.decided_unix_ms;
    row.current = facts.current;
    row.ended = facts.ended.c_str();
  }
}

RollupView::RollupView(const wire::StatusReport& message) : rows_(message.rows.size()), failures_(message.rows.size()) {
  for (std::size_t i = 0; i < rows_.size(); i++) {
    const wire::StatusRow& from = message.rows[i];
    pinnate_release_status& row = rows_[i];
    row.number = from.release;
    row.name = from.name.c_str();
    row.version = from.version.c_str();
    row.current = from.current;
    std::copy_n(from.phases.begin(), std::min<std::size_t>(from.phases.size(), PINNATE_PHASE_COUNT), row.phases);
    row.serving = from.serving;
    row.serving_offline = from.serving_offline;
    for (const wire::Failure& failure : from.failures)
      failures_[i].push_back({failure.engine.c_str(), failure.reason.c_str()});
    row.failures = failures_[i].data();
    row.failure_count = failures_[i].size();
  }
  for (const std::string& notice : message.notices) notices_.push_back(notice.c_str());
  rollup_.size = sizeof rollup_;
  rollup_.id = message.tier.c_str();
  rollup_.epoch = message.position.epoch;
  rollup_.revision = message.position.revision;
  rollup_.known_engines = message.online + message.offline;
  rollup_.online_engines = message.online;
  rollup_.forgotten_engines = message.forgotten;
  rollup_.known_gateways = message.gateways_online + message.gateways_offline;
  rollup_.online_gateways = message.gateways_online;
  rollup_.releases = rows_.data();
  rollup_.release_count = rows_.size();
  rollup_.notices = notices_.data();
  rollup_.notice_count = notices_.size();
}

TiersView::TiersView(const wire::Tiers& message)
    : rows_(message.rows.size()), labels_(message.rows.size()), services_(message.rows.size()) {
  for (std::size_t i = 0; i < rows_.size(); i++) {
    const wire::TierRow& from = message.rows[i];
    pinnate_tier& row = rows_[i];
    row.role = static_cast<pinnate_role>(from.role);
    row.id = from.id.c_str();
    row.path = from.path.c_str();
    row.online = from.online;
    row.platform = from.platform.c_str();
    for (const auto& [key, value] : from.labels) labels_[i].push_back({key.c_str(), value.c_str()});
    row.labels = labels_[i].data();
    row.label_count = labels_[i].size();
    row.epoch = from.position.epoch;
    row.revision = from.position.revision;
    row.known_engines = from.known_engines;
    row.online_engines = from.online_engines;
    for (const wire::ServiceRow& service : from.services) services_[i].push_back(to_service(service));
    row.services = services_[i].data();
    row.service_count = services_[i].size();
    row.notice = from.notice.c_str();
  }
}

}  // namespace pinnate::capi
