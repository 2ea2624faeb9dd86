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
    std::int64_t asked_ms;
    bool sent = false;
    bool lasting() const {  // a watch: asked again over every new link
      const auto* status = std::get_if<wire::GetStatus>(&message);
      return status && status->watch;
    }
    Alarm limit{};
  };

  void end() override { links_.say_goodbye(true); }
  void host_message(wire::Message& message, const Buffer& bytes) override;
  // LinkOwner
  void link_up(Session& session) override;
  void link_down(Session& session, const Status& why) override;
  void message(Session& session, wire::Message& message) override;
  void dial_failed(const Status& why) override;
  void refused(const Session&, const Status& why) override { fail_all(why); }

  void ask(std::uint64_t id, wire::Message message);
  void give_up(std::uint64_t id);
  void send(std::uint64_t id, Request& request, LinkId link);
  Request take_out(std::uint64_t id);
  void fail(std::uint64_t id, const Status& why) { answer(take_out(id), why); }
  void answer(const Request& request, const Status& why) {
    core_.refuse(kHostLink, request.message, why, request.sent);
  }
  void fail_all(const Status& why);

  ClientOptions options_;
  std::map<std::uint64_t, Request> requests_;
  std::size_t waiting_bytes_ = 0;  // that they carry
  std::string address_, last_failure_;
};

// What may be large in a request; the rest of it has small limits of its own.
std::size_t carried_bytes(const wire::Message& message) {
  constexpr std::size_t kOverheadBytes = 512;  // names, and what a message takes where it waits for the link
  if (const auto* call = std::get_if<wire::Call>(&message)) return kOverheadBytes + call->payload.size();
  if (const auto* publish = std::get_if<wire::Publish>(&message))
    return kOverheadBytes + publish->manifest.size() + publish->config.size();
  return kOverheadBytes;
}

// For how long whoever asks will wait, if that is said.
std::uint32_t* own_limit_ms(wire::Message& message) {
  if (auto* call = std::get_if<wire::Call>(&message)) return &call->timeout_ms;
  if (auto* lookup = std::get_if<wire::Lookup>(&message)) return &lookup->timeout_ms;
  return nullptr;
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
  if (!requests_.contains(id)) return;
  const Request request = take_out(id);
  const Session* const up = links_.upstream();
  if (request.sent && up && std::holds_alternative<wire::Call>(request.message)) core_.send(up->link, wire::Cancel{id});
}

void Client::ask(std::uint64_t id, wire::Message message) {
  if (requests_.contains(id)) return;
  const std::size_t bytes = carried_bytes(message);
  Request request{std::move(message), core_.now().monotonic_ms};
  // More than a link may hold would end it, and every request that is under way.
  if (waiting_bytes_ + bytes > core_.options().link_limit_bytes / 4 * 3 && !PINNATE_PLANT(call_bytes_without_limit))
    return answer(request,
                  {PINNATE_BUSY, "requests of " + std::to_string(waiting_bytes_) + " bytes wait for their answers"});
  if (requests_.size() >= kRequests) return answer(request, {PINNATE_BUSY, "too many requests at once"});
  waiting_bytes_ += bytes;
  Request& kept = requests_.emplace(id, std::move(request)).first->second;
  if (const Session* up = links_.upstream()) return send(id, kept, up->link);
  const std::uint32_t* own_ms = own_limit_ms(kept.message);
  const std::uint32_t limit_ms = own_ms ? std::min(options_.connect_timeout_ms, *own_ms) : options_.connect_timeout_ms;
  kept.limit = core_.alarm_in(limit_ms, [this, id, limit_ms] {
    fail(id, {PINNATE_UNREACHABLE, "no link" + (address_.empty() ? "" : " to " + address_) + " within " +
                                       std::to_string(limit_ms) + " ms" +
                                       (last_failure_.empty() ? "" : ": " + last_failure_)});
  });
}

void Client::send(std::uint64_t id, Request& request, LinkId link) {
  request.sent = true;
  request.limit.cancel();
  if (std::uint32_t* const own_ms = own_limit_ms(request.message)) {
    const std::int64_t gone_ms = core_.now().monotonic_ms - request.asked_ms, all_ms = *own_ms;
    *own_ms = static_cast<std::uint32_t>(std::max<std::int64_t>(1, all_ms - gone_ms));
    // The answer of a tier that is alive says more, and comes first.
    const std::int64_t grace_ms = std::clamp(*own_ms / 8, kLeastGraceMs, kMostGraceMs);
    request.limit = core_.alarm_in(*own_ms + grace_ms, [this, id, all_ms] {
      const Session* up = links_.upstream();
      if (up && std::holds_alternative<wire::Call>(requests_.at(id).message)) core_.send(up->link, wire::Cancel{id});
      fail(id, {PINNATE_TIMEOUT, "no answer within " + std::to_string(all_ms) + " ms"});
    });
  }
  core_.send(link, request.message);
}

Client::Request Client::take_out(std::uint64_t id) {
  Request request = std::move(requests_.extract(id).mapped());
  std::size_t bytes = carried_bytes(request.message);
  if (!PINNATE_CHECK(bytes <= waiting_bytes_, "requests that ended are larger than all that were made")) {
    if (const Session* up = links_.upstream()) core_.soon([this, link = up->link] { links_.refuse(link, defect()); });
    bytes = waiting_bytes_;
  }
  waiting_bytes_ -= bytes;
  return request;
}

void Client::link_up(Session& session) {
  last_failure_.clear();
  for (auto& [id, request] : requests_)
    if (!request.sent) send(id, request, session.link);
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
    const bool may_have_run = std::holds_alternative<wire::Call>(asked) ||
                              std::holds_alternative<wire::Publish>(asked) ||
                              std::holds_alternative<wire::Unpublish>(asked);
    fail(id, {may_have_run ? PINNATE_INTERRUPTED : PINNATE_UNREACHABLE,
              "the link was lost before the answer came: " + why.message() +
                  (may_have_run ? "; it may or may not have been carried out" : "")});
  }
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
          if constexpr (std::is_same_v<T, wire::Returned>) refuse_large(&answer);
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
}

}  // namespace

std::unique_ptr<Tier> make_client(ClientOptions options) { return std::make_unique<Client>(std::move(options)); }

}  // namespace pinnate::tier
