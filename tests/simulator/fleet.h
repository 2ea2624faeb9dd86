// The fleet of one run: who is in it, below whom, with which labels. What it is meant to be; the
// world knows what it is.
#pragma once

#include "base/names.h"
#include "base/random.h"
#include "simulator/plan.h"
#include "world/test_world.h"

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace pinnate::simulator {

inline constexpr const char* kController = "c";
inline constexpr const char* kClient = "client";

struct Member {
  enum class Kind : std::uint8_t { controller, gateway, engine, client } kind = Kind::engine;
  std::string name, id, parent;
  Labels labels;  // its own
  bool durable = false;
  bool dialled_from_above = false;  // its gateway has its address in a static list
  bool named = false;  // where its gateway looks for members
  bool twin = false;  // of another engine's id
  bool gone = false;  // for good
  sim::MachineId host = sim::kNoMachine;
};

class Fleet {
 public:
  Fleet(const Plan& plan, sim::TestWorld& world);

  const std::deque<Member>& members() const { return members_; }
  const Member* of_host(sim::MachineId host) const { return host < by_host_.size() ? by_host_[host] : nullptr; }
  const Member* find(const std::string& name) const;
  // Those that are not gone; engines without twins.
  std::vector<const Member*> gateways() const;
  std::vector<const Member*> lowest_gateways() const;
  std::vector<const Member*> engines() const;
  std::vector<const Member*> tiers() const;  // all but the client, twins too
  // Everybody below `gateway`, and itself.
  std::vector<std::string> below(const std::string& gateway) const;
  // An engine's own labels and those of the gateways that it is meant to hang under; the nearest
  // win.
  Labels labels_of(const Member& engine) const;
  // Those that look for members somewhere; who is named there, if it tells the truth.
  std::vector<std::string> with_sources() const;
  std::vector<std::string> named_below(const std::string& gateway) const;
  // All that is named there was told, and the gateway's disk holds it.
  bool all_known(const std::string& gateway) const;
  bool up(const Member& member) const { return world_.at(member.host).up(); }

  // ---- changes ----
  const Member& replace(const Member& engine);  // the old one is gone, a new one stands in its place
  const Member& add_twin(const Member& engine);
  void end_twin(const Member& twin);
  void move(const Member& engine, const std::string& gateway);  // in a new life
  void relabel(const Member& tier, Random& random);  // likewise
  // The source says this, and the last of it again in each life of the gateway, whatever changes.
  void lie(const std::string& gateway, const std::vector<Naming>& said);
  void tell_truth(const std::string& gateway);

 private:
  Member& add(Member member);
  Member& mutable_member(const Member& member) { return *const_cast<Member*>(&member); }
  tier::TierOptions tier_options(const Member& member) const;
  tier::EngineOptions engine_options(const Member& member) const;
  tier::GatewayOptions gateway_options(const Member& member) const;
  void link(const Member& member);
  void names_changed(const std::string& gateway);

  const Plan& plan_;
  sim::TestWorld& world_;
  std::deque<Member> members_;  // never moved: pointers stay good
  std::vector<const Member*> by_host_;
  std::vector<std::string> lowest_;
  struct Source {
    std::vector<std::string> told;  // as the whole, the last time
    bool lies = false;
  };
  std::map<std::string, Source> sources_;  // by gateway
  std::uint32_t newcomers_ = 0;
};

}  // namespace pinnate::simulator
