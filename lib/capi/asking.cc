#include "capi/asking.h"

#include "base/limits.h"
#include "base/names.h"
#include "capi/boundary.h"
#include "capi/convert.h"
#include "capi/live_wait.h"
#include "capi/options.h"
#include "capi/publish_order.h"
#include "capi/sized.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <utility>

namespace pinnate::capi {
namespace {

constexpr std::uint32_t kLookupRows = 100, kMostLookupRows = 1000;

// Sends a question from whatever thread the host called on.
template <class Answer, class Question>
Status ask(Handle& handle, Mode mode, Question question, std::function<void(const Status&, const Answer*)> answered,
           pinnate_ticket* wanted = nullptr) {
  const pinnate_ticket ticket = handle.new_ticket(wanted);
  if (mode == Mode::callback)
    return handle.soon([&handle, ticket, question = std::move(question), answered = std::move(answered)]() mutable {
      handle.requests().ask<Answer>(ticket, std::move(question), std::move(answered));
    });
  return handle.wait([&](const Handle::Settle& settle) {
    handle.requests().ask<Answer>(ticket, question, [&answered, settle](const Status& status, const Answer* answer) {
      answered(status, answer);
      settle(status);
    });
  });
}

Requests::Changed rollup_taker(pinnate_rollup_fn on_rollup, void* arg) {
  return [on_rollup, arg](const Status& status, const wire::StatusReport* report) {
    if (!on_rollup) return;
    if (!status.ok() || !report) return on_rollup(arg, status.code(), status.message().c_str(), nullptr);
    const RollupView view(*report);
    on_rollup(arg, PINNATE_OK, "", view.rollup());
  };
}

}  // namespace

Status take_name(const char* given, Status (*check)(std::string_view), std::string* name) {
  if (!given) return {};
  *name = given;
  return check(*name);
}

Status take_function(const char* given, const char* argument, std::string* function) {
  if (Status s = required(given, argument); !s.ok()) return s;
  return take_name(given, check_function_name, function);
}

void tell_warnings(Handle& handle, const runtime::PublishOrder& order) {
  for (const std::string& warning : order.warnings) handle.log()(PINNATE_LOG_WARNING, warning);
}

Status publish(Handle& handle, const pinnate_publish* publish, pinnate_progress_fn on_progress,
               pinnate_published_fn on_published, void* arg) {
  if (Status s = required(on_published, "on_published"); !s.ok()) return s;
  pinnate_ticket* wanted = nullptr;
  Result<runtime::PublishOrder> order = read_publish(publish, true, &wanted);
  if (!order.ok()) return order.status();
  runtime::PublisherDriver::Progress progress;
  if (on_progress)
    progress = [on_progress, arg](std::uint64_t done, std::uint64_t total) { on_progress(arg, done, total); };
  const auto done = [on_published, arg](const Status& status, const wire::Published* answer, std::uint32_t prepare_us) {
    if (!status.ok()) return on_published(arg, status.code(), status.message().c_str(), nullptr);
    const pinnate_published published = to_published(*answer, prepare_us);
    on_published(arg, PINNATE_OK, "", &published);
  };
  return handle.soon([&handle, ticket = handle.new_ticket(wanted), order = std::move(*order), progress, done] {
    tell_warnings(handle, order);
    handle.publisher().publish(ticket, order, progress, done);
  });
}

Status publish_wait(Handle& handle, const pinnate_publish* publish, pinnate_published* published) {
  const Result<std::size_t> room = room_in(published, "published");
  if (!room.ok()) return room.status();
  pinnate_ticket* wanted = nullptr;
  Result<runtime::PublishOrder> order = read_publish(publish, true, &wanted);
  if (!order.ok()) return order.status();
  const pinnate_ticket ticket = handle.new_ticket(wanted);
  // Written on the loop's thread, and the caller waits meanwhile.
  pinnate_published answered{};
  const Status status = handle.wait([&](const Handle::Settle& settle) {
    tell_warnings(handle, *order);
    handle.publisher().publish(
        ticket, *order, nullptr,
        [&answered, settle](const Status& s, const wire::Published* answer, std::uint32_t prepare_us) {
          if (s.ok()) answered = to_published(*answer, prepare_us);
          settle(s);
        });
  });
  if (status.ok()) fill_sized(answered, *room, published);
  return status;
}

Status unpublish(Handle& handle, Mode mode, const char* name, std::uint64_t release, pinnate_done_fn on_done,
                 void* arg) {
  wire::Unpublish question;
  question.release = release;
  if (Status s = take_function(name, "name", &question.name); !s.ok()) return s;
  if (Status s = required(on_done || mode == Mode::wait, "on_done"); !s.ok()) return s;
  return ask<wire::Done>(handle, mode, std::move(question), [on_done, arg](const Status& status, const wire::Done*) {
    if (on_done) on_done(arg, status.code(), status.message().c_str());
  });
}

Status releases(Handle& handle, Mode mode, const char* name, pinnate_releases_fn on_releases, void* arg) {
  if (Status s = required(on_releases, "on_releases"); !s.ok()) return s;
  wire::ListReleases question;
  if (Status s = take_name(name, check_function_name, &question.name); !s.ok()) return s;
  return ask<wire::Releases>(handle, mode, std::move(question),
                             [on_releases, arg](const Status& status, const wire::Releases* answer) {
                               if (!status.ok())
                                 return on_releases(arg, status.code(), status.message().c_str(), nullptr, 0);
                               const ReleasesView view(*answer);
                               on_releases(arg, PINNATE_OK, "", view.rows().data(), view.rows().size());
                             });
}

Status status(Handle& handle, Mode mode, const char* name, pinnate_rollup_fn on_rollup, void* arg) {
  if (Status s = required(on_rollup, "on_rollup"); !s.ok()) return s;
  wire::GetStatus question;
  if (Status s = take_name(name, check_function_name, &question.name); !s.ok()) return s;
  return ask<wire::StatusReport>(handle, mode, std::move(question), rollup_taker(on_rollup, arg));
}

namespace {

constexpr std::uint32_t kLiveTimeoutMs = 60000;

// `make` makes the wait from its id and what ends it.
template <class Make>
Status wait_with(Handle& handle, std::uint32_t timeout_ms, pinnate_done_fn on_done, void* arg, pinnate_ticket* ticket,
                 Make make) {
  if (Status s = required(on_done, "on_done"); !s.ok()) return s;
  return handle.soon([=, &handle, id = handle.new_ticket(ticket)] {
    make(id, [on_done, arg](const Status& status) {
      on_done(arg, status.code(), status.message().c_str());
    })->start(handle.reactor(), or_default(timeout_ms, kLiveTimeoutMs));
  });
}

template <class Make>
Status wait_here(Handle& handle, std::uint32_t timeout_ms, Make make) {
  return handle.wait([&](const Handle::Settle& settle) {
    make(handle.new_ticket(nullptr), settle)->start(handle.reactor(), or_default(timeout_ms, kLiveTimeoutMs));
  });
}

auto live_wait(Handle& handle, std::uint64_t release, std::uint64_t engines) {
  return [&handle, release, engines](pinnate_ticket id, Wait::Done done) {
    return std::make_shared<LiveWait>(&handle.requests(), id, std::move(done), release, engines);
  };
}

auto serving_wait(Handle& handle, std::string function) {
  return [&handle, function = std::move(function)](pinnate_ticket id, Wait::Done done) {
    return std::make_shared<ServingWait>(&handle.requests(), id, std::move(done), function);
  };
}

}  // namespace

Status when_live(Handle& handle, std::uint64_t release, std::uint64_t engines, std::uint32_t timeout_ms,
                 pinnate_done_fn on_done, void* arg, pinnate_ticket* ticket) {
  return wait_with(handle, timeout_ms, on_done, arg, ticket, live_wait(handle, release, engines));
}

Status when_live_wait(Handle& handle, std::uint64_t release, std::uint64_t engines, std::uint32_t timeout_ms) {
  return wait_here(handle, timeout_ms, live_wait(handle, release, engines));
}

Status when_serving(Handle& handle, const char* name, std::uint32_t timeout_ms, pinnate_done_fn on_done, void* arg,
                    pinnate_ticket* ticket) {
  std::string function;
  if (Status s = take_function(name, "name", &function); !s.ok()) return s;
  return wait_with(handle, timeout_ms, on_done, arg, ticket, serving_wait(handle, std::move(function)));
}

Status when_serving_wait(Handle& handle, const char* name, std::uint32_t timeout_ms) {
  std::string function;
  if (Status s = take_function(name, "name", &function); !s.ok()) return s;
  return wait_here(handle, timeout_ms, serving_wait(handle, std::move(function)));
}

Status watch(Handle& handle, pinnate_rollup_fn on_rollup, void* arg, pinnate_ticket* ticket) {
  if (Status s = required(on_rollup, "on_rollup"); !s.ok()) return s;
  return handle.soon([&handle, on_rollup, arg, id = handle.new_ticket(ticket)] {
    handle.requests().watch(id, rollup_taker(on_rollup, arg));
  });
}

Result<wire::Lookup> read_lookup(const pinnate_lookup* lookup, pinnate_ticket** ticket) {
  const Result<pinnate_lookup> given = read_sized(lookup, "lookup");
  if (!given.ok()) return given.status();
  if (ticket) *ticket = given->ticket;
  wire::Lookup question;
  if (Status s = take_name(given->at, check_tier_id, &question.at); !s.ok()) return s;
  if (Status s = take_name(given->name, check_function_name, &question.name); !s.ok()) return s;
  if (Status s = take_name(given->engine, check_tier_id, &question.engine); !s.ok()) return s;
  if (given->phase < 0 || given->phase > PINNATE_PHASE_COUNT)
    return {PINNATE_INVALID,
            "lookup.phase is " + std::to_string(given->phase) + "; 0, or 1 + a pinnate_phase, is allowed"};
  if (given->limit > kMostLookupRows)
    return {PINNATE_INVALID, "lookup.limit is " + std::to_string(given->limit) + "; 1 to 1000 are allowed"};
  question.phase = static_cast<std::uint8_t>(given->phase);
  question.gateways = given->gateways != 0;
  if (given->cursor) question.cursor = given->cursor;
  if (question.cursor.size() > kTextLimitBytes)
    return {PINNATE_INVALID, "lookup.cursor is " + std::to_string(question.cursor.size()) +
                                 " bytes; it must be one that a page of an earlier lookup gave"};
  question.limit = or_default(given->limit, kLookupRows);
  question.timeout_ms = or_default(given->timeout_ms, kDefaultTimeoutMs);
  return question;
}

Status lookup(Handle& handle, Mode mode, const pinnate_lookup* lookup, pinnate_rows_fn on_rows, void* arg) {
  pinnate_ticket* ticket = nullptr;
  Result<wire::Lookup> question = read_lookup(lookup, &ticket);
  return question.ok() ? ask_tiers(handle, mode, std::move(*question), on_rows, arg, ticket) : question.status();
}

Status ask_tiers(Handle& handle, Mode mode, wire::Lookup question, pinnate_rows_fn on_rows, void* arg,
                 pinnate_ticket* ticket) {
  if (Status s = required(on_rows, "on_rows"); !s.ok()) return s;
  const auto answered = [on_rows, arg](const Status& status, const wire::Tiers* answer) {
    if (!status.ok()) return on_rows(arg, status.code(), status.message().c_str(), nullptr, 0, "");
    const TiersView view(*answer);
    on_rows(arg, PINNATE_OK, "", view.rows().data(), view.rows().size(), answer->next.c_str());
  };
  return ask<wire::Tiers>(handle, mode, std::move(question), answered, ticket);
}

Status members(Handle& handle, Mode mode, const pinnate_lookup* lookup, pinnate_members_fn on_members, void* arg) {
  if (Status s = required(on_members, "on_members"); !s.ok()) return s;
  pinnate_ticket* ticket = nullptr;
  Result<wire::Lookup> question = read_lookup(lookup, &ticket);
  if (!question.ok()) return question.status();
  if (!question->name.empty() || !question->engine.empty() || question->phase != 0 || question->gateways)
    return {PINNATE_INVALID, "of a lookup of members only at, cursor, limit, timeout_ms and ticket may be set"};
  question->members = true;
  const auto answered = [on_members, arg](const Status& status, const wire::Tiers* answer) {
    if (!status.ok()) return on_members(arg, status.code(), status.message().c_str(), nullptr, 0, "");
    const MembersView view(*answer);
    on_members(arg, PINNATE_OK, "", view.rows().data(), view.rows().size(), answer->next.c_str());
  };
  return ask<wire::Tiers>(handle, mode, std::move(*question), answered, ticket);
}

Status read_call(const pinnate_call* call, CallOrder* order) {
  const Result<pinnate_call> given = read_sized(call, "call");
  if (!given.ok()) return given.status();
  order->payload = given->payload;
  order->ticket = given->ticket;
  if (Status s = take_function(given->name, "call.name", &order->message.function); !s.ok()) return s;
  if (Status s = take_name(given->engine, check_tier_id, &order->message.engine); !s.ok()) return s;
  if (given->payload.size > kCallLimitBytes)
    return {PINNATE_TOO_LARGE, "call.payload is " + std::to_string(given->payload.size) + " bytes; at most " +
                                   std::to_string(kCallLimitBytes) + " are allowed"};
  if (given->payload.size != 0)
    if (Status s = required(given->payload.data, "call.payload.data"); !s.ok()) return s;
  if (given->headers || given->header_count != 0) {
    Result<Labels> headers = read_headers(given->headers, given->header_count, "call.headers");
    if (!headers.ok()) return headers.status();
    order->message.headers = std::move(*headers);
  }
  order->message.timeout_ms = or_default(given->timeout_ms, kDefaultTimeoutMs);
  order->message.idempotent = given->idempotent != 0;
  return {};
}

Result<wire::Call> copy_call(const pinnate_call* call) {
  CallOrder order;
  if (Status s = read_call(call, &order); !s.ok()) return s;
  if (order.payload.size != 0)
    order.message.payload = Buffer::copy({static_cast<const char*>(order.payload.data), order.payload.size});
  return std::move(order.message);
}

namespace {

bool has_result(Code code) { return code == PINNATE_OK || code == PINNATE_FAILED; }

struct Returning {
  pinnate_result_fn on_result;
  void* arg;
  void operator()(Code code, const char* words, std::string_view result) const {
    const pinnate_bytes bytes{result.data(), result.size()};
    on_result(arg, code, words, has_result(code) ? bytes : pinnate_bytes{nullptr, 0});
  }
};

Buffer encoded(CallOrder& order, pinnate_ticket id) {
  order.message.id = id;
  return wire::encode_call(order.message, {static_cast<const char*>(order.payload.data), order.payload.size});
}

}  // namespace

Status call(Handle& handle, const pinnate_call* call, pinnate_result_fn on_result, void* arg) {
  if (Status s = required(on_result, "on_result"); !s.ok()) return s;
  CallOrder order;
  if (Status s = read_call(call, &order); !s.ok()) return s;
  const pinnate_ticket id = handle.new_ticket(order.ticket);
  return handle.soon([&handle, id, message = encoded(order, id), on_result, arg]() mutable {
    handle.requests().call(id, std::move(message), Returning{on_result, arg});
  });
}

Status call_wait(Handle& handle, const pinnate_call* call, void** result, std::size_t* result_size) {
  if (Status s = required(result, "result"); !s.ok()) return s;
  if (Status s = required(result_size, "result_size"); !s.ok()) return s;
  *result = nullptr;
  *result_size = 0;
  CallOrder order;
  if (Status s = read_call(call, &order); !s.ok()) return s;
  const pinnate_ticket id = handle.new_ticket(order.ticket);
  std::string bytes;
  const Status status = handle.wait([&](const Handle::Settle& settle) {
    handle.requests().call(id, encoded(order, id),
                           [&bytes, settle](Code code, const char* words, std::string_view returned) {
                             if (has_result(code)) bytes = returned;
                             settle({code, words});
                           });
  });
  give_result(bytes, result, result_size);
  return status;
}

void give_result(std::string_view bytes, void** result, std::size_t* result_size) {
  if (bytes.empty()) return;
  *result = std::malloc(bytes.size());
  if (!*result) throw std::bad_alloc();
  std::memcpy(*result, bytes.data(), bytes.size());
  *result_size = bytes.size();
}

}  // namespace pinnate::capi
