#include "module/service_host.h"

#include "module/calls.h"
#include "module/guarded.h"
#include "module/loaders.h"
#include "module/shared.h"

#include <atomic>
#include <latch>
#include <utility>

namespace pinnate::module {
namespace {

class Host : public ServiceHost {
 public:
  explicit Host(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

  ~Host() override {
    if (!closer_) {
      shared_->desert();
      return;
    }
    // It has nothing left to do but to return, unless we are inside `closed`, on it.
    if (closer_->closed_ran && !closer_->thread.is_current())
      closer_->thread.join_until(Clock::now() + std::chrono::seconds(1));
  }

  std::vector<Restored::Death> deaths() const override {
    return shared_->black_box ? shared_->black_box->deaths() : std::vector<Restored::Death>();
  }

  Status add_loader(const pinnate_loader& loader) override { return loaders_.add(loader); }

  void load(LoadOrder order, Done done) override {
    Result<Loader> loader = loaders_.find(order.loader);
    if (!loader.ok())
      return refuse(std::move(done), {loader.status().code(), "module '" + order.name + "' " + order.version + ": " +
                                                                  loader.status().message()});
    auto service =
        std::make_shared<Service>(shared_, std::move(order), std::move(*loader), shared_->outlet, shared_->black_box);
    if (Status s = shared_->add(service); !s.ok()) return refuse(std::move(done), std::move(s));
    Done gone_if_failed = [shared = shared_, id = service->id(), done = std::move(done)](Outcome outcome) {
      if (!outcome.status.ok()) shared->remove(id);  // also when it was refused
      if (done) done(std::move(outcome));
    };
    this->order(service, std::move(gone_if_failed), [shared = shared_.get()](Service& s) {
      return s.load({shared->options.state_dir, shared->options.private_files});
    });
  }

  void create(ServiceId id, Done done) override {
    order(id, std::move(done), [](Service& s) { return Outcome{s.create(), {}, {}}; });
  }

  void check_health(ServiceId id, Done done) override {
    order(id, std::move(done), [](Service& s) { return Outcome{s.check_health(), {}, {}}; });
  }

  void activate(const std::string& function, ServiceId id) override {
    const auto service = shared_->find(id);
    if (service && service->created()) return shared_->gate.activate(function, *service);
    shared_->outlet->log(PINNATE_LOG_ERROR, "function '" + function + "': service " + std::to_string(id) +
                                                " was to take its calls, but is not there (a defect of Pinnate)");
  }

  void deactivate(const std::string& function) override { shared_->gate.deactivate(function); }

  void drain(ServiceId id, Done done) override {
    if (const auto service = shared_->find(id)) return shared_->when_empty(service, std::move(done));
    refuse(std::move(done), unknown(id));
  }

  void destroy(ServiceId id, Done done) override {
    if (!shared_->find(id)) return refuse(std::move(done), {});  // never loaded: there is nothing to destroy
    order(id, std::move(done), [shared = shared_.get()](Service& s) -> Outcome {
      if (!s.shut_and_empty())
        return {{PINNATE_INTERNAL, s.label() + ": to be destroyed with calls inside (a defect of Pinnate)"}, {}, {}};
      return {shared->destroy(s), {}, {}};
    });
  }

  void abandon(ServiceId id) override { shared_->abandon(id); }

  void trust(ServiceId id) override {
    const auto service = shared_->find(id);
    if (!service) return;
    service->note().set_young(false);
    forgive(service->artifact());
  }

  void forgive(const Digest& artifact) override {
    if (shared_->black_box) shared_->black_box->forgive(artifact);
  }

  void invoke(const std::string& function, Buffer payload, std::uint32_t timeout_ms, Done done) override {
    module::invoke(shared_, function, std::move(payload), timeout_ms, std::move(done));
  }

  Outcome call_here(const std::string& function, std::string_view payload, std::uint32_t timeout_ms) override {
    return module::call_here(*shared_, function, payload, timeout_ms);
  }

  void close(std::uint32_t limit_ms, std::function<void()> closed) override {
    if (closer_) return;  // `closed` runs once
    shared_->begin_closing();
    const TimePoint limit = Clock::now() + std::chrono::milliseconds(limit_ms);
    const auto closer = closer_ = std::make_shared<Closer>();
    auto run = [shared = shared_, closer, limit, closed = std::move(closed)] {
      shared->close(limit);
      closer->closed_ran = true;
      if (closed) closed();
    };
    auto thread = Thread::start("pinnate-close", [closer, run] {
      closer->handed_over.wait();  // `closed` may destroy this object, so close() must be through with it
      run();
    });
    if (!thread.ok()) return run();  // no thread can be had: then it is this one that waits
    closer->thread = std::move(*thread);
    closer->handed_over.count_down();
  }

 private:
  struct Closer {
    Thread thread;
    std::latch handed_over{1};
    std::atomic<bool> closed_ran{false};
  };

  static Status unknown(ServiceId id) {
    return {PINNATE_NOT_FOUND, "service " + std::to_string(id) + " is not there (given up, or never loaded)"};
  }

  // Never from inside the order, as only `drain` may be answered: the caller may hold locks that `done` takes.
  void refuse(Done done, Status why) {
    shared_->alarms.post([outlet = shared_->outlet, done = std::move(done), why = std::move(why)] {
      outlet->report(done, {why, {}, {}});
    });
  }

  template <typename Run>
  void order(ServiceId id, Done done, Run run) {
    if (const auto service = shared_->find(id)) return order(service, std::move(done), std::move(run));
    refuse(std::move(done), unknown(id));
  }

  template <typename Run>
  void order(std::shared_ptr<Service> service, Done done, Run run) {
    const ServiceId id = service->id();
    shared_->module_orders.submit(
        {id,
         [shared = shared_.get(), service, done, run = std::move(run)] {
           Outcome outcome{no_memory(), {}, {}};
           const auto thread_ended = [&] {
             quietly([&] {
               outcome.status = {PINNATE_FAILED, service->label() + ": ended the thread that called it"};
             });
             service->report(done, std::move(outcome));
           };
           quietly([&] { outcome = run(*service); }, thread_ended);
           service->report(done, std::move(outcome));
           if (service->abandoned()) quietly([&] { shared->came_back(service); });
         },
         [this_ = shared_, service, done](const Status& why) {
           this_->alarms.post([service, done, why] {
             service->report(done, {{why.code(), service->label() + ": " + why.message()}, {}, {}});
           });
         }});
  }

  const std::shared_ptr<Shared> shared_;
  Loaders loaders_;
  std::shared_ptr<Closer> closer_;
};

}  // namespace

Result<std::unique_ptr<ServiceHost>> ServiceHost::open(ServiceHostOptions options) {
  auto shared = Shared::open(std::move(options));
  if (!shared.ok()) return shared.status();
  return std::unique_ptr<ServiceHost>(std::make_unique<Host>(std::move(*shared)));
}

}  // namespace pinnate::module
