// Promise 8: of two that live under one id the first live link stays, and the other is refused.
#include "simulator/check.h"

namespace pinnate::simulator {
namespace {

class OneId final : public Check {
 public:
  using Check::Check;

  void look(const Sight& sight) override {
    if (!sight.member || sight.member->kind != Member::Kind::gateway) return;
    if (sight.o.what == sim::What::link_closed) closes(sight);
    if (sight.o.what == sim::What::started || sight.o.what == sim::What::ended)
      std::erase_if(up_, [&](const auto& entry) { return entry.first.first == sight.o.host; });
    const Member* peer = sight.peer == sim::kNoMachine ? nullptr : s_.fleet.of_host(sight.peer);
    if (!peer || peer->kind != Member::Kind::engine) return;
    if (sight.received<wire::Welcome>()) up_[{sight.o.host, sight.o.number}] = peer;
    if (!sight.sent<wire::Welcome>()) return;
    const auto taken = [&](const Member& first) {
      if (first.id == peer->id && &first != peer)
        complain_(8, name_of(sight.o.host) + " takes " + peer->name + " in under the id '" + peer->id + "' while " +
                         first.name + " is linked under it");
    };
    for (const auto& [link, first] : up_)
      if (link.first == sight.o.host) taken(*first);
    // Or it was put out for the sake of the other.
    if (const auto out = put_out_.find(sight.o.host); out != put_out_.end() && out->second.at == sight.o.at)
      taken(*out->second.member);
  }

 private:
  void closes(const Sight& sight) {
    const auto found = up_.find({sight.o.host, sight.o.number});
    if (found == up_.end()) return;
    put_out_[sight.o.host] = {found->second, sight.o.at};
    up_.erase(found);
  }

  struct PutOut {
    const Member* member;
    sim::Micros at;
  };
  std::map<sim::MachineId, PutOut> put_out_;  // the last, by gateway
  std::map<std::pair<sim::MachineId, std::uint64_t>, const Member*> up_;
};

}  // namespace

std::unique_ptr<Check> make_one_id(Situation& s, Check::Complain complain) {
  return std::make_unique<OneId>(s, std::move(complain));
}

}  // namespace pinnate::simulator
