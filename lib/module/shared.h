// What all threads of one service host use together. It lives as long as the last of them, which a module may hold for longer
// than the host wants to wait.
#pragma once

#include "module/alarms.h"
#include "module/black_box.h"
#include "module/module_orders.h"
#include "module/outlet.h"
#include "module/service.h"
#include "module/service_host.h"
#include "module/swap_gate.h"
#include "module/workers.h"

#include <condition_variable>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace pinnate::module {

class Shared : public Bell, public std::enable_shared_from_this<Shared> {
 public:
  static Result<std::shared_ptr<Shared>> open(ServiceHostOptions options);
  ~Shared() override;

  // ---- services, by id ----
  // Null when there is no such service or it was abandoned.
  std::shared_ptr<Service> find(ServiceId id);
  Status add(const std::shared_ptr<Service>& service);
  // Once nobody can find it in the gate either: its memory goes with the last reference.
  void remove(ServiceId id);
  // Of a service that is shut and empty, on a module thread. It is removed unless its library has to stay.
  Status destroy(Service& service);
  // Its memory and its library stay: the module may still be using both.
  void abandon(ServiceId id);
  // It was abandoned in an order, from which the module has returned after all, on this module thread: no longer using them.
  void came_back(const std::shared_ptr<Service>& service);

  // Runs `done` when the service's doorway is shut and empty: on the alarms' thread, or inside this call if it is already.
  void when_empty(const std::shared_ptr<Service>& service, Done done);
  void ring() noexcept override;

  // From its return on, no call enters a service and no service is added. Does not block.
  void begin_closing();
  bool closing();
  // After begin_closing: ends everything, on the calling thread, which belongs to no module. See ServiceHost::close.
  void close(TimePoint limit);
  // The same for a host that went without closing: nothing is reported, and threads get no longer than they need to end.
  void desert();

  const ServiceHostOptions options;
  const std::shared_ptr<Outlet> outlet;
  std::shared_ptr<BlackBox> black_box;  // null without a state folder
  SwapGate gate;
  Alarms alarms;
  ModuleOrders module_orders;
  Workers workers;

 private:
  explicit Shared(ServiceHostOptions options);
  bool destroy_all(TimePoint limit);
  void end_threads(TimePoint limit);

  std::mutex mutex_;  // guards all below; nothing else is locked under it
  std::condition_variable changed_;
  std::map<ServiceId, std::shared_ptr<Service>> services_;
  std::list<std::pair<std::shared_ptr<Service>, Done>> until_empty_;
  bool closing_ = false;
  std::size_t coming_back_ = 0;  // services that are being destroyed after they were abandoned
  bool news_ = false;  // for close: a doorway is empty, or a service is gone
};

}  // namespace pinnate::module
