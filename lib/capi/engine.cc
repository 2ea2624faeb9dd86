#include <pinnate/engine.h>

#include "base/names.h"
#include "capi/convert.h"
#include "capi/entry.h"
#include "capi/options.h"
#include "capi/service_watch.h"
#include "capi/sized.h"
#include "module/service_host.h"
#include "tier/engine.h"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

using namespace pinnate;

namespace pinnate::capi {

// Calls into an engine's services from threads of the host, without the loop. Any thread; nothing
// here takes a lock, since such calls are meant to cost what a function call costs.
class InProcessCalls {
 public:
  // Once, before any call. The node owns `services` too: a call that a module does not let go of
  // keeps them, and nothing else of the engine, beyond its closing.
  void begin(std::shared_ptr<module::ServiceHost> services) { door_->services = std::move(services); }
  // From now on calls are refused.
  void end() { door_->ended = true; }

  // Blocks. PINNATE_CLOSED after end; else as ServiceHost::call_here.
  module::Outcome call(const wire::Call& call, const pinnate_bytes& payload) const {
    const std::shared_ptr<Door> door = door_;
    if (door->ended) return {{PINNATE_CLOSED, "the engine is closing or closed"}};
    return door->services->call_here(call.function, {static_cast<const char*>(payload.data), payload.size},
                                     call.timeout_ms);
  }

 private:
  struct Door {
    std::shared_ptr<module::ServiceHost> services;
    std::atomic<bool> ended{false};
  };
  const std::shared_ptr<Door> door_ = std::make_shared<Door>();
};

}  // namespace pinnate::capi

struct pinnate_engine final : capi::Handle {
  static constexpr const char* kNoun = "engine";
  pinnate_engine() : Handle(kNoun) {}

  Status bring_up(const capi::TierSetup& setup, runtime::NodeParts parts) {
    calls_.begin(parts.services);
    return open(setup, std::move(parts));
  }

  Status add_loader(const pinnate_loader& loader) {
    return on_loop([&]() -> Status {
      if (linked_) return {PINNATE_INVALID, "loaders are to be added before the engine dials or listens"};
      return node().services()->add_loader(loader);
    });
  }

  // What comes over a link may need any loader.
  Status link(const std::function<Status()>& make) {
    if (Status s = on_loop([&] { return linked_ = true, Status(); }); !s.ok()) return s;
    return make();
  }

  Status call_wait(const capi::CallOrder& order, void** result, std::size_t* result_size);
  Status watch_services(pinnate_service_fn on_service, void* arg);

 private:
  void closing() override { calls_.end(); }

  capi::InProcessCalls calls_;
  std::shared_ptr<capi::ServiceWatch> watch_;
  bool linked_ = false;
};

Status pinnate_engine::call_wait(const capi::CallOrder& order, void** result, std::size_t* result_size) {
  if (on_loop_thread())
    return {PINNATE_WRONG_THREAD, "this would block the loop's thread: call it on another, or use pinnate_engine_call"};
  if (!order.message.engine.empty() && order.message.engine != id())
    return {PINNATE_INVALID, "call.engine is '" + order.message.engine + "', and this is '" + id() +
                                 "': a call in process stays here; pinnate_engine_call goes to others"};
  const module::Outcome outcome = calls_.call(order.message, order.payload);
  const Code code = outcome.status.code();
  if ((code == PINNATE_OK || code == PINNATE_FAILED) && !outcome.bytes.empty()) {
    *result = std::malloc(outcome.bytes.size());
    if (!*result) throw std::bad_alloc();
    std::memcpy(*result, outcome.bytes.data(), outcome.bytes.size());
    *result_size = outcome.bytes.size();
  }
  return outcome.status;
}

Status pinnate_engine::watch_services(pinnate_service_fn on_service, void* arg) {
  return soon([this, on_service, arg] {
    if (watch_) watch_->stop();
    watch_ = nullptr;
    if (!on_service) return;
    watch_ = std::make_shared<capi::ServiceWatch>(&requests(), [on_service, arg](const wire::ServiceRow& row) {
      const pinnate_service service = capi::to_service(row);
      on_service(arg, &service);
    });
    watch_->start();
  });
}

namespace {

// A number that has a greatest and, where it is 0, a default.
Result<std::uint32_t> up_to(std::uint32_t most, std::uint32_t given, std::uint32_t otherwise, const char* name) {
  if (given <= most) return capi::or_default(given, otherwise);
  return {PINNATE_INVALID, std::string("options.") + name + " is " + std::to_string(given) + "; 1 to " +
                               std::to_string(most) + " are allowed"};
}

Status add_loaders(const pinnate_engine_options& options, module::ServiceHost* services) {
  constexpr std::size_t kMost = 64;
  if (options.loader_count > kMost)
    return {PINNATE_INVALID, "options.loader_count is " + std::to_string(options.loader_count) + "; at most " +
                                 std::to_string(kMost) + " are allowed"};
  if (options.loader_count > 0 && !options.loaders)
    return {PINNATE_INVALID, "options.loaders is NULL, and loader_count is " + std::to_string(options.loader_count)};
  for (std::size_t i = 0; i < options.loader_count; ++i) {
    const Result<pinnate_loader> given =
        capi::read_sized(options.loaders[i], "options.loaders[" + std::to_string(i) + "]");
    if (!given.ok()) return given.status();
    if (Status s = services->add_loader(*given); !s.ok()) return s;
  }
  return {};
}

Result<pinnate_engine*> open_engine(const pinnate_engine_options& given) {
  Result<capi::TierSetup> setup = capi::read_tier_setup(given.tier, pinnate_engine::kNoun);
  if (!setup.ok()) return setup.status();
  const auto dir = capi::read_folder(given.state_dir, "state_dir");
  if (!dir.ok()) return dir.status();
  tier::EngineOptions engine;
  engine.platform = given.platform ? given.platform : pinnate_platform();
  if (Status s = check_platform(engine.platform); !s.ok()) return s;
  engine.durable = dir->has_value();
  module::ServiceHostOptions host;
  const Result<std::uint32_t> threads = up_to(64, given.worker_threads, host.worker_threads, "worker_threads");
  if (!threads.ok()) return threads.status();
  host.worker_threads = *threads;
  host.queued_calls = capi::or_default(given.queued_calls, host.queued_calls);
  host.state_dir = dir->value_or("");
  host.log = setup->log;

  runtime::NodeParts parts;
  parts.close_limit_ms = capi::or_default(given.close_limit_ms, parts.close_limit_ms);
  if (Status s = capi::open_store(*dir, pinnate_engine::kNoun, &*setup, &parts); !s.ok()) return s;
  auto services = module::ServiceHost::open(std::move(host));
  if (!services.ok()) return services.status();
  if (Status s = add_loaders(given, services->get()); !s.ok()) return s;
  parts.services = std::move(*services);
  engine.tier = setup->tier;
  parts.tier = tier::make_engine(std::move(engine));
  auto handle = std::make_unique<pinnate_engine>();
  if (Status s = handle->bring_up(*setup, std::move(parts)); !s.ok()) return s;
  return handle.release();
}

}  // namespace

pinnate_status pinnate_engine_open(const pinnate_engine_options* options, pinnate_engine** engine) {
  return capi::open_handle(options, open_engine, engine);
}

pinnate_status pinnate_engine_add_loader(pinnate_engine* engine, const pinnate_loader* loader) {
  return capi::with(engine, [&](pinnate_engine& e) -> Status {
    const Result<pinnate_loader> given = capi::read_sized(loader, "loader");
    return given.ok() ? e.add_loader(*given) : given.status();
  });
}

pinnate_status pinnate_engine_dial_upstream(pinnate_engine* engine, const char* address) {
  return capi::with(
      engine, [&](pinnate_engine& e) { return e.link([&] { return capi::dial(e, tier::Side::upstream, address); }); });
}

pinnate_status pinnate_engine_listen(pinnate_engine* engine, const char* address, char* bound, size_t bound_size) {
  return capi::with(
      engine, [&](pinnate_engine& e) { return e.link([&] { return capi::listen(e, address, bound, bound_size); }); });
}

pinnate_status pinnate_engine_call_wait(pinnate_engine* engine, const pinnate_call* call, void** result,
                                        size_t* result_size) {
  return capi::with(engine, [&](pinnate_engine& e) -> Status {
    if (Status s = capi::required(result, "result"); !s.ok()) return s;
    if (Status s = capi::required(result_size, "result_size"); !s.ok()) return s;
    *result = nullptr;
    *result_size = 0;
    const Result<capi::CallOrder> order = capi::read_call(call);
    return order.ok() ? e.call_wait(*order, result, result_size) : order.status();
  });
}

void pinnate_result_free(void* result) { std::free(result); }

pinnate_status pinnate_engine_call(pinnate_engine* engine, const pinnate_call* call, pinnate_result_fn on_result,
                                   void* arg) {
  return capi::with(engine, capi::call, call, on_result, arg);
}

pinnate_status pinnate_engine_services(pinnate_engine* engine, pinnate_rows_fn on_rows, void* arg) {
  return capi::with(engine, capi::ask_tiers, wire::Lookup{}, on_rows, arg);
}

pinnate_status pinnate_engine_watch(pinnate_engine* engine, pinnate_service_fn on_service, void* arg) {
  return capi::with(engine, &pinnate_engine::watch_services, on_service, arg);
}

pinnate_status pinnate_engine_close(pinnate_engine* engine, pinnate_closed_fn on_closed, void* arg) {
  return capi::with(engine, &capi::Handle::close, on_closed, arg);
}

pinnate_status pinnate_engine_close_wait(pinnate_engine* engine) {
  return capi::with(engine, &capi::Handle::close_wait);
}

void pinnate_engine_free(pinnate_engine* engine) { capi::give_up(engine); }
