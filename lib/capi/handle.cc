#include "capi/handle.h"

#include "capi/boundary.h"
#include "capi/convert.h"
#include "capi/sized.h"
#include "runtime/joined_thread.h"

#include <exception>
#include <future>
#include <utility>

namespace pinnate::capi {
namespace {

// Threads that only have to return; longer where a disk does not answer.
constexpr std::uint32_t kLeaveLimitMs = 1000;

}  // namespace

Handle::~Handle() {
  if (mailbox_) mailbox_->end();
}

Status Handle::open(const TierSetup& setup, runtime::NodeParts parts) {
  const std::shared_ptr<runtime::Reactor> reactor = runtime::Reactor::attach(setup.loop);
  if (!reactor) return {PINNATE_IO, "the system has no thread or descriptor to give for a loop"};
  if (!reactor->shared_thread() && !reactor->on_loop_thread()) return wrong_thread();
  id_ = setup.tier.id;
  given_id_ = setup.given_id;
  options_ = setup.tier;
  log_ = setup.log;
  mailbox_ = std::make_shared<Mailbox>(reactor);
  requests_ = std::make_unique<Requests>(noun_, [this](Buffer message) { send(std::move(message)); });
  publisher_ = std::make_unique<runtime::PublisherDriver>(
      [mailbox = mailbox_](std::function<void()> work) { mailbox->post(Mailbox::Post::answer, std::move(work)); },
      [this](const wire::Message& message) { send(wire::encode(message)); });
  parts.log = log_;
  // On this thread, and not on the one that all handles share.
  if (Status s = runtime::Node::restore(&parts); !s.ok()) return s;
  parts.reactor = reactor_ = reactor;
  parts.link_limit_bytes = setup.tier.link_limit_bytes;
  parts.on_host_message = [this](Buffer bytes) { received(bytes); };
  parts.on_link = [this](pinnate_ticket dial, const tier::TellLink& told) { tell_of_link(dial, told); };
  shared_thread_ = reactor->shared_thread();
  const auto open_node = [&] {
    loop_thread_ = std::this_thread::get_id();
    node_ = runtime::Node::open(std::move(parts));
  };
  if (shared_thread_)
    reactor->run(open_node);
  else
    open_node();
  return {};
}

Status Handle::closed_status() const { return {PINNATE_CLOSED, std::string("the ") + noun_ + " is closing or closed"}; }

Status Handle::wrong_thread() const {
  return {PINNATE_WRONG_THREAD,
          std::string("the ") + noun_ + " is on a loop of the host's: call this on that loop's thread"};
}

Status Handle::usable() const {
  if (mailbox_->closing()) return closed_status();
  if (!shared_thread_ && !on_loop_thread()) return wrong_thread();
  return {};
}

Status Handle::soon(std::function<void()> work) {
  if (Status s = usable(); !s.ok()) return s;
  const auto mailbox = mailbox_;  // the handle may go before the post has returned
  if (!on_loop_thread()) return mailbox->post(Mailbox::Post::request, std::move(work)) ? Status() : closed_status();
  work();
  return {};
}

Status Handle::on_loop(const std::function<Status()>& work) {
  if (Status s = usable(); !s.ok()) return s;
  if (on_loop_thread()) return work();
  return await([&work](const Settle& settle) {
    Status status;
    try {
      status = work();
    } catch (const std::exception& e) {
      status = Status(PINNATE_INTERNAL, e.what());
    }
    settle(status);
  });
}

Status Handle::wait(const std::function<void(Settle)>& begin) {
  if (mailbox_->closing()) return closed_status();
  if (on_loop_thread())
    return {PINNATE_WRONG_THREAD, "this would block the loop's thread, which has the work to do: call it on another"};
  return await(begin);
}

Status Handle::await(const std::function<void(Settle)>& begin) {
  const auto outcome = std::make_shared<std::promise<Status>>();
  auto settled = outcome->get_future();
  // The only owner of the promise is what runs on the loop: if that is lost, so is the promise, and
  // this ends.
  auto work = [begin, outcome] { begin([outcome](const Status& status) { outcome->set_value(status); }); };
  const auto mailbox = mailbox_;
  if (!mailbox->post(Mailbox::Post::request, std::move(work))) return closed_status();
  try {
    return settled.get();
  } catch (const std::future_error&) {
    return {PINNATE_INTERNAL, "the request was lost"};
  }
}

void Handle::send(Buffer message) {
  if (open_parts_ == 0) node_->host_message(std::move(message));
}

void Handle::received(const Buffer& bytes) {
  try {
    // While it closes, the calls that its services are in come to their end; the rest ends as
    // closed.
    if (wire::type_of(bytes.view()) == wire::kReturnedType) {
      const auto returned = wire::read_returned(bytes);
      if (!returned.ok()) return log_(PINNATE_LOG_ERROR, std::string(noun_) + " " + id_ + ": " + returned.status().message());
      if (open_parts_ == 0 || returned->code == PINNATE_OK || returned->code == PINNATE_FAILED)
        requests_->received(*returned);
      return;
    }
    if (open_parts_ != 0) return;
    const auto message = wire::decode(bytes);
    if (!message.ok())
      return log_(PINNATE_LOG_ERROR, std::string(noun_) + " " + id_ + ": " + message.status().message());
    if (!*message) return;
    if (!publisher_->received(**message)) requests_->received(**message);
  } catch (const std::exception& e) {
    // Ours, or one that a callback of the host's let out; the loop goes on.
    log_(PINNATE_LOG_ERROR, std::string(noun_) + " " + id_ + ": an answer could not be passed on: " + e.what());
  }
}

Status Handle::cancel(pinnate_ticket ticket) {
  return on_loop([&]() -> Status {
    if (requests_->cancel(ticket) || end_link_watch(ticket)) return {};
    if (publisher_->cancel(ticket, {PINNATE_CANCELLED, "cancelled"})) return send(wire::encode(wire::Cancel{ticket})), Status();
    if (node_->end(ticket)) return dials_.erase(ticket), Status();
    return {PINNATE_NOT_FOUND,
            "ticket " + std::to_string(ticket) + " of this " + noun_ + " stands for nothing that is under way"};
  });
}

Status Handle::reload(const pinnate_tier_options* tier) {
  const Result<pinnate_tier_options> given = read_sized(tier, "tier");
  if (!given.ok()) return given.status();
  const Result<Log> log = read_log(given->log, given->log_arg, given->log_level, "tier.log_level");
  if (!log.ok()) return log.status();
  return on_loop([&] {
    const Result<tier::TierOptions> changed = read_changes(*given, options_, given_id_);
    if (!changed.ok()) return changed.status();
    if (log_.lowest) log_.lowest->store(given->log_level);
    options_ = *changed;
    node_->reconfigure(options_);
    return Status();
  });
}

Status Handle::watch_links(pinnate_link_fn on_link, void* arg, pinnate_ticket* wanted) {
  if (Status s = required(on_link, "on_link"); !s.ok()) return s;
  return soon([this, on_link, arg, ticket = new_ticket(wanted)] {
    link_watches_.emplace(ticket, LinkWatch{on_link, arg});
    // Not from inside the call.
    mailbox_->post(Mailbox::Post::request, [this, ticket] {
      for (const auto& [dial, told] : std::map(dials_)) {
        const auto watch = link_watches_.find(ticket);
        if (watch == link_watches_.end()) return;
        const pinnate_link link = to_link(dial, told);
        watch->second.on_link(watch->second.arg, &link);
      }
    });
  });
}

Status Handle::dial(tier::Side side, const std::string& address, pinnate_ticket* wanted) {
  return on_loop([&] {
    const pinnate_ticket ticket = new_ticket(wanted);
    dials_[ticket] = {tier::TellLink::State::connecting, 0, address};
    const Status status = node_->keep_link(side, address, ticket);
    if (!status.ok()) dials_.erase(ticket);
    return status;
  });
}

// A host may begin and end watches in its callback.
void Handle::tell_of_link(pinnate_ticket dial, const tier::TellLink& told) {
  if (const auto known = dials_.find(dial); known != dials_.end()) known->second = told;
  const pinnate_link link = to_link(dial, told);
  for (const auto& [ticket, watch] : std::map(link_watches_))
    if (link_watches_.contains(ticket)) watch.on_link(watch.arg, &link);
}

bool Handle::end_link_watch(pinnate_ticket ticket) {
  const auto watch = link_watches_.extract(ticket);
  if (watch) watch.mapped().on_link(watch.mapped().arg, nullptr);
  return !watch.empty();
}

std::function<void()> Handle::close_with(pinnate_closed_fn on_closed, void* arg) {
  return [this, on_closed, arg] {
    on_closed_ = on_closed;
    on_closed_arg_ = arg;
    start_closing();
  };
}

Status Handle::close(pinnate_closed_fn on_closed, void* arg) {
  if (Status s = usable(); !s.ok()) return s;
  return mailbox_->post(Mailbox::Post::close, close_with(on_closed, arg)) ? Status() : closed_status();
}

Status Handle::close_wait() {
  if (!ending_->is_closed()) {
    const std::shared_ptr<runtime::Reactor> reactor = on_loop_thread() ? reactor_ : nullptr;
    const bool turns = reactor && reactor->driven() && !reactor->inside();
    if (on_loop_thread() && !turns)
      return {PINNATE_WRONG_THREAD, "this would block the loop's thread, which has the closing to do"};
    if (!shared_thread_) return wrong_thread();
    mailbox_->post(Mailbox::Post::close, close_with(nullptr, nullptr));  // unless it is closing
    if (!turns) ending_->await_closed();
    while (!ending_->is_closed()) reactor->turn();
  }
  if (left_behind_ == 0) return {};
  return {PINNATE_TIMEOUT, std::string("the ") + noun_ + " is closed, and left behind " + std::to_string(left_behind_) +
                               " services that did not end in time: their threads may still be in them"};
}

void Handle::give_up() {
  const auto ending = ending_;
  mailbox_->post(Mailbox::Post::close, close_with(nullptr, nullptr));  // unless it is closing
  if (ending->freed()) delete this;
}

Status Handle::closed_by_host() const { return {PINNATE_CLOSED, std::string("the ") + noun_ + " was closed"}; }

void Handle::start_closing() {
  open_parts_ = 2;
  closing();
  publisher_->stop(closed_by_host(), [this] { part_closed(); });
  node_->close([this] {
    requests_->end_all(closed_by_host());
    part_closed();
  });
}

void Handle::part_closed() {
  if (--open_parts_ > 0) return;
  if (node_->services()) left_behind_ = node_->services()->left_behind();
  node_ = nullptr;
  publisher_ = nullptr;
  reactor_ = nullptr;
  while (!link_watches_.empty()) end_link_watch(link_watches_.begin()->first);
  runtime::JoinedThread::join_leaving(kLeaveLimitMs);
  mailbox_->end();
  const pinnate_closed_fn on_closed = on_closed_;
  void* const arg = on_closed_arg_;
  const auto ending = ending_;
  if (on_closed) on_closed(arg);
  if (ending->closed()) delete this;
}

}  // namespace pinnate::capi
