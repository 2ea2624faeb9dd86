#include "discovery/dns/lookup.h"

#include <ares.h>
#include <arpa/nameser.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace pinnate::discovery {
namespace {

constexpr std::size_t kMostAliases = 8;  // one after the other

bool any_of_kind(const std::vector<Answer>& answers, Answer::Kind kind) {
  return std::any_of(answers.begin(), answers.end(), [&](const Answer& answer) { return answer.kind == kind; });
}

}  // namespace

Lookup::Lookup(Loop& loop, std::shared_ptr<Channel> channel, std::string name, std::vector<int> types,
               std::int64_t patience_ms, Done done)
    : channel_(std::move(channel)),
      name_(std::move(name)),
      types_(std::move(types)),
      patience_ms_(patience_ms),
      done_(std::move(done)),
      full_names_(channel_->full_names(name_)),
      patience_(loop.timer([this] { give_up(); })),
      self_(std::make_shared<Lookup*>(this)) {
  ask_next();
}

void Lookup::ask_next() {
  aliases_ = 0;
  ask_for(full_names_[next_++]);
}

void Lookup::ask_for(const std::string& full_name) {
  silent_ = types_.size();
  answers_.clear();
  for (std::size_t i = 0; i < types_.size(); i++) answers_.push_back(read_answer(name_, types_[i], ARES_ETIMEOUT, {}));
  for (std::size_t i = 0; i < types_.size(); i++)
    channel_->ask(full_name, types_[i], [self = self_, i](int status, const std::string& message) {
      if (*self) (*self)->answered(i, status, message);
    });
}

void Lookup::answered(std::size_t type, int status, const std::string& message) {
  if (!done_) return;  // it was given up
  answers_[type] = read_answer(name_, types_[type], status, message);
  if (--silent_ == 0) return settle();
  if (patience_ms_ > 0 && answers_[type].kind == Answer::Kind::records) patience_->set_in(patience_ms_);
}

// A full name of which a server cannot tell now may be the right one: those after it are not asked
// for, or members would be taken from elsewhere.
void Lookup::settle() {
  if (any_of_kind(answers_, Answer::Kind::records) || any_of_kind(answers_, Answer::Kind::failed)) return finish();
  // A server that does not resolve aliases answers with the alias alone, just as one does that has
  // found nothing behind it. Who asks for what it leads to need not know which.
  const auto alias =
      std::find_if(answers_.begin(), answers_.end(), [](const Answer& answer) { return !answer.alias.empty(); });
  if (alias != answers_.end()) {
    if (aliases_++ < kMostAliases) return ask_for(std::string(alias->alias));
    alias->kind = Answer::Kind::failed;
    alias->why = "the aliases of " + name_ + " do not end";
    return finish();
  }
  name_is_there_ = name_is_there_ || any_of_kind(answers_, Answer::Kind::nothing);
  if (next_ < full_names_.size()) return ask_next();
  for (Answer& answer : answers_) answer.kind = name_is_there_ ? Answer::Kind::nothing : Answer::Kind::no_name;
  finish();
}

void Lookup::give_up() {
  if (done_) finish();
}

void Lookup::finish() {
  patience_->cancel();
  const Done done = std::exchange(done_, nullptr);
  done(std::move(answers_));
}

std::vector<int> address_types(const Asking& asking) {
  std::vector<int> types;
  if (asking.ipv4) types.push_back(ns_t_a);
  if (asking.ipv6) types.push_back(ns_t_aaaa);
  return types;
}

Addresses addresses_of(const std::string& name, const std::vector<int>& types, std::vector<Answer> answers) {
  Addresses found;
  std::string failed;
  bool cut = false, silent_ipv6 = false;
  for (std::size_t i = 0; i < answers.size(); i++) {
    Answer& answer = answers[i];
    cut = cut || answer.cut;
    if (answer.kind == Answer::Kind::failed) {
      failed = answer.why;
      silent_ipv6 = types[i] == ns_t_aaaa;
    }
    if (answer.ttl_ms) found.ttl_ms = std::min(found.ttl_ms.value_or(*answer.ttl_ms), *answer.ttl_ms);
    std::move(answer.ips.begin(), answer.ips.end(), std::back_inserter(found.ips));
  }
  if (cut) {
    found.answer = Naming::Answer::incomplete;
    found.why = "the answer for " + name + " is cut: " + std::to_string(found.ips.size()) + " addresses of more";
  } else if (!failed.empty()) {
    found.answer = found.ips.empty() ? Naming::Answer::failed : Naming::Answer::incomplete;
    found.why = found.ips.empty() ? failed
                                  : "of " + name + " no " + (silent_ipv6 ? "IPv6" : "IPv4") + " address is known now: " +
                                        failed + " (with family=" + (silent_ipv6 ? "4" : "6") + " none is asked for)";
  } else if (found.ips.empty()) {
    found.why = any_of_kind(answers, Answer::Kind::nothing) ? name + " has no address"
                                                            : "there is no name " + name + " (NXDOMAIN)";
  }
  return found;
}

}  // namespace pinnate::discovery
