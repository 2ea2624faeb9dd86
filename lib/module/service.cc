#include "module/service.h"

#include "module/at_end.h"
#include "module/call.h"
#include "module/guarded.h"
#include "module/host_table.h"
#include "module/linker.h"

#include <algorithm>

namespace pinnate::module {
namespace {

constexpr std::chrono::seconds kUnloadLimit{10};  // as for all of a destroy

// Whoever ordered it has a limit for it all, and is to hear before that why it was not begun.
TimePoint wait_limit(const LoadOrder& order) {
  return Clock::now() + std::chrono::milliseconds(order.limit_ms - order.limit_ms / 10);
}

std::shared_ptr<const Origin> make_origin(const LoadOrder& order, std::shared_ptr<Outlet> outlet) {
  return std::make_shared<const Origin>(Origin{"module '" + order.name + "' " + order.version, std::move(outlet)});
}

// A status that a loader returned instead of a plain "not 0".
Code as_code(int result) {
  return result > PINNATE_OK && result <= PINNATE_INTERNAL ? static_cast<Code>(result) : PINNATE_FAILED;
}

}  // namespace

Service::Service(std::shared_ptr<Bell> bell, LoadOrder order, Loader loader, std::shared_ptr<Outlet> outlet,
                 std::shared_ptr<BlackBox> box)
    : Doorway(std::move(bell)),
      order_(std::move(order)),
      loader_(std::move(loader)),
      outlet_(std::move(outlet)),
      origin_(make_origin(order_, outlet_)),
      origin_number_(origin_),
      host_(make_host_table(*origin_)),
      load_by_(wait_limit(order_)),
      note_(std::move(box), order_.artifact) {}

// Runs what the black box is to know of until it ends, also by the end of the thread.
template <typename Run>
std::optional<std::string> Service::noted(Moment moment, Run run) {
  note_.set_doing(moment);
  const AtEnd idle([this] { note_.set_doing(Moment::kIdle); });
  return thrown_by(run);
}

Outcome Service::load(const ImagePlace& place) {
  Outcome outcome;
  ImageSource source{label(), order_.size_bytes, order_.chunk_count, [this](std::uint32_t index) -> Result<Buffer> {
                       // What it reads is the host's, and goes when the host closes.
                       const Outlet::Inside inside(*outlet_);
                       if (abandoned() || !inside) return Status(PINNATE_CANCELLED, "given up");
                       return order_.read_chunk(index);
                     }};
  Result<std::unique_ptr<Image>> image = Image::assemble(source, place, outcome.bad_chunks);
  order_.read_chunk = nullptr;
  if (!image.ok()) {
    outcome.status = refused(image.status().code(), image.status().message());
    return outcome;
  }
  image_ = std::move(*image);

  std::optional<LinkerTurn> linker;
  if (loader_.uses_linker && !linker.emplace(label(), load_by_).status().ok()) {
    outcome.status = refused(linker->status().code(), linker->status().message());
    image_.reset();
    return outcome;
  }
  const std::string digest = order_.artifact.hex();
  const pinnate_image view{sizeof(pinnate_image), order_.name.c_str(),  order_.version.c_str(),
                           digest.c_str(),        image_->fd(),         image_->path().c_str(),
                           image_->data().data(), image_->data().size()};
  ReasonBuffer error;
  int result = 0;
  const auto thrown = noted(Moment::kLoad, [&] {
    result = loader_.table.load(loader_.table.self, &view, &module_, error.data(), error.size());
  });
  if (thrown || result != 0) {
    outcome.status = refused(loader_.load_returns_status ? as_code(result) : PINNATE_FAILED,
                             thrown ? "its loader '" + loader_.kind + "' " + *thrown : error.str());
    image_.reset();
    return outcome;
  }
  flags_ = loader_.table.flags | (loader_.module_flags ? loader_.module_flags(module_) : 0);
  loaded_ = true;
  return outcome;
}

Status Service::create() {
  if (!loaded_ || service_) return refused(PINNATE_INTERNAL, loaded_ ? "created before" : "not loaded");
  ReasonBuffer error;
  int result = 0;
  const auto thrown = noted(Moment::kCreate, [&] {
    result = loader_.table.create(module_, &host_, order_.config.data(), order_.config.size(), &service_, error.data(),
                                  error.size());
    if (result == 0) note_.set_young(true);
  });
  if (thrown || result != 0) service_ = nullptr;
  if (thrown) return refused(PINNATE_FAILED, "create " + *thrown);
  if (result != 0) return refused(PINNATE_FAILED, "create failed: " + error.str());
  created_.store(true, std::memory_order_release);
  return {};
}

Status Service::check_health() {
  if (!created()) return refused(PINNATE_INTERNAL, "not created");
  if (!loader_.table.check_health) return {};
  ReasonBuffer error;
  int result = 0;
  const auto thrown = noted(Moment::kHealthCheck, [&] {
    result = loader_.table.check_health(module_, service_, error.data(), error.size());
  });
  if (thrown) return refused(PINNATE_FAILED, "its health check " + *thrown);
  if (result != 0) return refused(PINNATE_FAILED, "its health check failed: " + error.str());
  return {};
}

Status Service::destroy() {
  Status status;
  if (created_.exchange(false)) {
    if (const auto thrown =
            thrown_by([&] { loader_.table.destroy(module_, service_); }, [&] { quietly([&] { (void)unload(); }); }))
      status = refused(PINNATE_FAILED, "destroy " + *thrown);
  }
  if (Status s = unload(); !s.ok()) status = std::move(s);
  return status;
}

Status Service::unload() {
  Status status;
  if (loaded_) {
    std::optional<LinkerTurn> linker;
    if (loader_.uses_linker && !linker.emplace(label(), Clock::now() + kUnloadLimit).status().ok())
      return refused(linker->status().code(), "not unloaded: " + linker->status().message());
    loaded_ = false;
    if (const auto thrown = thrown_by([&] { loader_.table.unload(module_); }))
      status = refused(PINNATE_FAILED, "unload " + *thrown);
  }
  image_.reset();
  return status;
}

void Service::run_call(Call& call, pinnate_reply* reply, std::string_view payload) {
  const auto failed = [&](const std::string& words) {
    if (!call.answer({{PINNATE_FAILED, label() + ": " + words}, Buffer(words), {}}))
      outlet_->log(PINNATE_LOG_WARNING, label() + ": " + words + " after it had answered the call");
  };
  const auto thrown = thrown_by([&] { loader_.table.call(module_, service_, reply, payload.data(), payload.size()); },
                                [&] { failed("ended the thread that called it"); });
  if (thrown) failed(*thrown);
}

void Service::report(const Done& done, Outcome outcome) {
  const std::lock_guard lock(reporting_);
  if (!abandoned()) outlet_->report(done, std::move(outcome));
}

void Service::abandon() {
  const std::lock_guard lock(reporting_);
  abandoned_.store(true, std::memory_order_release);
}

}  // namespace pinnate::module
