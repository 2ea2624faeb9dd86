// Brings the copies of the desired state on the links below up to date: by what they lack, or whole, in pages of which one is
// under way per link. Pages are made once and shared by all links that lack the same.
#pragma once

#include "tier/desired_state.h"
#include "tier/links.h"
#include "tier/manifests.h"

#include <map>
#include <memory>

namespace pinnate::tier {

class Replicator {
 public:
  Replicator(Core* core, Links* links, const DesiredState* state, const Manifests* manifests)
      : core_(core), links_(links), state_(state), manifests_(manifests) {}

  void link_up(Session& session);  // with the position of its hello
  void link_down(LinkId link);
  void confirmed(Session& session, const wire::Confirm& confirm);
  void state_changed();  // sends what is missing on every link
  // What the peer has confirmed; empty when it is unknown.
  wire::Position position_of(LinkId link) const;

 private:
  using Pages = std::vector<Buffer>;
  struct Copy {
    wire::Position confirmed;
    std::shared_ptr<const Pages> pages;  // under way
    wire::Position target;
    std::size_t page = 0;
    bool whole = false;  // the peer asked for the whole set
    bool whole_under_way = false;  // `pages` are the whole set
    Backoff backoff{1000, 300000};  // for a peer that cannot take the whole set either
    Core::AlarmId again = 0;
  };
  void update(Session& session, Copy& copy);
  std::shared_ptr<const Pages> pages_from(const wire::Position& base);

  Core* core_;
  Links* links_;
  const DesiredState* state_;
  const Manifests* manifests_;
  std::map<LinkId, Copy> copies_;
  // Pages to the present position, by the revision they begin at (0: whole).
  wire::Position made_for_;
  std::map<std::uint64_t, std::shared_ptr<const Pages>> made_;
};

// The receiving side of one link: collects pages.
class StateReceiver {
 public:
  // Returns true when `page` was the last and `state` has advanced. *confirm is what to answer in any case.
  bool take(const wire::Desired& page, DesiredState* state, wire::Confirm* confirm);
  // The manifests that came with the pages of the state just taken.
  std::vector<Buffer> take_manifests() { return std::exchange(manifests_, {}); }
  // Why the last page was answered with "send the whole set", where that is not just for want of the right base.
  const Status& trouble() const { return trouble_; }
  void reset() { *this = {}; }

 private:
  wire::Position target_;
  bool whole_ = false;
  std::uint32_t next_page_ = 0;
  std::vector<std::uint64_t> withdrawn_;
  std::vector<DesiredState::Entry> added_;
  std::size_t bytes_ = 0;
  std::vector<Buffer> manifests_;
  Status trouble_;
};

}  // namespace pinnate::tier
