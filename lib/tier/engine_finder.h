// Finds one engine below: asks the gateways that may have it, and remembers where it was found.
#pragma once

#include "tier/directory.h"
#include "tier/inquiries.h"

#include <deque>

namespace pinnate::tier {

class EngineFinder {
 public:
  EngineFinder(Core* core, Links* links, const Directory* directory, const DesiredState* state, Inquiries* inquiries)
      : core_(core), links_(links), directory_(directory), state_(state), inquiries_(inquiries) {}

  // Answers with the rows of `lookup.engine`, online ones first, at once when `limit` of them are.
  // Gateways below which the function `name` is served are asked first. PINNATE_BUSY: too many
  // searches are under way, here or at a gateway that may have the engine.
  using Answer = std::function<void(wire::Tiers)>;  // its id is 0
  void find(const wire::Lookup& lookup, Answer answer);

  // The ids on the way to an engine, nearest first, the engine last. Empty: it is above.
  using Route = std::vector<std::string>;
  static Route route_to(const wire::TierRow& engine);
  const Route* remembered(const std::string& engine) const;  // null: look for it
  void remember(const std::string& engine, Route route);
  void forget(const std::string& engine) { routes_.erase(engine); }

 private:
  struct Search {
    wire::Lookup lookup;
    Answer answer;  // none: it has ended
    wire::Tiers found;
    std::vector<wire::TierRow> offline;
    std::size_t bytes = 0;  // of the rows
    enum { none, where_served, everywhere } round = none;
    std::vector<LinkId> gateways;  // of this round: the first `asked` of them were asked, `waiting` did not answer
    std::size_t asked = 0, waiting = 0;
    std::int64_t deadline_ms = 0;
    bool over() const { return found.rows.size() >= lookup.limit || (waiting == 0 && asked == gateways.size()); }
  };
  using SearchPtr = std::shared_ptr<Search>;
  void next_round(const SearchPtr& search);
  void ask_on();
  void answered(Search& search, const std::string& gateway, wire::Tiers* tiers, const char* failed);
  void add(Search& search, wire::TierRow row);
  void finish(Search& search);

  Core* core_;
  Links* links_;
  const Directory* directory_;
  const DesiredState* state_;
  Inquiries* inquiries_;
  std::size_t searches_ = 0;  // that have not ended
  std::deque<SearchPtr> turns_;  // with gateways left to ask: the first one asks all of its own first
  std::unordered_map<std::string, Route> routes_;
};

}  // namespace pinnate::tier
