#include "module/calling/call_dispatch.h"

#include "base/known_threads.h"
#include "base/limits.h"

#include <algorithm>
#include <utility>

namespace pinnate::module {
namespace {

Status too_large(std::string_view function, std::size_t bytes) {
  return {PINNATE_TOO_LARGE, "function '" + std::string(function) + "': a payload of " + std::to_string(bytes) +
                                 " bytes; the limit is " + std::to_string(kCallLimitBytes)};
}

constexpr std::chrono::milliseconds kInlineLimit{5};  // longer, and links would wait for a module

Callee& callee_of(const Pass& pass) { return *static_cast<Callee*>(pass.gate()); }

// 0: as long as the module's release allows.
std::uint32_t limit_ms(const Callee& callee, std::uint32_t timeout_ms) {
  return timeout_ms ? std::min(timeout_ms, callee.call_limit_ms()) : callee.call_limit_ms();
}

}  // namespace

CallDispatch::CallDispatch(std::uint32_t worker_threads, std::uint32_t queued_calls, const sigset_t& signal_mask,
                           std::shared_ptr<HostCallbacks> callbacks, Alarms& alarms)
    : queued_calls_(queued_calls),
      callbacks_(std::move(callbacks)),
      alarms_(alarms),
      workers_(worker_threads, queued_calls, signal_mask, [this](const auto& call) { run_on_worker(call); }),
      held_(queued_calls) {}

void CallDispatch::use(const std::weak_ptr<void>& keep) {
  keep_ = keep;
  workers_.use(keep);
}

void CallDispatch::begin_closing() {
  closing_ = true;
  gate.deactivate_all();
  begin_all(held_.end_all());
}

// ---- while a service is replaced ----

void CallDispatch::hold(const std::string& function) {
  held_.begin(function);  // first: whoever finds no service finds this
  gate.deactivate(function);
  if (closing_) deactivate(function);
}

void CallDispatch::activate(const std::string& function, Gate& service) {
  gate.activate(function, service);
  begin_all(held_.end(function));
}

void CallDispatch::deactivate(const std::string& function) {
  gate.deactivate(function);
  begin_all(held_.end(function));
}

// Soon, on the alarms' thread: whoever ends a hold waits for no worker.
void CallDispatch::begin_all(HeldCalls::List held) {
  if (held.empty()) return;
  alarms_.post([this, keep = keep_.lock(), held = std::move(held)] {
    for (const auto& call : held) {
      alarms_.cancel(call->alarm);
      begin_or_hold(call);
    }
  });
}

Status CallDispatch::not_waited_for(std::string_view function, HeldCalls::Stay stay) const {
  if (stay == HeldCalls::Stay::not_held) return no_service(function);
  const std::string replaced = "function '" + std::string(function) + "': its service is being replaced";
  if (stay == HeldCalls::Stay::full)
    return {PINNATE_BUSY, replaced + ", and " + std::to_string(queued_calls_) + " calls wait for the next one already"};
  return {PINNATE_BUSY, replaced + ", and the next one has not come in time"};
}

// The call has not begun, or nobody else can: it was just made, or taken out.
void CallDispatch::begin_or_hold(const std::shared_ptr<HeldCall>& call) {
  for (;;) {
    const std::uint64_t seen = held_.changes();
    if (Pass pass = gate.enter(call->function)) {
      const std::weak_ptr<Call> begun = begin(std::move(pass), std::move(call->payload), call->limits.left_ms(),
                                              std::move(call->done), std::move(call->headers));
      if (!held_.begun(*call, begun)) return;
      if (const auto given_up = begun.lock()) give_up(*given_up);
      return;
    }
    const HeldCalls::Stay stay = held_.add(call, seen);
    if (stay == HeldCalls::Stay::changed) continue;
    if (stay != HeldCalls::Stay::held) return refuse(std::move(call->done), not_waited_for(call->function, stay));
    return alarms_.set(call->alarm, [this, keep = keep_.lock(), call](bool closing) {
      if (!held_.take(call)) return;
      callbacks_->report(call->done,
                         closing ? no_service(call->function) : not_waited_for(call->function, HeldCalls::Stay::held));
    });
  }
}

// Empty: there is none, and `why`.
Pass CallDispatch::await_service(std::string_view function, const HoldLimits& limits, bool may_wait, Status* why) {
  for (;;) {
    const std::uint64_t seen = held_.changes();
    if (Pass pass = gate.enter(function)) return pass;
    const HeldCalls::Stay stay = held_.wait(function, may_wait ? limits.until : Clock::now(), seen);
    if (stay == HeldCalls::Stay::changed) continue;
    *why = not_waited_for(function, stay);
    return Pass();
  }
}

Status CallDispatch::no_service(std::string_view function) const {
  if (closing_) return {PINNATE_CLOSED, "the engine is closing"};
  return {PINNATE_NOT_FOUND, "function '" + std::string(function) + "': no service is active on this engine"};
}

// ---- turns, where a service has them ----

void CallDispatch::pass_turn_on(Callee& callee) {
  if (callee.calls_may_overlap()) return;
  if (std::shared_ptr<Call> next = callee.turns().pass_on()) send_to_worker(std::move(next));
}

// The turn is the call's.
void CallDispatch::send_to_worker(std::shared_ptr<Call> call) {
  if (workers_.submit(call)) return;
  workers_.begins();
  call->end({{PINNATE_NO_MEMORY, call->callee().label() + ": no thread can be started to run the call"}});
  pass_turn_on(call->callee());
}

void CallDispatch::run_on_worker(const std::shared_ptr<Call>& call) {
  workers_.begins();
  const auto before_over = [&] { pass_turn_on(call->callee()); };
  if (!call->run(before_over)) before_over();
}

void CallDispatch::has_ended(Call& call, Call::Stage stage) {
  if (stage == Call::Stage::kRunning) return workers_.overdue(&call);
  if (stage != Call::Stage::kWaiting) return;
  // It will never begin, so it keeps its service until it goes.
  Callee& callee = call.callee();
  if (callee.turns().forget(&call)) {
    workers_.begins();
  } else if (workers_.forget(&call)) {
    workers_.begins();
    pass_turn_on(callee);
  }  // else it is on its way to a worker, which will find it ended
}

// ---- the two ways in ----

// Never from inside invoke: the caller may hold locks that `done` takes.
void CallDispatch::refuse(Done done, Status why) {
  alarms_.post(
      [callbacks = callbacks_, done = std::move(done), why = std::move(why)] { callbacks->report(done, why); });
}

Invoked CallDispatch::invoke(const std::string& function, Buffer payload, std::uint32_t timeout_ms, Done done,
                             Labels headers) {
  if (payload.size() > kCallLimitBytes) return refuse(std::move(done), too_large(function, payload.size())), Invoked();
  if (Pass pass = gate.enter(function))
    return {begin(std::move(pass), std::move(payload), timeout_ms, std::move(done), std::move(headers)), {}};
  const HoldLimits limits(timeout_ms);
  const auto call = std::make_shared<HeldCall>(
      HeldCall{function, std::move(payload), std::move(headers), std::move(done), limits, alarms_.key(limits.until)});
  begin_or_hold(call);
  return {{}, call};
}

std::weak_ptr<Call> CallDispatch::begin(Pass pass, Buffer payload, std::uint32_t timeout_ms, Done done,
                                        Labels headers) {
  Callee& callee = callee_of(pass);
  if (!workers_.admit()) {
    refuse(std::move(done), {PINNATE_BUSY, callee.label() + ": " + std::to_string(queued_calls_) +
                                               " calls are waiting on this engine already"});
    return {};
  }
  const std::uint32_t limit = limit_ms(callee, timeout_ms);
  const Alarms::Key alarm = alarms_.key(Clock::now() + std::chrono::milliseconds(limit));
  const std::shared_ptr<void> keep = keep_.lock();
  const auto call = std::make_shared<Call>(std::move(pass), std::move(payload), std::move(headers), limit,
                                           [this, keep, alarm, done = std::move(done)](Outcome outcome) {
                                             alarms_.cancel(alarm);
                                             callbacks_->report(done, std::move(outcome));
                                           });
  // Everything that belongs to the call is in place before it can run.
  alarms_.set(alarm, [this, keep, call](bool closing) { has_ended(*call, call->end_late(closing)); });
  if (callee.calls_may_overlap() || callee.turns().take_or_queue(call)) send_to_worker(call);
  return call;
}

// Nothing of the call may be touched that is its service's once `run` has returned.
Inline CallDispatch::run_inline(const std::string& function, Buffer payload, std::uint32_t timeout_ms,
                                Labels headers) {
  Inline inlined;
  if (payload.size() > kCallLimitBytes) return inlined;
  Pass pass = gate.enter(function);
  if (!pass || !callee_of(pass).calls_run_inline()) return inlined;
  Callee& callee = callee_of(pass);
  if (!callee.calls_may_overlap() && callee.turns().wait(Clock::now()) != CallTurns::Got::kTurn) return inlined;
  inlined.ran = true;
  const auto call = std::make_shared<Call>(std::move(pass), std::move(payload), std::move(headers),
                                           limit_ms(callee, timeout_ms), nullptr);
  const TimePoint begun = Clock::now();
  call->run([&] {
    const auto took = Clock::now() - begun;
    if (took > kInlineLimit && callee.was_too_slow())
      inlined.notice = callee.label() + ": a call took " + std::to_string(took / std::chrono::milliseconds(1)) +
                       " ms on the thread of its link, where " + std::to_string(kInlineLimit.count()) +
                       " ms are allowed: its calls run on workers from now on";
    pass_turn_on(callee);
  });
  if (call->ended())
    inlined.outcome = call->wait();
  else
    inlined.unanswered = call;
  return inlined;
}

Invoked CallDispatch::await(const std::shared_ptr<Call>& call, Done done) {
  const Alarms::Key alarm = alarms_.key(call->deadline());
  alarms_.set(alarm, [this, keep = keep_.lock(), call](bool closing) { has_ended(*call, call->end_late(closing)); });
  call->when_ended([this, keep = keep_.lock(), alarm, done = std::move(done)](Outcome outcome) {
    alarms_.cancel(alarm);
    callbacks_->report(done, std::move(outcome));
  });
  return {call, {}};
}

void CallDispatch::give_up(const Invoked& invoked) {
  std::shared_ptr<Call> call = invoked.call.lock();
  if (const auto& held = invoked.held) {
    if (held_.take(held)) {
      alarms_.cancel(held->alarm);
      return callbacks_->report(held->done, Status(PINNATE_CANCELLED, "given up by its caller"));
    }
    call = held_.give_up(*held);
  }
  if (call) give_up(*call);
}

void CallDispatch::give_up(Call& call) { has_ended(call, call.end({{PINNATE_CANCELLED, "given up by its caller"}})); }

Outcome CallDispatch::call_here(std::string_view function, std::string_view payload, std::uint32_t timeout_ms,
                                Labels headers, bool may_wait) {
  if (payload.size() > kCallLimitBytes) return too_large(function, payload.size());
  Pass pass = gate.enter(function);
  if (!pass) {
    const HoldLimits limits(timeout_ms);
    Status why;
    Pass awaited = await_service(function, limits, may_wait, &why);
    if (!awaited) return why;
    return call_in(std::move(awaited), payload, limits.left_ms(), std::move(headers), may_wait);
  }
  return call_in(std::move(pass), payload, timeout_ms, std::move(headers), may_wait);
}

// On this thread.
Outcome CallDispatch::call_in(Pass pass, std::string_view payload, std::uint32_t timeout_ms, Labels headers,
                              bool may_wait) {
  Callee& callee = callee_of(pass);
  KnownThread::remember_this();
  // A copy: a call that timed out is over for the caller and not for the service.
  const auto call = std::make_shared<Call>(std::move(pass), Buffer(std::string(payload)), std::move(headers),
                                           limit_ms(callee, timeout_ms), nullptr);
  if (!callee.calls_may_overlap()) {
    switch (callee.turns().wait(may_wait ? call->deadline() : Clock::now())) {
      case CallTurns::Got::kTurn:
        break;
      case CallTurns::Got::kShut:
        return {{PINNATE_CLOSED, "the engine closed before the call had its turn"}};
      case CallTurns::Got::kTimeout:
        if (!may_wait) return {{PINNATE_BUSY, callee.label() + ": another call is in it, and this one may not wait"}};
        call->end_late(false);
        return call->wait();
    }
  }
  call->run([&] { pass_turn_on(callee); });
  if (call->ended()) return call->wait();
  if (!may_wait) {
    call->end({{PINNATE_TIMEOUT, callee.label() + ": answers later, and this call may not wait"}});
    return call->wait();
  }
  const Alarms::Key alarm = alarms_.key(call->deadline());
  alarms_.set(alarm, [call](bool closing) { call->end_late(closing); });
  Outcome outcome = call->wait();
  alarms_.cancel(alarm);
  return outcome;
}

}  // namespace pinnate::module
