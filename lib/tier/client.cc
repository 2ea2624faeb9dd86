#include "tier/client.h"

#include "base/plant.h"
#include "tier/links.h"

#include <algorithm>
#include <deque>

namespace pinnate::tier {
namespace {

constexpr std::size_t kRequests = 65536;

class Client final : public Tier, private LinkOwner {
 public:
  explicit Client(ClientOptions options)
      : options_(std::move(options)), core_(options_.tier, &actions_), links_(&core_, wire::Role::client, this) {}

  void start(Now now, Restored) override { core_.set_now(now); }
  void link_opened(Now now, LinkId link) override { core_.set_now(now), links_.opened(link); }
  void link_message(Now now, LinkId link, Buffer bytes) override;
  void link_heard(Now now, LinkId link) override { core_.set_now(now), links_.heard(link); }
  void link_drained(Now now, LinkId link, Drained drained) override {
    core_.set_now(now), links_.drained(link, drained);
  }
  void link_closed(Now now, LinkId link, Status why) override { core_.set_now(now), links_.closed(link, why); }
  void completed(Now now, Completion completion) override { core_.set_now(now), core_.complete(std::move(completion)); }
  void woke(Now now) override { core_.set_now(now), core_.ring_alarms(); }
  std::int64_t next_wake_ms() const override { return core_.next_alarm_ms(); }
  EndpointId keep_link(Now now, Side side, const std::string& address) override {
    return core_.set_now(now), address_ = address, links_.keep(side, address);
  }
  void release_link(Now now, EndpointId endpoint) override { core_.set_now(now), links_.release(endpoint); }
  void close(Now now) override {
    core_.set_now(now);
    links_.say_goodbye(true);
    closed_ = true;
  }
  bool closed() const override { return closed_; }

 private:
  struct Request {
    wire::Message message;
    bool sent = false;
    bool lasting = false;  // a watch: asked again over every new link
    Core::AlarmId limit = 0;
  };

  // LinkOwner
  void fill_hello(wire::Hello*) override {}
  Labels labels_below(const Session&) override { return {}; }
  Status admit(const Session&) override { return {}; }
  void link_up(Session& session) override;
  void link_down(Session& session, const Status& why) override;
  void message(Session& session, wire::Message& message) override;
  void dial_failed(const Status& why) override;
  void room(Session&) override {}
  void refused(const Session&, const Status& why) override { fail_all(why); }

  void ask(std::uint64_t id, wire::Message message, bool lasting);
  void fail(std::uint64_t id, const Status& why);
  void fail_all(const Status& why);

  ClientOptions options_;
  Core core_;
  Links links_;
  std::map<std::uint64_t, Request> requests_;
  std::size_t waiting_bytes_ = 0;  // that they carry
  std::string address_, last_failure_;
  bool closed_ = false;
};

// What may be large in a request; the rest of it has small limits of its own.
std::size_t carried_bytes(const wire::Message& message) {
  constexpr std::size_t kOverheadBytes = 512;  // names, and what a message takes where it waits for the link
  if (const auto* call = std::get_if<wire::Call>(&message)) return kOverheadBytes + call->payload.size();
  if (const auto* publish = std::get_if<wire::Publish>(&message))
    return kOverheadBytes + publish->manifest.size() + publish->config.size();
  return kOverheadBytes;
}

// For how long whoever asks will wait; 0: no word of it.
std::uint32_t own_limit_ms(const wire::Message& message) {
  if (const auto* call = std::get_if<wire::Call>(&message)) return call->timeout_ms;
  if (const auto* lookup = std::get_if<wire::Lookup>(&message)) return lookup->timeout_ms;
  return 0;
}

template <class T>
constexpr bool is_request =
    std::is_same_v<T, wire::Publish> || std::is_same_v<T, wire::Unpublish> || std::is_same_v<T, wire::ListReleases> ||
    std::is_same_v<T, wire::GetStatus> || std::is_same_v<T, wire::Lookup> || std::is_same_v<T, wire::Call>;
template <class T>
constexpr bool is_answer =
    std::is_same_v<T, wire::Published> || std::is_same_v<T, wire::Done> || std::is_same_v<T, wire::Releases> ||
    std::is_same_v<T, wire::StatusReport> || std::is_same_v<T, wire::Tiers> || std::is_same_v<T, wire::Returned>;

void Client::link_message(Now now, LinkId link, Buffer bytes) {
  core_.set_now(now);
  if (link != kHostLink) return links_.received(link, bytes);
  auto decoded = wire::decode(bytes);
  if (!decoded.ok() || !decoded->has_value())
    return core_.log(PINNATE_LOG_ERROR, "a malformed request of the host: " + decoded.status().message());
  std::visit(
      [&]<class T>(T& m) {
        if constexpr (is_request<T>) {
          bool lasting = false;
          if constexpr (std::is_same_v<T, wire::GetStatus>) {
            lasting = m.watch;
            if (m.end_watch) {
              if (const auto found = requests_.find(m.id); found != requests_.end()) {
                core_.cancel_alarm(&found->second.limit);
                requests_.erase(found);
              }
              if (const Session* up = links_.upstream()) core_.send(up->link, m);
              return;
            }
          }
          const std::uint64_t id = m.id;
          ask(id, std::move(m), lasting);
        } else if (const Session* up = links_.upstream()) {
          core_.send(up->link, wire::class_of(m), bytes);  // chunks of a publish, cancelling
        }
      },
      **decoded);
}

void Client::ask(std::uint64_t id, wire::Message message, bool lasting) {
  const std::size_t bytes = carried_bytes(message);
  // More than a link may hold would end it, and every request that is under way.
  const bool full =
      waiting_bytes_ + bytes > core_.options().link_limit_bytes / 4 * 3 && !PINNATE_PLANT(call_bytes_without_limit);
  if (requests_.size() >= kRequests || full || requests_.contains(id)) {
    Request refused{std::move(message), false, false, 0};
    const auto [it, fresh] = requests_.emplace(id, std::move(refused));
    if (!fresh) return;
    waiting_bytes_ += bytes;
    fail(id,
         {PINNATE_BUSY, full ? "requests of " + std::to_string(waiting_bytes_ - bytes) + " bytes wait for their answers"
                             : "too many requests at once"});
    return;
  }
  waiting_bytes_ += bytes;
  Request& request = requests_.emplace(id, Request{std::move(message), false, lasting, 0}).first->second;
  if (const Session* up = links_.upstream()) {
    request.sent = true;
    core_.send(up->link, request.message);
    return;
  }
  std::uint32_t limit_ms = options_.connect_timeout_ms;
  if (const std::uint32_t own_ms = own_limit_ms(request.message); own_ms != 0) limit_ms = std::min(limit_ms, own_ms);
  request.limit = core_.alarm_in(limit_ms, [this, id, limit_ms] {
    requests_.at(id).limit = 0;
    fail(id, {PINNATE_UNREACHABLE, "no link" + (address_.empty() ? "" : " to " + address_) + " within " +
                                       std::to_string(limit_ms) + " ms" +
                                       (last_failure_.empty() ? "" : ": " + last_failure_)});
  });
}

void Client::link_up(Session& session) {
  last_failure_.clear();
  for (auto& [id, request] : requests_) {
    if (request.sent) continue;
    core_.cancel_alarm(&request.limit);
    request.sent = true;
    core_.send(session.link, request.message);
  }
}

void Client::link_down(Session&, const Status& why) {
  std::vector<std::uint64_t> lost;
  for (auto& [id, request] : requests_) {
    if (!request.sent) continue;
    if (request.lasting)
      request.sent = false;
    else
      lost.push_back(id);
  }
  for (std::uint64_t id : lost) {
    const bool may_have_run = std::holds_alternative<wire::Call>(requests_.at(id).message) ||
                              std::holds_alternative<wire::Publish>(requests_.at(id).message) ||
                              std::holds_alternative<wire::Unpublish>(requests_.at(id).message);
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
        if constexpr (is_answer<T>) {
          const auto found = requests_.find(answer.id);
          if (found == requests_.end()) return;  // late
          bool refused = false;
          if constexpr (requires { answer.code; }) refused = answer.code != PINNATE_OK;
          if (!found->second.lasting || refused) {
            waiting_bytes_ -= carried_bytes(found->second.message);
            requests_.erase(found);
          }
          core_.send(kHostLink, answer);
        } else if constexpr (std::is_same_v<T, wire::PublishProgress> || std::is_same_v<T, wire::WantChunk>) {
          core_.send(kHostLink, answer);
        }
      },
      m);
}

void Client::fail_all(const Status& why) {
  while (!requests_.empty()) fail(requests_.begin()->first, why);
}

void Client::fail(std::uint64_t id, const Status& why) {
  const auto found = requests_.find(id);
  if (found == requests_.end()) return;
  Request request = std::move(found->second);
  requests_.erase(found);
  waiting_bytes_ -= carried_bytes(request.message);
  core_.cancel_alarm(&request.limit);
  const auto answer = [&](auto out) {
    out.id = id;
    out.code = why.code();
    out.reason = cut_reason(why.message());
    core_.send(kHostLink, out);
  };
  if (std::holds_alternative<wire::Publish>(request.message))
    answer(wire::Published{});
  else if (std::holds_alternative<wire::Unpublish>(request.message))
    answer(wire::Done{});
  else if (std::holds_alternative<wire::ListReleases>(request.message))
    answer(wire::Releases{});
  else if (std::holds_alternative<wire::GetStatus>(request.message))
    answer(wire::StatusReport{});
  else if (std::holds_alternative<wire::Lookup>(request.message))
    answer(wire::Tiers{});
  else {
    wire::Returned returned;
    returned.ran = request.sent;
    answer(std::move(returned));
  }
}

}  // namespace

std::unique_ptr<Tier> make_client(ClientOptions options) { return std::make_unique<Client>(std::move(options)); }

}  // namespace pinnate::tier
