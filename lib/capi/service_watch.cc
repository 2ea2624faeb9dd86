#include "capi/service_watch.h"

#include <utility>

namespace pinnate::capi {
namespace {

bool same(const wire::ServiceRow& a, const wire::ServiceRow& b) {
  return a.phase == b.phase && a.serving == b.serving && a.reason == b.reason;
}

}  // namespace

void ServiceWatch::start() {
  requests_->watch([self = shared_from_this()](const Status& status, const wire::StatusReport*) {
    if (status.ok()) self->look_up();
  });
}

void ServiceWatch::stop() {
  if (!std::exchange(stopped_, true)) requests_->watch(nullptr);
}

// One lookup at a time: the next one tells what changed meanwhile.
void ServiceWatch::look_up() {
  if (stopped_) return;
  ask_again_ = std::exchange(asking_, true);
  if (ask_again_) return;
  requests_->ask<wire::Tiers>(wire::Lookup{},
                              [self = shared_from_this()](const Status& status, const wire::Tiers* tiers) {
                                self->asking_ = false;
                                if (status.ok()) self->compare(*tiers);
                                if (status.code() != PINNATE_CLOSED && std::exchange(self->ask_again_, false))
                                  self->look_up();
                              });
}

void ServiceWatch::compare(const wire::Tiers& tiers) {
  std::map<std::uint64_t, wire::ServiceRow> before = std::exchange(known_, {});
  for (const wire::TierRow& tier : tiers.rows)
    for (const wire::ServiceRow& row : tier.services) known_.insert_or_assign(row.release, row);
  // What has gone first, so that the one of a function that serves is told last.
  for (auto& [release, row] : before) {
    if (known_.contains(release)) continue;
    row.phase = wire::Phase::not_selected;
    row.serving = false;
    row.reason.clear();
    tell(row);
  }
  const std::map<std::uint64_t, wire::ServiceRow> now = known_;
  for (const auto& [release, row] : now)
    if (const auto old = before.find(release); old == before.end() || !same(old->second, row)) tell(row);
}

// The host may stop the watch in its callback.
void ServiceWatch::tell(const wire::ServiceRow& row) {
  if (!stopped_) changed_(row);
}

}  // namespace pinnate::capi
