// The one queue of the process for what is done with modules: load, create, check, destroy. It is
// carried out by one thread at a time while modules return soon. Another thread watches whether
// they do, and takes the place of one that a module holds: so a module holds up the orders of other
// engines for some milliseconds, however long it takes.
#pragma once

#include "base/status.h"
#include "base/thread.h"
#include "module/lasting/outcome.h"

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

namespace pinnate::module {

class ModuleQueue {
 public:
  using Engine = const void*;
  struct Order {
    Engine engine = nullptr;  // its orders are carried out one after the other
    ServiceId service = 0;
    // One of the two is called, unless the service is left behind before.
    std::function<void()> run;
    std::function<void(Status)> refuse;  // any thread; there is no thread to run it on
    bool unawaited = false;  // it holds up no other, however long it takes
  };

  static ModuleQueue& of_process();

  // Each engine joins once, before its first order, and leaves once. What the engine has waiting
  // then is refused, and what it has under way is waited for until `limit` and left behind. The
  // last one to leave waits for the threads as well.
  void join();
  void leave(Engine engine, const Status& why, TimePoint limit);

  void submit(Order order);
  void refuse_waiting(Engine engine, const Status& why);
  // Drops the orders of this service that wait. A thread that it holds is counted on no longer.
  void leave_behind(Engine engine, ServiceId service);

 private:
  struct Worker {
    Thread thread;
    bool busy = false;  // in `order`; else it watches
    bool left = false;  // nobody counts on it any more, and it ends as soon as it can
    Order order;
    TimePoint since;
  };
  using Orders = std::list<Order>;

  Status start_worker();
  Worker* inside(Engine engine);
  std::size_t watching() const;
  Orders::iterator next();
  template <typename Which>
  Orders take_waiting(Which which);
  Orders unwatched(Status& why);
  void see_to_waiting(std::unique_lock<std::mutex>& lock);
  void live(const std::shared_ptr<Worker>& me);

  std::mutex mutex_;
  std::condition_variable submitted_, returned_;
  std::size_t engines_ = 0;
  Orders waiting_;
  std::list<std::shared_ptr<Worker>> workers_;
  std::vector<Thread> ended_;  // to be joined
  TimePoint look_at_ = TimePoint::max();  // when a watching thread looks again, without being told
};

}  // namespace pinnate::module
