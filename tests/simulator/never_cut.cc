// Promise 1, of members that a source names: a link that is up says more than any source, so no
// gateway ends one because of what a source says or leaves out.
#include "simulator/check.h"

namespace pinnate::simulator {
namespace {

class NeverCut final : public Check {
 public:
  using Check::Check;

  void look(const Sight& sight) override {
    const auto* refused = sight.sent<wire::Refuse>();
    if (!refused || !sight.member || refused->reason != "it is dialled no more") return;
    complain_(1, sight.member->name + " ends a link since no source names its peer any more");
  }
};

}  // namespace

std::unique_ptr<Check> make_never_cut(Situation& s, Check::Complain complain) {
  return std::make_unique<NeverCut>(s, std::move(complain));
}

}  // namespace pinnate::simulator
