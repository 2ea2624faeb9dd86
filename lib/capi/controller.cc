#include <pinnate/controller.h>

#include "base/limits.h"
#include "capi/entry.h"
#include "capi/options.h"
#include "tier/controller.h"

#include <memory>

using namespace pinnate;

struct pinnate_controller final : capi::Handle {
  static constexpr const char* kNoun = "controller";
  pinnate_controller() : Handle(kNoun) {}
};

namespace {

Result<pinnate_controller*> open_controller(const pinnate_controller_options& given) {
  Result<capi::TierSetup> setup = capi::read_tier_setup(given.tier, pinnate_controller::kNoun);
  if (!setup.ok()) return setup.status();
  if (Status s = capi::required(given.state_dir, "options.state_dir"); !s.ok()) return s;
  const auto dir = capi::read_folder(given.state_dir, "state_dir");
  if (!dir.ok()) return dir.status();
  tier::ControllerOptions controller;
  controller.artifact_limit_bytes = capi::or_default(given.artifact_limit_bytes, controller.artifact_limit_bytes);
  if (controller.artifact_limit_bytes > kArtifactCeilingBytes)
    return {PINNATE_INVALID, "options.artifact_limit_bytes is " + std::to_string(controller.artifact_limit_bytes) +
                                 "; at most 2 GiB are allowed"};
  controller.forget_after_ms = capi::or_default(given.forget_after_ms, controller.forget_after_ms);

  runtime::NodeParts parts;
  auto store = capi::open_when_free(*setup, [&] { return store::open_controller_store(**dir); });
  if (!store.ok()) return store.status();
  parts.store = std::move(*store);
  if (Status s = capi::settle_id(**dir, &*setup); !s.ok()) return s;
  controller.tier = setup->tier;
  const std::uint64_t artifact_limit_bytes = controller.artifact_limit_bytes;
  parts.tier = tier::make_controller(std::move(controller));
  auto handle = std::make_unique<pinnate_controller>();
  if (Status s = handle->open(*setup, std::move(parts)); !s.ok()) return s;
  handle->publisher().set_artifact_limit(artifact_limit_bytes);
  return handle.release();
}

}  // namespace

pinnate_status pinnate_controller_open(const pinnate_controller_options* options, pinnate_controller** controller) {
  return capi::open_handle(options, open_controller, controller);
}

pinnate_status pinnate_controller_listen(pinnate_controller* controller, const char* address, char* bound,
                                         size_t bound_size, pinnate_ticket* ticket) {
  return capi::with(controller, capi::listen, address, bound, bound_size, ticket);
}

pinnate_status pinnate_controller_dial(pinnate_controller* controller, const char* address, pinnate_ticket* ticket) {
  return capi::with(controller, capi::dial, tier::Side::downstream, address, ticket);
}

pinnate_status pinnate_controller_publish(pinnate_controller* controller, const pinnate_publish* publish,
                                          pinnate_progress_fn on_progress, pinnate_published_fn on_published,
                                          void* arg) {
  return capi::with(controller, capi::publish, publish, on_progress, on_published, arg);
}

pinnate_status pinnate_controller_publish_wait(pinnate_controller* controller, const pinnate_publish* publish,
                                               pinnate_published* published, char* error, size_t error_bytes) {
  return capi::with_error(controller, error, error_bytes, capi::publish_wait, publish, published);
}

pinnate_status pinnate_controller_unpublish(pinnate_controller* controller, const char* name, uint64_t release,
                                            pinnate_done_fn on_done, void* arg) {
  return capi::with(controller, capi::unpublish, capi::Mode::callback, name, release, on_done, arg);
}

pinnate_status pinnate_controller_unpublish_wait(pinnate_controller* controller, const char* name, uint64_t release,
                                                 char* error, size_t error_bytes) {
  return capi::with_error(controller, error, error_bytes, capi::unpublish, capi::Mode::wait, name, release,
                          pinnate_done_fn(nullptr), static_cast<void*>(nullptr));
}

pinnate_status pinnate_controller_releases(pinnate_controller* controller, const char* name,
                                           pinnate_releases_fn on_releases, void* arg) {
  return capi::with(controller, capi::releases, capi::Mode::callback, name, on_releases, arg);
}

pinnate_status pinnate_controller_releases_wait(pinnate_controller* controller, const char* name,
                                                pinnate_releases_fn on_releases, void* arg, char* error,
                                                size_t error_bytes) {
  return capi::with_error(controller, error, error_bytes, capi::releases, capi::Mode::wait, name, on_releases, arg);
}

pinnate_status pinnate_controller_status(pinnate_controller* controller, const char* name, pinnate_rollup_fn on_rollup,
                                         void* arg) {
  return capi::with(controller, capi::status, capi::Mode::callback, name, on_rollup, arg);
}

pinnate_status pinnate_controller_status_wait(pinnate_controller* controller, const char* name,
                                              pinnate_rollup_fn on_rollup, void* arg, char* error, size_t error_bytes) {
  return capi::with_error(controller, error, error_bytes, capi::status, capi::Mode::wait, name, on_rollup, arg);
}

pinnate_status pinnate_controller_watch(pinnate_controller* controller, pinnate_rollup_fn on_rollup, void* arg,
                                        pinnate_ticket* ticket) {
  return capi::with(controller, capi::watch, on_rollup, arg, ticket);
}

pinnate_status pinnate_controller_when_live(pinnate_controller* controller, uint64_t release, uint64_t engines,
                                            uint32_t timeout_ms, pinnate_done_fn on_done, void* arg,
                                            pinnate_ticket* ticket) {
  return capi::with(controller, capi::when_live, release, engines, timeout_ms, on_done, arg, ticket);
}

pinnate_status pinnate_controller_when_live_wait(pinnate_controller* controller, uint64_t release, uint64_t engines,
                                                 uint32_t timeout_ms, char* error, size_t error_bytes) {
  return capi::with_error(controller, error, error_bytes, capi::when_live_wait, release, engines, timeout_ms);
}

pinnate_status pinnate_controller_lookup(pinnate_controller* controller, const pinnate_lookup* lookup,
                                         pinnate_rows_fn on_rows, void* arg) {
  return capi::with(controller, capi::lookup, capi::Mode::callback, lookup, on_rows, arg);
}

pinnate_status pinnate_controller_lookup_wait(pinnate_controller* controller, const pinnate_lookup* lookup,
                                              pinnate_rows_fn on_rows, void* arg, char* error, size_t error_bytes) {
  return capi::with_error(controller, error, error_bytes, capi::lookup, capi::Mode::wait, lookup, on_rows, arg);
}

pinnate_status pinnate_controller_members(pinnate_controller* controller, const pinnate_lookup* lookup,
                                       pinnate_members_fn on_members, void* arg) {
  return capi::with(controller, capi::members, capi::Mode::callback, lookup, on_members, arg);
}

pinnate_status pinnate_controller_members_wait(pinnate_controller* controller, const pinnate_lookup* lookup,
                                          pinnate_members_fn on_members, void* arg, char* error,
                                          size_t error_bytes) {
  return capi::with_error(controller, error, error_bytes, capi::members, capi::Mode::wait, lookup, on_members, arg);
}

pinnate_status pinnate_controller_call(pinnate_controller* controller, const pinnate_call* call,
                                       pinnate_result_fn on_result, void* arg) {
  return capi::with(controller, capi::call, call, on_result, arg);
}

pinnate_status pinnate_controller_call_wait(pinnate_controller* controller, const pinnate_call* call, void** result,
                                            size_t* result_size, char* error, size_t error_bytes) {
  return capi::with_error(controller, error, error_bytes, capi::call_wait, call, result, result_size);
}

const char* pinnate_controller_id(const pinnate_controller* controller) {
  return controller ? controller->id().c_str() : nullptr;
}

pinnate_status pinnate_controller_watch_links(pinnate_controller* controller, pinnate_link_fn on_link, void* arg,
                                              pinnate_ticket* ticket) {
  return capi::with(controller, &capi::Handle::watch_links, on_link, arg, ticket);
}

pinnate_status pinnate_controller_reload(pinnate_controller* controller, const pinnate_tier_options* tier) {
  return capi::with(controller, &capi::Handle::reload, tier);
}

pinnate_status pinnate_controller_cancel(pinnate_controller* controller, pinnate_ticket ticket) {
  return capi::with(controller, &capi::Handle::cancel, ticket);
}

pinnate_status pinnate_controller_close(pinnate_controller* controller, pinnate_closed_fn on_closed, void* arg) {
  return capi::with(controller, &capi::Handle::close, on_closed, arg);
}

pinnate_status pinnate_controller_close_wait(pinnate_controller* controller) {
  return capi::with(controller, &capi::Handle::close_wait);
}

void pinnate_controller_free(pinnate_controller* controller) { capi::give_up(controller); }
