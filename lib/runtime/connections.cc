#include "runtime/connections.h"

#include "base/guarded.h"
#include "runtime/clock.h"
#include "runtime/guard.h"

#include <algorithm>

namespace pinnate::runtime {
namespace {

constexpr std::size_t kLinkLimit = 65536;  // accepted at once, dialled ones included

}  // namespace

Connections::Connections(Owner& owner, std::shared_ptr<Reactor> reactor, Log log, std::size_t limit_bytes)
    : owner_(owner), reactor_(std::move(reactor)), log_(log), limit_bytes_(limit_bytes) {}

// ---- opening ----

Result<std::string> Connections::listen(const std::string& address, std::uint64_t id) {
  Result<ListenAddress> at = parse_listen_address(address);
  if (!at.ok()) return at.status();
  Result<std::unique_ptr<Listener>> listener =
      Transport::of(at->address).listen(*this, *reactor_, at->address, std::move(at->socket));
  if (!listener.ok()) return listener.status();
  return listeners_.emplace(id, std::move(*listener))->second->bound().text();
}

void Connections::dial(tier::LinkId link, const std::string& address, std::uint32_t limit_ms) {
  Result<Address> parsed = parse_dial_address(address);
  if (!parsed.ok()) return owner_.link_closed(link, parsed.status());
  auto dialing = Transport::of(*parsed).dial(*this, reactor_, link, *parsed, monotonic_ms(), limit_ms);
  Dialing& begun = *dialing;
  dialings_.emplace(link, std::move(dialing));
  check_wanted(begun.check_at_ms());
  begun.begin();
}

Link* Connections::find(tier::LinkId id) const {
  const auto found = links_.find(id);
  return found == links_.end() ? nullptr : found->second.get();
}

Status Connections::add(tier::LinkId id, std::unique_ptr<Stream> stream) {
  return guarded([&]() -> Status {
    auto link =
        std::make_unique<Link>(static_cast<Link::Owner&>(*this), *reactor_, id, std::move(stream), limit_bytes_);
    if (Status status = link->open(); !status.ok()) return status;
    if (log_.write) log_(PINNATE_LOG_DEBUG, "link " + std::to_string(id) + " with " + link->peer().text() + " is open");
    links_.emplace(id, std::move(link));
    return {};
  });
}

void Connections::dialled(tier::LinkId link, std::unique_ptr<Stream> stream) {
  remove_dialing(link);
  if (Status status = add(link, std::move(stream)); !status.ok()) return owner_.link_closed(link, std::move(status));
  owner_.link_opened(link, find(link)->peer());
}

void Connections::dial_failed(tier::LinkId link, Status why) {
  remove_dialing(link);
  owner_.link_closed(link, std::move(why));
}

void Connections::accepted(std::unique_ptr<Stream> stream) {
  if (links_.size() >= kLinkLimit) {
    if (turned_away_++ % 1000 == 0)
      log_(PINNATE_LOG_WARNING, "turned away " + stream->peer().text() + ": there are " +
                                    std::to_string(links_.size()) + " links (the limit)");
    return;
  }
  const tier::LinkId id = next_accepted_;
  next_accepted_ += 2;
  if (Status status = add(id, std::move(stream)); !status.ok()) return log_(PINNATE_LOG_WARNING, status.message());
  owner_.link_opened(id, find(id)->peer());
}

// ---- carrying ----

void Connections::send(tier::LinkId id, wire::Class priority, Buffer message) {
  Link* const link = find(id);
  const Status status = link ? link->send(priority, std::move(message)) : Status();
  if (status.ok()) {
    if (priority == wire::Class::call && link && link->worth_writing()) flush(*link);
    return;
  }
  if (status.code() == PINNATE_TOO_LARGE)
    return log_(PINNATE_LOG_ERROR, "not sent to " + link->peer().text() + ": " + status.message());
  link_broken(*link, {status.code(), "the link with " + link->peer().text() + " was given up: " + status.message()});
}

void Connections::link_has_output(Link& link) {
  with_output_.push_back(link.id());
  owner_.turn_end_wanted();
}

bool Connections::may_read() const {
  const bool may = owner_.may_read_links();
  if (!may) paused_ = true;
  return may;
}

void Connections::read_on() {
  if (!std::exchange(paused_, false)) return;
  for (auto& [id, link] : links_) link->read_on();
}

void Connections::flush(Link& link) {
  Status status = link.flush();
  const tier::Drained drained = link.take_drained();
  if (!status.ok()) return link_broken(link, std::move(status));
  if ((drained.bulk > 0 || drained.calls > 0) && !link.dropped()) owner_.link_drained(link.id(), drained);
}

void Connections::end_turn() {
  std::vector<tier::LinkId> turn;
  turn.swap(with_output_);
  for (tier::LinkId id : turn) {
    Link* const link = find(id);
    if (link && !quietly([&] { flush(*link); })) link_broken(*link, {PINNATE_NO_MEMORY, {}});
  }
  gone_links_.clear();
  gone_dialings_.clear();
}

// ---- ending ----

void Connections::link_broken(Link& link, Status why) {
  const bool known = !link.dropped() && !link.closed();
  const tier::LinkId id = link.id();
  remove(link);
  if (!known) return;
  if (log_.write && !why.message().empty())
    log_(PINNATE_LOG_DEBUG, "link " + std::to_string(id) + ": " + why.message());
  owner_.link_closed(id, std::move(why));
}

void Connections::remove(Link& link) {
  link.close();
  const auto found = links_.find(link.id());
  if (found == links_.end()) return;
  gone_links_.push_back(std::move(found->second));
  links_.erase(found);
  owner_.turn_end_wanted();
}

void Connections::remove_dialing(tier::LinkId link) {
  const auto found = dialings_.find(link);
  found->second->cancel();
  gone_dialings_.push_back(std::move(found->second));
  dialings_.erase(found);
  owner_.turn_end_wanted();
}

void Connections::drop(tier::LinkId id, const Status& why, std::int64_t limit_ms) {
  if (dialings_.contains(id)) return remove_dialing(id);
  Link* const link = find(id);
  if (!link) return;
  if (!link->dropped() && log_.write)
    log_(PINNATE_LOG_DEBUG,
         "link " + std::to_string(id) + " with " + link->peer().text() + " is dropped: " + why.message());
  link->drop();
  const std::int64_t until_ms = monotonic_ms() + limit_ms;  // the earliest counts
  drop_deadlines_.emplace(until_ms, id);
  check_wanted(until_ms);
}

void Connections::drop_all(std::int64_t limit_ms) {
  std::vector<tier::LinkId> ids;
  for (const auto& [id, dialing] : dialings_) ids.push_back(id);
  for (const auto& [id, link] : links_) ids.push_back(id);
  for (tier::LinkId id : ids) drop(id, {PINNATE_CLOSED, "this end closes"}, limit_ms);
}

void Connections::check_wanted(std::int64_t at_ms) {
  check_at_ms_ = std::min(check_at_ms_, at_ms);
  owner_.turn_end_wanted();
}

void Connections::check(std::int64_t now_ms) {
  if (now_ms < check_at_ms_) return;
  while (!drop_deadlines_.empty() && drop_deadlines_.begin()->first <= now_ms) {
    Link* const link = find(drop_deadlines_.begin()->second);
    drop_deadlines_.erase(drop_deadlines_.begin());
    if (link) remove(*link);
  }
  std::vector<Dialing*> due;  // one that ends is no longer among dialings_
  for (const auto& [id, dialing] : dialings_)
    if (dialing->check_at_ms() <= now_ms) due.push_back(dialing.get());
  for (Dialing* dialing : due) dialing->check(now_ms);
  for (const auto& [id, listener] : listeners_) listener->check(now_ms);

  check_at_ms_ = drop_deadlines_.empty() ? tier::kNever : drop_deadlines_.begin()->first;
  for (const auto& [id, dialing] : dialings_) check_at_ms_ = std::min(check_at_ms_, dialing->check_at_ms());
  for (const auto& [id, listener] : listeners_) check_at_ms_ = std::min(check_at_ms_, listener->check_at_ms());
}

}  // namespace pinnate::runtime
