// One service: a loaded module, its configuration, and what the module sees of the engine. Its own
// thread-safety is that of pinnate_loader: run_call on any thread, what does something with the
// module in order on module threads.
#pragma once

#include "base/buffer.h"
#include "base/digest.h"
#include "module/calling/callee.h"
#include "module/lasting/host_callbacks.h"
#include "module/lasting/process_state.h"
#include "module/loading/image.h"
#include "module/loading/loaders.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pinnate::module {

struct LoadOrder {
  ServiceId service = 0;
  std::string name, version, loader;
  Digest artifact;
  ImageSource image;
  std::vector<std::string> allowed;  // words of findings that its publisher insists on
  Buffer config;
  std::uint32_t call_limit_ms = 30000;
};

class Service : public Callee {
 public:
  Service(std::shared_ptr<Watcher> watcher, LoadOrder order, Loader loader, std::shared_ptr<HostCallbacks> callbacks,
          std::shared_ptr<BlackBox> box);

  ServiceId id() const { return order_.service; }
  const Digest& artifact() const { return order_.artifact; }
  bool calls_may_overlap() const override { return flags_ & PINNATE_CALLS_MAY_OVERLAP; }
  bool declares_inline() const override { return flags_ & PINNATE_CALLS_INLINE; }
  bool one_at_a_time() const { return flags_ & PINNATE_ONE_AT_A_TIME; }

  // ---- on a module thread ----
  Outcome make_image(const ImagePlace& place);
  Status load(TimePoint by);
  Status create();
  Status check_health();
  Status destroy();  // and unload, or whatever of both there is to do
  bool loaded() const { return loaded_; }
  bool native() const { return loader_.native; }
  bool stays() const { return stays_; }  // in memory, after destroy
  std::vector<std::string> take_notices() { return std::exchange(notices_, {}); }
  // It may be activated. Any thread.
  bool created() const { return created_.load(std::memory_order_acquire); }

  // ---- any thread ----
  void run_call(Call& call, pinnate_reply* reply, std::string_view payload) override;
  // Runs `done`, unless it was abandoned.
  void report(const Done& done, Outcome outcome);
  Status refused(Code code, const std::string& words) const { return {code, label() + ": " + words}; }
  // From its return on, no `done` runs.
  void abandon();
  bool abandoned() const { return abandoned_.load(std::memory_order_acquire); }

  // Guarded by whoever keeps it.
  struct Duty {
    bool in_order = false;  // on a module thread now
    bool given_up = false;
    Done gone;  // once it is given up and destroyed
  };
  Duty duty;

 private:
  template <typename Run>
  Status attempt(Moment moment, const std::string& what, const char* failed, Run run);
  Status load_native(const pinnate_image& image);
  std::optional<ProcessState> state_before() const;
  void compare(const std::optional<ProcessState>& before, const std::string& doing);
  Status unload();

  LoadOrder order_;
  const Loader loader_;
  const pinnate_host host_;
  std::uint32_t flags_ = 0;

  Digest content_;  // of the image, as it was verified
  std::shared_ptr<const Image> image_;
  void* module_ = nullptr;
  void* service_ = nullptr;
  bool loaded_ = false, stays_ = false, may_set_umask_ = true;
  std::vector<std::string> notices_;  // for people, since they were taken
  std::atomic<bool> created_{false};

  std::recursive_mutex reporting_;  // a `done` may abandon the very service that it is told about
  std::atomic<bool> abandoned_{false};
};

}  // namespace pinnate::module
