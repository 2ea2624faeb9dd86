#include <pinnate/engine.h>

#include "base/names.h"
#include "capi/convert.h"
#include "capi/entry.h"
#include "capi/in_process.h"
#include "capi/options.h"
#include "capi/service_watch.h"
#include "capi/sized.h"
#include "module/service_host.h"
#include "tier/engine.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

using namespace pinnate;

struct pinnate_engine final : capi::Handle {
  pinnate_engine() : Handle("engine") {}

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
  const module::Outcome outcome =
      calls_.call(order.message.function, {static_cast<const char*>(order.payload.data), order.payload.size},
                  order.message.timeout_ms);
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

constexpr const char* kEngine = "engine";

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

Result<pinnate_engine*> open_engine(const pinnate_engine_options* options) {
  const Result<pinnate_engine_options> given = capi::read_options(options);
  if (!given.ok()) return given.status();
  Result<capi::TierSetup> setup = capi::read_tier_setup(given->tier, kEngine);
  if (!setup.ok()) return setup.status();
  const auto dir = capi::read_folder(given->state_dir, "state_dir");
  if (!dir.ok()) return dir.status();
  tier::EngineOptions engine;
  engine.platform = given->platform ? given->platform : pinnate_platform();
  if (Status s = check_platform(engine.platform); !s.ok()) return s;
  engine.durable = dir->has_value();
  module::ServiceHostOptions host;
  const Result<std::uint32_t> threads = up_to(64, given->worker_threads, host.worker_threads, "worker_threads");
  if (!threads.ok()) return threads.status();
  host.worker_threads = *threads;
  host.queued_calls = capi::or_default(given->queued_calls, host.queued_calls);
  host.state_dir = dir->value_or("");
  host.log = setup->log;

  runtime::NodeParts parts;
  parts.close_limit_ms = capi::or_default(given->close_limit_ms, parts.close_limit_ms);
  auto store = capi::open_store(*dir, kEngine, &*setup);
  if (!store.ok()) return store.status();
  parts.store = std::move(*store);
  parts.store_blocks = dir->has_value();
  auto services = module::ServiceHost::open(std::move(host));
  if (!services.ok()) return services.status();
  if (Status s = add_loaders(*given, services->get()); !s.ok()) return s;
  parts.services = std::move(*services);
  engine.tier = setup->tier;
  parts.tier = tier::make_engine(std::move(engine));
  auto handle = std::make_unique<pinnate_engine>();
  if (Status s = handle->bring_up(*setup, std::move(parts)); !s.ok()) return s;
  return handle.release();
}

}  // namespace

pinnate_status pinnate_engine_open(const pinnate_engine_options* options, pinnate_engine** engine) {
  return capi::open_handle(engine, kEngine, [&] { return open_engine(options); });
}

pinnate_status pinnate_engine_add_loader(pinnate_engine* engine, const pinnate_loader* loader) {
  return capi::with(engine, kEngine, [&](pinnate_engine& e) -> Status {
    const Result<pinnate_loader> given = capi::read_sized(loader, "loader");
    return given.ok() ? e.add_loader(*given) : given.status();
  });
}

pinnate_status pinnate_engine_dial_upstream(pinnate_engine* engine, const char* address) {
  return capi::with(engine, kEngine, [&](pinnate_engine& e) {
    return e.link([&] { return capi::dial(e, tier::Side::upstream, address); });
  });
}

pinnate_status pinnate_engine_listen(pinnate_engine* engine, const char* address, char* bound, size_t bound_size) {
  return capi::with(engine, kEngine, [&](pinnate_engine& e) {
    return e.link([&] { return capi::listen(e, address, bound, bound_size); });
  });
}

pinnate_status pinnate_engine_call_wait(pinnate_engine* engine, const pinnate_call* call, void** result,
                                        size_t* result_size) {
  return capi::with(engine, kEngine, [&](pinnate_engine& e) -> Status {
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
  return capi::with(engine, kEngine, [&](capi::Handle& h) { return capi::call(h, call, on_result, arg); });
}

pinnate_status pinnate_engine_services(pinnate_engine* engine, pinnate_tiers_fn on_tiers, void* arg) {
  return capi::with(engine, kEngine, [&](capi::Handle& h) { return capi::lookup(h, wire::Lookup{}, on_tiers, arg); });
}

pinnate_status pinnate_engine_watch(pinnate_engine* engine, pinnate_service_fn on_service, void* arg) {
  return capi::with(engine, kEngine, [&](pinnate_engine& e) { return e.watch_services(on_service, arg); });
}

pinnate_status pinnate_engine_close(pinnate_engine* engine, pinnate_closed_fn on_closed, void* arg) {
  return capi::with(engine, kEngine, [&](capi::Handle& h) { return h.close(on_closed, arg); });
}
