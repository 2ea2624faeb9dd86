#include "tier/client.h"

#include "base/check.h"
#include "base/plant.h"
#include "tier/call_router.h"
#include "tier/linked_tier.h"

#include <algorithm>

namespace pinnate::tier {
namespace {

constexpr std::size_t kRequests = 65536;
constexpr std::uint32_t kLeastGraceMs = 50, kMostGraceMs = 250;

class Client final : public LinkedTier, private LinkOwner {
 public:
  explicit Client(ClientOptions options) : LinkedTier(options.tier, wire::Role::client), options_(std::move(options)) {
    links_.set_owners(this, this);
  }

  EndpointId keep_link(Now now, Side side, const std::string& address) override {
    address_ = address;
    return LinkedTier::keep_link(now, side, address);
  }

 private:
  struct Request {
    wire::Message message;
    bool sent = false;
    bool lasting() const {  // a watch: asked again over every new link
      const auto* status = std::get_if<wire::GetStatus>(&message);
      return status && status->watch;
    }
    std::int64_t asked_ms = 0;
    Alarm limit{};
  };
  struct CallRequest {
    wire::CallView call;  // until it is sent
    std::uint32_t timeout_ms = 0;
    std::size_t bytes = 0;
    std::int64_t asked_ms = 0;
    bool sent = false;
    Alarm limit{};
  };

  void end() override { links_.say_goodbye(true); }
  void host_message(wire::Message& message, const Buffer& bytes) override;
  void host_call(wire::CallView call) override;
  // LinkOwner
  void link_up(Session& session) override;
  void link_down(Session& session, const Status& why) override;
  void message(Session& session, wire::Message& message) override;
  void returned(Session& session, wire::ReturnedView returned) override;
  void dial_failed(const Status& why) override;
  void refused(const Session&, const Status& why) override { fail_all(why); }

  void ask(std::uint64_t id, wire::Message message);
  void give_up(std::uint64_t id);
  void send(std::uint64_t id, Request& request, LinkId link);
  void send_call(std::uint64_t id, CallRequest& request, LinkId link);
  Status room_for(std::size_t bytes) const;
  std::vector<std::uint64_t> calls(bool sent);
  Request take_out(std::uint64_t id);
  CallRequest take_out_call(std::uint64_t id);
  void taken_out(std::size_t bytes);
  Status no_link(std::uint32_t limit_ms) const;
  void fail(std::uint64_t id, const Status& why) { answer(take_out(id), why); }
  void answer(const Request& request, const Status& why) { core_.refuse(kHostLink, request.message, why); }
  void fail_call(std::uint64_t id, const Status& why) { answer_call(id, take_out_call(id).sent, why); }
  void answer_call(std::uint64_t id, bool sent, const Status& why) {
    core_.send(kHostLink, wire::Returned{id, why.code(), cut_reason(why.message()), sent, {}});
  }
  void fail_all(const Status& why);

  ClientOptions options_;
  std::map<std::uint64_t, Request> requests_;  // but calls
  IdMap<CallRequest> calls_;
  std::size_t waiting_bytes_ = 0;  // that they carry
  std::string address_, last_failure_;
};

constexpr std::size_t kOverheadBytes = 512;  // names, and what a message takes where it waits for the link

// What may be large in a request; the rest of it has small limits of its own.
std::size_t carried_bytes(const wire::Message& message) {
  if (const auto* publish = std::get_if<wire::Publish>(&message))
    return kOverheadBytes + publish->manifest.size() + publish->config.size();
  return kOverheadBytes;
}

// For how long whoever asks will wait, if that is said.
std::uint32_t* own_limit_ms(wire::Message& message) {
  auto* lookup = std::get_if<wire::Lookup>(&message);
  return lookup ? &lookup->timeout_ms : nullptr;
}

// The answer of a tier that is alive says more, and comes first.
std::uint32_t grace_ms(std::uint32_t time_ms) { return std::clamp(time_ms / 8, kLeastGraceMs, kMostGraceMs); }

std::uint32_t left_of(std::uint32_t time_ms, std::int64_t gone_ms) {
  return static_cast<std::uint32_t>(std::max<std::int64_t>(1, std::int64_t{time_ms} - gone_ms));
}

void Client::host_message(wire::Message& message, const Buffer& bytes) {
  if (const auto* cancel = std::get_if<wire::Cancel>(&message)) return give_up(cancel->id);
  std::visit(
      [&]<class T>(T& m) {
        if constexpr (requires { answer_to(m); }) {
          if constexpr (std::is_same_v<T, wire::GetStatus>)
            if (m.end_watch) {
              if (requests_.contains(m.id)) take_out(m.id);
              if (const Session* up = links_.upstream()) core_.send(up->link, m);
              return;
            }
          const std::uint64_t id = m.id;
          ask(id, std::move(m));
        } else if (const Session* up = links_.upstream()) {
          core_.send(up->link, wire::class_of(m), bytes);  // chunks of a publish
        }
      },
      message);
}

// It is not answered any more, and what was not sent is not sent.
void Client::give_up(std::uint64_t id) {
  if (requests_.contains(id)) take_out(id);
  if (!calls_.contains(id)) return;
  const bool sent = take_out_call(id).sent;
  if (const Session* up = links_.upstream(); up && sent) core_.send(up->link, wire::Cancel{id});
}

// More than a link may hold would end it, and every request that is under way.
Status Client::room_for(std::size_t bytes) const {
  if (waiting_bytes_ + bytes > core_.options().link_limit_bytes / 4 * 3 && !PINNATE_PLANT(call_bytes_without_limit))
    return {PINNATE_BUSY, "requests of " + std::to_string(waiting_bytes_) + " bytes wait for their answers"};
  if (requests_.size() + calls_.size() >= kRequests) return {PINNATE_BUSY, "too many requests at once"};
  return {};
}

Status Client::no_link(std::uint32_t limit_ms) const {
  return {PINNATE_UNREACHABLE, "no link" + (address_.empty() ? "" : " to " + address_) + " within " +
                                   std::to_string(limit_ms) + " ms" + (last_failure_.empty() ? "" : ": " + last_failure_)};
}

void Client::host_call(wire::CallView call) {
  const std::uint64_t id = call.id;
  if (calls_.contains(id) || requests_.contains(id)) return;
  const std::size_t bytes = kOverheadBytes + call.payload.size();
  if (Status s = room_for(bytes); !s.ok()) return answer_call(id, false, s);
  waiting_bytes_ += bytes;
  const std::uint32_t timeout_ms = call.timeout_ms;
  CallRequest& kept = calls_.add(id, {std::move(call), timeout_ms, bytes, core_.now().monotonic_ms});
  if (const Session* up = links_.upstream()) return send_call(id, kept, up->link);
  const std::uint32_t limit_ms = std::min(options_.connect_timeout_ms, timeout_ms);
  kept.limit = core_.alarm_in(limit_ms, [this, id, limit_ms] { fail_call(id, no_link(limit_ms)); });
}

void Client::send_call(std::uint64_t id, CallRequest& request, LinkId link) {
  const std::uint32_t left_ms = left_of(request.timeout_ms, core_.now().monotonic_ms - request.asked_ms);
  request.sent = true;
  request.limit = core_.alarm_in(left_ms + grace_ms(left_ms), [this, id] {
    const std::string all_ms = std::to_string(calls_.find(id)->timeout_ms);
    if (const Session* up = links_.upstream()) core_.send(up->link, wire::Cancel{id});
    fail_call(id, {PINNATE_TIMEOUT, "no answer within " + all_ms + " ms"});
  });
  wire::CallView call = std::exchange(request.call, {});
  core_.send(link, wire::Class::call, wire::passed_on(call, id, left_ms, call.route()));
}

Client::CallRequest Client::take_out_call(std::uint64_t id) {
  CallRequest request = std::move(*calls_.find(id));
  calls_.remove(id);
  taken_out(request.bytes);
  return request;
}

// By their ids, since what is done to them changes the table.
std::vector<std::uint64_t> Client::calls(bool sent) {
  std::vector<std::uint64_t> all;
  calls_.each([&](std::uint64_t id, const CallRequest& request) {
    if (request.sent == sent) all.push_back(id);
  });
  std::sort(all.begin(), all.end());
  return all;
}

void Client::returned(Session&, wire::ReturnedView returned) {
  if (!calls_.contains(returned.id)) return;  // late
  take_out_call(returned.id);
  if (const std::size_t bytes = returned.result.size(); bytes > kCallLimitBytes)
    return core_.send(kHostLink, too_large(returned.id, bytes));
  core_.send(kHostLink, wire::Class::call, std::move(returned.bytes));
}

void Client::ask(std::uint64_t id, wire::Message message) {
  if (requests_.contains(id) || calls_.contains(id)) return;
  const std::size_t bytes = carried_bytes(message);
  Request request{std::move(message), false, core_.now().monotonic_ms};
  if (Status s = room_for(bytes); !s.ok()) return answer(request, s);
  waiting_bytes_ += bytes;
  Request& kept = requests_.emplace(id, std::move(request)).first->second;
  if (const Session* up = links_.upstream()) return send(id, kept, up->link);
  const std::uint32_t* own_ms = own_limit_ms(kept.message);
  const std::uint32_t limit_ms = own_ms ? std::min(options_.connect_timeout_ms, *own_ms) : options_.connect_timeout_ms;
  kept.limit = core_.alarm_in(limit_ms, [this, id, limit_ms] { fail(id, no_link(limit_ms)); });
}

void Client::send(std::uint64_t id, Request& request, LinkId link) {
  request.sent = true;
  request.limit.cancel();
  if (std::uint32_t* const own_ms = own_limit_ms(request.message)) {
    const std::uint32_t all_ms = *own_ms;
    *own_ms = left_of(all_ms, core_.now().monotonic_ms - request.asked_ms);
    request.limit = core_.alarm_in(*own_ms + grace_ms(*own_ms), [this, id, all_ms] {
      fail(id, {PINNATE_TIMEOUT, "no answer within " + std::to_string(all_ms) + " ms"});
    });
  }
  core_.send(link, request.message);
}

Client::Request Client::take_out(std::uint64_t id) {
  Request request = std::move(requests_.extract(id).mapped());
  taken_out(carried_bytes(request.message));
  return request;
}

void Client::taken_out(std::size_t bytes) {
  if (!PINNATE_CHECK(bytes <= waiting_bytes_, "requests that ended are larger than all that were made")) {
    if (const Session* up = links_.upstream()) core_.soon([this, link = up->link] { links_.refuse(link, defect()); });
    bytes = waiting_bytes_;
  }
  waiting_bytes_ -= bytes;
}

void Client::link_up(Session& session) {
  last_failure_.clear();
  for (auto& [id, request] : requests_)
    if (!request.sent) send(id, request, session.link);
  for (std::uint64_t id : calls(false)) send_call(id, *calls_.find(id), session.link);
}

Status link_lost(bool may_have_run, const Status& why) {
  return {may_have_run ? PINNATE_INTERRUPTED : PINNATE_UNREACHABLE,
          "the link was lost before the answer came: " + why.message() +
              (may_have_run ? "; it may or may not have been carried out" : "")};
}

void Client::link_down(Session&, const Status& why) {
  std::vector<std::uint64_t> lost;
  for (auto& [id, request] : requests_) {
    if (!request.sent) continue;
    if (request.lasting())
      request.sent = false;
    else
      lost.push_back(id);
  }
  for (std::uint64_t id : lost) {
    const wire::Message& asked = requests_.at(id).message;
    const bool may_have_run =
        std::holds_alternative<wire::Publish>(asked) || std::holds_alternative<wire::Unpublish>(asked);
    fail(id, link_lost(may_have_run, why));
  }
  for (std::uint64_t id : calls(true)) fail_call(id, link_lost(true, why));
}

void Client::dial_failed(const Status& why) {
  last_failure_ = why.message();
  if (answered_no(why)) fail_all(why);
}

void Client::message(Session&, wire::Message& m) {
  std::visit(
      [&]<class T>(T& answer) {
        if constexpr (requires { answer.id, answer.code; }) {
          const auto found = requests_.find(answer.id);
          if (found == requests_.end()) return;  // late
          if (!found->second.lasting() || answer.code != PINNATE_OK) take_out(answer.id);
          core_.send(kHostLink, answer);
        } else if constexpr (std::is_same_v<T, wire::PublishProgress> || std::is_same_v<T, wire::WantChunk> ||
                             std::is_same_v<T, wire::Welcome>) {
          core_.send(kHostLink, answer);
        }
      },
      m);
}

void Client::fail_all(const Status& why) {
  while (!requests_.empty()) fail(requests_.begin()->first, why);
  for (const bool sent : {false, true})
    for (std::uint64_t id : calls(sent)) fail_call(id, why);
}

}  // namespace

std::unique_ptr<Tier> make_client(ClientOptions options) { return std::make_unique<Client>(std::move(options)); }

}  // namespace pinnate::tier
