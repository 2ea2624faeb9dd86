#include "capi/convert.h"

#include <algorithm>
#include <limits>

namespace pinnate::capi {
namespace {

// The numbers of the ABI are those of the protocol.
static_assert(int(wire::Phase::pending) == PINNATE_PHASE_PENDING &&
              int(wire::Phase::fetching) == PINNATE_PHASE_FETCHING &&
              int(wire::Phase::loading) == PINNATE_PHASE_LOADING && int(wire::Phase::live) == PINNATE_PHASE_LIVE &&
              int(wire::Phase::failed) == PINNATE_PHASE_FAILED &&
              int(wire::Phase::incompatible) == PINNATE_PHASE_INCOMPATIBLE &&
              int(wire::Phase::not_selected) == PINNATE_PHASE_NOT_SELECTED &&
              int(wire::Phase::offline) == PINNATE_PHASE_OFFLINE && wire::kPhases == PINNATE_PHASE_COUNT);
static_assert(int(wire::Role::controller) == PINNATE_ROLE_CONTROLLER &&
              int(wire::Role::gateway) == PINNATE_ROLE_GATEWAY && int(wire::Role::engine) == PINNATE_ROLE_ENGINE &&
              int(wire::Role::client) == PINNATE_ROLE_CLIENT);

static_assert(int(tier::TellLink::State::connecting) == PINNATE_LINK_CONNECTING &&
              int(tier::TellLink::State::up) == PINNATE_LINK_UP &&
              int(tier::TellLink::State::down) == PINNATE_LINK_DOWN);

}  // namespace

pinnate_link to_link(pinnate_ticket dial, const tier::TellLink& told) {
  pinnate_link link{};
  link.size = sizeof link;
  link.dial = dial;
  link.state = static_cast<pinnate_link_state>(told.state);
  link.address = told.address.c_str();
  link.upstream = told.upstream;
  link.role = static_cast<pinnate_role>(told.role);
  link.id = told.peer.c_str();
  link.status = told.why.code();
  link.why = told.why.message().c_str();
  if (told.again_in_ms)
    link.next_try_ms = static_cast<std::uint32_t>(std::clamp<std::int64_t>(*told.again_in_ms, 1, UINT32_MAX));
  return link;
}

pinnate_published to_published(const wire::Published& message, std::uint32_t prepare_us) {
  pinnate_published published = PINNATE_PUBLISHED_INIT;
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
  service.size = sizeof service;
  service.name = row.name.c_str();
  service.version = row.version.c_str();
  service.release = row.release;
  service.phase = static_cast<pinnate_phase>(row.phase);
  service.reason = row.reason.c_str();
  service.serving = row.serving;
  return service;
}

Rows<pinnate_label> to_labels(const Labels& labels) {
  return {labels, [](const auto& from, pinnate_label& row) {
            row.key = from.first.c_str();
            row.value = from.second.c_str();
          }};
}

ReleasesView::ReleasesView(const wire::Releases& message)
    : rows_(message.releases, [this](const wire::ReleaseFacts& from, pinnate_release& row) {
        row.number = from.number;
        row.name = from.name.c_str();
        row.version = from.version.c_str();
        row.selector = from.selector.c_str();
        row.manifest = digests_.emplace_back(from.manifest.hex()).c_str();
        row.platforms = from.platforms.c_str();
        row.artifact_bytes = from.artifact_bytes;
        row.decided_unix_ms = from.decided_unix_ms;
        row.current = from.current;
        row.ended = from.ended.c_str();
      }) {}

RollupView::RollupView(const wire::StatusReport& message)
    : rows_(message.rows, [this](const wire::StatusRow& from, pinnate_release_status& row) {
        row.number = from.release;
        row.name = from.name.c_str();
        row.version = from.version.c_str();
        row.current = from.current;
        auto& phases = phases_.emplace_back(from.phases);
        if (phases.size() < PINNATE_PHASE_COUNT) phases.resize(PINNATE_PHASE_COUNT);  // a peer knows fewer
        row.phases = phases.data();
        row.phase_count = phases.size();
        row.serving = from.serving;
        row.serving_offline = from.serving_offline;
        const auto& failures =
            failures_.emplace_back(from.failures, [](const wire::Failure& failed, pinnate_failure& failure) {
              failure.engine = failed.engine.c_str();
              failure.reason = failed.reason.c_str();
            });
        row.failures = failures.data();
        row.failure_count = failures.size();
      }) {
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
  rollup_.kept_images = message.kept_images;
  rollup_.kept_bytes = message.kept_bytes;
}

TiersView::TiersView(const wire::Tiers& message)
    : rows_(message.rows, [this](const wire::TierRow& from, pinnate_row& row) {
        row.role = static_cast<pinnate_role>(from.role);
        row.id = from.id.c_str();
        row.path = from.path.c_str();
        row.online = from.online;
        row.platform = from.platform.c_str();
        const auto& labels = labels_.emplace_back(to_labels(from.labels));
        row.labels = labels.data();
        row.label_count = labels.size();
        row.epoch = from.position.epoch;
        row.revision = from.position.revision;
        row.known_engines = from.known_engines;
        row.online_engines = from.online_engines;
        const auto& services = services_.emplace_back(
            from.services, [](const wire::ServiceRow& its, pinnate_service& service) { service = to_service(its); });
        row.services = services.data();
        row.service_count = services.size();
        row.notice = from.notice.c_str();
        const auto& kept = kept_.emplace_back(from.kept, [](const wire::KeptImage& its, pinnate_kept_image& image) {
          image.function = its.function.c_str();
          image.version = its.version.c_str();
          image.bytes = its.bytes;
          image.threads = its.threads;
          image.why = its.why.c_str();
        });
        row.kept = kept.data();
        row.kept_count = kept.size();
      }) {}

MembersView::MembersView(const wire::Tiers& message)
    : rows_(message.rows, [this](const wire::TierRow& from, pinnate_member& member) {
        member.state = static_cast<pinnate_member_state>(from.member);
        member.path = from.path.c_str();
        member.address = from.address.c_str();
        member.id = from.id.c_str();
        std::vector<const char*>& sources = sources_.emplace_back();
        for (const std::string& source : from.sources) sources.push_back(source.c_str());
        member.sources = sources.data();
        member.source_count = sources.size();
        member.named = from.known_engines;
        member.terminating = from.terminating;
        member.why = from.notice.c_str();
        member.since_unix_ms = from.since_unix_ms;
      }) {}

}  // namespace pinnate::capi
