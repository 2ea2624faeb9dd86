// One service: a loaded module, its configuration, and what the module sees of the engine. Its own thread-safety is that of
// pinnate_loader: run_call on any thread, everything else in order on module threads.
#pragma once

#include "module/black_box.h"
#include "module/doorway.h"
#include "module/image.h"
#include "module/loaders.h"
#include "module/note.h"
#include "module/outlet.h"
#include "module/reply_table.h"
#include "module/service_host.h"
#include "module/turn.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace pinnate::module {

class Call;

class Service : public Doorway {
 public:
  Service(std::shared_ptr<Bell> bell, LoadOrder order, Loader loader, std::shared_ptr<Outlet> outlet,
          std::shared_ptr<BlackBox> box);

  ServiceId id() const { return order_.service; }
  const Digest& artifact() const { return order_.artifact; }
  const std::string& label() const { return origin_->label; }  // "module 'thumbnail' 1.2.0"
  std::uint32_t call_limit_ms() const { return order_.call_limit_ms; }
  bool calls_may_overlap() const { return flags_ & PINNATE_CALLS_MAY_OVERLAP; }
  Turn& turn() { return turn_; }
  Note& note() { return note_; }
  const OriginNumber& origin_number() const { return origin_number_; }

  // ---- on a module thread ----
  Outcome load(const ImagePlace& place);
  Status create();
  Status check_health();
  Status destroy();  // and unload, or whatever of both there is to do
  bool loaded() const { return loaded_; }
  // It may be activated. Any thread.
  bool created() const { return created_.load(std::memory_order_acquire); }

  // ---- any thread ----
  void run_call(Call& call, pinnate_reply* reply, std::string_view payload);
  // Runs `done`, unless it was abandoned.
  void report(const Done& done, Outcome outcome);
  // From its return on, no `done` runs.
  void abandon();
  bool abandoned() const { return abandoned_.load(std::memory_order_acquire); }

 private:
  template <typename Run>
  std::optional<std::string> noted(Moment moment, Run run);
  Status unload();
  Status refused(Code code, const std::string& words) const { return {code, label() + ": " + words}; }

  LoadOrder order_;
  const Loader loader_;
  const std::shared_ptr<Outlet> outlet_;
  const std::shared_ptr<const Origin> origin_;
  const OriginNumber origin_number_;
  const pinnate_host host_;
  const TimePoint load_by_;
  Turn turn_;
  Note note_;
  std::uint32_t flags_ = 0;

  std::unique_ptr<Image> image_;
  void* module_ = nullptr;
  void* service_ = nullptr;
  bool loaded_ = false;
  std::atomic<bool> created_{false};

  std::recursive_mutex reporting_;  // a `done` may abandon the very service that it is told about
  std::atomic<bool> abandoned_{false};
};

}  // namespace pinnate::module
