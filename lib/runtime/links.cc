#include "runtime/links.h"

#include "runtime/clock.h"

#include <algorithm>
#include <exception>
#include <new>

namespace pinnate::runtime {
namespace {

constexpr std::size_t kLinkLimit = 65536;  // accepted at once, dialled ones included

}  // namespace

Links::Links(Owner& owner, std::shared_ptr<Reactor> reactor, Log log, std::size_t limit_bytes)
    : owner_(owner), reactor_(std::move(reactor)), log_(log), limit_bytes_(limit_bytes) {}

// ---- opening ----

Result<std::string> Links::listen(const std::string& address) {
  Result<Address> parsed = parse_address(address);
  if (!parsed.ok()) return parsed.status();
  Result<std::unique_ptr<Listener>> listener = Transport::of(*parsed).listen(*this, *reactor_, *parsed);
  if (!listener.ok()) return listener.status();
  listeners_.push_back(std::move(*listener));
  return listeners_.back()->bound().text();
}

void Links::dial(tier::LinkId link, const std::string& address) {
  Result<Address> parsed = parse_dial_address(address);
  if (!parsed.ok()) return owner_.link_closed(link, parsed.status());
  owner_.turn_end_wanted();
  auto dialing = Transport::of(*parsed).dial(*this, reactor_, link, *parsed, monotonic_ms());
  Dialing& begun = *dialing;
  dialings_.emplace(link, std::move(dialing));
  begun.begin();
}

Status Links::add(tier::LinkId id, std::unique_ptr<Stream> stream) try {
  auto link = std::make_unique<Link>(static_cast<Link::Owner&>(*this), *reactor_, id, std::move(stream), limit_bytes_);
  if (Status status = link->open(); !status.ok()) return status;
  if (log_.write) log_(PINNATE_LOG_DEBUG, "link " + std::to_string(id) + " with " + link->peer().text() + " is open");
  links_.emplace(id, std::move(link));
  return {};
} catch (const std::bad_alloc&) {
  return {PINNATE_NO_MEMORY, {}};
}

void Links::dialled(tier::LinkId link, std::unique_ptr<Stream> stream) {
  remove(*dialings_.at(link), link);
  if (Status status = add(link, std::move(stream)); !status.ok()) return owner_.link_closed(link, std::move(status));
  owner_.link_opened(link, links_.at(link)->peer());
}

void Links::dial_failed(tier::LinkId link, Status why) {
  remove(*dialings_.at(link), link);
  owner_.link_closed(link, std::move(why));
}

void Links::accepted(std::unique_ptr<Stream> stream) {
  if (links_.size() >= kLinkLimit) {
    if (turned_away_++ % 1000 == 0)
      log_(PINNATE_LOG_WARNING, "turned away " + stream->peer().text() + ": there are " +
                                    std::to_string(links_.size()) + " links (the limit)");
    return;
  }
  const tier::LinkId id = next_accepted_;
  next_accepted_ += 2;
  if (Status status = add(id, std::move(stream)); !status.ok()) return log_(PINNATE_LOG_WARNING, status.message());
  owner_.link_opened(id, links_.at(id)->peer());
}

// ---- carrying ----

void Links::send(tier::LinkId id, wire::Class priority, Buffer message) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  Link& link = *found->second;
  Status status = link.send(priority, std::move(message));
  if (status.ok()) return;
  if (status.code() == PINNATE_TOO_LARGE)
    return log_(PINNATE_LOG_ERROR, "not sent to " + link.peer().text() + ": " + status.message());
  link_broken(link, {status.code(), "the link with " + link.peer().text() + " was given up: " + status.message()});
}

void Links::link_has_output(Link& link) {
  with_output_.push_back(link.id());
  owner_.turn_end_wanted();
}

bool Links::may_read() const {
  const bool may = owner_.may_read_links();
  if (!may) paused_ = true;
  return may;
}

void Links::read_on() {
  if (!std::exchange(paused_, false)) return;
  for (auto& [id, link] : links_) link->read_on();
}

void Links::flush(Link& link) {
  Status status = link.flush();
  const tier::Drained drained = link.take_drained();
  if (!status.ok()) return link_broken(link, std::move(status));
  if ((drained.bulk > 0 || drained.calls > 0) && !link.dropped()) owner_.link_drained(link.id(), drained);
}

void Links::end_turn() {
  std::vector<tier::LinkId> turn;
  turn.swap(with_output_);
  for (tier::LinkId id : turn) {
    const auto found = links_.find(id);
    if (found == links_.end()) continue;
    Link& link = *found->second;
    try {
      flush(link);
    } catch (const std::exception&) {
      link_broken(link, {PINNATE_NO_MEMORY, {}});
    }
  }
  gone_links_.clear();
  gone_dialings_.clear();
}

// ---- ending ----

void Links::link_broken(Link& link, Status why) {
  const bool known = !link.dropped() && !link.closed();
  const tier::LinkId id = link.id();
  remove(link);
  if (!known) return;
  if (log_.write && !why.message().empty())
    log_(PINNATE_LOG_DEBUG, "link " + std::to_string(id) + ": " + why.message());
  owner_.link_closed(id, std::move(why));
}

void Links::remove(Link& link) {
  link.close();
  const auto found = links_.find(link.id());
  if (found == links_.end()) return;
  gone_links_.push_back(std::move(found->second));
  links_.erase(found);
  owner_.turn_end_wanted();
}

void Links::remove(Dialing& dialing, tier::LinkId link) {
  dialing.cancel();
  gone_dialings_.push_back(std::move(dialings_.at(link)));
  dialings_.erase(link);
  owner_.turn_end_wanted();
}

void Links::drop(tier::LinkId id, const Status& why, std::int64_t limit_ms) {
  if (const auto found = dialings_.find(id); found != dialings_.end()) return remove(*found->second, id);
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  Link& link = *found->second;
  if (!link.dropped() && log_.write)
    log_(PINNATE_LOG_DEBUG,
         "link " + std::to_string(id) + " with " + link.peer().text() + " is dropped: " + why.message());
  link.drop();
  drop_deadlines_.emplace(monotonic_ms() + limit_ms, id);  // the earliest counts
  owner_.turn_end_wanted();
}

void Links::drop_all(std::int64_t limit_ms) {
  std::vector<tier::LinkId> ids;
  for (const auto& [id, dialing] : dialings_) ids.push_back(id);
  for (const auto& [id, link] : links_) ids.push_back(id);
  for (tier::LinkId id : ids) drop(id, {PINNATE_CLOSED, "this end closes"}, limit_ms);
}

std::int64_t Links::check_at_ms() const {
  std::int64_t at = drop_deadlines_.empty() ? tier::kNever : drop_deadlines_.begin()->first;
  for (const auto& [id, dialing] : dialings_) at = std::min(at, dialing->check_at_ms());
  for (const auto& listener : listeners_) at = std::min(at, listener->check_at_ms());
  return at;
}

void Links::check(std::int64_t now_ms) {
  while (!drop_deadlines_.empty() && drop_deadlines_.begin()->first <= now_ms) {
    const auto found = links_.find(drop_deadlines_.begin()->second);
    drop_deadlines_.erase(drop_deadlines_.begin());
    if (found != links_.end()) remove(*found->second);
  }
  std::vector<tier::LinkId> dialling;
  for (const auto& [id, dialing] : dialings_)
    if (dialing->check_at_ms() <= now_ms) dialling.push_back(id);
  for (tier::LinkId id : dialling)
    if (const auto found = dialings_.find(id); found != dialings_.end()) found->second->check(now_ms);
  for (const auto& listener : listeners_) listener->check(now_ms);
}

}  // namespace pinnate::runtime
