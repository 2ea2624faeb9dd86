// One call, seen from its two sides. For the caller it ends once: with an answer, a failure, or because the time is up. For
// the service it is over when its function has returned and it has answered, however late; until then the call's payload and
// its place in the service (see Pass) are kept.
#pragma once

#include <pinnate/module.h>

#include "base/buffer.h"
#include "module/at_end.h"
#include "module/doorway.h"
#include "module/service_host.h"
#include "module/thread.h"

#include <condition_variable>
#include <memory>
#include <mutex>

namespace pinnate::module {

class Service;

class Call : public std::enable_shared_from_this<Call> {
 public:
  // `pass` is into a Service. `done` may be empty: then somebody calls wait().
  Call(Pass pass, Buffer payload, std::uint32_t limit_ms, Done done);

  TimePoint deadline() const { return deadline_; }
  std::uint32_t limit_ms() const { return limit_ms_; }
  // Valid until the service's side is over; for a call that never began, as long as the call.
  Service& service() const { return *service_; }

  // ---- the caller's side ----
  enum class Stage { kOver, kWaiting, kRunning, kReturned };
  // Ends it, and says where the service's side was. kOver: it had ended before, and this outcome is dropped.
  Stage end(Outcome outcome);
  Stage end_in_time_out();
  Outcome wait();  // until it ends

  // ---- the service's side ----
  // Runs it in the service, unless it has ended already (false). The service's turn, where it has them, is the caller's to
  // take and to pass on: `before_over` runs while the service is certainly still there.
  template <typename BeforeOver>
  bool run(BeforeOver before_over) {
    if (!begin()) return false;
    const AtEnd at_end([&] {
      before_over();
      returned();
    });
    enter_service();
    return true;
  }
  // What keeps the service host's parts for a caller that waits after run(); null when there is nothing to wait for.
  std::shared_ptr<Bell> still_open() const { return still_open_; }

  // From the host table, on any thread. False: answered before.
  bool answer(Outcome outcome);

 private:
  bool begin();
  void enter_service();
  void returned();
  void over();

  const TimePoint deadline_;
  const std::uint32_t limit_ms_;
  Pass pass_;
  Service* const service_;
  pinnate_reply* reply_ = nullptr;
  Buffer payload_;
  std::shared_ptr<Bell> still_open_;

  std::mutex mutex_;
  std::condition_variable changed_;
  Done done_;
  Outcome outcome_;
  bool ended_ = false, began_ = false, returned_ = false, answered_ = false;
};

}  // namespace pinnate::module
