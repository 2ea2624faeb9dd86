#include "module/call.h"

#include "module/reply_table.h"
#include "module/service.h"

#include <new>
#include <string>

namespace pinnate::module {

Call::Call(Pass pass, Buffer payload, std::uint32_t limit_ms, Done done)
    : deadline_(Clock::now() + std::chrono::milliseconds(limit_ms)),
      limit_ms_(limit_ms),
      pass_(std::move(pass)),
      service_(static_cast<Service*>(pass_.doorway())),
      payload_(std::move(payload)),
      done_(std::move(done)) {}

Call::Stage Call::end(Outcome outcome) {
  Done done;
  Stage stage = Stage::kOver;
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return Stage::kOver;
    ended_ = true;
    stage = returned_ ? Stage::kReturned : began_ ? Stage::kRunning : Stage::kWaiting;
    if (done_) {
      done = std::move(done_);
      done_ = nullptr;
    } else {
      outcome_ = std::move(outcome);
      changed_.notify_all();
    }
  }
  if (done) done(std::move(outcome));
  return stage;
}

Call::Stage Call::end_in_time_out() {
  std::string words;
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return Stage::kOver;
    // Not ended, so not answered: its service is there.
    try {
      words = service_->label() + (began_ ? ": no answer within " : ": no turn within ") + std::to_string(limit_ms_) +
              " ms";
    } catch (const std::bad_alloc&) {
      words = "no answer";  // short enough to need no memory: it ends all the same
    }
  }
  return end({{PINNATE_TIMEOUT, std::move(words)}, {}, {}});
}

Outcome Call::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return ended_; });
  return std::move(outcome_);
}

bool Call::begin() {
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return false;
    began_ = true;
  }
  return true;
}

void Call::enter_service() {
  service_->note().enter_call();
  reply_ = issue_reply(shared_from_this(), service_->origin_number());
  if (!reply_) {
    answer({{PINNATE_BUSY, service_->label() + ": too many calls are open in this process"}, {}, {}});
    return;
  }
  service_->run_call(*this, reply_, payload_.view());
}

void Call::returned() {
  {
    const std::lock_guard lock(mutex_);
    if (!answered_)
      still_open_ = service_->bell();  // our own being inside still holds the service, until returned_ is set
    returned_ = true;
    if (!answered_) return;
  }
  over();
}

bool Call::answer(Outcome outcome) {
  const bool late = Clock::now() > deadline_;
  {
    const std::lock_guard lock(mutex_);
    if (answered_) return false;
  }
  // First the caller's side, so that whoever sees the service's side over sees this one over too.
  if (late)
    end_in_time_out();
  else
    end(std::move(outcome));
  {
    const std::lock_guard lock(mutex_);
    if (answered_) return false;  // twice at the same time; the caller got one of both
    answered_ = true;
    if (!returned_) return true;
  }
  over();
  return true;
}

void Call::over() {
  if (reply_) retire_reply(reply_);
  payload_ = Buffer();
  service_->note().leave_call();
  pass_.leave();
}

}  // namespace pinnate::module
