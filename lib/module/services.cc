#include "module/services.h"

#include "base/guarded.h"
#include "module/lasting/thread_state.h"

#include <algorithm>
#include <optional>
#include <set>
#include <vector>

namespace pinnate::module {
namespace {

constexpr std::chrono::seconds kSuspectedFor{60};  // after it was unloaded

// Services of the process that were given up. Reachable, so that leak checkers see the purpose.
std::mutex abandoned_mutex;
std::set<std::shared_ptr<Service>>& abandoned = *new std::set<std::shared_ptr<Service>>;

}  // namespace

Result<std::shared_ptr<Services>> Services::open(ServiceHostOptions options) {
  std::shared_ptr<Services> services(new Services(std::move(options)));
  if (const std::string& dir = services->options.state_dir; !dir.empty()) {
    auto box = BlackBox::open(dir, services->callbacks);
    if (!box.ok()) return box.status();
    services->black_box = std::move(*box);
    remove_stale_images(dir);
  }
  services->alarms.use(services);
  services->calls.use(services);
  services->queue_.join();
  return services;
}

std::shared_ptr<Service> Services::find(ServiceId id) {
  const std::lock_guard lock(mutex_);
  const auto it = services_.find(id);
  return it == services_.end() ? nullptr : it->second;
}

Status Services::add(const std::shared_ptr<Service>& service) {
  const std::lock_guard lock(mutex_);
  if (closing_) return service->refused(PINNATE_CLOSED, "the engine is closing");
  if (!services_.emplace(service->id(), service).second)
    return service->refused(PINNATE_INTERNAL, "service " + std::to_string(service->id()) + " exists already");
  return {};
}

void Services::remove(ServiceId id) {
  calls.gate.wait_for_readers();
  std::shared_ptr<Service> removed;  // destroyed outside the lock
  const std::lock_guard lock(mutex_);
  const auto it = services_.find(id);
  if (it == services_.end()) return;
  removed = std::move(it->second);
  services_.erase(it);
  news_ = true;
  changed_.notify_all();
}

void Services::order(const std::shared_ptr<Service>& service, Done done, std::function<Outcome(Service&)> run) {
  const auto self = shared_from_this();
  auto on_thread = [self, service, done, run = std::move(run)] {
    std::optional<Outcome> outcome;
    {
      const std::lock_guard lock(self->mutex_);
      if (service->duty.given_up) return;
      service->duty.in_order = true;
    }
    take_signal_mask(self->options.signal_mask);
    const bool was_loaded = service->loaded();
    const AtEnd at_end([&] {
      quietly([&] {
        if (!outcome) outcome = service->refused(PINNATE_FAILED, "ended the thread that called it");
        outcome->notices = service->take_notices();
        if (service->native() && service->loaded() != was_loaded)
          outcome->kept =
              std::make_shared<const std::vector<wire::KeptImage>>(KeptImages::of_process().list(self->kept));
        service->report(done, std::move(*outcome));
      });
      bool given_up = false;
      {
        const std::lock_guard lock(self->mutex_);
        service->duty.in_order = false;
        given_up = service->duty.given_up;
      }
      if (given_up) quietly([&] { self->came_back(service); });
    });
    if (!quietly([&] { outcome = run(*service); })) outcome = no_memory();
  };
  auto refuse = [self, service, done](const Status& why) {
    self->alarms.post([service, done, why] { service->report(done, service->refused(why.code(), why.message())); });
  };
  queue_.submit({this, service->id(), std::move(on_thread), std::move(refuse)});
}

Status Services::destroy(Service& service) {
  const bool was_loaded = service.loaded();
  const AtEnd at_end([&] {
    if (service.loaded()) return;
    if (was_loaded) keep_note(service);
    remove(service.id());
  });
  return service.destroy();
}

// What is left of a module may end the process later.
void Services::keep_note(const Service& service) {
  if (!black_box || !service.native()) return;
  const std::shared_ptr<Note> note = service.shared_note();
  note->set_gone(service.stays());
  if (!service.stays()) return alarms.set(alarms.key(Clock::now() + kSuspectedFor), [note](bool) {});
  const std::lock_guard lock(mutex_);
  kept_notes_.insert_or_assign(service.artifact(), note);
}

void Services::keep_begun(const Digest& artifact, const Digest& content) {
  std::shared_ptr<void> begun = Image::keep_begun(content);
  const std::lock_guard lock(mutex_);
  if (!closing_) begun_[artifact].swap(begun);
}

void Services::drop_begun(const Digest& artifact) {
  decltype(begun_)::node_type dropped;  // destroyed outside the lock
  const std::lock_guard lock(mutex_);
  dropped = begun_.extract(artifact);
}

Services::UntilEmpty Services::take_waiting_locked(const Service& service) {
  UntilEmpty taken;
  for (auto it = until_empty_.begin(); it != until_empty_.end();) {
    const auto waiting = it++;
    if (waiting->first.get() == &service) taken.splice(taken.end(), until_empty_, waiting);
  }
  return taken;
}

void Services::activate(const std::string& function, const std::shared_ptr<Service>& service) {
  UntilEmpty dropped;  // destroyed outside the lock, like all that the host gave us
  {
    const std::lock_guard lock(mutex_);
    dropped = take_waiting_locked(*service);
  }
  calls.activate(function, *service);
}

void Services::abandon(ServiceId id, Done gone) {
  std::shared_ptr<Service> service;
  UntilEmpty dropped;
  bool idle = false;
  {
    const std::lock_guard lock(mutex_);
    if (const auto it = services_.find(id); it != services_.end()) {
      service = std::move(it->second);
      services_.erase(it);
      news_ = true;
      changed_.notify_all();
      dropped = take_waiting_locked(*service);
      service->duty.given_up = true;
      service->duty.gone = std::move(gone);
      idle = !service->duty.in_order;
    }
  }
  if (!service)  // gone by itself
    return alarms.post([callbacks = callbacks, gone = std::move(gone)] { callbacks->report(gone, {}); });
  {
    const std::lock_guard lock(abandoned_mutex);
    abandoned.insert(service);
  }
  service->abandon();
  service->turns().shut();
  queue_.leave_behind(this, id);
  const auto bury = [self = shared_from_this(), service] {
    take_signal_mask(self->options.signal_mask);
    self->came_back(service);
  };
  if (idle) queue_.submit({this, id, bury, [](const Status&) {}, true});
}

// Of one that was abandoned, on a module thread: it is in no order any more.
void Services::came_back(const std::shared_ptr<Service>& service) {
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
  if (const Status status = service->destroy(); !status.ok()) callbacks->log(PINNATE_LOG_ERROR, status.message());
  if (service->loaded()) return;
  calls.gate.wait_for_readers();
  {
    const std::lock_guard lock(abandoned_mutex);
    abandoned.erase(service);
  }
  callbacks->report(service->duty.gone, {});
}

void Services::when_empty(const std::shared_ptr<Service>& service, Done done) {
  if (service->shut_and_empty()) return service->report(done, {});
  {
    const std::lock_guard lock(mutex_);
    until_empty_.emplace_back(service, std::move(done));
  }
  gate_is_empty();  // it may be by now
}

void Services::gate_is_empty() {
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
  // Not from here: this may be the middle of anything, as a call's way out of a module.
  for (auto& [service, done] : ended)
    quietly([&] { alarms.post([service = service, done = std::move(done)] { service->report(done, {}); }); });
}

// ---- closing ----

void Services::begin_closing() {
  decltype(begun_) begun;  // destroyed outside the lock
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    begun.swap(begun_);
  }
  calls.begin_closing();
}

// False: there are services that did not end by then.
bool Services::destroy_all(TimePoint limit) {
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
    for (const auto& service : empty) {
      const auto done = [self = shared_from_this(), id = service->id()](const Outcome& outcome) {
        if (outcome.status.ok()) return;
        self->callbacks->log(PINNATE_LOG_ERROR, outcome.status.message());
        self->abandon(id);  // unless it is gone all the same
      };
      order(service, done, [self = shared_from_this()](Service& s) { return self->destroy(s); });
    }
  }
}

void Services::close(TimePoint limit) {
  queue_.refuse_waiting(this, {PINNATE_CLOSED, "the engine is closing"});
  const bool all_ended = destroy_all(limit);
  std::vector<std::shared_ptr<Service>> left;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, service] : services_) left.push_back(service);
  }
  left_behind = left.size();
  for (const auto& service : left) {
    callbacks->log(PINNATE_LOG_WARNING, service->label() + ": did not end in time; left behind");
    abandon(service->id());
  }
  // Threads that no module holds end at once; there is no use in waiting long for the others.
  limit = all_ended ? std::max(limit, Clock::now() + std::chrono::seconds(1)) : Clock::now();
  alarms.close(limit);
  calls.stop(limit);
  queue_.leave(this, {PINNATE_CLOSED, "the engine is closed"}, limit);
  calls.gate.wait_for_readers();
  if (black_box) black_box->shut();
  callbacks->shut();
}

}  // namespace pinnate::module
