#include "tier/members.h"

#include "base/plant.h"
#include "base/utc.h"

#include <algorithm>
#include <utility>

namespace pinnate::tier {
namespace {

constexpr const char* kRecord = "members";
constexpr std::int64_t kSaveMs = 1000;

std::string in_words(std::size_t members) {
  return members == 1 ? "the one member that it named last is kept"
                      : "the " + std::to_string(members) + " members that it named last are kept";
}

}  // namespace

// ---- what sources say ---------------------------------------------------------------------------

void Members::named(const std::string& name, std::optional<Naming> naming) {
  if (!naming) return forget(name);
  Source& source = sources_[name];
  const bool first = std::exchange(source.restored, false);
  if (naming->answer == Naming::Answer::failed && naming->why.empty()) {  // it is there, and has said nothing yet
    if (first) source.doubt.cancel();
    return;
  }
  // Nobody, where there was somebody, is more often a fault of the source than the truth.
  const bool empty = naming->answer == Naming::Answer::whole && naming->addresses.empty() && !source.named.empty();
  if (empty && !PINNATE_PLANT(empty_source_is_believed)) {
    set_stale(name, source, naming->why.empty() ? "it names nobody" : naming->why);
    if (!source.doubt.set() || first) doubt(name);
    return;
  }
  source.doubt.cancel();
  take(name, source, *naming);
}

void Members::take(const std::string& name, Source& source, const Naming& naming) {
  if (naming.answer == Naming::Answer::failed) return set_stale(name, source, naming.why);
  add(name, source, naming.addresses);
  const bool whole = naming.answer == Naming::Answer::whole || PINNATE_PLANT(incomplete_source_is_whole);
  if (whole) {
    const std::set<std::string> now(naming.addresses.begin(), naming.addresses.end());
    for (auto it = source.named.begin(); it != source.named.end();) {
      if (now.contains(*it)) {
        ++it;
        continue;
      }
      unname(name, *it);
      it = source.named.erase(it);
      save_soon();
    }
  }
  set_terminating(name, naming.terminating);
  set_stale(name, source, whole ? "" : naming.why.empty() ? "it is incomplete" : naming.why);
  if (!whole || !source.named.empty() || naming.why.empty()) return;
  source.why = naming.why;  // it may be so, or its name misspelt
  core_->log(PINNATE_LOG_INFO, "source '" + name + "' names nobody: " + naming.why);
}

// Newcomers are dialled in any order, so that many gateways do not come to one engine at once.
void Members::add(const std::string& name, Source& source, const std::vector<std::string>& addresses) {
  std::vector<std::string> fresh;
  for (const std::string& address : addresses) {
    if (source.named.size() < kEndpoints && source.named.insert(address).second) fresh.push_back(address);
  }
  for (std::size_t left = fresh.size(); left > 0; --left) {
    std::swap(fresh[left - 1], fresh[core_->random().below(left)]);
    Member& member = members_[fresh[left - 1]];
    const bool unnamed = member.sources.empty();
    member.sources.emplace(name, false);
    member.hold.cancel();
    if (member.endpoint == 0)
      member.endpoint = links_->keep(Side::downstream, fresh[left - 1]);
    else if (unnamed)  // somebody new may have the address
      links_->dial_afresh(member.endpoint);
    if (member.endpoint != 0) by_endpoint_.insert(member.endpoint);
    mark(member);
  }
  if (!fresh.empty()) save_soon();
}

void Members::set_terminating(const std::string& name, const std::vector<std::string>& addresses) {
  const std::set<std::string> ending(addresses.begin(), addresses.end());
  for (const std::string& address : sources_.at(name).named) {
    Member& member = members_.at(address);
    if (std::exchange(member.sources.at(name), ending.contains(address)) != ending.contains(address)) mark(member);
  }
}

void Members::mark(Member& member) {
  const auto ends = [](const auto& source) { return source.second; };
  links_->rest(member.endpoint, std::any_of(member.sources.begin(), member.sources.end(), ends));
}

void Members::set_stale(const std::string& name, Source& source, const std::string& why) {
  if (why.empty() && source.stale_since_ms != 0) core_->log(PINNATE_LOG_INFO, "source '" + name + "' is whole again");
  if (why.empty() != (source.stale_since_ms == 0)) source.stale_since_ms = why.empty() ? 0 : core_->now().wall_ms;
  source.why = why;
  notices_->say("source/" + name, why.empty() ? ""
                                              : "source '" + name + "' is stale since " +
                                                    utc_text(source.stale_since_ms) + ": " + why + "; " +
                                                    (source.named.empty() ? "it has named nobody so far"
                                                                          : in_words(source.named.size())));
}

// An empty set is believed, and a restored source forgotten, once none of its members is linked.
void Members::doubt(const std::string& name) {
  sources_.at(name).doubt = core_->alarm_in(hold_ms_, [this, name] {
    Source& source = sources_.at(name);
    const bool linked = std::any_of(source.named.begin(), source.named.end(), [this](const std::string& address) {
      return links_->standing(members_.at(address).endpoint).up();
    });
    if (linked && !source.restored) return doubt(name);
    if (source.restored) return forget(name);
    take(name, source, {Naming::Answer::whole, {}, {}, {}});
  });
}

void Members::forget(const std::string& name) {
  const auto found = sources_.find(name);
  if (found == sources_.end()) return;
  for (const std::string& address : found->second.named) unname(name, address);
  sources_.erase(found);
  notices_->say("source/" + name, "");
  save_soon();
}

// ---- members that nobody names ------------------------------------------------------------------

void Members::unname(const std::string& name, const std::string& address) {
  Member& member = members_.at(address);
  member.sources.erase(name);
  if (!member.sources.empty()) return mark(member);
  if (PINNATE_PLANT(unnamed_is_cut_off)) {
    links_->release(member.endpoint, false);
    by_endpoint_.erase(member.endpoint);
    members_.erase(address);
    return;
  }
  hold(address);
}

void Members::hold(const std::string& address) {
  members_.at(address).hold = core_->alarm_in(hold_ms_, [this, address] { let_go(address); });
}

void Members::let_go(const std::string& address) {
  const EndpointId endpoint = members_.at(address).endpoint;
  const wire::MemberState state = links_->standing(endpoint).state;
  if (state == wire::MemberState::linked || state == wire::MemberState::dialling) return hold(address);
  by_endpoint_.erase(endpoint);
  members_.erase(address);
  links_->release(endpoint, false);
}

// ---- the disk -----------------------------------------------------------------------------------

// A line for each source, behind '=', and one for each address that it named last.
void Members::save_now() {
  save_at_.cancel();
  if (!std::exchange(unsaved_, false)) return;
  std::string text;
  for (const auto& [name, source] : sources_) {
    text += "=" + name + "\n";
    for (const std::string& address : source.named) text += address + "\n";
  }
  save_({kRecord, Buffer(std::move(text))});
}

void Members::save_soon() {
  unsaved_ = true;
  if (!save_at_.set()) save_at_ = core_->alarm_in(kSaveMs, [this] { save_now(); });
}

void Members::restore(const Restored& restored) {
  const auto record = restored.records.find(kRecord);
  if (record == restored.records.end() || PINNATE_PLANT(restart_forgets_members)) return;
  std::map<std::string, std::vector<std::string>> sources;
  std::vector<std::string>* source = nullptr;
  std::string_view left = record->second.view();
  while (!left.empty()) {
    const std::string_view line = left.substr(0, left.find('\n'));
    left.remove_prefix(std::min(line.size() + 1, left.size()));
    if (line.starts_with('='))
      source = &sources[std::string(line.substr(1))];
    else if (source)
      source->emplace_back(line);
  }
  for (const auto& [name, addresses] : sources) {
    Source& known = sources_[name];
    add(name, known, addresses);
    known.stale_since_ms = core_->now().wall_ms;  // that is no news yet
    known.why = "it has said nothing since the restart";
    known.restored = true;
    doubt(name);
  }
  save_at_.cancel();
  unsaved_ = false;
}

// ---- lists --------------------------------------------------------------------------------------

wire::TierRow Members::row_of(const std::string& address, const Member& member) {
  const Links::Standing standing = links_->standing(member.endpoint);
  wire::TierRow row;
  row.id = standing.peer;
  row.online = standing.up();
  row.notice = standing.why;
  row.member = standing.state;
  row.address = address;
  for (const auto& [name, ends] : member.sources) {
    row.sources.push_back(name);
    row.terminating |= ends;
  }
  return row;
}

wire::TierRow Members::row_of(const std::string& name, const Source& source) {
  wire::TierRow row;
  row.member = source.stale_since_ms == 0 ? wire::MemberState::good : wire::MemberState::stale;
  row.known_engines = source.named.size();
  row.sources = {name};
  row.notice = source.why;
  row.since_unix_ms = static_cast<std::uint64_t>(source.stale_since_ms);
  return row;
}

void Members::count(MemberCounts* counts) {
  counts->sources = sources_.size();
  for (const auto& [name, source] : sources_) counts->stale_sources += source.stale_since_ms != 0;
  for (const auto& [address, member] : members_)
    ++counts->members[static_cast<std::size_t>(links_->standing(member.endpoint).state)];
}

// A cursor is "=SOURCE" or "ADDRESS": '=' is before all that an address begins with.
std::string Members::list(const std::string& from, const Add& add) {
  if (from.empty() || from.starts_with('=')) {
    for (auto it = sources_.lower_bound(from.empty() ? "" : from.substr(1)); it != sources_.end(); ++it)
      if (!add(row_of(it->first, it->second))) return "=" + it->first;
  }
  for (auto it = members_.lower_bound(from.starts_with('=') ? "" : from); it != members_.end(); ++it)
    if (!add(row_of(it->first, it->second))) return it->first;
  return "";
}

}  // namespace pinnate::tier
