// What one tier knows of those below it, without a world around it.
#pragma once

#include "fleet.h"

#include "content/sha256.h"
#include "tier/directory.h"

namespace pinnate {

struct Below {
  explicit Below(std::uint32_t forget_after_ms = 86400000, std::size_t offline_limit_bytes = tier::kOfflineKeptBytes)
      : core(options(), &actions),
        directory(
            &core, &state, forget_after_ms, [] {}, [](const std::string&) {}, offline_limit_bytes) {
    core.set_now({1000, 1700000000000});
  }
  static tier::TierOptions options() {
    tier::TierOptions options;
    options.id = "g";
    options.incarnation = 1;
    return options;
  }
  // The next revision: `withdrawn` go, a release of `name` comes.
  void decide(std::uint64_t epoch, const std::string& name, const std::vector<std::uint64_t>& withdrawn = {}) {
    const std::uint64_t number = state.position().revision + 1;
    content::Release release;
    release.number = number;
    release.epoch = epoch;
    release.name = name;
    release.version = "1";
    state.decide(epoch, number, withdrawn, {*tier::DesiredState::make_entry(content::encode_release(release))});
    directory.state_changed();
  }
  tier::Session join(const std::string& id, wire::Role role = wire::Role::engine) {
    tier::Session session;
    session.peer.role = role;
    session.peer.id = id;
    session.link = links += 2;
    joined(session);
    return session;
  }
  void joined(const tier::Session& session) {
    wire::Hello hello;
    hello.role = session.peer.role;
    hello.id = session.peer.id;
    directory.joined(session, hello);
  }
  wire::StatusReport report(const std::string& name = {}) const {
    wire::StatusReport report;
    directory.report(name, &report);
    return report;
  }
  wire::StatusRow row(std::uint64_t release) const {
    for (const wire::StatusRow& row : report().rows)
      if (row.release == release && row.current) return row;
    return {};
  }

  std::vector<tier::Action> actions;
  tier::Core core;
  tier::DesiredState state;
  tier::Directory directory;
  tier::LinkId links = 0;
};

}  // namespace pinnate
