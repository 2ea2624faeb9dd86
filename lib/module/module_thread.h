// The thread on which modules are loaded, created, checked and destroyed: one order after the other. When a module holds it
// for ever, that thread is left behind and another one takes the orders after it.
#pragma once

#include "module/service_host.h"
#include "module/thread.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

namespace pinnate::module {

class ModuleThread {
 public:
  // Exactly one of them runs, or neither where leave_behind says so.
  struct Order {
    ServiceId service = 0;
    std::function<void()> run;
    std::function<void(Status)> refuse;  // on any thread
  };

  // The thread keeps `keep` alive.
  void use(std::weak_ptr<void> keep) { keep_ = std::move(keep); }
  // Has the thread ready for the first order, which else starts it.
  void start();

  void submit(Order order);
  // The orders of this service that wait are dropped. If it holds the thread, the others are not held up by it any longer.
  void leave_behind(ServiceId service);
  // Refuses what waits. What is submitted later runs.
  void refuse_waiting(const Status& why);
  // Refuses what waits and whatever comes, and ends the thread, or leaves it behind at the limit.
  void stop(const Status& why, TimePoint limit);

 private:
  struct Life {  // of one thread
    Thread thread;
    std::optional<ServiceId> inside;
    bool left_behind = false;
  };
  Status start_locked();
  void live(const std::shared_ptr<Life>& life);

  std::weak_ptr<void> keep_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Order> waiting_;
  std::shared_ptr<Life> life_;
  std::optional<Status> stopped_;
};

}  // namespace pinnate::module
