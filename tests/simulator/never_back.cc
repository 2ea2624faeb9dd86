// Promise 2 for those in between: what a gateway's disk holds of the desired state never grows
// older, and what the controller decides follows from one order of a user each: a publish adds one
// release and may end those it covers, an unpublish ends what it names.
#include "simulator/check.h"

#include <algorithm>
#include <optional>
#include <set>

namespace pinnate::simulator {
namespace {

class NeverBack final : public Check {
 public:
  using Check::Check;

  void look(const Sight& sight) override {
    if (!sight.member || sight.member->kind != Member::Kind::gateway || sight.o.what != sim::What::completed) return;
    const auto now = place_on(s_.world.at(sight.o.host).disk().image());
    auto& before = places_[sight.o.host];
    if (!now || now == before) return;
    if (before && *now < *before)
      complain_(2, name_of(sight.o.host) + " had " + in_words(*before) + " and went back to " + in_words(*now));
    before = now;
  }

  void decided(const Ledger::Change& change) override {
    const DesiredSet& now = s_.ledger.current();
    if (!(change.before.place < now.place))
      complain_(2, "the controller went from " + in_words(change.before.place) + " back to " + in_words(now.place));
    if (now.place.epoch != change.before.place.epoch && change.before.place.epoch != 0)
      return;  // a new epoch keeps what there was
    if (change.added.size() > 1)
      complain_(3, "one decision added " + std::to_string(change.added.size()) + " releases");
    for (const content::Release& added : change.added) {
      const auto order = std::find_if(s_.orders.begin(), s_.orders.end(), [&](const Order& o) {
        return o.kind == Order::Kind::publish && !used_.contains(&o - s_.orders.data()) && o.function == added.name &&
               o.version == added.version && o.selector == added.selector && added.config.view() == o.config;
      });
      if (order == s_.orders.end())
        return complain_(2, "release " + std::to_string(added.number) + ", " + added.name + "@" + added.version +
                                ", was decided once more than it was asked for");
      used_.insert(&*order - s_.orders.data());
    }
    for (std::uint64_t number : change.removed) {
      const content::Release& gone = change.before.releases.at(number);
      const bool covered = std::any_of(change.added.begin(), change.added.end(),
                                       [&](const auto& r) { return r.name == gone.name && r.selector.empty(); });
      const bool withdrawn = std::any_of(s_.orders.begin(), s_.orders.end(), [&](const Order& o) {
        return o.kind == Order::Kind::unpublish && o.function == gone.name && (o.release == 0 || o.release == number);
      });
      if (!covered && !withdrawn)
        complain_(3, "release " + std::to_string(number) + ", " + gone.name + "@" + gone.version +
                         ", ended and nobody asked for it");
    }
  }

 private:
  std::map<sim::MachineId, std::optional<Place>> places_;
  std::set<std::ptrdiff_t> used_;  // orders that a release came of
};

}  // namespace

std::unique_ptr<Check> make_never_back(Situation& s, Check::Complain complain) {
  return std::make_unique<NeverBack>(s, std::move(complain));
}

}  // namespace pinnate::simulator
