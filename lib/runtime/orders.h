// Carries out what a tier orders of the disk and of its modules, off the loop's thread, and brings
// the answers back to it.
#pragma once

#include "module/service_host.h"
#include "runtime/disk.h"
#include "runtime/pool.h"
#include "runtime/reactor.h"
#include "tier/action.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

namespace pinnate::runtime {

class Orders {
 public:
  // Where answers go: on the loop's thread, possibly from inside the order when the store does not
  // block.
  using Completed = std::function<void(tier::Completion)>;

  // `services` may be null; then orders for modules fail. `store_blocks`: false for a store in
  // memory, which is used at once, on the loop's thread.
  Orders(Completed completed, std::shared_ptr<Reactor> reactor, std::shared_ptr<Disk> disk, bool store_blocks,
         module::ServiceHost* services);
  ~Orders();  // answers that are still under way are dropped

  void carry_out(tier::Commit& order);
  void carry_out(tier::ReadChunk& order);
  void carry_out(tier::AcceptChunk& order);
  void carry_out(tier::SyncArtifact& order);
  void carry_out(tier::DropArtifact& order);
  void carry_out(tier::Assemble& order);
  void carry_out(tier::Load& order);
  void carry_out(tier::Invoke& order);
  void carry_out(tier::GiveUp& order);
  void carry_out(tier::Create& order) { ask(order.token, order.service, &module::ServiceHost::create); }
  void carry_out(tier::CheckHealth& order) { ask(order.token, order.service, &module::ServiceHost::check_health); }
  void carry_out(tier::Drain& order) { ask(order.token, order.service, &module::ServiceHost::drain); }
  void carry_out(tier::Destroy& order) { ask(order.token, order.service, &module::ServiceHost::destroy); }
  void carry_out(tier::Activate& order) { tell(&module::ServiceHost::activate, order.function, order.service); }
  void carry_out(tier::Deactivate& order) { tell(&module::ServiceHost::deactivate, order.function); }
  void carry_out(tier::Hold& order) { tell(&module::ServiceHost::hold, order.function); }
  void carry_out(tier::Abandon& order);
  void carry_out(tier::Trust& order) { tell(&module::ServiceHost::trust, order.service); }

  // Encoded bytes of chunks that wait to be verified or kept.
  std::size_t unverified_bytes() const { return unverified_bytes_; }

  // Each calls back once, on the loop's thread, never from inside the call.
  void close_services(std::uint32_t limit_ms, std::function<void()> closed);
  void close_disk(std::function<void()> closed);  // after all that was ordered of it

 private:
  struct WayBack;
  class Answer;

  module::Done answer(tier::Token token);
  template <typename Work>
  void on_disk(Strand& strand, tier::Token token, Work work, std::size_t chunk_bytes = 0);
  bool has_services(tier::Token token);
  using Ask = void (module::ServiceHost::*)(module::ServiceId, module::Done);
  void ask(tier::Token token, tier::ServiceId service, Ask what);
  template <typename What, typename... Arguments>
  void tell(What what, const Arguments&... arguments) {
    if (services_) (services_->*what)(arguments...);
  }

  const Completed completed_;
  std::shared_ptr<Reactor> reactor_;
  std::shared_ptr<Disk> disk_;
  bool store_blocks_;
  module::ServiceHost* services_;
  std::shared_ptr<Pool> pool_;
  std::shared_ptr<Strand> chunks_;
  // Where the disk is waited for: neither chunks nor each other wait for these two.
  Strand commits_, syncs_;
  std::shared_ptr<WayBack> way_back_;
  std::size_t unverified_bytes_ = 0;
  std::unordered_map<tier::Token, module::Invoked> invoked_;  // and not answered
};

}  // namespace pinnate::runtime
