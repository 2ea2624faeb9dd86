// Promise 5: every call ends once, with a result or a definite error; one that is not marked
// idempotent never runs twice. What really ran is counted where it runs.
#include "simulator/check.h"

namespace pinnate::simulator {
namespace {

class OneOutcome final : public Check {
 public:
  using Check::Check;

  void look(const Sight& sight) override {
    const auto* returned = sight.sent<wire::Returned>();
    if (!returned || sight.o.number != tier::kHostLink) return;
    Order* order = find(sight.o.host, returned->id);
    if (!order) return complain_(5, name_of(sight.o.host) + " gets an answer to a call that it did not make");
    order->code = returned->code;
    if (++order->answers > 1)
      return complain_(5, "call '" + order->payload + "' of " + name_of(order->host) + " was answered twice");
    answered(*order, *returned);
  }

  void at_rest() override {
    for (const Order& order : s_.orders) {
      if (order.kind != Order::Kind::call) continue;
      ran_once(order);
      if (order.answers > 0) continue;
      const sim::Machine& caller = s_.world.at(order.host);
      if (caller.up() && caller.lives() == order.life)
        complain_(5, "call '" + order.payload + "' of " + caller.name() + " was never answered");
    }
  }

 private:
  Order* find(sim::MachineId host, std::uint64_t id) {
    for (auto order = s_.orders.rbegin(); order != s_.orders.rend(); ++order)
      if (order->kind == Order::Kind::call && order->host == host && order->id == id) return &*order;
    return nullptr;
  }

  void ran_once(const Order& order) {
    const auto runs = s_.world.runs(order.payload);
    if (runs.begun > 1 && !order.idempotent)
      complain_(5, "call '" + order.payload + "' is not idempotent and ran " + std::to_string(runs.begun) +
                       " times, the last on " + name_of(runs.last));
  }

  void answered(const Order& order, const wire::Returned& returned) {
    ran_once(order);
    const auto runs = s_.world.runs(order.payload);
    if (returned.code == PINNATE_OK) {
      if (runs.ended == 0) complain_(5, "call '" + order.payload + "' has a result and never ran to its end");
      const std::string result = returned.result.str();
      if (!result.starts_with(order.function + "@") || !result.ends_with(":" + order.payload))
        complain_(5, "call '" + order.payload + "' got the result of another: '" + result + "'");
    } else if (!returned.ran && runs.begun > 0 && !order.idempotent) {
      complain_(5,
                "call '" + order.payload + "' ended with '" + returned.reason + "', as one that did not run, and ran");
    }
  }
};

}  // namespace

std::unique_ptr<Check> make_one_outcome(Situation& s, Check::Complain complain) {
  return std::make_unique<OneOutcome>(s, std::move(complain));
}

}  // namespace pinnate::simulator
