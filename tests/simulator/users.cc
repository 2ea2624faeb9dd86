#include "simulator/users.h"

#include "content/release.h"
#include "simulator/module_bytes.h"

namespace pinnate::simulator {
namespace {

constexpr std::uint32_t kSizes[] = {900, 40000, 70000, 200000, 700000};
const char* const kSelectors[] = {"", "", "", "ring=a", "ring!=a", "region=north", "region=south,ring=b", "ring"};
constexpr std::uint32_t kFloodCalls = 4400;  // a few hundred more than a link may have under way
constexpr std::uint32_t kLargeCalls = 40;  // several times what a link may have under way
constexpr std::size_t kLargeCallBytes = 1000000;

}  // namespace

std::string function_name(std::uint32_t number) { return "f" + std::to_string(number); }

sim::Module Users::module(std::uint32_t function, std::uint32_t version) const {
  Random random(s_.plan.seed * 1000003 + function * 1009 + version);
  sim::Module m;
  m.name = function_name(function);
  m.version = std::to_string(version);
  const bool foreign = random.one_in(20);  // nothing for the platform of these engines
  m.artifacts = {{foreign            ? "linux-aarch64"
                  : random.one_in(2) ? "any"
                                     : "linux-x86_64",
                  module_bytes(m.name + "@" + m.version, kSizes[random.below(std::size(kSizes))])}};
  m.limits.load_ms = 3000;
  m.limits.create_ms = 2000;
  m.limits.health_ms = 1000;
  m.limits.call_ms = 5000;
  m.limits.drain_ms = 4000;
  return m;
}

bool Users::act(const Step& step) {
  Random random(step.draws[0]);
  const auto function = std::uint32_t(random.below(kFunctions));
  const std::string selector = kSelectors[random.below(std::size(kSelectors))];
  switch (step.act) {
    case Act::publish:
      return publish(step.draws[1], function, ++next_version_, selector);
    case Act::publish_series:
      for (int i = 0; i < 3; ++i) publish(step.draws[1], function, ++next_version_, selector);
      return true;
    case Act::publish_older: {
      if (published_.empty()) return false;
      const auto [f, version] = published_[step.draws[1] % published_.size()];
      return publish(step.draws[2], f, version, selector);
    }
    case Act::unpublish:
      return unpublish(step);
    case Act::call: {
      bool any = false;
      for (std::uint64_t i = 1 + random.below(6); i > 0; --i) any |= call(random);
      return any;
    }
    case Act::call_flood:
      return flood(random);
    case Act::engine_relabelled: {
      const auto engines = s_.fleet.engines(), gateways = s_.fleet.gateways();
      if (engines.empty()) return false;
      const Member& engine = *engines[random.below(engines.size())];
      const Member& tier = random.one_in(3) ? *gateways[random.below(gateways.size())] : engine;
      const Labels before = tier.labels;
      s_.fleet.relabel(tier, random);
      return tier.labels != before;  // else it was a restart
    }
    default:
      return false;
  }
}

bool Users::publish(std::uint64_t draw, std::uint32_t function, std::uint32_t version, const std::string& selector) {
  const Member* from = s_.fleet.find(draw % 3 == 0 ? kClient : kController);
  if (!s_.fleet.up(*from)) return false;
  const sim::Module m = module(function, version);
  Order order;
  order.kind = Order::Kind::publish;
  order.host = from->host;
  order.function = m.name;
  order.version = m.version;
  order.selector = selector;
  order.config = draw % 4 == 0 ? "" : "setting=" + std::to_string(draw / 16 % 3);
  order.life = s_.world.at(from->host).lives();
  std::vector<std::string> needs;
  if (function == kOneAtATime) {
    if (version % 2 == 0)
      needs.emplace_back(content::kStopFirst);
    else
      s_.world.modules().one_at_a_time(s_.world.shelf().add(m).manifest.artifacts[0].digest);
  }
  order.id = s_.world.publish(from->name, m, selector, order.config, needs);
  s_.orders.push_back(std::move(order));
  published_.emplace_back(function, version);
  return true;
}

bool Users::unpublish(const Step& step) {
  const auto& releases = s_.ledger.current().releases;
  const Member* from = s_.fleet.find(kController);
  if (releases.empty() || !s_.fleet.up(*from)) return false;
  const content::Release& release =
      std::next(releases.begin(), std::ptrdiff_t(step.draws[1] % releases.size()))->second;
  Order order;
  order.kind = Order::Kind::unpublish;
  order.host = from->host;
  order.function = release.name;
  order.release = step.draws[2] % 3 == 0 ? 0 : release.number;
  for (const auto& [number, current] : releases)
    if (current.name == order.function && (order.release == 0 || order.release == number))
      order.withdraws.push_back(number);
  wire::Unpublish request;
  request.name = order.function;
  request.release = order.release;
  order.life = s_.world.at(from->host).lives();
  order.id = s_.world.request(from->name, request);
  s_.orders.push_back(std::move(order));
  return true;
}

void Users::order_call(const Member& caller, Order order, std::uint32_t timeout_ms, std::size_t least_bytes) {
  order.kind = Order::Kind::call;
  order.host = caller.host;
  order.life = s_.world.at(caller.host).lives();
  order.payload = "call-" + std::to_string(++calls_);
  if (order.payload.size() < least_bytes) order.payload.resize(least_bytes, '.');
  wire::Call request;
  request.function = order.function;
  request.engine = order.engine;
  request.payload = Buffer(order.payload);
  request.timeout_ms = timeout_ms;
  request.idempotent = order.idempotent;
  order.id = s_.world.request(caller.name, request);
  s_.orders.push_back(std::move(order));
}

bool Users::call(Random& random) {
  const auto& members = s_.fleet.members();
  const Member& caller = members[random.below(members.size())];
  Order order;
  order.function = function_name(std::uint32_t(random.below(kFunctions)));
  const auto engines = s_.fleet.engines();
  if (random.one_in(3)) order.engine = engines[random.below(engines.size())]->id;
  order.idempotent = random.one_in(3);
  const auto timeout_ms = std::uint32_t(random.one_in(4) ? 2 + random.below(20) : 500 + random.below(8000));
  if (caller.gone || !s_.fleet.up(caller)) return false;
  order_call(caller, std::move(order), timeout_ms);
  return true;
}

bool Users::flood(Random& random) {
  const Member* client = s_.fleet.find(kClient);
  if (!s_.fleet.up(*client)) return false;
  const std::string function = function_name(std::uint32_t(random.below(kFunctions)));
  const auto& releases = s_.ledger.current().releases;
  for (const auto& [number, release] : releases) {  // so that the calls stay
    const sim::Shelf::Book* book = s_.world.book(release.manifest);
    if (release.name != function || !book) continue;
    sim::Conduct hang;
    hang.fate = sim::Fate::hangs;
    for (const auto& artifact : book->manifest.artifacts) s_.world.conduct(artifact.digest, sim::Step::call, hang);
  }
  const bool large = random.one_in(2);
  for (std::uint32_t i = 0; i < (large ? kLargeCalls : kFloodCalls); ++i) {
    Order order;
    order.function = function;
    order_call(*client, std::move(order), 4000, large ? kLargeCallBytes : 0);
    // Not more at once than the client's own link can take.
    if (large) s_.world.advance(20);
    if (!s_.fleet.up(*client)) break;
  }
  return true;
}

}  // namespace pinnate::simulator
