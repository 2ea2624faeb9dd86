#include "module/calls.h"

#include "base/limits.h"

#include <algorithm>

namespace pinnate::module {
namespace {

Status no_service(Shared& shared, std::string_view function) {
  if (shared.closing()) return {PINNATE_CLOSED, "the engine is closing"};
  return {PINNATE_NOT_FOUND, "function '" + std::string(function) + "': no service is active on this engine"};
}

Status too_large(std::string_view function, std::size_t bytes) {
  return {PINNATE_TOO_LARGE, "function '" + std::string(function) + "': a payload of " + std::to_string(bytes) +
                                 " bytes; the limit is " + std::to_string(kCallLimitBytes)};
}

// 0: as long as the module's release allows.
std::uint32_t limit_ms(const Service& service, std::uint32_t timeout_ms) {
  return timeout_ms ? std::min(timeout_ms, service.call_limit_ms()) : service.call_limit_ms();
}

Service& service_of(const Pass& pass) { return *static_cast<Service*>(pass.doorway()); }

// The turn is a call's: it goes to a worker.
void send_to_worker(Shared& shared, std::shared_ptr<Call> call);

void pass_turn_on(Shared& shared, Service& service) {
  if (service.calls_may_overlap()) return;
  if (std::shared_ptr<Call> next = service.turn().pass_on()) send_to_worker(shared, std::move(next));
}

void send_to_worker(Shared& shared, std::shared_ptr<Call> call) {
  if (shared.workers.submit(call)) return;
  shared.workers.begins();
  call->end({{PINNATE_NO_MEMORY, call->service().label() + ": no thread can be started to run the call"}, {}, {}});
  pass_turn_on(shared, call->service());
}

void time_is_up(Shared& shared, Call& call, bool closing) {
  const Call::Stage stage = closing
                                ? call.end({{PINNATE_CLOSED, "the engine closed before the call was answered"}, {}, {}})
                                : call.end_in_time_out();
  if (stage == Call::Stage::kRunning) {
    shared.workers.overdue(&call);
  } else if (stage == Call::Stage::kWaiting) {  // it will never begin, so it keeps its service until it goes
    Service& service = call.service();
    if (service.turn().forget(&call)) {
      shared.workers.begins();
    } else if (shared.workers.forget(&call)) {
      shared.workers.begins();
      pass_turn_on(shared, service);
    }  // else it is on its way to a worker, which will find it ended
  }
}

}  // namespace

void run_on_worker(Shared& shared, const std::shared_ptr<Call>& call) {
  shared.workers.begins();
  const auto before_over = [&] { pass_turn_on(shared, call->service()); };
  if (!call->run(before_over)) before_over();
}

void invoke(const std::shared_ptr<Shared>& shared, const std::string& function, Buffer payload,
            std::uint32_t timeout_ms, Done done) {
  // Never from inside invoke: the caller may hold locks that `done` takes.
  const auto refuse = [&](Status why) {
    shared->alarms.post([shared, done = std::move(done), why = std::move(why)] {
      shared->outlet->report(done, {why, {}, {}});
    });
  };
  if (payload.size() > kCallLimitBytes) return refuse(too_large(function, payload.size()));
  Pass pass = shared->gate.enter(function);
  if (!pass) return refuse(no_service(*shared, function));
  Service& service = service_of(pass);
  if (!shared->workers.admit())
    return refuse({PINNATE_BUSY, service.label() + ": " + std::to_string(shared->options.queued_calls) +
                                     " calls are waiting on this engine already"});

  const std::uint32_t limit = limit_ms(service, timeout_ms);
  const Alarms::Key alarm = shared->alarms.key(Clock::now() + std::chrono::milliseconds(limit));
  const auto call = std::make_shared<Call>(std::move(pass), std::move(payload), limit,
                                           [shared, alarm, done = std::move(done)](Outcome outcome) {
                                             shared->alarms.cancel(alarm);
                                             shared->outlet->report(done, std::move(outcome));
                                           });
  // Everything that belongs to the call is in place before it can run.
  shared->alarms.set(alarm, [shared, call](bool closing) { time_is_up(*shared, *call, closing); });
  if (service.calls_may_overlap() || service.turn().take_or_queue(call)) send_to_worker(*shared, call);
}

Outcome call_here(Shared& shared, std::string_view function, std::string_view payload, std::uint32_t timeout_ms) {
  if (payload.size() > kCallLimitBytes) return {too_large(function, payload.size()), {}, {}};
  Pass pass = shared.gate.enter(function);
  if (!pass) return {no_service(shared, function), {}, {}};
  Service& service = service_of(pass);
  // A copy: a call that timed out is over for the caller and not for the service.
  const auto call =
      std::make_shared<Call>(std::move(pass), Buffer(std::string(payload)), limit_ms(service, timeout_ms), nullptr);
  if (!service.calls_may_overlap()) {
    switch (service.turn().wait(call->deadline())) {
      case Turn::Got::kTurn:
        break;
      case Turn::Got::kShut:
        return {{PINNATE_CLOSED, "the engine closed before the call had its turn"}, {}, {}};
      case Turn::Got::kTimeout:
        call->end_in_time_out();
        return call->wait();
    }
  }
  call->run([&] { pass_turn_on(shared, service); });
  // From here on `shared` may be gone, if the call is over; if it is not, the call knows what to keep.
  const std::shared_ptr<Bell> keep = call->still_open();
  if (!keep) return call->wait();
  auto& alarms = static_cast<Shared&>(*keep).alarms;
  const Alarms::Key alarm = alarms.key(call->deadline());
  alarms.set(alarm, [call](bool closing) {
    if (closing)
      call->end({{PINNATE_CLOSED, "the engine closed before the call was answered"}, {}, {}});
    else
      call->end_in_time_out();
  });
  Outcome outcome = call->wait();
  alarms.cancel(alarm);
  return outcome;
}

}  // namespace pinnate::module
