// How a host carries out what its tier wants done.
#include "sim/machine.h"

#include <algorithm>
#include <utility>

namespace pinnate::sim {

void Machine::act(tier::Dial& dial) {
  if (dial.link % 2 == 0 || world_.network.knows(id_, dial.link))
    return breach("dials link " + std::to_string(dial.link) + ", which is not its to number, or in use");
  world_.network.dial(id_, dial.link, dial.address, dial.limit_ms);
}

void Machine::act(tier::Send& send) {
  if (world_.alter_sent) world_.alter_sent(id_, &send.message);
  note(What::sent, send.link, {}, send.message.view());
  if (send.link == tier::kHostLink) return host_answer(std::move(send.message));
  if (!world_.network.send(id_, send.link, send.priority, std::move(send.message)))
    breach("sends on link " + std::to_string(send.link) + ", which is not open");
}

void Machine::act(tier::Drop& drop) {
  note(What::link_closed, drop.link, drop.why.message());
  if (!world_.network.drop(id_, drop.link)) breach("drops link " + std::to_string(drop.link) + ", which is not there");
}

void Machine::act(tier::Trust& trust) {
  if (!modules_) return breach("is no engine, and trusts a service");
  black_box_.forgive(modules_->artifact_of(trust.service));
  modules_->order(std::move(trust));
}

void Machine::act(tier::Activate& activate) {
  if (!modules_) return breach("is no engine, and activates a service");
  modules_->order(activate);
  note(What::activated, activate.service, activate.function);
}

void Machine::act(tier::Deactivate& deactivate) {
  note(What::deactivated, 0, deactivate.function);
  if (!modules_) return breach("is no engine, and deactivates a service");
  modules_->order(std::move(deactivate));
}

void Machine::act(tier::Invoke& invoke) {
  note(What::invoked, invoke.token, invoke.function, invoke.payload.view());
  if (!modules_) return breach("is no engine, and invokes a function");
  module_orders_.push_back(invoke.token);
  modules_->order(std::move(invoke));
}

void Machine::act(tier::WriteLog& log) {
  if (world_.on_log) world_.on_log(id_, log.level, log.message);
}

template <class A>
void Machine::act(A& action) {
  if constexpr (requires { action.token; }) {
    if (action.token == 0) breach("gives an order with token 0");
  }
  if constexpr (requires { Disk::Order(std::move(action)); }) {
    // Guarded by the disk's own life.
    disk_.submit(std::move(action), [this](tier::Completion completion) { answer(std::move(completion)); });
  } else {
    if (!modules_) return breach("is no engine, and orders a service");
    if constexpr (requires { action.token; }) module_orders_.push_back(action.token);
    modules_->order(std::move(action));
  }
}

template void Machine::act(tier::GiveUp&);
template void Machine::act(tier::Commit&);
template void Machine::act(tier::ReadChunk&);
template void Machine::act(tier::AcceptChunk&);
template void Machine::act(tier::SyncArtifact&);
template void Machine::act(tier::DropArtifact&);
template void Machine::act(tier::Assemble&);
template void Machine::act(tier::Load&);
template void Machine::act(tier::Create&);
template void Machine::act(tier::CheckHealth&);
template void Machine::act(tier::Drain&);
template void Machine::act(tier::Destroy&);
template void Machine::act(tier::Abandon&);
template void Machine::act(tier::Hold&);

void Machine::host_answer(Buffer message) {
  auto decoded = wire::decode(message);
  if (!decoded.ok() || !*decoded) return breach("tells its host what is no message: " + decoded.status().message());
  if (!world_.on_host_message(id_, **decoded)) answers_.push_back(std::move(**decoded));
}

}  // namespace pinnate::sim
