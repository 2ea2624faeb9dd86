#include "module/calling/call.h"

#include "base/guarded.h"
#include "module/calling/reply_table.h"

#include <string>
#include <utility>

namespace pinnate::module {

Call::Call(Pass pass, Buffer payload, Labels headers, std::uint32_t limit_ms, Done done)
    : deadline_(Clock::now() + std::chrono::milliseconds(limit_ms)),
      limit_ms_(limit_ms),
      pass_(std::move(pass)),
      callee_(static_cast<Callee*>(pass_.gate())),
      payload_(std::move(payload)),
      headers_(std::move(headers)),
      done_(std::move(done)) {}

Call::Stage Call::end(Outcome outcome) {
  Done done;
  Stage stage = Stage::kOver;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(ended_, true)) return Stage::kOver;
    stage = returned_ ? Stage::kReturned : began_ ? Stage::kRunning : Stage::kWaiting;
    done = std::exchange(done_, nullptr);
    if (!done) {
      outcome_ = std::move(outcome);
      changed_.notify_all();
    }
  }
  if (done) done(std::move(outcome));
  return stage;
}

Call::Stage Call::end_late(bool closing) {
  if (closing) return end({{PINNATE_CLOSED, "the engine closed before the call was answered"}});
  std::string words;
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return Stage::kOver;
    // Not ended, so not answered: its service is there.
    words =
        callee_->label() + (began_ ? ": no answer within " : ": no turn within ") + std::to_string(limit_ms_) + " ms";
  }
  return end({{PINNATE_TIMEOUT, std::move(words)}});
}

void Call::when_ended(Done done) {
  {
    const std::lock_guard lock(mutex_);
    if (!ended_) {
      done_ = std::move(done);
      return;
    }
  }
  done(std::move(outcome_));
}

bool Call::ended() {
  const std::lock_guard lock(mutex_);
  return ended_;
}

Outcome Call::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return ended_; });
  return std::move(outcome_);
}

bool Call::run(const std::function<void()>& before_over) {
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return false;
    began_ = true;
  }
  const AtEnd at_end([&] {
    before_over();
    returned();
  });
  noted_ = callee_->note().enter_call();
  reply_ = issue_reply(shared_from_this());
  if (reply_)
    callee_->run_call(*this, reply_, payload_.view());
  else
    answer({{PINNATE_BUSY, callee_->label() + ": too many calls are open in this process"}});
  return true;
}

void Call::returned() {
  {
    const std::lock_guard lock(mutex_);
    returned_ = true;
    if (!answered_) return;
  }
  over();
}

bool Call::answer(Outcome outcome) {
  {
    const std::lock_guard lock(mutex_);
    if (answered_) return false;
  }
  // First the caller's side, so that whoever sees the service's side over sees this one over too.
  if (Clock::now() > deadline_)
    end_late(false);
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
  if (noted_) callee_->note().leave_call();
  pass_.leave();
}

}  // namespace pinnate::module
