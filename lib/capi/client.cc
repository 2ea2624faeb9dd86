#include <pinnate/client.h>

#include "capi/entry.h"
#include "capi/options.h"
#include "runtime/transport/address.h"
#include "tier/client.h"

#include <memory>

using namespace pinnate;

struct pinnate_client final : capi::Handle {
  static constexpr const char* kNoun = "client";
  pinnate_client() : Handle(kNoun) {}
};

namespace {

Result<pinnate_client*> open_client(const pinnate_client_options& given) {
  const Result<capi::TierSetup> setup = capi::read_tier_setup(given.tier, pinnate_client::kNoun);
  if (!setup.ok()) return setup.status();
  if (Status s = capi::required(given.to, "options.to"); !s.ok()) return s;
  // Checked while there is nothing yet that would have to be closed, which takes time.
  if (const auto address = runtime::parse_dial_address(given.to); !address.ok()) return address.status();
  tier::ClientOptions client;
  client.tier = setup->tier;
  client.connect_timeout_ms = capi::or_default(given.connect_timeout_ms, client.connect_timeout_ms);

  runtime::NodeParts parts;
  parts.store = store::make_memory_store();
  parts.store_blocks = false;
  parts.tier = tier::make_client(std::move(client));
  auto handle = std::make_unique<pinnate_client>();
  if (Status s = handle->open(*setup, std::move(parts)); !s.ok()) return s;
  pinnate_client* const opened = handle.release();
  if (Status s = capi::dial(*opened, tier::Side::upstream, given.to, nullptr); !s.ok()) {
    opened->give_up();
    return s;
  }
  return opened;
}

}  // namespace

pinnate_status pinnate_client_open(const pinnate_client_options* options, pinnate_client** client) {
  return capi::open_handle(options, open_client, client);
}

pinnate_status pinnate_client_publish(pinnate_client* client, const pinnate_publish* publish,
                                      pinnate_progress_fn on_progress, pinnate_published_fn on_published, void* arg) {
  return capi::with(client, capi::publish, publish, on_progress, on_published, arg);
}

pinnate_status pinnate_client_publish_wait(pinnate_client* client, const pinnate_publish* publish,
                                           pinnate_published* published, char* error, size_t error_bytes) {
  return capi::with_error(client, error, error_bytes, capi::publish_wait, publish, published);
}

pinnate_status pinnate_client_unpublish(pinnate_client* client, const char* name, uint64_t release,
                                        pinnate_done_fn on_done, void* arg) {
  return capi::with(client, capi::unpublish, capi::Mode::callback, name, release, on_done, arg);
}

pinnate_status pinnate_client_unpublish_wait(pinnate_client* client, const char* name, uint64_t release, char* error,
                                             size_t error_bytes) {
  return capi::with_error(client, error, error_bytes, capi::unpublish, capi::Mode::wait, name, release,
                          pinnate_done_fn(nullptr), static_cast<void*>(nullptr));
}

pinnate_status pinnate_client_releases(pinnate_client* client, const char* name, pinnate_releases_fn on_releases,
                                       void* arg) {
  return capi::with(client, capi::releases, capi::Mode::callback, name, on_releases, arg);
}

pinnate_status pinnate_client_releases_wait(pinnate_client* client, const char* name, pinnate_releases_fn on_releases,
                                            void* arg, char* error, size_t error_bytes) {
  return capi::with_error(client, error, error_bytes, capi::releases, capi::Mode::wait, name, on_releases, arg);
}

pinnate_status pinnate_client_status(pinnate_client* client, const char* name, pinnate_rollup_fn on_rollup, void* arg) {
  return capi::with(client, capi::status, capi::Mode::callback, name, on_rollup, arg);
}

pinnate_status pinnate_client_status_wait(pinnate_client* client, const char* name, pinnate_rollup_fn on_rollup,
                                          void* arg, char* error, size_t error_bytes) {
  return capi::with_error(client, error, error_bytes, capi::status, capi::Mode::wait, name, on_rollup, arg);
}

pinnate_status pinnate_client_watch(pinnate_client* client, pinnate_rollup_fn on_rollup, void* arg,
                                    pinnate_ticket* ticket) {
  return capi::with(client, capi::watch, on_rollup, arg, ticket);
}

pinnate_status pinnate_client_when_live(pinnate_client* client, uint64_t release, uint64_t engines, uint32_t timeout_ms,
                                        pinnate_done_fn on_done, void* arg, pinnate_ticket* ticket) {
  return capi::with(client, capi::when_live, release, engines, timeout_ms, on_done, arg, ticket);
}

pinnate_status pinnate_client_when_live_wait(pinnate_client* client, uint64_t release, uint64_t engines,
                                             uint32_t timeout_ms, char* error, size_t error_bytes) {
  return capi::with_error(client, error, error_bytes, capi::when_live_wait, release, engines, timeout_ms);
}

pinnate_status pinnate_client_lookup(pinnate_client* client, const pinnate_lookup* lookup, pinnate_rows_fn on_rows,
                                     void* arg) {
  return capi::with(client, capi::lookup, capi::Mode::callback, lookup, on_rows, arg);
}

pinnate_status pinnate_client_lookup_wait(pinnate_client* client, const pinnate_lookup* lookup, pinnate_rows_fn on_rows,
                                          void* arg, char* error, size_t error_bytes) {
  return capi::with_error(client, error, error_bytes, capi::lookup, capi::Mode::wait, lookup, on_rows, arg);
}

pinnate_status pinnate_client_members(pinnate_client* client, const pinnate_lookup* lookup,
                                       pinnate_members_fn on_members, void* arg) {
  return capi::with(client, capi::members, capi::Mode::callback, lookup, on_members, arg);
}

pinnate_status pinnate_client_members_wait(pinnate_client* client, const pinnate_lookup* lookup,
                                          pinnate_members_fn on_members, void* arg, char* error,
                                          size_t error_bytes) {
  return capi::with_error(client, error, error_bytes, capi::members, capi::Mode::wait, lookup, on_members, arg);
}

pinnate_status pinnate_client_call(pinnate_client* client, const pinnate_call* call, pinnate_result_fn on_result,
                                   void* arg) {
  return capi::with(client, capi::call, call, on_result, arg);
}

pinnate_status pinnate_client_call_wait(pinnate_client* client, const pinnate_call* call, void** result,
                                        size_t* result_size, char* error, size_t error_bytes) {
  return capi::with_error(client, error, error_bytes, capi::call_wait, call, result, result_size);
}

const char* pinnate_client_id(const pinnate_client* client) { return client ? client->id().c_str() : nullptr; }

pinnate_status pinnate_client_watch_links(pinnate_client* client, pinnate_link_fn on_link, void* arg,
                                          pinnate_ticket* ticket) {
  return capi::with(client, &capi::Handle::watch_links, on_link, arg, ticket);
}

pinnate_status pinnate_client_reload(pinnate_client* client, const pinnate_tier_options* tier) {
  return capi::with(client, &capi::Handle::reload, tier);
}

pinnate_status pinnate_client_cancel(pinnate_client* client, pinnate_ticket ticket) {
  return capi::with(client, &capi::Handle::cancel, ticket);
}

pinnate_status pinnate_client_close(pinnate_client* client, pinnate_closed_fn on_closed, void* arg) {
  return capi::with(client, &capi::Handle::close, on_closed, arg);
}

pinnate_status pinnate_client_close_wait(pinnate_client* client) {
  return capi::with(client, &capi::Handle::close_wait);
}

void pinnate_client_free(pinnate_client* client) { capi::give_up(client); }
