#include <pinnate/testing.h>

#include "base/guarded.h"
#include "base/names.h"
#include "capi/asking.h"
#include "capi/boundary.h"
#include "capi/publish_order.h"
#include "capi/sized.h"
#include "capi/testing_fleet.h"

#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>

using namespace pinnate;

struct pinnate_testing_fleet {
  explicit pinnate_testing_fleet(capi::FleetPlan plan) : fleet(std::move(plan)) {}
  capi::TestingFleet fleet;
  const capi::OpenedHere opened_here{};
};

namespace {

constexpr std::uint64_t kMostAtOnceMs = 31536000000;

enum class May { from_callbacks, from_outside };

// The open fleets, each with the thread that is in one of its functions: wrong use of a pointer is
// told in words.
struct Fleets {
  std::mutex mutex;
  std::unordered_map<const pinnate_testing_fleet*, std::thread::id> inside;
};

Fleets& fleets() {
  static Fleets& one = *new Fleets;
  return one;
}

void set_inside(const pinnate_testing_fleet* fleet, std::thread::id thread) {
  const std::lock_guard lock(fleets().mutex);
  fleets().inside[fleet] = thread;
}

// Whether the caller came in, and has to leave: it may be inside already.
Result<bool> come_in(const pinnate_testing_fleet* fleet, May may) {
  const std::lock_guard lock(fleets().mutex);
  const auto found = fleets().inside.find(fleet);
  if (found == fleets().inside.end())
    return {PINNATE_CLOSED, "no fleet is open at this address: it was closed, or never was"};
  std::thread::id& thread = found->second;
  const bool free = thread == std::thread::id();
  if (free) thread = std::this_thread::get_id();
  if (thread != std::this_thread::get_id())
    return {PINNATE_WRONG_THREAD, "another thread is in a function of this fleet: threads may only take turns"};
  if (free || may == May::from_callbacks) return free;
  return {PINNATE_WRONG_THREAD,
          "called from inside a callback of this fleet, while its time passes: do it when the "
          "function that called back has returned"};
}

// One for all functions: what differs is called through a pointer.
pinnate_status enter(pinnate_testing_fleet* fleet, May may, Status (*run)(const void* body, capi::TestingFleet& fleet),
                     const void* body) noexcept {
  return capi::guarded([&]() -> Status {
    if (Status s = capi::required(fleet, "fleet"); !s.ok()) return s;
    const Result<bool> entered = come_in(fleet, may);
    if (!entered.ok()) return entered.status();
    const AtEnd leaving([&] {
      if (*entered) set_inside(fleet, {});
    });
    if (Status s = fleet->opened_here.check(); !s.ok()) return s;
    Status status = run(body, fleet->fleet);
    if (Status s = fleet->fleet.breach(); !s.ok()) return s;
    return status;
  });
}

template <class Body>
pinnate_status with(const pinnate_testing_fleet* fleet, const Body& body, May may = May::from_outside) noexcept {
  return enter(
      const_cast<pinnate_testing_fleet*>(fleet), may,
      [](const void* b, capi::TestingFleet& f) -> Status { return (*static_cast<const Body*>(b))(f); }, &body);
}

template <class Body>
pinnate_status look(const pinnate_testing_fleet* fleet, const Body& body) noexcept {
  return with(fleet, body, May::from_callbacks);
}

Result<std::int64_t> read_time(std::uint64_t ms, const char* name) {
  if (ms <= kMostAtOnceMs) return static_cast<std::int64_t>(ms);
  return {PINNATE_INVALID,
          std::string(name) + " is " + std::to_string(ms) + "; at most 31536000000, a year, is allowed"};
}

template <class Value>
Status give(const Result<Value>& made, Value* out) {
  if (made.ok()) *out = *made;
  return made.status();
}

Status read_function(const char* given, const char* argument, std::string* name) {
  if (Status s = capi::required(given, argument); !s.ok()) return s;
  *name = given;
  return check_function_name(*name);
}

}  // namespace

pinnate_status pinnate_testing_open(const pinnate_testing_options* options, pinnate_testing_fleet** fleet) {
  return capi::guarded([&]() -> Status {
    if (Status s = capi::required(fleet, "fleet"); !s.ok()) return s;
    *fleet = nullptr;
    Result<capi::FleetPlan> plan = capi::read_plan(options);
    if (!plan.ok()) return plan.status();
    auto made = std::make_unique<pinnate_testing_fleet>(std::move(*plan));
    set_inside(made.get(), {});
    *fleet = made.release();
    return {};
  });
}

pinnate_status pinnate_testing_tiers(const pinnate_testing_fleet* fleet, const pinnate_testing_tier* const** tiers,
                                     size_t* count) {
  return look(fleet, [&](const capi::TestingFleet& f) -> Status {
    if (Status s = capi::required(tiers, "tiers"); !s.ok()) return s;
    if (Status s = capi::required(count, "count"); !s.ok()) return s;
    *tiers = f.tiers().data();
    *count = f.tiers().size();
    return {};
  });
}

pinnate_status pinnate_testing_add_loader(pinnate_testing_fleet* fleet, const pinnate_loader* loader) {
  return with(fleet, [&](capi::TestingFleet& f) -> Status {
    const Result<pinnate_loader> given = capi::read_sized(loader, "loader");
    return given.ok() ? f.add_loader(*given) : given.status();
  });
}

// ---- time ---------------------------------------------------------------------------------------

pinnate_status pinnate_testing_now(const pinnate_testing_fleet* fleet, uint64_t* now_ms) {
  return look(fleet, [&](const capi::TestingFleet& f) -> Status {
    if (Status s = capi::required(now_ms, "now_ms"); !s.ok()) return s;
    *now_ms = f.now_ms();
    return {};
  });
}

pinnate_status pinnate_testing_advance(pinnate_testing_fleet* fleet, uint64_t ms) {
  return with(fleet, [&](capi::TestingFleet& f) -> Status {
    const auto time = read_time(ms, "ms");
    if (time.ok()) f.advance(*time);
    return time.status();
  });
}

pinnate_status pinnate_testing_run_until(pinnate_testing_fleet* fleet, pinnate_testing_condition_fn condition,
                                         void* arg, uint64_t limit_ms) {
  return with(fleet, [&](capi::TestingFleet& f) -> Status {
    if (Status s = capi::required(condition, "condition"); !s.ok()) return s;
    const auto limit = read_time(limit_ms, "limit_ms");
    if (!limit.ok()) return limit.status();
    if (f.run_until([&] { return condition(arg) != 0; }, *limit)) return {};
    return {PINNATE_TIMEOUT, "the condition did not hold within " + std::to_string(limit_ms) + " ms"};
  });
}

pinnate_status pinnate_testing_wait_online(pinnate_testing_fleet* fleet, uint64_t limit_ms) {
  return with(fleet, [&](capi::TestingFleet& f) -> Status {
    const auto limit = read_time(limit_ms, "limit_ms");
    return limit.ok() ? f.wait_online(*limit) : limit.status();
  });
}

pinnate_status pinnate_testing_wait_live(pinnate_testing_fleet* fleet, uint64_t release, uint64_t engines,
                                         uint64_t limit_ms) {
  return with(fleet, [&](capi::TestingFleet& f) -> Status {
    const auto limit = read_time(limit_ms, "limit_ms");
    return limit.ok() ? f.wait_live(release, engines, *limit) : limit.status();
  });
}

// ---- requests -----------------------------------------------------------------------------------

pinnate_status pinnate_testing_publish(pinnate_testing_fleet* fleet, const pinnate_publish* publish,
                                       pinnate_published* published) {
  return with(fleet, [&](capi::TestingFleet& f) -> Status {
    const Result<std::size_t> room = capi::room_in(published, "published");
    if (!room.ok()) return room.status();
    const Result<runtime::PublishOrder> order = capi::read_publish(publish, false);
    if (!order.ok()) return order.status();
    const Result<pinnate_published> answered = f.publish(*order);
    if (answered.ok()) capi::fill_sized(*answered, *room, published);
    return answered.status();
  });
}

pinnate_status pinnate_testing_unpublish(pinnate_testing_fleet* fleet, const char* name, uint64_t release) {
  return with(fleet, [&](capi::TestingFleet& f) -> Status {
    wire::Unpublish question;
    question.release = release;
    if (Status s = read_function(name, "name", &question.name); !s.ok()) return s;
    return f.unpublish(std::move(question));
  });
}

pinnate_status pinnate_testing_call(pinnate_testing_fleet* fleet, const char* tier, const pinnate_call* call,
                                    pinnate_bytes* result) {
  return with(fleet, [&](capi::TestingFleet& f) -> Status {
    if (Status s = capi::required(result, "result"); !s.ok()) return s;
    *result = {nullptr, 0};
    Result<wire::Call> question = capi::copy_call(call);
    return question.ok() ? f.call(tier, std::move(*question), result) : question.status();
  });
}

pinnate_status pinnate_testing_begin_call(pinnate_testing_fleet* fleet, const char* tier, const pinnate_call* call,
                                          pinnate_result_fn on_result, void* arg) {
  return with(fleet, [&](capi::TestingFleet& f) -> Status {
    if (Status s = capi::required(on_result, "on_result"); !s.ok()) return s;
    Result<wire::Call> question = capi::copy_call(call);
    return question.ok() ? f.begin_call(tier, std::move(*question), on_result, arg) : question.status();
  });
}

// ---- what is live where -------------------------------------------------------------------------

pinnate_status pinnate_testing_status(pinnate_testing_fleet* fleet, const char* tier, const char* name,
                                      const pinnate_rollup** rollup) {
  return with(fleet, [&](capi::TestingFleet& f) -> Status {
    if (Status s = capi::required(rollup, "rollup"); !s.ok()) return s;
    *rollup = nullptr;
    std::string function;
    if (Status s = capi::take_name(name, check_function_name, &function); !s.ok()) return s;
    return give(f.status(tier, function), rollup);
  });
}

pinnate_status pinnate_testing_lookup(pinnate_testing_fleet* fleet, const char* tier, const pinnate_lookup* lookup,
                                      const pinnate_row* const** rows, size_t* count, const char** next) {
  return with(fleet, [&](capi::TestingFleet& f) -> Status {
    if (Status s = capi::required(rows, "rows"); !s.ok()) return s;
    if (Status s = capi::required(count, "count"); !s.ok()) return s;
    *rows = nullptr;
    *count = 0;
    const Result<wire::Lookup> question = capi::read_lookup(lookup);
    if (!question.ok()) return question.status();
    const auto page = f.lookup(tier, *question);
    if (!page.ok()) return page.status();
    *rows = page->rows->data();
    *count = page->rows->size();
    if (next) *next = page->next;
    return {};
  });
}

pinnate_status pinnate_testing_engine(pinnate_testing_fleet* fleet, const char* engine, const pinnate_row** row) {
  return with(fleet, [&](capi::TestingFleet& f) -> Status {
    if (Status s = capi::required(row, "row"); !s.ok()) return s;
    *row = nullptr;
    return give(f.engine(engine), row);
  });
}

pinnate_status pinnate_testing_version_on(const pinnate_testing_fleet* fleet, const char* engine, const char* function,
                                          const char** version) {
  return look(fleet, [&](const capi::TestingFleet& f) -> Status {
    if (Status s = capi::required(version, "version"); !s.ok()) return s;
    *version = "";
    std::string name;
    if (Status s = read_function(function, "function", &name); !s.ok()) return s;
    return give(f.version_on(engine, name), version);
  });
}

pinnate_status pinnate_testing_count(const pinnate_testing_fleet* fleet, const char* function, const char* version,
                                     uint64_t* engines) {
  return look(fleet, [&](const capi::TestingFleet& f) -> Status {
    if (Status s = capi::required(engines, "engines"); !s.ok()) return s;
    *engines = 0;
    std::string name;
    if (Status s = read_function(function, "function", &name); !s.ok()) return s;
    *engines = f.count(name, version);
    return {};
  });
}

pinnate_status pinnate_testing_is_up(const pinnate_testing_fleet* fleet, const char* tier, int* up, uint32_t* lives) {
  return look(fleet, [&](const capi::TestingFleet& f) { return f.is_up(tier, up, lives); });
}

// ---- faults -------------------------------------------------------------------------------------

pinnate_status pinnate_testing_cut(pinnate_testing_fleet* fleet, const char* a, const char* b) {
  return with(fleet, [&](capi::TestingFleet& f) { return f.cut(a, b); });
}

pinnate_status pinnate_testing_partition(pinnate_testing_fleet* fleet, const char* tier) {
  return with(fleet, [&](capi::TestingFleet& f) { return f.partition(tier); });
}

pinnate_status pinnate_testing_heal(pinnate_testing_fleet* fleet) {
  return with(fleet, [](capi::TestingFleet& f) { return f.heal(), Status(); });
}

pinnate_status pinnate_testing_kill(pinnate_testing_fleet* fleet, const char* tier) {
  return with(fleet, [&](capi::TestingFleet& f) { return f.kill(tier, sim::Machine::Crash::kill); });
}

pinnate_status pinnate_testing_lose_power(pinnate_testing_fleet* fleet, const char* tier) {
  return with(fleet, [&](capi::TestingFleet& f) { return f.kill(tier, sim::Machine::Crash::power_loss); });
}

pinnate_status pinnate_testing_stop(pinnate_testing_fleet* fleet, const char* tier) {
  return with(fleet, [&](capi::TestingFleet& f) { return f.stop(tier); });
}

pinnate_status pinnate_testing_restart(pinnate_testing_fleet* fleet, const char* tier) {
  return with(fleet, [&](capi::TestingFleet& f) { return f.restart(tier); });
}

pinnate_status pinnate_testing_inject(pinnate_testing_fleet* fleet, const pinnate_testing_fault* fault) {
  return with(fleet, [&](capi::TestingFleet& f) -> Status {
    const Result<pinnate_testing_fault> given = capi::read_sized(fault, "fault");
    return given.ok() ? f.inject(*given) : given.status();
  });
}

pinnate_status pinnate_testing_cure(pinnate_testing_fleet* fleet, const char* name, const char* version) {
  return with(fleet, [&](capi::TestingFleet& f) -> Status {
    if (Status s = capi::required(name, "name"); !s.ok()) return s;
    if (Status s = capi::required(version, "version"); !s.ok()) return s;
    return f.cure(name, version);
  });
}

// ---- end ----------------------------------------------------------------------------------------

pinnate_status pinnate_testing_close(pinnate_testing_fleet* fleet) {
  return capi::guarded([&]() -> Status {
    if (Status s = capi::required(fleet, "fleet"); !s.ok()) return s;
    const Result<bool> entered = come_in(fleet, May::from_outside);
    if (!entered.ok()) return entered.status();
    {
      const std::lock_guard lock(fleets().mutex);
      fleets().inside.erase(fleet);
    }
    delete fleet;
    return {};
  });
}
