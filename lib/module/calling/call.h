// One call, seen from its two sides. For the caller it ends once: with an answer, a failure, or
// because the time is up. For the service it is over when its function has returned and it has
// answered, however late. Until then the call's payload and its place in the service are kept.
#pragma once

#include <pinnate/module.h>

#include "base/buffer.h"
#include "base/names.h"
#include "base/thread.h"
#include "module/calling/callee.h"
#include "module/lasting/outcome.h"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

namespace pinnate::module {

class Call : public std::enable_shared_from_this<Call> {
 public:
  // `pass` is into a Callee. `done` may be empty: then somebody calls wait().
  Call(Pass pass, Buffer payload, Labels headers, std::uint32_t limit_ms, Done done);

  TimePoint deadline() const { return deadline_; }
  const Labels& headers() const { return headers_; }
  // Valid until the service's side is over; for a call that never began, as long as the call.
  Callee& callee() const { return *callee_; }

  // ---- the caller's side ----
  enum class Stage { kOver, kWaiting, kRunning, kReturned };
  // Ends it, and says where the service's side was. kOver: it had ended before, this is dropped.
  Stage end(Outcome outcome);
  Stage end_late(bool closing);  // because its time is up, or the engine closes
  bool ended();
  void when_ended(Done done);  // now, if it has; for one that was made without `done`
  Outcome wait();  // until it ends

  // ---- the service's side ----
  // Runs it in the service, unless it has ended already (false). The service's turn, where it has
  // them, is the caller's to take and to pass on: `before_over` runs while the service is there.
  bool run(const std::function<void()>& before_over);
  // From the host table, on any thread. False: answered before.
  bool answer(Outcome outcome);

 private:
  void returned();
  void over();

  const TimePoint deadline_;
  const std::uint32_t limit_ms_;
  Pass pass_;
  Callee* const callee_;
  pinnate_reply* reply_ = nullptr;
  bool noted_ = false;
  Buffer payload_;
  const Labels headers_;

  std::mutex mutex_;
  std::condition_variable changed_;
  Done done_;
  Outcome outcome_;
  bool ended_ = false, began_ = false, returned_ = false, answered_ = false;
};

}  // namespace pinnate::module
