// Loads modules and runs their services for one engine. loading/ brings a module in and out again,
// calling/ is a call's way into its service and back, and lasting/ is what outlives a module.
//
// What a module does (constructors, create, calls, destroy) runs on threads of the library's, never
// on the caller's, but for call_here and run_inline. Results come through the `done` given with each order, on one
// of those threads unless the order says otherwise. The order of things (load, create, check,
// activate, drain, destroy), limits on time, and what to do about failures are the engine tier's.
#pragma once

#include <pinnate/loader.h>

#include "base/buffer.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/names.h"
#include "base/status.h"
#include "content/record.h"
#include "module/calling/invoked.h"
#include "module/lasting/outcome.h"
#include "module/loading/service.h"

#include <pthread.h>
#include <signal.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace pinnate::module {

inline sigset_t current_signal_mask() {
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return mask;
}

struct ServiceHostOptions {
  std::uint32_t worker_threads = 2;
  std::uint32_t queued_calls = 1024;
  std::string state_dir;  // "" : no notes of what is running, no quarantine
  bool private_files = false;  // images in files, as where memfd_create or /proc is missing
  KeptLimits kept;
  sigset_t signal_mask = current_signal_mask();  // of threads while they run a module's code
  Log log;
};

class ServiceHost {
 public:
  static Result<std::unique_ptr<ServiceHost>> open(ServiceHostOptions options);
  // Without close before it, what is under way gets some tenths of a second: threads that a module
  // holds are left behind with what they use.
  virtual ~ServiceHost() = default;

  // The artifacts in whose code the process died, this last time or before, from the notes in
  // state_dir; those that were trusted since are not among them.
  virtual std::vector<Restored::Death> deaths() const = 0;

  virtual Status add_loader(const pinnate_loader& loader) = 0;  // before the first load
  virtual std::set<std::string> loaders() const = 0;  // their kinds

  // Reads and verifies the artifact, and makes the image that the module is loaded from. One that
  // is abandoned stops at the next chunk; the next one of these bytes goes on there.
  virtual void assemble(LoadOrder order, Done done) = 0;
  // Nothing wants it any more: what is kept of an image that was stopped goes.
  virtual void drop_artifact(const Digest& artifact) = 0;
  // Of what is assembled. One load or create at a time in the engine; a load that hangs holds all
  // later ones, which the tier refuses in words once `limit_ms` passed. It may wait for another
  // engine's as long, or nearly.
  virtual void load(ServiceId service, std::uint32_t limit_ms, Done done) = 0;
  virtual void create(ServiceId service, Done done) = 0;
  virtual void check_health(ServiceId service, Done done) = 0;

  // From now on calls of `function` go to this service, in one step, and none to its predecessor.
  // One that drains takes calls again, and the drain is not reported.
  virtual void activate(const std::string& function, ServiceId service) = 0;
  // No service takes calls of `function`: they wait for the next activate or deactivate. After nine
  // tenths of their time, and after 10 s, they end as PINNATE_BUSY, and so does what is over the
  // limit of the queue.
  virtual void hold(const std::string& function) = 0;
  virtual void deactivate(const std::string& function) = 0;
  // Done when no call is left in the service; inside this very call when there is none.
  virtual void drain(ServiceId service, Done done) = 0;
  // Destroys and unloads (after a failed create too). Only when drained or never activated.
  // PINNATE_FAILED: it is gone, but threw or ended its thread; what fails otherwise is still there.
  virtual void destroy(ServiceId service, Done done) = 0;
  // Gives up on it: whatever it still does, no `done` of its orders runs any more, and its memory
  // stays until the order that it is in returns after all. Then it is destroyed, and `gone` runs.
  virtual void abandon(ServiceId service, Done gone = {}) = 0;
  // The service has lived for 60 s: its death is no longer counted against the artifact.
  virtual void trust(ServiceId service) = 0;

  // Runs one call on a worker. Ends once: the service's answer, PINNATE_FAILED with its words,
  // PINNATE_NOT_FOUND (no active service of that function), PINNATE_BUSY (queue full),
  // PINNATE_TIMEOUT (its late answer is dropped).
  virtual Invoked invoke(const std::string& function, Buffer payload, std::uint32_t timeout_ms, Done done,
                         Labels headers = {}) = 0;
  // The same on this thread, if the function's service declares its calls inline. What it has not
  // answered when its function returns is to be awaited, as if it had been invoked.
  virtual Inline run_inline(const std::string& function, Buffer payload, std::uint32_t timeout_ms,
                            Labels headers = {}) = 0;
  virtual Invoked await(const std::shared_ptr<Call>& unanswered, Done done) = 0;
  // Nobody waits for it any more: it ends as PINNATE_CANCELLED unless it has ended, never runs
  // where it has not begun, and the module may see it.
  virtual void give_up(const Invoked& invoked) = 0;

  // The same in process, blocking; any thread. The module's `call` runs on the calling thread. Not
  // `may_wait`: PINNATE_BUSY where it would wait for its turn, and PINNATE_TIMEOUT where the
  // service has not answered when its function returns.
  virtual Outcome call_here(const std::string& function, std::string_view payload, std::uint32_t timeout_ms,
                            Labels headers = {}, bool may_wait = true) = 0;

  // Ends everything: refuses new calls, destroys idle services, abandons what is not done after
  // limit_ms, joins its threads or leaves behind those that a module holds. `closed` runs once, on
  // a thread that belongs to no module.
  virtual void close(std::uint32_t limit_ms, std::function<void()> closed) = 0;
  // Services that closing abandoned; from `closed` on.
  virtual std::size_t left_behind() const = 0;
};

}  // namespace pinnate::module
