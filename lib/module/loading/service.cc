#include "module/loading/service.h"

#include "base/guarded.h"
#include "base/words.h"
#include "module/calling/call.h"
#include "module/lasting/thread_state.h"
#include "module/loading/linker_lock.h"
#include "module/loading/native_module.h"

namespace pinnate::module {

constexpr std::chrono::seconds kUnloadLimit{10};  // as for all of a destroy

Service::Service(std::shared_ptr<Watcher> watcher, LoadOrder order, Loader loader,
                 std::shared_ptr<HostCallbacks> callbacks, std::shared_ptr<BlackBox> box)
    : Callee(std::move(watcher), {"module '" + order.name + "' " + order.version, std::move(callbacks)}, std::move(box),
             order.artifact, order.call_limit_ms),
      order_(std::move(order)),
      loader_(std::move(loader)),
      host_(make_host_table(log_)) {}

// The loaders of a host's own are its own to look after.
std::optional<ProcessState> Service::state_before() const {
  return native() ? std::optional(ProcessState::now(may_set_umask_)) : std::nullopt;
}

void Service::compare(const std::optional<ProcessState>& before, const std::string& doing) {
  if (!before) return;
  quietly([&] {
    std::string changes;
    for (const std::string& each : ProcessState::now(before->has_umask()).changed_since(*before))
      changes += (changes.empty() ? "" : ", ") + each;
    if (!changes.empty()) notices_.push_back(label() + " changed of this process in " + doing + ": " + changes);
  });
}

// Runs the loader's `run(error, error_bytes)`, of which the black box is to know until it ends,
// also by the end of the thread.
template <typename Run>
Status Service::attempt(Moment moment, const std::string& what, const char* failed, Run run) {
  note().set_doing(moment);
  const AtEnd idle([this] { note().set_doing(Moment::kIdle); });
  const ThreadState thread;
  const AtEnd compared([this, &what, before = state_before()] { compare(before, what); });
  ReasonBuffer error;
  int result = 0;
  if (const auto thrown = thrown_by([&] { result = run(error.data(), error.size()); }))
    return refused(PINNATE_FAILED, what + " " + *thrown);
  return result == 0 ? Status() : refused(PINNATE_FAILED, failed + error.str());
}

Outcome Service::make_image(const ImagePlace& place) {
  Outcome outcome;
  ImageSource source = std::move(order_.image);
  source.read_chunk = [this, read = std::move(source.read_chunk)](std::uint32_t index) -> Result<Buffer> {
    // What it reads is the host's, and goes when the host closes.
    const HostCallbacks::Inside inside(*log_.callbacks);
    return inside ? read(index) : Status(PINNATE_CANCELLED, "given up");
  };
  content_ = source.content;
  source.given_up = [this] { return abandoned(); };
  auto image = Image::make(label(), source, place, outcome.bad_chunks);
  if (image.ok())
    image_ = std::move(*image);
  else
    outcome.status = refused(image.status().code(), image.status().message());
  return outcome;
}

Status Service::load(TimePoint by) {
  if (!image_ || loaded_) return refused(PINNATE_INTERNAL, loaded_ ? "loaded before" : "has no image");
  std::optional<LinkerLock> linker;
  if (loader_.native && !linker.emplace(label(), by).status().ok()) {
    image_.reset();
    return refused(linker->status().code(), linker->status().message());
  }
  const std::string digest = order_.artifact.hex();
  const pinnate_image view{sizeof(pinnate_image), order_.name.c_str(),  order_.version.c_str(),
                           digest.c_str(),        image_->fd(),         image_->path().c_str(),
                           image_->data().data(), image_->data().size()};
  const auto load = [&](char* error, std::size_t bytes) {
    return loader_.table.load(loader_.table.self, &view, &module_, error, bytes);
  };
  Status status =
      loader_.native ? load_native(view) : attempt(Moment::kLoad, "its loader '" + loader_.kind + "'", "", load);
  if (!status.ok()) {
    image_.reset();
    return status;
  }
  flags_ |= loader_.table.flags;
  loaded_ = true;
  return {};
}

Status Service::load_native(const pinnate_image& image) {
  Result<std::unique_ptr<NativeModule>> loaded = Status(PINNATE_INTERNAL, "not loaded");
  std::vector<std::string> warnings;
  const Status status = attempt(Moment::kLoad, "its constructors", "", [&](char*, std::size_t) {
    loaded = NativeModule::load({image, content_, order_.allowed, loader_.engine}, warnings);
    return 0;
  });
  if (!status.ok()) return status;
  if (!loaded.ok()) return refused(loaded.status().code(), loaded.status().message());
  for (const std::string& warning : warnings) log(warning.c_str());
  flags_ = (*loaded)->descriptor().flags;
  may_set_umask_ = (*loaded)->may_set_umask();
  module_ = loaded->release();
  return {};
}

Status Service::create() {
  if (!loaded_ || service_) return refused(PINNATE_INTERNAL, loaded_ ? "created before" : "not loaded");
  Status status = attempt(Moment::kCreate, "create", "create failed: ", [&](char* error, std::size_t bytes) {
    const Buffer& config = order_.config;
    const int result = loader_.table.create(module_, &host_, config.data(), config.size(), &service_, error, bytes);
    if (result == 0) note().set_young();
    return result;
  });
  if (status.ok())
    created_.store(true, std::memory_order_release);
  else
    service_ = nullptr;
  return status;
}

Status Service::check_health() {
  if (!created()) return refused(PINNATE_INTERNAL, "not created");
  if (!loader_.table.check_health) return {};
  const auto check = [&](char* error, std::size_t bytes) {
    return loader_.table.check_health(module_, service_, error, bytes);
  };
  return attempt(Moment::kHealthCheck, "its health check", "its health check failed: ", check);
}

Status Service::destroy() {
  std::optional<std::string> thrown;
  Status unloaded;
  const ThreadState thread;
  const AtEnd compared([this, before = state_before()] { compare(before, "destroy"); });
  {
    const AtEnd at_end([&] { unloaded = unload(); });
    if (created_.exchange(false)) thrown = thrown_by([&] { loader_.table.destroy(module_, service_); });
  }
  return thrown && unloaded.ok() ? refused(PINNATE_FAILED, "destroy " + *thrown) : unloaded;
}

Status Service::unload() {
  Status status;
  if (loaded_) {
    std::optional<LinkerLock> linker;
    if (loader_.native && !linker.emplace(label(), Clock::now() + kUnloadLimit).status().ok())
      return refused(linker->status().code(), "not unloaded: " + linker->status().message());
    loaded_ = false;
    const auto unload = [&] {
      if (!native()) return loader_.table.unload(module_);
      stays_ = NativeModule::let_go(std::unique_ptr<NativeModule>(static_cast<NativeModule*>(module_)));
    };
    if (const auto thrown = thrown_by(unload)) status = refused(PINNATE_FAILED, "unload " + *thrown);
  }
  image_.reset();
  return status;
}

void Service::run_call(Call& call, pinnate_reply* reply, std::string_view payload) {
  std::optional<std::string> thrown;
  bool returned = false;
  const AtEnd at_end([&] {
    if (returned && !thrown) return;
    const std::string wrong = thrown ? *thrown : "ended the thread that called it";
    if (!call.answer({refused(PINNATE_FAILED, wrong), Buffer(wrong)}))
      log((wrong + " after it had answered the call").c_str());
  });
  const FloatingPoint floating_point;
  thrown = thrown_by([&] { loader_.table.call(module_, service_, reply, payload.data(), payload.size()); });
  returned = true;
}

void Service::report(const Done& done, Outcome outcome) {
  const std::lock_guard lock(reporting_);
  if (!abandoned()) log_.callbacks->report(done, std::move(outcome));
}

void Service::abandon() {
  const std::lock_guard lock(reporting_);
  abandoned_.store(true, std::memory_order_release);
}

}  // namespace pinnate::module
