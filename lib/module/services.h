// The services of one engine, and what all their threads use together. It lives as long as the last
// of these threads, which a module may hold for longer than the host wants to wait.
#pragma once

#include "module/calling/call_dispatch.h"
#include "module/lasting/alarms.h"
#include "module/lasting/black_box.h"
#include "module/lasting/host_callbacks.h"
#include "module/loading/module_queue.h"
#include "module/loading/service.h"
#include "module/service_host.h"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

namespace pinnate::module {

class Services : public Gate::Watcher, public std::enable_shared_from_this<Services> {
 public:
  static Result<std::shared_ptr<Services>> open(ServiceHostOptions options);

  // Null when there is no such service or it was abandoned.
  std::shared_ptr<Service> find(ServiceId id);
  Status add(const std::shared_ptr<Service>& service);
  // Once nobody can find it in the swap gate either: its memory goes with the last reference.
  void remove(ServiceId id);
  // Has `run` done on a module thread, after all that was ordered before, and reports the outcome.
  void order(const std::shared_ptr<Service>& service, Done done, std::function<Outcome(Service&)> run);
  // Of one that is shut and empty, on a module thread. It is removed unless its library stays.
  Status destroy(Service& service);
  // From now until it is dropped, what is filled of its image is kept when that is given up.
  void keep_begun(const Digest& artifact, const Digest& content);
  void drop_begun(const Digest& artifact);
  // Its memory and its library stay: the module may still be using both. If it is in no order, or
  // the one that it is in returns after all, it is destroyed then, and `gone` runs.
  void abandon(ServiceId id, Done gone = {});

  void activate(const std::string& function, const std::shared_ptr<Service>& service);
  // Runs `done` when the service's gate is shut and empty: on the alarms' thread, or inside this
  // call if it is already.
  void when_empty(const std::shared_ptr<Service>& service, Done done);
  void gate_is_empty() override;

  // From its return on, no call enters a service and no service is added. Does not block.
  void begin_closing();
  // After begin_closing: ends everything, on the calling thread, which is no module's. Blocks.
  void close(TimePoint limit);

  const ServiceHostOptions options;
  const KeptImages::Owner kept = std::make_shared<const KeptLimits>(options.kept);
  const std::shared_ptr<HostCallbacks> callbacks = std::make_shared<HostCallbacks>(options.log);
  std::shared_ptr<BlackBox> black_box;  // null without a state folder
  Alarms alarms;
  std::atomic<std::size_t> left_behind{0};  // by close
  CallDispatch calls{options.worker_threads, options.queued_calls, options.signal_mask, callbacks, alarms};

 private:
  explicit Services(ServiceHostOptions with) : options(std::move(with)) {}
  void keep_note(const Service& service);
  void came_back(const std::shared_ptr<Service>& service);
  using UntilEmpty = std::list<std::pair<std::shared_ptr<Service>, Done>>;
  UntilEmpty take_waiting_locked(const Service& service);
  bool destroy_all(TimePoint limit);

  ModuleQueue& queue_ = ModuleQueue::of_process();
  std::mutex mutex_;  // guards all below; nothing else is locked under it
  std::condition_variable changed_;
  std::map<ServiceId, std::shared_ptr<Service>> services_;
  UntilEmpty until_empty_;
  std::map<Digest, std::shared_ptr<Note>> kept_notes_;  // of objects that stay in memory, by artifact
  std::map<Digest, std::shared_ptr<void>> begun_;  // by artifact
  bool closing_ = false;
  std::size_t coming_back_ = 0;  // services that are being destroyed after they were abandoned
  bool news_ = false;  // for close: a gate is empty, or a service is gone
};

}  // namespace pinnate::module
