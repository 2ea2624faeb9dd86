// Wishes for a link: addresses that are dialled for as long as they are wished for. So many dials
// are under way at once at most; the others wait.
#pragma once

#include "tier/core.h"

#include <list>
#include <set>

namespace pinnate::tier {

inline constexpr std::size_t kEndpoints = 65536;
inline constexpr std::size_t kDialsAtOnce = 256;
// For which a dial waits for an answer. A silent address below waits twice as long each time, from
// the first: among thousands that are dead the living ones get their turn.
inline constexpr std::uint32_t kDialMs = 10000, kFirstDialMs = 1000;

class Endpoints {
 public:
  // Opens a link to `address`, or names the linked peer for which the wish stands back.
  struct Dialled {
    LinkId link = 0;
    std::string held_by;
  };
  using Dialler = std::function<Dialled(Side side, const std::string& address, std::uint32_t limit_ms)>;

  Endpoints(Core* core, Dialler dial) : core_(core), dial_(std::move(dial)) {}

  // Dials at once, and again after each end of the link. 0: there are kEndpoints already.
  EndpointId add(Side side, const std::string& address);
  // Dials no more. Returns its link, if there is one, and whether that is still being dialled;
  // until remove() its end is still the endpoint's.
  struct Retired {
    LinkId link = 0;
    bool dialling = false;
  };
  Retired retire(EndpointId id);
  void remove(EndpointId id);  // once it is retired
  void stop();  // dials none of them any more
  void reconfigured();  // delays are as the options say now
  void dial_now(EndpointId id);  // if there is such a wish, and it waits to be dialled
  void dial_afresh(EndpointId id);  // the same, as if it had never failed
  // While it rests its link stays, and no other is dialled.
  void rest(EndpointId id, bool resting);

  // The address that `link` was dialled for, or null.
  const std::string* address_of(LinkId link) const;
  EndpointId of_link(LinkId link) const;  // for which it was dialled, or 0
  std::optional<std::int64_t> again_in_ms(EndpointId id) const;
  // How the wish stands; null: there is no such wish.
  struct Facts {
    LinkId link = 0;  // dialling or open, or 0
    bool resting = false;
    std::string held_by;  // the peer that it stands back for, or empty
    Status last;  // why its last link ended, if one did
  };
  const Facts* facts(EndpointId id) const;
  void landed(LinkId link);  // it is no longer under way
  // `settled`: it was up for a while. `spread`: many may have lost theirs at this moment.
  void ended(LinkId link, const Status& why, bool settled, bool spread);
  void hold(LinkId link, const std::string& peer);  // when it has ended, it is not dialled while `peer` is linked
  void released(const std::string& peer, bool spread);

 private:
  struct Endpoint : Facts {
    Endpoint(Side s, std::string a, Backoff b) : side(s), address(std::move(a)), backoff(b) {}
    Side side;
    std::string address;
    Backoff backoff;
    bool queued = false;  // for its turn among the dials
    Alarm redial{};
    bool retired = false;
  };
  void dial(EndpointId id);
  void dial_later(EndpointId id, bool spread);
  Endpoint* of(LinkId link);

  Core* core_;
  Dialler dial_;
  EndpointId next_ = 1;
  std::map<EndpointId, Endpoint> endpoints_;
  std::map<LinkId, EndpointId> links_;
  std::set<LinkId> under_way_;
  // Those that wait for their turn: who was never dialled, before who was. May name some that are
  // gone; lists, since most tiers dial one address.
  std::list<EndpointId> new_, again_;
  bool stopped_ = false;
};

}  // namespace pinnate::tier
