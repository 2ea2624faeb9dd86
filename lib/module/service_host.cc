#include "module/service_host.h"

#include "module/loading/loaders.h"
#include "module/services.h"

#include <latch>
#include <utility>

namespace pinnate::module {
namespace {

class ThreadedServiceHost : public ServiceHost {
 public:
  explicit ThreadedServiceHost(std::shared_ptr<Services> services)
      : services_(std::move(services)), loaders_(services_->kept) {}

  ~ThreadedServiceHost() override {
    if (closer_) {  // it has nothing left to do but to return, unless we are inside `closed`, on it
      if (!closer_->thread.is_current()) closer_->thread.join_until(Clock::now() + std::chrono::seconds(1));
    } else {  // threads get no longer than they need to end
      services_->callbacks->shut();
      services_->begin_closing();
      services_->close(Clock::now());
    }
  }

  std::vector<Restored::Death> deaths() const override {
    return services_->black_box ? services_->black_box->deaths() : std::vector<Restored::Death>();
  }

  Status add_loader(const pinnate_loader& loader) override { return loaders_.add(loader); }

  std::set<std::string> loaders() const override { return loaders_.kinds(); }

  void assemble(LoadOrder order, Done done) override {
    Result<Loader> loader = loaders_.find(order.loader);
    if (!loader.ok())
      return refuse(std::move(done), {loader.status().code(), "module '" + order.name + "' " + order.version + ": " +
                                                                  loader.status().message()});
    services_->keep_begun(order.artifact, order.image.content);
    auto service = std::make_shared<Service>(services_, std::move(order), std::move(*loader), services_->callbacks,
                                             services_->black_box);
    if (Status s = services_->add(service); !s.ok()) return refuse(std::move(done), std::move(s));
    const ImagePlace place{services_->options.state_dir, services_->options.private_files};
    const ServiceId id = service->id();
    services_->order(service, gone_if_failed(id, std::move(done)), [services = services_, place](Service& s) {
      Outcome outcome = s.make_image(place);
      if (outcome.status.code() != PINNATE_CANCELLED) services->drop_begun(s.artifact());
      return outcome;
    });
  }

  void drop_artifact(const Digest& artifact) override { services_->drop_begun(artifact); }

  void load(ServiceId id, std::uint32_t limit_ms, Done done) override {
    // Whoever ordered it has a limit for it all, and is to hear before that why it was not begun.
    const TimePoint load_by = Clock::now() + std::chrono::milliseconds(limit_ms - limit_ms / 10);
    order(id, gone_if_failed(id, std::move(done)), [load_by](Service& s) {
      Outcome outcome = s.load(load_by);
      outcome.one_at_a_time = s.one_at_a_time();
      return outcome;
    });
  }

  void create(ServiceId id, Done done) override {
    order(id, std::move(done), [](Service& s) { return s.create(); });
  }

  void check_health(ServiceId id, Done done) override {
    order(id, std::move(done), [](Service& s) { return s.check_health(); });
  }

  void activate(const std::string& function, ServiceId id) override {
    const auto service = services_->find(id);
    if (service && service->created()) return services_->activate(function, service);
    services_->callbacks->log(PINNATE_LOG_ERROR, "function '" + function + "': service " + std::to_string(id) +
                                                     " was to take its calls, but is not there (a defect of Pinnate)");
  }

  void hold(const std::string& function) override { services_->calls.hold(function); }

  void deactivate(const std::string& function) override { services_->calls.deactivate(function); }

  void drain(ServiceId id, Done done) override {
    if (const auto service = services_->find(id)) return services_->when_empty(service, std::move(done));
    refuse(std::move(done), unknown(id));
  }

  void destroy(ServiceId id, Done done) override {
    if (!services_->find(id)) return refuse(std::move(done), {});  // never loaded: nothing to destroy
    order(id, std::move(done), [services = services_](Service& s) -> Outcome {
      if (!s.shut_and_empty())
        return s.refused(PINNATE_INTERNAL, "to be destroyed with calls inside (a defect of Pinnate)");
      return services->destroy(s);
    });
  }

  void abandon(ServiceId id, Done gone) override { services_->abandon(id, std::move(gone)); }

  void trust(ServiceId id) override {
    const auto service = services_->find(id);
    if (!service) return;
    service->note().trust();
    if (services_->black_box) services_->black_box->forgive(service->artifact());
  }

  Invoked invoke(const std::string& function, Buffer payload, std::uint32_t timeout_ms, Done done,
                 Labels headers) override {
    return services_->calls.invoke(function, std::move(payload), timeout_ms, std::move(done), std::move(headers));
  }

  Inline run_inline(const std::string& function, Buffer payload, std::uint32_t timeout_ms, Labels headers) override {
    return services_->calls.run_inline(function, std::move(payload), timeout_ms, std::move(headers));
  }

  Invoked await(const std::shared_ptr<Call>& unanswered, Done done) override {
    return services_->calls.await(unanswered, std::move(done));
  }

  void give_up(const Invoked& invoked) override { services_->calls.give_up(invoked); }

  Outcome call_here(const std::string& function, std::string_view payload, std::uint32_t timeout_ms, Labels headers,
                    bool may_wait) override {
    return services_->calls.call_here(function, payload, timeout_ms, std::move(headers), may_wait);
  }

  void close(std::uint32_t limit_ms, std::function<void()> closed) override {
    if (closer_) return;  // `closed` runs once
    services_->begin_closing();
    const TimePoint limit = Clock::now() + std::chrono::milliseconds(limit_ms);
    const auto closer = closer_ = std::make_shared<Closer>();
    auto run = [services = services_, closer, limit, closed = std::move(closed)] {
      services->close(limit);
      if (closed) closed();
    };
    auto thread = Thread::start("pinnate-close", [closer, run] {
      closer->handed_over.wait();  // `closed` may destroy the object that close() works on
      run();
    });
    if (!thread.ok()) return run();  // no thread can be had: then it is this one that waits
    closer->thread = std::move(*thread);
    closer->handed_over.count_down();
  }

  std::size_t left_behind() const override { return services_->left_behind; }

 private:
  struct Closer {
    Thread thread;
    std::latch handed_over{1};
  };

  // Also when it was refused.
  Done gone_if_failed(ServiceId id, Done done) const {
    return [services = services_, id, done = std::move(done)](Outcome outcome) {
      if (!outcome.status.ok()) services->remove(id);
      if (done) done(std::move(outcome));
    };
  }

  static Status unknown(ServiceId id) {
    return {PINNATE_NOT_FOUND, "service " + std::to_string(id) + " is not there (given up, or never loaded)"};
  }

  // Not from inside the order, as only `drain` is answered: `done` may take locks of the caller's.
  void refuse(Done done, Status why) {
    services_->alarms.post([callbacks = services_->callbacks, done = std::move(done), why = std::move(why)] {
      callbacks->report(done, why);
    });
  }

  void order(ServiceId id, Done done, std::function<Outcome(Service&)> run) {
    if (const auto service = services_->find(id)) return services_->order(service, std::move(done), std::move(run));
    refuse(std::move(done), unknown(id));
  }

  const std::shared_ptr<Services> services_;
  Loaders loaders_;
  std::shared_ptr<Closer> closer_;
};

}  // namespace

Result<std::unique_ptr<ServiceHost>> ServiceHost::open(ServiceHostOptions options) {
  auto services = Services::open(std::move(options));
  if (!services.ok()) return services.status();
  return std::unique_ptr<ServiceHost>(std::make_unique<ThreadedServiceHost>(std::move(*services)));
}

}  // namespace pinnate::module
