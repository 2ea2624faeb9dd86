// Calls of functions whose service is being replaced, and has no successor yet: they wait here
// until it comes, 10 s at most.
#pragma once

#include "base/buffer.h"
#include "base/names.h"
#include "module/calling/invoked.h"
#include "module/lasting/alarms.h"
#include "module/lasting/outcome.h"

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace pinnate::module {

// How long one call may wait for a service, and how long it has then. Both count from its start.
struct HoldLimits {
  explicit HoldLimits(std::uint32_t timeout_ms);
  std::uint32_t left_ms() const;  // 0: as long as the service allows

  std::optional<TimePoint> deadline;
  TimePoint until;
};

// Whoever takes it out of HeldCalls begins it, or ends it.
struct HeldCall {
  std::string function;
  Buffer payload;
  Labels headers;
  Done done;
  HoldLimits limits;
  Alarms::Key alarm;
  std::weak_ptr<Call> begun{};  // guarded by HeldCalls, like what follows
  bool given_up = false;
};

class HeldCalls {
 public:
  using List = std::list<std::shared_ptr<HeldCall>>;
  // `changed`: there may be a service by now.
  enum class Stay { held, full, changed, not_held };

  explicit HeldCalls(std::size_t limit) : limit_(limit) {}

  void begin(const std::string& function);
  // Those that waited, to be begun. Threads go on by themselves.
  List end(std::string_view function);
  List end_all();

  // How often a function began or ended to be held. It is read before a service is looked for, and
  // `seen` is what it was.
  std::uint64_t changes() const;
  Stay add(const std::shared_ptr<HeldCall>& call, std::uint64_t seen);
  // Blocks while the function is held. `held`: it still is, at `limit`.
  Stay wait(std::string_view function, TimePoint limit, std::uint64_t seen);

  // False: somebody else has.
  bool take(const std::shared_ptr<HeldCall>& call);
  // Of one that was taken to be begun. True: it was given up meanwhile.
  bool begun(HeldCall& call, const std::weak_ptr<Call>& as);
  // What it has begun as; null: it will be told when it does.
  std::shared_ptr<Call> give_up(HeldCall& call);

 private:
  Stay look_locked(std::string_view function, std::uint64_t seen) const;

  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, List, std::less<>> held_;
  std::size_t waiting_ = 0;  // calls and threads
  std::uint64_t changes_ = 0;
};

}  // namespace pinnate::module
