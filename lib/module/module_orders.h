// The orders of one engine to its modules: load, create, check, destroy. They are carried out one after the other, on threads that all
// engines of the process share. When a module holds one for ever, its thread is left behind, and the orders after it go on on
// another.
#pragma once

#include "module/module_threads.h"
#include "module/service_host.h"
#include "module/thread.h"

#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>

namespace pinnate::module {

class ModuleOrders : ModuleThreads::Queue {
 public:
  // Exactly one of them runs, or neither where leave_behind says so.
  struct Order {
    ServiceId service = 0;
    std::function<void()> run;
    std::function<void(Status)> refuse;  // on any thread
  };

  ModuleOrders() : threads_(ModuleThreads::join()) {}
  ~ModuleOrders() override;

  // Orders that are under way keep `keep` alive. Has a thread ready for the first one.
  void start(std::weak_ptr<void> keep);

  void submit(Order order);
  // The orders of this service that wait are dropped. If it holds a thread, the others are not held up by it any longer.
  void leave_behind(ServiceId service);
  // Refuses what waits. What is submitted later runs.
  void refuse_waiting(const Status& why);
  // Once. Refuses what waits and whatever comes, waits until nothing is under way, at the limit leaves behind what is, and leaves the
  // threads, whose last user waits for them as well.
  void stop(const Status& why, TimePoint limit);

 private:
  struct Inside {
    ServiceId service;
    std::shared_ptr<ModuleThreads::Worker> worker;
  };
  bool work_on(const std::shared_ptr<ModuleThreads::Worker>& worker) override;
  void refuse(const Status& why) override;
  bool nobody_inside();
  bool finish(const std::shared_ptr<ModuleThreads::Worker>& worker);
  void hand_over();

  const std::shared_ptr<ModuleThreads> threads_;
  std::weak_ptr<void> keep_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Order> waiting_;
  std::optional<Inside> inside_;
  bool handed_over_ = false;  // to the threads, until they have been told that there is no more
  std::optional<Status> stopped_;
};

}  // namespace pinnate::module
