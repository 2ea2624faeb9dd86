#include "capi/asking.h"

#include "base/limits.h"
#include "base/names.h"
#include "capi/boundary.h"
#include "capi/convert.h"
#include "capi/publish_order.h"
#include "capi/sized.h"

#include <memory>
#include <string>
#include <utility>

namespace pinnate::capi {
namespace {

constexpr std::uint32_t kLookupRows = 100, kMostLookupRows = 1000;
constexpr std::uint32_t kTimeoutMs = 10000;

// Sends a question from whatever thread the host called on.
template <class Answer, class Question>
Status ask(Handle& handle, Question question, std::function<void(const Status&, const Answer*)> answered) {
  return handle.soon([&handle, question = std::move(question), answered = std::move(answered)]() mutable {
    handle.requests().ask<Answer>(std::move(question), std::move(answered));
  });
}

Requests::Changed rollup_taker(pinnate_rollup_fn on_rollup, void* arg) {
  return [on_rollup, arg](const Status& status, const wire::StatusReport* report) {
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

Status publish(Handle& handle, const pinnate_publish* publish, pinnate_progress_fn on_progress,
               pinnate_published_fn on_published, void* arg) {
  if (Status s = required(on_published, "on_published"); !s.ok()) return s;
  Result<runtime::PublishOrder> order = read_publish(publish);
  if (!order.ok()) return order.status();
  runtime::PublisherDriver::Progress progress;
  if (on_progress)
    progress = [on_progress, arg](std::uint64_t done, std::uint64_t total) { on_progress(arg, done, total); };
  const auto done = [on_published, arg](const Status& status, const wire::Published* answer, std::uint32_t prepare_us) {
    if (!status.ok()) return on_published(arg, status.code(), status.message().c_str(), nullptr);
    const pinnate_published published = to_published(*answer, prepare_us);
    on_published(arg, PINNATE_OK, "", &published);
  };
  return handle.soon([&handle, order = std::move(*order), progress, done] {
    handle.publisher().publish(handle.requests().next_id(), order, progress, done);
  });
}

Status publish_wait(Handle& handle, const pinnate_publish* publish, pinnate_published* published) {
  const Result<std::size_t> room = room_in(published, "published");
  if (!room.ok()) return room.status();
  Result<runtime::PublishOrder> order = read_publish(publish);
  if (!order.ok()) return order.status();
  // Written on the loop's thread, and the caller waits meanwhile.
  pinnate_published answered{};
  const Status status = handle.wait([&](const Handle::Settle& settle) {
    handle.publisher().publish(
        handle.requests().next_id(), *order, nullptr,
        [&answered, settle](const Status& s, const wire::Published* answer, std::uint32_t prepare_us) {
          if (s.ok()) answered = to_published(*answer, prepare_us);
          settle(s);
        });
  });
  if (status.ok()) fill_sized(answered, *room, published);
  return status;
}

Status unpublish(Handle& handle, const char* name, std::uint64_t release, pinnate_done_fn on_done, void* arg) {
  if (Status s = required(name, "name"); !s.ok()) return s;
  if (Status s = required(on_done, "on_done"); !s.ok()) return s;
  wire::Unpublish question;
  question.release = release;
  if (Status s = take_name(name, check_function_name, &question.name); !s.ok()) return s;
  return ask<wire::Done>(handle, std::move(question), [on_done, arg](const Status& status, const wire::Done*) {
    on_done(arg, status.code(), status.message().c_str());
  });
}

Status releases(Handle& handle, const char* name, pinnate_releases_fn on_releases, void* arg) {
  if (Status s = required(on_releases, "on_releases"); !s.ok()) return s;
  wire::ListReleases question;
  if (Status s = take_name(name, check_function_name, &question.name); !s.ok()) return s;
  return ask<wire::Releases>(handle, std::move(question),
                             [on_releases, arg](const Status& status, const wire::Releases* answer) {
                               if (!status.ok())
                                 return on_releases(arg, status.code(), status.message().c_str(), nullptr, 0);
                               const ReleasesView view(*answer);
                               on_releases(arg, PINNATE_OK, "", view.rows().data(), view.rows().size());
                             });
}

Status status(Handle& handle, const char* name, pinnate_rollup_fn on_rollup, void* arg) {
  if (Status s = required(on_rollup, "on_rollup"); !s.ok()) return s;
  wire::GetStatus question;
  if (Status s = take_name(name, check_function_name, &question.name); !s.ok()) return s;
  return ask<wire::StatusReport>(handle, std::move(question), rollup_taker(on_rollup, arg));
}

Status watch(Handle& handle, pinnate_rollup_fn on_rollup, void* arg) {
  return handle.soon(
      [&handle, on_rollup, arg] { handle.requests().watch(on_rollup ? rollup_taker(on_rollup, arg) : nullptr); });
}

Result<wire::Lookup> read_lookup(const pinnate_lookup* lookup) {
  const Result<pinnate_lookup> given = read_sized(lookup, "lookup");
  if (!given.ok()) return given.status();
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
  question.timeout_ms = or_default(given->timeout_ms, kTimeoutMs);
  return question;
}

Status lookup(Handle& handle, const pinnate_lookup* lookup, pinnate_rows_fn on_rows, void* arg) {
  Result<wire::Lookup> question = read_lookup(lookup);
  return question.ok() ? ask_tiers(handle, std::move(*question), on_rows, arg) : question.status();
}

Status ask_tiers(Handle& handle, wire::Lookup question, pinnate_rows_fn on_rows, void* arg) {
  if (Status s = required(on_rows, "on_rows"); !s.ok()) return s;
  return ask<wire::Tiers>(handle, std::move(question), [on_rows, arg](const Status& status, const wire::Tiers* answer) {
    if (!status.ok()) return on_rows(arg, status.code(), status.message().c_str(), nullptr, 0, "");
    const TiersView view(*answer);
    on_rows(arg, PINNATE_OK, "", view.rows().data(), view.rows().size(), answer->next.c_str());
  });
}

Result<CallOrder> read_call(const pinnate_call* call) {
  const Result<pinnate_call> given = read_sized(call, "call");
  if (!given.ok()) return given.status();
  CallOrder order;
  order.payload = given->payload;
  if (Status s = required(given->name, "call.name"); !s.ok()) return s;
  if (Status s = take_name(given->name, check_function_name, &order.message.function); !s.ok()) return s;
  if (Status s = take_name(given->engine, check_tier_id, &order.message.engine); !s.ok()) return s;
  if (given->payload.size > kCallLimitBytes)
    return {PINNATE_TOO_LARGE, "call.payload is " + std::to_string(given->payload.size) + " bytes; at most " +
                                   std::to_string(kCallLimitBytes) + " are allowed"};
  if (given->payload.size != 0)
    if (Status s = required(given->payload.data, "call.payload.data"); !s.ok()) return s;
  order.message.timeout_ms = or_default(given->timeout_ms, kTimeoutMs);
  order.message.idempotent = given->idempotent != 0;
  return order;
}

Result<wire::Call> copy_call(const pinnate_call* call) {
  Result<CallOrder> order = read_call(call);
  if (!order.ok()) return order.status();
  if (order->payload.size != 0)
    order->message.payload = Buffer(std::string(static_cast<const char*>(order->payload.data), order->payload.size));
  return std::move(order->message);
}

Status call(Handle& handle, const pinnate_call* call, pinnate_result_fn on_result, void* arg) {
  if (Status s = required(on_result, "on_result"); !s.ok()) return s;
  Result<wire::Call> question = copy_call(call);
  if (!question.ok()) return question.status();
  const auto answered = [on_result, arg](const Status& status, const wire::Returned* answer) {
    pinnate_bytes result{nullptr, 0};
    if (answer && (status.ok() || status.code() == PINNATE_FAILED))
      result = {answer->result.data(), answer->result.size()};
    on_result(arg, status.code(), status.message().c_str(), result);
  };
  return ask<wire::Returned>(handle, std::move(*question), answered);
}

}  // namespace pinnate::capi
