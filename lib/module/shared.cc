#include "module/shared.h"

#include "module/at_end.h"
#include "module/calls.h"

#include <set>

namespace pinnate::module {
namespace {

// Services that were given up, of the whole process. Reachable on purpose, so that leak checkers see that it is one.
struct Kept {
  std::mutex mutex;
  std::set<std::shared_ptr<Service>> services;

  static Kept& get() {
    static Kept& kept = *new Kept;
    return kept;
  }
};

}  // namespace

Shared::Shared(ServiceHostOptions with)
    : options(std::move(with)),
      outlet(std::make_shared<Outlet>(options.log)),
      workers(options.worker_threads, options.queued_calls, [this](const auto& call) { run_on_worker(*this, call); }) {}

Shared::~Shared() = default;

Result<std::shared_ptr<Shared>> Shared::open(ServiceHostOptions options) {
  std::shared_ptr<Shared> shared(new Shared(std::move(options)));
  if (const std::string& dir = shared->options.state_dir; !dir.empty()) {
    auto box = BlackBox::open(dir, shared->outlet);
    if (!box.ok()) return box.status();
    shared->black_box = std::move(*box);
    remove_stale_images(dir);
  }
  shared->alarms.use(shared);
  shared->module_orders.start(shared);
  shared->workers.use(shared);
  return shared;
}

std::shared_ptr<Service> Shared::find(ServiceId id) {
  const std::lock_guard lock(mutex_);
  const auto it = services_.find(id);
  return it == services_.end() ? nullptr : it->second;
}

Status Shared::add(const std::shared_ptr<Service>& service) {
  const std::lock_guard lock(mutex_);
  if (closing_) return {PINNATE_CLOSED, service->label() + ": the engine is closing"};
  if (!services_.emplace(service->id(), service).second)
    return {PINNATE_INTERNAL, service->label() + ": service " + std::to_string(service->id()) + " exists already"};
  return {};
}

void Shared::remove(ServiceId id) {
  gate.wait_for_readers();
  std::shared_ptr<Service> removed;  // destroyed outside the lock
  const std::lock_guard lock(mutex_);
  const auto it = services_.find(id);
  if (it == services_.end()) return;
  removed = std::move(it->second);
  services_.erase(it);
  news_ = true;
  changed_.notify_all();
}

Status Shared::destroy(Service& service) {
  const AtEnd at_end([&] {
    if (!service.loaded()) remove(service.id());
  });
  return service.destroy();
}

void Shared::abandon(ServiceId id) {
  std::shared_ptr<Service> service;
  std::vector<Done> dropped;  // destroyed outside the lock, like all that the host gave us
  {
    const std::lock_guard lock(mutex_);
    const auto it = services_.find(id);
    if (it == services_.end()) return;
    service = std::move(it->second);
    services_.erase(it);
    news_ = true;
    changed_.notify_all();
    std::erase_if(until_empty_, [&](auto& waiting) {
      if (waiting.first != service) return false;
      dropped.push_back(std::move(waiting.second));
      return true;
    });
  }
  {
    Kept& kept = Kept::get();
    const std::lock_guard lock(kept.mutex);
    kept.services.insert(service);
  }
  gate.deactivate(*service);
  service->abandon();
  service->turn().shut();
  module_orders.leave_behind(id);
}

void Shared::came_back(const std::shared_ptr<Service>& service) {
  if (!service->shut_and_empty()) return;  // calls use it as well
  {
    const std::lock_guard lock(mutex_);
    if (closing_) return;
    ++coming_back_;  // closing waits for it, as for others
  }
  const AtEnd at_end([this] {
    const std::lock_guard lock(mutex_);
    --coming_back_;
    news_ = true;
    changed_.notify_all();
  });
  if (const Status status = service->destroy(); !status.ok()) outlet->log(PINNATE_LOG_ERROR, status.message());
  if (service->loaded()) return;
  gate.wait_for_readers();
  Kept& kept = Kept::get();
  const std::lock_guard lock(kept.mutex);
  kept.services.erase(service);
}

void Shared::when_empty(const std::shared_ptr<Service>& service, Done done) {
  if (service->shut_and_empty()) return service->report(done, {});
  {
    const std::lock_guard lock(mutex_);
    until_empty_.emplace_back(service, std::move(done));
  }
  ring();  // it may be empty by now
}

void Shared::ring() noexcept {
  std::list<std::pair<std::shared_ptr<Service>, Done>> ended;
  {
    const std::lock_guard lock(mutex_);
    news_ = true;
    changed_.notify_all();
    for (auto it = until_empty_.begin(); it != until_empty_.end();) {
      const auto waiting = it++;
      if (waiting->first->shut_and_empty()) ended.splice(ended.end(), until_empty_, waiting);
    }
  }
  // Not from here: this may be the middle of anything.
  while (!ended.empty()) {
    try {
      alarms.post([waiting = ended.front()] { waiting.first->report(waiting.second, {}); });
      ended.pop_front();
    } catch (const std::bad_alloc&) {  // a call is on its way out of a module: it waits for the next ring instead
      const std::lock_guard lock(mutex_);
      return until_empty_.splice(until_empty_.end(), ended);
    }
  }
}

bool Shared::closing() {
  const std::lock_guard lock(mutex_);
  return closing_;
}

// False: there are services that did not end by then.
bool Shared::destroy_all(TimePoint limit) {
  std::set<ServiceId> ordered;
  for (;;) {
    std::vector<std::shared_ptr<Service>> empty;
    {
      std::unique_lock lock(mutex_);
      if (services_.empty() && coming_back_ == 0) return true;
      for (const auto& [id, service] : services_)
        if (service->shut_and_empty() && ordered.insert(id).second) empty.push_back(service);
      if (empty.empty() && !changed_.wait_until(lock, limit, [&] { return news_; })) return false;
      news_ = false;
    }
    for (auto& service : empty) {
      const ServiceId id = service->id();
      module_orders.submit({id,
                            [this, service] {
                              const Status status = destroy(*service);
                              if (!status.ok()) outlet->log(PINNATE_LOG_ERROR, status.message());
                            },
                            [this, service](const Status& why) {
                              if (why.code() == PINNATE_CLOSED) return;
                              outlet->log(PINNATE_LOG_ERROR, service->label() + ": cannot be destroyed (" +
                                                                 why.message() + "); left behind");
                              abandon(service->id());
                            }});
    }
  }
}

void Shared::end_threads(TimePoint limit) {
  alarms.ring_all();
  workers.stop(limit);
  module_orders.stop({PINNATE_CLOSED, "the engine is closed"}, limit);
  alarms.stop(limit);
}

void Shared::begin_closing() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  gate.deactivate_all();
}

void Shared::close(TimePoint limit) {
  module_orders.refuse_waiting({PINNATE_CLOSED, "the engine is closing"});
  const bool all_ended = destroy_all(limit);
  std::vector<std::shared_ptr<Service>> left;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, service] : services_) left.push_back(service);
  }
  for (const auto& service : left) {
    outlet->log(PINNATE_LOG_WARNING, service->label() + ": did not end in time; left behind");
    abandon(service->id());
  }
  // Threads that no module holds end at once; there is no use in waiting long for the others.
  end_threads(all_ended ? std::max(limit, Clock::now() + std::chrono::seconds(1))
                        : Clock::now() + std::chrono::milliseconds(100));
  gate.wait_for_readers();
  if (black_box) black_box->shut();
  outlet->shut();
}

void Shared::desert() {
  outlet->shut();
  begin_closing();
  close(Clock::now());
}

}  // namespace pinnate::module
