// A tier that does what the test says and writes down what it is told.
#pragma once

#include "world/test_world.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

class Puppet;

// What a test holds on to through all lives of a puppet.
struct Strings {
  Puppet* puppet = nullptr;  // of the life that runs
  std::vector<std::string> told;  // "opened 1", "heard 1", "got 1 hello", "closed 1: why", "done 7 ok", "woke"
  std::vector<pinnate::tier::Completion> completions;
  pinnate::Restored restored;  // of the last start
  std::uint64_t seed = 0, incarnation = 0;
  std::vector<std::pair<std::int64_t, pinnate::tier::Now>> clock;
  bool echoes = false;  // sends back every message on its link

  int count(const std::string& line) const {
    int n = 0;
    for (const auto& t : told) n += t == line;
    return n;
  }
  std::string last() const { return told.empty() ? "" : told.back(); }
};

class Puppet : public pinnate::tier::Tier {
 public:
  explicit Puppet(Strings* strings) : strings_(strings) { strings_->puppet = this; }
  ~Puppet() override {
    if (strings_->puppet == this) strings_->puppet = nullptr;
  }
  using Now = pinnate::tier::Now;
  using LinkId = pinnate::tier::LinkId;

  void start(Now now, pinnate::Restored restored) override {
    strings_->restored = std::move(restored);
    note("started");
    started_ = last = now;
  }
  void link_opened(Now now, LinkId link, const pinnate::tier::PeerFacts&) override { last = now, note("opened " + std::to_string(link)); }
  void link_message(Now now, LinkId link, pinnate::Buffer message) override {
    last = now;
    note("got " + std::to_string(link) + " " + message.str().substr(0, 40));
    if (strings_->echoes) actions_.push_back(pinnate::tier::Send{link, pinnate::wire::Class::call, message});
  }
  void link_heard(Now now, LinkId link) override { last = now, heard[link]++; }
  void link_drained(Now now, LinkId link, pinnate::tier::Drained drained) override {
    last = now;
    if (drained.bulk > 0) note("drained " + std::to_string(link) + " " + std::to_string(drained.bulk));
  }
  void link_closed(Now now, LinkId link, pinnate::Status why) override {
    last = now, note("closed " + std::to_string(link) + ": " + why.message());
  }
  void completed(Now now, pinnate::tier::Completion completion) override {
    last = now;
    note("done " + std::to_string(completion.token) + " " + std::to_string(completion.status.code()));
    strings_->completions.push_back(std::move(completion));
  }
  void woke(Now now) override { last = now, note("woke"), wake = pinnate::tier::kNever; }
  std::int64_t next_wake_ms() const override { return wake; }
  pinnate::tier::EndpointId keep_link(Now now, pinnate::tier::Side, const std::string& address) override {
    last = now;
    actions_.push_back(pinnate::tier::Dial{next_link += 2, address});
    return next_link;
  }
  void release_link(Now, pinnate::tier::EndpointId, bool) override {}
  void reconfigure(Now, const pinnate::tier::TierOptions&) override {}
  void close(Now) override { closing = true; }
  bool closed() const override { return closing; }

  // Taken and carried out with the next report; `nudge` makes one.
  template <class A>
  void act(A action) {
    actions_.push_back(std::move(action));
  }

  Now last, started_;
  std::int64_t wake = pinnate::tier::kNever;
  LinkId next_link = ~LinkId{0};
  std::map<LinkId, int> heard;
  bool closing = false;

 private:
  void note(std::string line) { strings_->told.push_back(std::move(line)); }
  Strings* strings_;
};

inline pinnate::sim::Machine& add_puppet(pinnate::sim::TestWorld& world, const std::string& name, Strings* strings,
                                      pinnate::sim::MachineOptions options = {}) {
  return world.add(name, options, [strings](std::uint64_t seed, std::uint64_t incarnation) {
    strings->seed = seed;
    strings->incarnation = incarnation;
    return std::make_unique<Puppet>(strings);
  });
}

// Has a puppet's actions carried out now.
template <class A>
void act(pinnate::sim::TestWorld& world, const std::string& name, Strings& strings, A action) {
  strings.puppet->act(std::move(action));
  world.at(name).link_heard(9999);
}

inline pinnate::tier::Send message(pinnate::tier::LinkId link, std::string bytes,
                                   pinnate::wire::Class priority = pinnate::wire::Class::control) {
  return {link, priority, pinnate::Buffer(std::move(bytes))};
}
