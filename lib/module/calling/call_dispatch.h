// The way of a call: through the swap gate into its service, to its turn, to a thread, and out.
#pragma once

#include "module/calling/call.h"
#include "module/calling/held_calls.h"
#include "module/calling/swap_gate.h"
#include "module/calling/workers.h"
#include "module/lasting/alarms.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace pinnate::module {

class CallDispatch {
 public:
  CallDispatch(std::uint32_t worker_threads, std::uint32_t queued_calls, const sigset_t& signal_mask,
               std::shared_ptr<HostCallbacks> callbacks, Alarms& alarms);

  // Threads and alarms keep `keep` alive, to which this belongs.
  void use(const std::weak_ptr<void>& keep);

  // See ServiceHost::invoke, give_up and call_here.
  Invoked invoke(const std::string& function, Buffer payload, std::uint32_t timeout_ms, Done done, Labels headers);
  void give_up(const Invoked& invoked);
  Inline run_inline(const std::string& function, Buffer payload, std::uint32_t timeout_ms, Labels headers);
  Invoked await(const std::shared_ptr<Call>& call, Done done);
  Outcome call_here(std::string_view function, std::string_view payload, std::uint32_t timeout_ms, Labels headers,
                    bool may_wait);

  // See ServiceHost; services in their gates' words.
  void activate(const std::string& function, Gate& service);
  void hold(const std::string& function);
  void deactivate(const std::string& function);

  // From its return on, no call enters a service.
  void begin_closing();
  void stop(TimePoint limit) { workers_.stop(limit); }

  SwapGate gate;

 private:
  Status no_service(std::string_view function) const;
  Status not_waited_for(std::string_view function, HeldCalls::Stay stay) const;
  void refuse(Done done, Status why);
  std::weak_ptr<Call> begin(Pass pass, Buffer payload, std::uint32_t timeout_ms, Done done, Labels headers);
  void begin_or_hold(const std::shared_ptr<HeldCall>& call);
  void begin_all(HeldCalls::List held);
  Pass await_service(std::string_view function, const HoldLimits& limits, bool may_wait, Status* why);
  Outcome call_in(Pass pass, std::string_view payload, std::uint32_t timeout_ms, Labels headers, bool may_wait);
  void give_up(Call& call);
  void send_to_worker(std::shared_ptr<Call> call);
  void pass_turn_on(Callee& callee);
  void run_on_worker(const std::shared_ptr<Call>& call);
  void has_ended(Call& call, Call::Stage stage);  // at its caller's side, before it was answered

  const std::uint32_t queued_calls_;
  const std::shared_ptr<HostCallbacks> callbacks_;
  Alarms& alarms_;
  std::weak_ptr<void> keep_;
  std::atomic<bool> closing_{false};
  Workers workers_;
  HeldCalls held_;
};

}  // namespace pinnate::module
