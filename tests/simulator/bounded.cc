// Promise 6: whatever a peer does, or does not read, what a tier holds for its link stays under a
// bound: bulk bytes handed to the link and not gone out yet, calls that were taken and not
// answered, orders given to the disk.
#include "base/limits.h"
#include "simulator/check.h"

#include <algorithm>

namespace pinnate::simulator {
namespace {

// The limits of the tiers, written here again so that none is raised by mistake: what of bulk is
// got ready for a link, the calls and their bytes that ARCHITECTURE.md states, orders at a disk
// with room to spare. One message more than the bulk may be on its way, since room is asked for
// before its size is known.
constexpr std::int64_t kBulkBytes = 512 * 1024 + kChunkBytes + 1024;
constexpr std::int64_t kCalls = 4096;
constexpr std::size_t kCallBytes = 6 * 1024 * 1024;
constexpr std::size_t kDiskOrders = 64, kDiskOrdersPerLink = 24;

class Bounded final : public Check {
 public:
  using Check::Check;

  void look(const Sight& sight) override {
    const Link link{sight.o.host, sight.o.number};
    switch (sight.o.what) {
      case sim::What::sent:
        if (relay(sight) && link.second != tier::kHostLink && sight.sent<wire::ChunkBytes>())
          bulk(sight, bulk_[link] += std::int64_t(sight.o.bytes.size()));
        if (const auto* returned = sight.sent<wire::Returned>()) {
          --calls_[link];
          answered(link, returned->id);
        }
        return;
      case sim::What::drained:
        bulk_[link] = std::max<std::int64_t>(0, bulk_[link] - std::int64_t(sight.o.amount));
        return;
      case sim::What::received:
        if (const auto* call = relay(sight) ? sight.received<wire::Call>() : nullptr) {
          if (++calls_[link] > kCalls + 1)
            complain_(6, name_of(sight.o.host) + " holds more than " + std::to_string(kCalls) + " calls of one link");
          asked(sight, link, *call);
        }
        return;
      case sim::What::link_closed:
        bulk_.erase(link);
        calls_.erase(link);
        payloads_.erase(link);
        return;
      case sim::What::started:
      case sim::What::ended:
        std::erase_if(bulk_, [&](const auto& entry) { return entry.first.first == sight.o.host; });
        std::erase_if(calls_, [&](const auto& entry) { return entry.first.first == sight.o.host; });
        std::erase_if(payloads_, [&](const auto& entry) { return entry.first.first == sight.o.host; });
        return;
      case sim::What::completed:
        return disk(sight);
      default:
        return;
    }
  }

 private:
  using Link = std::pair<sim::MachineId, std::uint64_t>;

  // A publisher sends what it is asked for; it is the controller that bounds what it asks.
  static bool relay(const Sight& sight) {
    return sight.member &&
           (sight.member->kind == Member::Kind::gateway || sight.member->kind == Member::Kind::controller);
  }
  void bulk(const Sight& sight, std::int64_t bytes) {
    if (bytes > kBulkBytes)
      complain_(6, name_of(sight.o.host) + " has handed " + std::to_string(bytes) +
                       " bytes of chunks to one link that does not take them");
  }
  void disk(const Sight& sight) {
    const sim::Machine& host = s_.world.at(sight.o.host);
    const std::size_t links = s_.world.network().peers(sight.o.host).size();
    if (host.disk().orders_under_way() > kDiskOrders + links * kDiskOrdersPerLink)
      complain_(
          6, host.name() + " has " + std::to_string(host.disk().orders_under_way()) + " orders under way at its disk");
  }

  void asked(const Sight& sight, const Link& link, const wire::Call& call) {
    Payloads& held = payloads_[link];
    held.of[call.id] += call.payload.size();
    held.bytes += call.payload.size();
    // One that is refused is held until it has been answered.
    if (held.bytes > kCallBytes + kCallLimitBytes)
      complain_(6, name_of(sight.o.host) + " holds calls of " + std::to_string(held.bytes) + " bytes for one link");
  }
  void answered(const Link& link, std::uint64_t id) {
    const auto held = payloads_.find(link);
    if (held == payloads_.end()) return;
    const auto call = held->second.of.find(id);
    if (call == held->second.of.end()) return;
    held->second.bytes -= call->second;
    held->second.of.erase(call);
  }

  struct Payloads {
    std::map<std::uint64_t, std::size_t> of;
    std::size_t bytes = 0;
  };
  std::map<Link, std::int64_t> bulk_, calls_;
  std::map<Link, Payloads> payloads_;  // of calls that were not answered
};

}  // namespace

std::unique_ptr<Check> make_bounded(Situation& s, Check::Complain complain) {
  return std::make_unique<Bounded>(s, std::move(complain));
}

}  // namespace pinnate::simulator
