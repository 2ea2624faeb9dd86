#include <pinnate/engine.h>

#include "base/names.h"
#include "capi/convert.h"
#include "capi/entry.h"
#include "capi/identity.h"
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
#include <thread>

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
  bool ended() const { return door_->ended; }
  static Status closed() { return {PINNATE_CLOSED, "the engine is closing or closed"}; }

  // Blocks, if it may. PINNATE_CLOSED after end; else as ServiceHost::call_here.
  module::Outcome call(const std::string& function, const pinnate_bytes& payload, std::uint32_t timeout_ms,
                       Labels headers = {}, bool may_wait = true) const {
    const std::shared_ptr<Door> door = door_;
    if (door->ended) return {closed()};
    return door->services->call_here(function, {static_cast<const char*>(payload.data), payload.size}, timeout_ms,
                                     std::move(headers), may_wait);
  }

 private:
  struct Door {
    std::shared_ptr<module::ServiceHost> services;
    std::atomic<bool> ended{false};
  };
  const std::shared_ptr<Door> door_ = std::make_shared<Door>();
};

// `take` gets the result, or with PINNATE_FAILED the service's words.
template <class Take>
Status hand_over(const module::Outcome& outcome, Take take) {
  const Code code = outcome.status.code();
  if (code != PINNATE_OK && code != PINNATE_FAILED) return outcome.status;
  const Status taken = take(outcome.bytes);
  return outcome.status.ok() ? taken : outcome.status;
}

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
      return node().add_loader(loader);
    });
  }

  // What comes over a link may need any loader.
  Status link(const std::function<Status()>& make) {
    if (Status s = on_loop([&] { return linked_ = true, Status(); }); !s.ok()) return s;
    return make();
  }

  template <class Take>
  Status call_here(const pinnate_call* given, bool may_wait, Take take);
  Status watch_services(pinnate_service_fn on_service, void* arg, pinnate_ticket* ticket);
  Result<pinnate_function*> look_up(const char* name);

 private:
  void closing() override { calls_.end(); }

  capi::InProcessCalls calls_;
  bool linked_ = false;
};

struct pinnate_function {
  static constexpr const char* kNoun = "function";
  const capi::OpenedHere& opened_here() const { return opened; }
  capi::InProcessCalls calls;
  std::string name;
  std::thread::id loop_thread;
  capi::OpenedHere opened{};
};

Result<pinnate_function*> pinnate_engine::look_up(const char* name) {
  std::string function;
  if (Status s = capi::take_function(name, "name", &function); !s.ok()) return s;
  if (calls_.ended()) return calls_.closed();
  return new pinnate_function{calls_, std::move(function), loop_thread()};
}

template <class Take>
Status pinnate_engine::call_here(const pinnate_call* given, bool may_wait, Take take) {
  capi::CallOrder order;
  if (Status s = capi::read_call(given, &order); !s.ok()) return s;
  if (order.ticket) *order.ticket = 0;
  if (may_wait && on_loop_thread())
    return {PINNATE_WRONG_THREAD,
            "this would block the loop's thread: call it on another, or use pinnate_engine_call or _try_call"};
  wire::Call& call = order.message;
  if (!call.engine.empty() && call.engine != id())
    return {PINNATE_INVALID, "call.engine is '" + call.engine + "', and this is '" + id() +
                                 "': a call in process stays here; pinnate_engine_call goes to others"};
  const module::Outcome outcome =
      calls_.call(call.function, order.payload, call.timeout_ms, std::move(call.headers), may_wait);
  return capi::hand_over(outcome, take);
}

Status pinnate_engine::watch_services(pinnate_service_fn on_service, void* arg, pinnate_ticket* ticket) {
  if (Status s = capi::required(on_service, "on_service"); !s.ok()) return s;
  return soon([this, on_service, arg, id = new_ticket(ticket)] {
    const auto watch = std::make_shared<capi::ServiceWatch>(
        &requests(), [on_service, arg](const Status&, const wire::ServiceRow* row) {
          if (!row) return on_service(arg, nullptr);
          const pinnate_service service = capi::to_service(*row);
          on_service(arg, &service);
        });
    watch->start(id);
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
  host.kept = {capi::or_default(given.kept_images_limit, host.kept.images),
               capi::or_default(given.kept_bytes_limit, host.kept.bytes)};
  host.log = setup->log;

  runtime::NodeParts parts;
  parts.close_limit_ms = capi::or_default(given.close_limit_ms, parts.close_limit_ms);
  if (Status s = capi::open_store(*dir, pinnate_engine::kNoun, &*setup, &parts); !s.ok()) return s;
  engine.ephemeral = given.ephemeral != 0;
  if (given.instance && *given.instance == '\0')
    return {PINNATE_INVALID, "options.instance is empty; NULL is for none"};
  std::string instance = given.instance ? given.instance : "";
  if (!given.instance && engine.ephemeral && (!setup->given_id.empty() || dir->has_value())) {
    Result<std::string> made = capi::random_instance();
    if (!made.ok()) return made.status();
    instance = std::move(*made);
  }
  if (!instance.empty()) setup->tier.id += "." + instance;
  if (Status s = check_tier_id(setup->tier.id); !s.ok()) return s;
  auto services = module::ServiceHost::open(std::move(host));
  if (!services.ok()) return services.status();
  if (Status s = add_loaders(given, services->get()); !s.ok()) return s;
  parts.services = std::move(*services);
  engine.tier = setup->tier;
  engine.loaders = parts.services->loaders();
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

pinnate_status pinnate_engine_dial_upstream(pinnate_engine* engine, const char* address, pinnate_ticket* ticket) {
  return capi::with(engine, [&](pinnate_engine& e) {
    return e.link([&] { return capi::dial(e, tier::Side::upstream, address, ticket); });
  });
}

pinnate_status pinnate_engine_listen(pinnate_engine* engine, const char* address, char* bound, size_t bound_size,
                                     pinnate_ticket* ticket) {
  return capi::with(engine, [&](pinnate_engine& e) {
    return e.link([&] { return capi::listen(e, address, bound, bound_size, ticket); });
  });
}

pinnate_status pinnate_engine_call_wait(pinnate_engine* engine, const pinnate_call* call, void** result,
                                        size_t* result_size, char* error, size_t error_bytes) {
  return capi::with_error(engine, error, error_bytes, [&](pinnate_engine& e) -> Status {
    if (Status s = capi::required(result, "result"); !s.ok()) return s;
    if (Status s = capi::required(result_size, "result_size"); !s.ok()) return s;
    *result = nullptr;
    *result_size = 0;
    return e.call_here(call, true, [&](const Buffer& bytes) -> Status {
      capi::give_result(bytes.view(), result, result_size);
      return {};
    });
  });
}

namespace {

// Copies a result to the caller's memory.
auto into(void* result, size_t room_bytes, size_t* result_bytes) {
  return [=](const Buffer& bytes) -> Status {
    *result_bytes = bytes.size();
    if (bytes.size() > room_bytes)
      return {PINNATE_TOO_LARGE, "the result has " + std::to_string(bytes.size()) + " bytes, and there is room for " +
                                     std::to_string(room_bytes) + ": it ran"};
    if (!bytes.empty()) std::memcpy(result, bytes.data(), bytes.size());
    return {};
  };
}

Status check_room(void* result, size_t room_bytes, size_t* result_bytes) {
  if (Status s = capi::required(result || room_bytes == 0, "result"); !s.ok()) return s;
  if (Status s = capi::required(result_bytes, "result_bytes"); !s.ok()) return s;
  *result_bytes = 0;
  return {};
}

pinnate_status call_into(pinnate_engine* engine, bool may_wait, const pinnate_call* call, void* result,
                         size_t room_bytes, size_t* result_bytes, char* error, size_t error_bytes) {
  return capi::with_error(engine, error, error_bytes, [&](pinnate_engine& e) -> Status {
    if (Status s = check_room(result, room_bytes, result_bytes); !s.ok()) return s;
    return e.call_here(call, may_wait, into(result, room_bytes, result_bytes));
  });
}

}  // namespace

pinnate_status pinnate_engine_call_into(pinnate_engine* engine, const pinnate_call* call, void* result,
                                        size_t room_bytes, size_t* result_bytes, char* error, size_t error_bytes) {
  return call_into(engine, true, call, result, room_bytes, result_bytes, error, error_bytes);
}

pinnate_status pinnate_engine_try_call(pinnate_engine* engine, const pinnate_call* call, void* result,
                                       size_t room_bytes, size_t* result_bytes, char* error, size_t error_bytes) {
  return call_into(engine, false, call, result, room_bytes, result_bytes, error, error_bytes);
}

pinnate_status pinnate_engine_function(pinnate_engine* engine, const char* name, pinnate_function** function) {
  return capi::with(engine, [&](pinnate_engine& e) -> Status {
    if (Status s = capi::required(function, "function"); !s.ok()) return s;
    *function = nullptr;
    const Result<pinnate_function*> found = e.look_up(name);
    if (found.ok()) *function = *found;
    return found.status();
  });
}

pinnate_status pinnate_function_call(pinnate_function* function, pinnate_bytes payload, uint32_t timeout_ms,
                                     void* result, size_t room_bytes, size_t* result_bytes, char* error,
                                     size_t error_bytes) {
  return capi::with_error(function, error, error_bytes, [&](pinnate_function& f) -> Status {
    if (Status s = check_room(result, room_bytes, result_bytes); !s.ok()) return s;
    if (Status s = capi::required(payload.data || payload.size == 0, "payload.data"); !s.ok()) return s;
    if (std::this_thread::get_id() == f.loop_thread)
      return {PINNATE_WRONG_THREAD, "this would block the loop's thread: call it on another"};
    const module::Outcome outcome =
        f.calls.call(f.name, payload, capi::or_default(timeout_ms, capi::kDefaultTimeoutMs));
    return capi::hand_over(outcome, into(result, room_bytes, result_bytes));
  });
}

void pinnate_function_free(pinnate_function* function) { delete function; }

void pinnate_result_free(void* result) { std::free(result); }

pinnate_status pinnate_engine_call(pinnate_engine* engine, const pinnate_call* call, pinnate_result_fn on_result,
                                   void* arg) {
  return capi::with(engine, capi::call, call, on_result, arg);
}

pinnate_status pinnate_engine_services(pinnate_engine* engine, pinnate_rows_fn on_rows, void* arg) {
  return capi::with(engine, capi::ask_tiers, capi::Mode::callback, wire::Lookup{}, on_rows, arg,
                    static_cast<pinnate_ticket*>(nullptr));
}

pinnate_status pinnate_engine_services_wait(pinnate_engine* engine, pinnate_rows_fn on_rows, void* arg, char* error,
                                            size_t error_bytes) {
  return capi::with_error(engine, error, error_bytes, capi::ask_tiers, capi::Mode::wait, wire::Lookup{}, on_rows, arg,
                          static_cast<pinnate_ticket*>(nullptr));
}

pinnate_status pinnate_engine_when_serving(pinnate_engine* engine, const char* name, uint32_t timeout_ms,
                                           pinnate_done_fn on_done, void* arg, pinnate_ticket* ticket) {
  return capi::with(engine, capi::when_serving, name, timeout_ms, on_done, arg, ticket);
}

pinnate_status pinnate_engine_when_serving_wait(pinnate_engine* engine, const char* name, uint32_t timeout_ms,
                                                char* error, size_t error_bytes) {
  return capi::with_error(engine, error, error_bytes, capi::when_serving_wait, name, timeout_ms);
}

pinnate_status pinnate_engine_watch(pinnate_engine* engine, pinnate_service_fn on_service, void* arg,
                                    pinnate_ticket* ticket) {
  return capi::with(engine, &pinnate_engine::watch_services, on_service, arg, ticket);
}

const char* pinnate_engine_id(const pinnate_engine* engine) { return engine ? engine->id().c_str() : nullptr; }

pinnate_status pinnate_engine_watch_links(pinnate_engine* engine, pinnate_link_fn on_link, void* arg,
                                          pinnate_ticket* ticket) {
  return capi::with(engine, &capi::Handle::watch_links, on_link, arg, ticket);
}

pinnate_status pinnate_engine_reload(pinnate_engine* engine, const pinnate_tier_options* tier) {
  return capi::with(engine, &capi::Handle::reload, tier);
}

pinnate_status pinnate_engine_cancel(pinnate_engine* engine, pinnate_ticket ticket) {
  return capi::with(engine, &capi::Handle::cancel, ticket);
}

pinnate_status pinnate_engine_close(pinnate_engine* engine, pinnate_closed_fn on_closed, void* arg) {
  return capi::with(engine, &capi::Handle::close, on_closed, arg);
}

pinnate_status pinnate_engine_close_wait(pinnate_engine* engine) {
  return capi::with(engine, &capi::Handle::close_wait);
}

void pinnate_engine_free(pinnate_engine* engine) { capi::give_up(engine); }
