// A controller without a world around it: the test is its links, its clock and its disk.
#pragma once

#include "fleet.h"

#include "tier/controller.h"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <string>

namespace pinnate {

struct Driven {
  explicit Driven(const Restored& restored = {}) {
    tier::ControllerOptions options;
    options.tier.id = "c";
    options.tier.incarnation = ++lives;
    controller = tier::make_controller(options);
    controller->start(now, restored);
    take();
  }
  // Time goes on as far as the tier wants to be woken within it.
  void advance(std::int64_t ms) {
    const std::int64_t end = now.monotonic_ms + ms;
    while (controller->next_wake_ms() <= end) {
      const std::int64_t by = std::max<std::int64_t>(controller->next_wake_ms() - now.monotonic_ms, 0);
      now.monotonic_ms += by, now.wall_ms += by;
      controller->woke(now);
      take();
    }
    now.wall_ms += end - now.monotonic_ms;
    now.monotonic_ms = end;
  }
  void say(tier::LinkId link, const wire::Message& message) {
    controller->link_message(now, link, wire::encode(message));
    take();
  }
  tier::LinkId link(const std::string& id, wire::Role role = wire::Role::gateway) {
    const tier::LinkId link = last_link += 2;
    controller->link_opened(now, link, {});
    wire::Hello hello;
    hello.fleet = "default";
    hello.role = role;
    hello.id = id;
    if (role == wire::Role::engine) hello.platform = "linux-x86_64";
    hello.incarnation = 1;
    hello.heartbeat_ms = 5000;
    say(link, hello);
    say(link, wire::Welcome{});
    return link;
  }
  void take() {
    for (tier::Action& action : controller->take_actions()) {
      if (auto* commit = std::get_if<tier::Commit>(&action)) commits.push_back(std::move(*commit));
      if (auto* drop = std::get_if<tier::Drop>(&action)) dropped[drop->link] = drop->why;
      if (auto* accept = std::get_if<tier::AcceptChunk>(&action)) accepts.push_back(std::move(*accept));
      if (auto* sync = std::get_if<tier::SyncArtifact>(&action)) syncs.push_back(std::move(*sync));
      if (auto* drop = std::get_if<tier::DropArtifact>(&action)) given_up.push_back(drop->artifact);
      if (auto* send = std::get_if<tier::Send>(&action); send && send->priority == wire::Class::bulk)
        bulk_bytes[send->link] += send->message.size();
      else if (send)
        if (auto m = wire::decode(send->message); m.ok() && m->has_value())
          sent.emplace_back(send->link, std::move(**m));
    }
  }
  // The last message of this type over a link, or null.
  template <class T>
  const T* last(tier::LinkId link) const {
    for (auto it = sent.rbegin(); it != sent.rend(); ++it)
      if (const T* found = std::get_if<T>(&it->second); found && it->first == link) return found;
    return nullptr;
  }
  void finish(Status status) {
    const tier::Commit commit = commits.front();
    commits.pop_front();
    if (status.ok())
      for (const RecordWrite& write : commit.writes) {
        if (write.value)
          disk.records[write.key] = *write.value;
        else
          disk.records.erase(write.key);
      }
    controller->completed(now, {commit.token, std::move(status), {}, {}});
    take();
  }
  std::size_t front_bytes() const {
    std::size_t bytes = 0;
    for (const RecordWrite& write : commits.front().writes)
      bytes += write.key.size() + (write.value ? write.value->size() : 0);
    return bytes;
  }
  wire::StatusReport status() {
    wire::GetStatus get;
    get.id = 1;
    controller->link_message(now, tier::kHostLink, wire::encode(get));
    wire::StatusReport report;
    for (tier::Action& action : controller->take_actions()) {
      if (auto* commit = std::get_if<tier::Commit>(&action)) commits.push_back(std::move(*commit));
      auto* send = std::get_if<tier::Send>(&action);
      if (!send || send->link != tier::kHostLink) continue;
      if (auto m = wire::decode(send->message); m.ok() && m->has_value())
        if (auto* found = std::get_if<wire::StatusReport>(&**m)) report = *found;
    }
    return report;
  }

  std::unique_ptr<tier::Tier> controller;
  tier::Now now{1000, 1700000000000};
  tier::LinkId last_link = 0;
  std::deque<tier::Commit> commits;
  std::deque<tier::AcceptChunk> accepts;
  std::deque<tier::SyncArtifact> syncs;
  std::vector<Digest> given_up;  // artifacts that the disk is to drop
  std::map<tier::LinkId, std::size_t> bulk_bytes;  // sent, by link
  std::map<tier::LinkId, Status> dropped;
  std::vector<std::pair<tier::LinkId, wire::Message>> sent;  // all but bulk
  Restored disk;
  inline static std::uint64_t lives = 0;
};

}  // namespace pinnate
