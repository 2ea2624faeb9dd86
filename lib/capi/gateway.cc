#include <pinnate/gateway.h>

#include "capi/asking.h"
#include "capi/entry.h"
#include "capi/options.h"
#include "capi/sized.h"
#include "tier/endpoints.h"
#include "tier/gateway.h"

#include <memory>
#include <string>
#include <vector>

using namespace pinnate;

struct pinnate_gateway final : capi::Handle {
  static constexpr const char* kNoun = "gateway";
  pinnate_gateway() : Handle(kNoun) {}

  Status set_members(const std::string& source, std::vector<std::string> addresses) {
    return on_loop([&] { return node().set_members(source, std::move(addresses)); });
  }
  Result<tier::MemberCounts> member_counts() {
    tier::MemberCounts counts;
    const Status status = on_loop([&] { return counts = node().member_counts(), Status(); });
    return status.ok() ? Result<tier::MemberCounts>(counts) : status;
  }
  Status add_source(const char* uri, pinnate_ticket* wanted) {
    return on_loop([&] { return node().add_source(uri, new_ticket(wanted)); });
  }
};

namespace {

Status set_members(pinnate_gateway& gateway, const char* source, const char* const* addresses, std::size_t count) {
  std::string name;
  if (Status s = capi::take_function(source, "source", &name); !s.ok()) return s;
  if (Status s = capi::required(addresses || count == 0, "addresses"); !s.ok()) return s;
  if (count > tier::kEndpoints)
    return {PINNATE_TOO_LARGE,
            std::to_string(count) + " addresses; at most " + std::to_string(tier::kEndpoints) + " are dialled"};
  std::vector<std::string> members;
  for (std::size_t i = 0; i < count; i++) {
    if (Status s = capi::required(addresses[i], ("addresses[" + std::to_string(i) + "]").c_str()); !s.ok()) return s;
    members.emplace_back(addresses[i]);
  }
  return gateway.set_members(name, std::move(members));
}

Status member_counts(pinnate_gateway& gateway, pinnate_member_counts* out) {
  if (Status s = capi::required(out, "counts"); !s.ok()) return s;
  const Result<std::size_t> room = capi::room_in(out, "counts");
  if (!room.ok()) return room.status();
  const Result<tier::MemberCounts> now = gateway.member_counts();
  if (!now.ok()) return now.status();
  using wire::MemberState;
  const auto in = [&now](MemberState state) { return now->members[static_cast<std::size_t>(state)]; };
  pinnate_member_counts counts{};
  counts.sources = now->sources;
  counts.stale_sources = now->stale_sources;
  counts.linked = in(MemberState::linked);
  counts.dialling = in(MemberState::dialling);
  counts.waiting = in(MemberState::waiting);
  counts.refused = in(MemberState::refused);
  counts.elsewhere = in(MemberState::elsewhere);
  counts.ending = in(MemberState::ending);
  counts.registered = now->registered;
  counts.dials_total = now->dials;
  counts.failed_dials_total = now->failed_dials;
  counts.refused_dials_total = now->refusals;
  capi::fill_sized(counts, *room, out);
  return {};
}

Status add_source(pinnate_gateway& gateway, const char* uri, pinnate_ticket* ticket) {
  if (Status s = capi::required(uri, "uri"); !s.ok()) return s;
  return gateway.add_source(uri, ticket);
}

Result<pinnate_gateway*> open_gateway(const pinnate_gateway_options& given) {
  Result<capi::TierSetup> setup = capi::read_tier_setup(given.tier, pinnate_gateway::kNoun);
  if (!setup.ok()) return setup.status();
  const auto dir = capi::read_folder(given.cache_dir, "cache_dir");
  if (!dir.ok()) return dir.status();
  tier::GatewayOptions gateway;
  gateway.cache_limit_bytes = capi::or_default(given.cache_limit_bytes, gateway.cache_limit_bytes);
  gateway.forget_after_ms = capi::or_default(given.forget_after_ms, gateway.forget_after_ms);

  runtime::NodeParts parts;
  if (Status s = capi::open_store(*dir, pinnate_gateway::kNoun, &*setup, &parts); !s.ok()) return s;
  gateway.tier = setup->tier;
  parts.tier = tier::make_gateway(std::move(gateway));
  auto handle = std::make_unique<pinnate_gateway>();
  if (Status s = handle->open(*setup, std::move(parts)); !s.ok()) return s;
  return handle.release();
}

}  // namespace

pinnate_status pinnate_gateway_open(const pinnate_gateway_options* options, pinnate_gateway** gateway) {
  return capi::open_handle(options, open_gateway, gateway);
}

pinnate_status pinnate_gateway_dial_upstream(pinnate_gateway* gateway, const char* address, pinnate_ticket* ticket) {
  return capi::with(gateway, capi::dial, tier::Side::upstream, address, ticket);
}

pinnate_status pinnate_gateway_listen(pinnate_gateway* gateway, const char* address, char* bound, size_t bound_size,
                                      pinnate_ticket* ticket) {
  return capi::with(gateway, capi::listen, address, bound, bound_size, ticket);
}

pinnate_status pinnate_gateway_dial_downstream(pinnate_gateway* gateway, const char* address, pinnate_ticket* ticket) {
  return capi::with(gateway, capi::dial, tier::Side::downstream, address, ticket);
}

pinnate_status pinnate_gateway_set_members(pinnate_gateway* gateway, const char* source, const char* const* addresses,
                                           size_t count) {
  return capi::with(gateway, set_members, source, addresses, count);
}

pinnate_status pinnate_gateway_add_source(pinnate_gateway* gateway, const char* uri, pinnate_ticket* ticket) {
  return capi::with(gateway, add_source, uri, ticket);
}

pinnate_status pinnate_gateway_member_counts(pinnate_gateway* gateway, pinnate_member_counts* counts) {
  return capi::with(gateway, member_counts, counts);
}

pinnate_status pinnate_gateway_status(pinnate_gateway* gateway, const char* name, pinnate_rollup_fn on_rollup,
                                      void* arg) {
  return capi::with(gateway, capi::status, capi::Mode::callback, name, on_rollup, arg);
}

pinnate_status pinnate_gateway_status_wait(pinnate_gateway* gateway, const char* name, pinnate_rollup_fn on_rollup,
                                           void* arg, char* error, size_t error_bytes) {
  return capi::with_error(gateway, error, error_bytes, capi::status, capi::Mode::wait, name, on_rollup, arg);
}

pinnate_status pinnate_gateway_lookup(pinnate_gateway* gateway, const pinnate_lookup* lookup, pinnate_rows_fn on_rows,
                                      void* arg) {
  return capi::with(gateway, capi::lookup, capi::Mode::callback, lookup, on_rows, arg);
}

pinnate_status pinnate_gateway_lookup_wait(pinnate_gateway* gateway, const pinnate_lookup* lookup,
                                           pinnate_rows_fn on_rows, void* arg, char* error, size_t error_bytes) {
  return capi::with_error(gateway, error, error_bytes, capi::lookup, capi::Mode::wait, lookup, on_rows, arg);
}

pinnate_status pinnate_gateway_members(pinnate_gateway* gateway, const pinnate_lookup* lookup,
                                       pinnate_members_fn on_members, void* arg) {
  return capi::with(gateway, capi::members, capi::Mode::callback, lookup, on_members, arg);
}

pinnate_status pinnate_gateway_members_wait(pinnate_gateway* gateway, const pinnate_lookup* lookup,
                                          pinnate_members_fn on_members, void* arg, char* error,
                                          size_t error_bytes) {
  return capi::with_error(gateway, error, error_bytes, capi::members, capi::Mode::wait, lookup, on_members, arg);
}

pinnate_status pinnate_gateway_call(pinnate_gateway* gateway, const pinnate_call* call, pinnate_result_fn on_result,
                                    void* arg) {
  return capi::with(gateway, capi::call, call, on_result, arg);
}

pinnate_status pinnate_gateway_call_wait(pinnate_gateway* gateway, const pinnate_call* call, void** result,
                                         size_t* result_size, char* error, size_t error_bytes) {
  return capi::with_error(gateway, error, error_bytes, capi::call_wait, call, result, result_size);
}

const char* pinnate_gateway_id(const pinnate_gateway* gateway) { return gateway ? gateway->id().c_str() : nullptr; }

pinnate_status pinnate_gateway_watch_links(pinnate_gateway* gateway, pinnate_link_fn on_link, void* arg,
                                           pinnate_ticket* ticket) {
  return capi::with(gateway, &capi::Handle::watch_links, on_link, arg, ticket);
}

pinnate_status pinnate_gateway_reload(pinnate_gateway* gateway, const pinnate_tier_options* tier) {
  return capi::with(gateway, &capi::Handle::reload, tier);
}

pinnate_status pinnate_gateway_cancel(pinnate_gateway* gateway, pinnate_ticket ticket) {
  return capi::with(gateway, &capi::Handle::cancel, ticket);
}

pinnate_status pinnate_gateway_close(pinnate_gateway* gateway, pinnate_closed_fn on_closed, void* arg) {
  return capi::with(gateway, &capi::Handle::close, on_closed, arg);
}

pinnate_status pinnate_gateway_close_wait(pinnate_gateway* gateway) {
  return capi::with(gateway, &capi::Handle::close_wait);
}

void pinnate_gateway_free(pinnate_gateway* gateway) { capi::give_up(gateway); }
