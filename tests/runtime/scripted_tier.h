// A tier that does what a test tells it, and writes down what its driver told it.
#pragma once

#include "tier/tier.h"

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

struct ScriptedTier : pinnate::tier::Tier {
  using LinkId = pinnate::tier::LinkId;
  using Now = pinnate::tier::Now;

  // What happened. Outlives the tier.
  struct Diary {
    std::vector<LinkId> opened;
    std::map<LinkId, pinnate::tier::PeerFacts> facts;
    std::vector<std::pair<LinkId, std::string>> messages;
    std::map<LinkId, pinnate::Status> closed;
    std::map<LinkId, std::size_t> drained;
    std::vector<pinnate::tier::Completion> completions;
    std::vector<std::int64_t> wakes;
    std::vector<std::pair<int, std::string>> kept;  // keep_link: side, address
    pinnate::Restored restored;
    std::size_t heard = 0;
    bool started = false, closing = false;
    int depth = 0;
    bool reentered = false;  // the driver called while it was being called

    ScriptedTier* tier = nullptr;

    // What the tier does about it; may act.
    std::function<void(ScriptedTier&, LinkId)> on_opened;
    std::function<void(ScriptedTier&, LinkId, const pinnate::Buffer&)> on_message;
    std::function<void(ScriptedTier&, LinkId, std::size_t)> on_drained;
    std::function<void(ScriptedTier&, const pinnate::tier::Completion&)> on_completed;
    std::function<void(ScriptedTier&)> on_start, on_close;
    bool closes_at_once = true;
    std::int64_t wake_at_ms = pinnate::tier::kNever;
    LinkId next_dialled = 1;
  };

  explicit ScriptedTier(Diary& d) : diary(d) { diary.tier = this; }
  ~ScriptedTier() override { diary.tier = nullptr; }

  void act(pinnate::tier::Action action) { actions_.push_back(std::move(action)); }
  void send(LinkId link, std::string bytes, pinnate::wire::Class priority = pinnate::wire::Class::control) {
    act(pinnate::tier::Send{link, priority, pinnate::Buffer(std::move(bytes))});
  }
  LinkId dial(const std::string& address) {
    const LinkId link = std::exchange(diary.next_dialled, diary.next_dialled + 2);
    act(pinnate::tier::Dial{link, address});
    return link;
  }

  struct Within {
    Diary& diary;
    explicit Within(Diary& d) : diary(d) { diary.reentered |= diary.depth++ > 0; }
    ~Within() { diary.depth--; }
  };

  void start(Now, pinnate::Restored restored) override {
    Within within(diary);
    diary.restored = std::move(restored);
    diary.started = true;
    if (diary.on_start) diary.on_start(*this);
  }
  void link_opened(Now, LinkId link, const pinnate::tier::PeerFacts& facts) override {
    Within within(diary);
    diary.facts[link] = facts;
    diary.opened.push_back(link);
    if (diary.on_opened) diary.on_opened(*this, link);
  }
  void link_message(Now, LinkId link, pinnate::Buffer message) override {
    Within within(diary);
    diary.messages.emplace_back(link, message.str());
    if (diary.on_message) diary.on_message(*this, link, message);
  }
  void link_heard(Now, LinkId) override { diary.heard++; }
  void link_drained(Now, LinkId link, pinnate::tier::Drained drained) override {
    const std::size_t bytes = drained.bulk;
    if (bytes == 0) return;
    Within within(diary);
    diary.drained[link] += bytes;
    if (diary.on_drained) diary.on_drained(*this, link, bytes);
  }
  void link_closed(Now, LinkId link, pinnate::Status why) override {
    Within within(diary);
    diary.closed[link] = std::move(why);
  }
  void completed(Now, pinnate::tier::Completion completion) override {
    Within within(diary);
    diary.completions.push_back(completion);
    if (diary.on_completed) diary.on_completed(*this, completion);
  }
  void woke(Now now) override {
    Within within(diary);
    diary.wakes.push_back(now.monotonic_ms);
    diary.wake_at_ms = pinnate::tier::kNever;
  }
  std::int64_t next_wake_ms() const override { return diary.wake_at_ms; }
  pinnate::tier::EndpointId keep_link(Now, pinnate::tier::Side side, const std::string& address) override {
    Within within(diary);
    diary.kept.emplace_back(static_cast<int>(side), address);
    dial(address);
    return diary.kept.size();
  }
  void release_link(Now, pinnate::tier::EndpointId, bool) override {}
  void reconfigure(Now, const pinnate::tier::TierOptions&) override {}
  void close(Now) override {
    Within within(diary);
    diary.closing = true;
    if (diary.on_close) diary.on_close(*this);
  }
  bool closed() const override { return diary.closing && diary.closes_at_once; }

  Diary& diary;
};
