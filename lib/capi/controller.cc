#include <pinnate/controller.h>

#include "base/limits.h"
#include "capi/entry.h"
#include "capi/options.h"
#include "capi/sized.h"
#include "tier/controller.h"

#include <memory>

using namespace pinnate;

struct pinnate_controller final : capi::Handle {
  pinnate_controller() : Handle("controller") {}
};

namespace {

constexpr const char* kController = "controller";

Result<pinnate_controller*> open_controller(const pinnate_controller_options* options) {
  const Result<pinnate_controller_options> given = capi::read_options(options);
  if (!given.ok()) return given.status();
  Result<capi::TierSetup> setup = capi::read_tier_setup(given->tier, kController);
  if (!setup.ok()) return setup.status();
  if (Status s = capi::required(given->state_dir, "options.state_dir"); !s.ok()) return s;
  const auto dir = capi::read_folder(given->state_dir, "state_dir");
  if (!dir.ok()) return dir.status();
  tier::ControllerOptions controller;
  controller.artifact_limit_bytes = capi::or_default(given->artifact_limit_bytes, controller.artifact_limit_bytes);
  if (controller.artifact_limit_bytes > kArtifactCeilingBytes)
    return {PINNATE_INVALID, "options.artifact_limit_bytes is " + std::to_string(controller.artifact_limit_bytes) +
                                 "; at most 2 GiB are allowed"};
  controller.forget_after_ms = capi::or_default(given->forget_after_ms, controller.forget_after_ms);

  runtime::NodeParts parts;
  auto store = store::open_controller_store(**dir);
  if (!store.ok()) return store.status();
  parts.store = std::move(*store);
  if (Status s = capi::settle_id(**dir, &*setup); !s.ok()) return s;
  controller.tier = setup->tier;
  parts.tier = tier::make_controller(std::move(controller));
  auto handle = std::make_unique<pinnate_controller>();
  if (Status s = handle->open(*setup, std::move(parts)); !s.ok()) return s;
  return handle.release();
}

}  // namespace

pinnate_status pinnate_controller_open(const pinnate_controller_options* options, pinnate_controller** controller) {
  return capi::open_handle(controller, kController, [&] { return open_controller(options); });
}

pinnate_status pinnate_controller_listen(pinnate_controller* controller, const char* address, char* bound,
                                         size_t bound_size) {
  return capi::with(controller, kController,
                    [&](capi::Handle& h) { return capi::listen(h, address, bound, bound_size); });
}

pinnate_status pinnate_controller_dial(pinnate_controller* controller, const char* address) {
  return capi::with(controller, kController,
                    [&](capi::Handle& h) { return capi::dial(h, tier::Side::downstream, address); });
}

pinnate_status pinnate_controller_publish(pinnate_controller* controller, const pinnate_publish* publish,
                                          pinnate_progress_fn on_progress, pinnate_published_fn on_published,
                                          void* arg) {
  return capi::with(controller, kController,
                    [&](capi::Handle& h) { return capi::publish(h, publish, on_progress, on_published, arg); });
}

pinnate_status pinnate_controller_publish_wait(pinnate_controller* controller, const pinnate_publish* publish,
                                               pinnate_published* published) {
  return capi::with(controller, kController,
                    [&](capi::Handle& h) { return capi::publish_wait(h, publish, published); });
}

pinnate_status pinnate_controller_unpublish(pinnate_controller* controller, const char* name, uint64_t release,
                                            pinnate_done_fn on_done, void* arg) {
  return capi::with(controller, kController,
                    [&](capi::Handle& h) { return capi::unpublish(h, name, release, on_done, arg); });
}

pinnate_status pinnate_controller_releases(pinnate_controller* controller, const char* name,
                                           pinnate_releases_fn on_releases, void* arg) {
  return capi::with(controller, kController,
                    [&](capi::Handle& h) { return capi::releases(h, name, on_releases, arg); });
}

pinnate_status pinnate_controller_status(pinnate_controller* controller, const char* name, pinnate_rollup_fn on_rollup,
                                         void* arg) {
  return capi::with(controller, kController, [&](capi::Handle& h) { return capi::status(h, name, on_rollup, arg); });
}

pinnate_status pinnate_controller_watch(pinnate_controller* controller, pinnate_rollup_fn on_rollup, void* arg) {
  return capi::with(controller, kController, [&](capi::Handle& h) { return capi::watch(h, on_rollup, arg); });
}

pinnate_status pinnate_controller_lookup(pinnate_controller* controller, const pinnate_lookup* lookup,
                                         pinnate_tiers_fn on_tiers, void* arg) {
  return capi::with(controller, kController, [&](capi::Handle& h) { return capi::lookup(h, lookup, on_tiers, arg); });
}

pinnate_status pinnate_controller_call(pinnate_controller* controller, const pinnate_call* call,
                                       pinnate_result_fn on_result, void* arg) {
  return capi::with(controller, kController, [&](capi::Handle& h) { return capi::call(h, call, on_result, arg); });
}

pinnate_status pinnate_controller_close(pinnate_controller* controller, pinnate_closed_fn on_closed, void* arg) {
  return capi::with(controller, kController, [&](capi::Handle& h) { return h.close(on_closed, arg); });
}
