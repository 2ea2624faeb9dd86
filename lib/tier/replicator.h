// Brings the copies on the links below up to date: by what they lack, or whole, in pages of which
// one is under way per link. Links that lack the same at about the same time share a page, so what
// a link costs does not grow with the state. A link whose peer answers no page is ended.
#pragma once

#include "tier/desired_state.h"
#include "tier/links.h"
#include "tier/manifests.h"

#include <deque>

namespace pinnate::tier {

class Replicator {
 public:
  Replicator(Core* core, Links* links, const DesiredState* state, const Manifests* manifests)
      : core_(core), links_(links), state_(state), manifests_(manifests) {}

  void link_up(Session& session);  // with the position of its hello
  void link_down(LinkId link);
  void confirmed(Session& session, const wire::Confirm& confirm);
  void state_changed();  // sends what is missing on every link

 private:
  // One revision, as pages are cut from it, also when the state has gone on meanwhile.
  struct Source {
    wire::Position position;
    struct Release {
      std::uint64_t number;
      Buffer record, manifest;
    };
    std::vector<Release> releases;  // ascending
  };
  struct Page {
    Buffer bytes;
    std::size_t end;  // the first release after it
  };
  struct Copy {
    wire::Position confirmed;
    std::shared_ptr<const Source> source;  // whose pages are under way
    wire::Position base;  // from here; empty: the whole set
    std::uint32_t page = 0;
    std::size_t next = 0;  // release that the next page begins with
    bool whole = false;  // the peer asked for the whole set
    Backoff backoff{1000, 300000};  // for a peer that cannot take the whole set either
    Alarm again, limit;  // of the wait for the answer to a page
  };
  void update(Session& session, Copy& copy);
  void send_page(LinkId link, Copy& copy);
  std::shared_ptr<const Source> present();
  void forget_made();
  Page page_of(const Source& source, const wire::Position& base, std::uint32_t page, std::size_t first);

  Core* core_;
  Links* links_;
  const DesiredState* state_;
  const Manifests* manifests_;
  std::map<LinkId, Copy> copies_;
  std::shared_ptr<const Source> present_;
  // The newest pages of present_, by the revision of the base (0: whole) and their first release.
  using Place = std::pair<std::uint64_t, std::size_t>;
  std::map<Place, Page> made_;
  std::deque<Place> made_in_turn_;
  std::size_t made_bytes_ = 0;
};

// The receiving side of one link: collects pages.
class StateReceiver {
 public:
  // True: `page` was the last, and `state` has advanced. *confirm is the answer in any case.
  bool take(const wire::Desired& page, DesiredState* state, wire::Confirm* confirm);
  // The manifests that came with the pages of the state just taken.
  std::vector<Buffer> take_manifests() { return std::exchange(manifests_, {}); }
  // Why the last page was answered with "send the whole set"; OK where it had not the right base.
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
