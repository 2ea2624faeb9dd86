#include "capi/live_wait.h"

#include "base/guarded.h"
#include "runtime/clock.h"

#include <pinnate/fleet.h>

#include <algorithm>
#include <utility>

namespace pinnate::capi {

void Wait::start(runtime::Reactor& reactor, std::uint32_t timeout_ms) {
  limit_ = std::make_unique<runtime::Timer>(reactor, [weak = weak_from_this(), timeout_ms] {
    if (const auto self = weak.lock()) quietly([&] { self->end({PINNATE_TIMEOUT, self->late(timeout_ms)}); });
  });
  limit_->set(runtime::monotonic_ms() + timeout_ms);
  begin();
}

// The request ends before the host hears of it, which may begin another.
void Wait::end(const Status& status) {
  const Done done = std::exchange(done_, nullptr);
  if (!done) return;
  const auto self = shared_from_this();
  limit_.reset();
  requests_->cancel(id_);  // unless that is what ends it
  done(status);
}

// ---- a release ----

void LiveWait::begin() {
  requests_->watch(id_, [this, self = shared_from_this()](const Status& status, const wire::StatusReport* report) {
    if (status.ok())
      look(*report);
    else
      end(status);
  });
}

std::string LiveWait::late(std::uint32_t timeout_ms) const {
  return "release " + std::to_string(release_) + " is not live as asked within " + std::to_string(timeout_ms) +
         " ms: " + stands_;
}

void LiveWait::look(const wire::StatusReport& report) {
  const auto row =
      std::find_if(report.rows.begin(), report.rows.end(), [&](const auto& r) { return r.release == release_; });
  if (row == report.rows.end() || !row->current)
    return end({PINNATE_NOT_FOUND, "release " + std::to_string(release_) + " is not current: it was superseded or " +
                                       "withdrawn, or there was none of that number"});
  const auto in = [&](int phase) {
    return static_cast<std::size_t>(phase) < row->phases.size() ? row->phases[static_cast<std::size_t>(phase)] : 0;
  };
  const std::uint64_t live = in(PINNATE_PHASE_LIVE), failed = in(PINNATE_PHASE_FAILED);
  const std::uint64_t coming = in(PINNATE_PHASE_PENDING) + in(PINNATE_PHASE_FETCHING) + in(PINNATE_PHASE_LOADING);
  const std::uint64_t incompatible = in(PINNATE_PHASE_INCOMPATIBLE);
  if (engines_ == 0 ? live > 0 && coming + failed + incompatible == 0 : live >= engines_) return end({});
  stands_ = std::to_string(live) + " live, " + std::to_string(coming) + " on the way, " + std::to_string(failed) +
            " failed, " + std::to_string(incompatible) + " incompatible, " + std::to_string(in(PINNATE_PHASE_OFFLINE)) +
            " offline";
  if (!row->failures.empty()) stands_ += "; " + row->failures[0].engine + ": " + row->failures[0].reason;
}

// ---- a function of this engine ----

void ServingWait::begin() {
  const auto watch = std::make_shared<ServiceWatch>(
      requests_, [this, self = shared_from_this()](const Status& ended, const wire::ServiceRow* row) {
        if (!row) return end(ended);
        if (row->name != function_) return;
        if (row->serving) return end({});
        stands_ = row->version + " is " + pinnate_phase_name(static_cast<pinnate_phase>(row->phase)) +
                  (row->reason.empty() ? "" : ": " + row->reason);
      });
  watch->start(id_);
}

std::string ServingWait::late(std::uint32_t timeout_ms) const {
  return "the function '" + function_ + "' is not served within " + std::to_string(timeout_ms) + " ms: " + stands_;
}

}  // namespace pinnate::capi
