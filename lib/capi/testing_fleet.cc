#include "capi/testing_fleet.h"

#include "base/limits.h"
#include "capi/boundary.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace pinnate::capi {
namespace {

constexpr const char* kController = "c";

const char* or_controller(const char* tier) { return tier ? tier : kController; }

sim::WorldOptions world_options(const FleetPlan& plan) {
  sim::WorldOptions options;
  options.seed = plan.seed;
  options.network.latency_min = plan.latency_min_us;
  options.network.latency_max = plan.latency_max_us;
  return options;
}

// Of the two tiers the one that is nearer to the engine has its say.
Labels inherit(const Labels& own, const Labels& from_above) {
  Labels all = own;
  all.insert(from_above.begin(), from_above.end());
  return all;
}

}  // namespace

// ---- the fleet ----------------------------------------------------------------------------------

TestingFleet::TestingFleet(FleetPlan plan)
    : plan_(std::move(plan)),
      replies_(std::make_shared<TestingReplies>(plan_.log)),
      loader_(world_, replies_),
      world_(world_options(plan_)) {
  world_.modules().outside = &loader_;
  if (plan_.log.write) {
    world_.on_log = [this](sim::MachineId host, pinnate_log_level level, const std::string& line) {
      char time[32];
      std::snprintf(time, sizeof time, "%.3f ", double(world_.now()) / double(sim::kSecond));
      plan_.log(level, time + world_.at(host).name() + ": " + line);
    };
  }
  build();
}

TestingFleet::~TestingFleet() {
  for (const auto& [id, call] : begun_) call.on_result(call.arg, PINNATE_CLOSED, "the fleet was closed", {nullptr, 0});
}

void TestingFleet::build() {
  for (const TierPlan& tier : plan_.tiers) {
    const auto id = static_cast<sim::MachineId>(sites_.size());
    const auto parent = names_.find(tier.parent);
    sites_.push_back(
        {&tier, parent == names_.end() ? tier.labels : inherit(tier.labels, sites_[parent->second].labels)});
    names_.emplace(tier.name, id);

    sim::MachineOptions host;
    host.extra_latency = tier.latency_us;
    tier::TierOptions options = plan_.tier;
    options.id = tier.name;
    options.labels = tier.labels;
    if (tier.role == PINNATE_ROLE_CONTROLLER) {
      tier::ControllerOptions controller;
      controller.tier = std::move(options);
      controller.forget_after_ms = plan_.forget_after_ms;
      world_.add_controller(tier.name, std::move(controller), host);
    } else if (tier.role == PINNATE_ROLE_GATEWAY) {
      tier::GatewayOptions gateway;
      gateway.tier = std::move(options);
      gateway.forget_after_ms = plan_.forget_after_ms;
      world_.add_gateway(tier.name, std::move(gateway), host);
    } else {
      host.listens = false;
      world_.add_engine(tier.name, tier::EngineOptions{std::move(options), tier.platform, {}, tier.durable}, host);
      engines_.push_back(id);
    }
    if (!tier.parent.empty()) world_.dial_up(tier.name, tier.parent);
  }
  rows_ = Rows<pinnate_testing_tier>(plan_.tiers, [this](const TierPlan& tier, pinnate_testing_tier& row) {
    show(tier, row);
    const Rows<pinnate_label>& labels = row_labels_.emplace_back(to_labels(tier.labels));
    row.labels = labels.data();
    row.label_count = labels.size();
  });
}

Result<sim::MachineId> TestingFleet::find(const char* tier, const char* argument) const {
  if (Status s = required(tier, argument); !s.ok()) return s;
  const auto found = names_.find(tier);
  if (found == names_.end()) return {PINNATE_NOT_FOUND, "this fleet has no tier '" + std::string(tier) + "'"};
  return found->second;
}

Result<sim::MachineId> TestingFleet::find_engine(const char* tier, const char* argument) const {
  Result<sim::MachineId> found = find(tier, argument);
  if (found.ok() && sites_[*found].plan->role != PINNATE_ROLE_ENGINE)
    return {PINNATE_INVALID, "'" + std::string(tier) + "' is no engine"};
  return found;
}

Result<sim::MachineId> TestingFleet::find_up(const char* tier) const {
  Result<sim::MachineId> found = find(tier, "tier");
  if (found.ok() && !world_.at(*found).up())
    return {PINNATE_UNREACHABLE, "'" + world_.at(*found).name() + "' is down: pinnate_testing_restart starts it"};
  return found;
}

Status TestingFleet::breach() const {
  if (world_.breaches().empty()) return {};
  return {PINNATE_INTERNAL, "a defect of Pinnate: a tier broke its contract: " + world_.breaches().front()};
}

// ---- time ---------------------------------------------------------------------------------------

bool TestingFleet::run_until(const std::function<bool()>& holds, std::int64_t limit_ms) {
  return world_.run_until(
      [&] {
        deliver();
        return holds();
      },
      limit_ms);
}

void TestingFleet::advance(std::int64_t ms) {
  (void)run_until([] { return false; }, ms);
  deliver();
}

// What came from outside of the world goes in, and what the host waits for goes out.
void TestingFleet::deliver() {
  replies_->set_now(world_.now());
  replies_->deliver();
  for (auto at = asked_.begin(); at != asked_.end();) {
    deliver_results(at->first, at->second);
    at = at->second.calls == 0 ? asked_.erase(at) : std::next(at);
  }
}

void TestingFleet::deliver_results(sim::MachineId id, Asked& asked) {
  sim::Machine& host = world_.at(id);
  std::vector<wire::Returned> returned;
  std::erase_if(host.answers(), [&](wire::Message& message) {
    auto* answer = std::get_if<wire::Returned>(&message);
    if (!answer || !begun_.count(answer->id)) return false;
    returned.push_back(std::move(*answer));
    return true;
  });
  for (const wire::Returned& r : returned) end_call(r.id, Status(r.code, r.reason), r.result);
  const std::uint32_t life = host.up() ? host.lives() : 0;
  if (asked.life == life) return;
  asked.life = life;
  std::vector<std::uint64_t> lost;
  for (const auto& [number, call] : begun_)
    if (call.host == id && call.life != life) lost.push_back(number);
  for (std::uint64_t number : lost)
    end_call(
        number,
        {PINNATE_INTERRUPTED, "'" + host.name() + "' ended before the answer came; the call may or may not have run"},
        {});
}

void TestingFleet::end_call(std::uint64_t id, const Status& status, const Buffer& result) {
  const auto found = begun_.find(id);
  const BegunCall call = found->second;
  begun_.erase(found);
  --asked_.at(call.host).calls;
  pinnate_bytes bytes{nullptr, 0};
  if (status.ok() || status.code() == PINNATE_FAILED) bytes = {result.data(), result.size()};
  call.on_result(call.arg, status.code(), status.message().c_str(), bytes);
}

// ---- requests -----------------------------------------------------------------------------------

template <class Answer, class Question>
Result<Answer> TestingFleet::ask(const char* tier, Question question, std::int64_t limit_ms) {
  const Result<sim::MachineId> host = find_up(or_controller(tier));
  if (!host.ok()) return host.status();
  return await<Answer>(*host, world_.request(*host, std::move(question)), limit_ms);
}

template <class Answer>
Result<Answer> TestingFleet::await(sim::MachineId id, std::uint64_t request, std::int64_t limit_ms) {
  sim::Machine& host = world_.at(id);
  const std::uint32_t life = host.lives();
  Result<Answer> answer(PINNATE_TIMEOUT,
                        "'" + host.name() + "' did not answer within " + std::to_string(limit_ms) + " ms");
  (void)run_until(
      [&] {
        for (const wire::Message& message : host.answers())
          if (const Answer* found = std::get_if<Answer>(&message); found && found->id == request) answer = *found;
        if (!answer.ok() && (!host.up() || host.lives() != life))
          answer = Status(PINNATE_INTERRUPTED,
                          "'" + host.name() + "' ended before it answered; it may or may not have been done");
        return answer.ok() || answer.status().code() == PINNATE_INTERRUPTED;
      },
      limit_ms);
  // All else there is late, or tells of progress: but for the results of calls that were begun.
  std::erase_if(host.answers(), [&](const wire::Message& message) {
    const auto* result = std::get_if<wire::Returned>(&message);
    return !result || !begun_.count(result->id);
  });
  if (answer.ok() && answer->code != PINNATE_OK && !std::is_same_v<Answer, wire::Returned>)
    return Status(answer->code, answer->reason);
  return answer;
}

Result<pinnate_published> TestingFleet::publish(const runtime::PublishOrder& order) {
  const Result<sim::MachineId> controller = find_up(kController);
  if (!controller.ok()) return controller.status();
  sim::Module module;
  module.name = order.name;
  module.version = order.version;
  module.loader = order.loader;
  module.limits = order.limits;
  for (const runtime::PublishOrder::Artifact& artifact : order.artifacts) {
    std::string room;
    const auto bytes = artifact.source.read(0, artifact.source.size_bytes(), &room);
    if (!bytes.ok()) return bytes.status();
    module.artifacts.emplace_back(artifact.platform, Buffer(std::string(*bytes)));
  }
  const sim::Shelf::Book& book = world_.shelf().add(module);
  if (book.bytes.size() > kManifestLimitBytes)
    return {PINNATE_TOO_LARGE,
            "module '" + order.name + "' " + order.version + ": more bytes of artifacts than one manifest can list"};
  const Title title(order.name, order.version);
  std::vector<Digest>& digests = artifacts_[title];
  for (std::size_t i = 0; i < book.artifacts.size(); ++i) {
    const Digest& digest = book.manifest.artifacts[i].digest;
    loader_.keep(digest, book.artifacts[i]);
    if (std::find(digests.begin(), digests.end(), digest) == digests.end()) digests.push_back(digest);
  }
  if (const auto faults = faults_.find(title); faults != faults_.end())
    for (const Fault& fault : faults->second) apply(title, fault);

  const auto answer =
      await<wire::Published>(*controller, world_.publish(*controller, book, order.selector, order.config, order.needs));
  if (!answer.ok()) return answer.status();
  releases_.insert_or_assign(answer->release,
                             Published{book.manifest, *content::Selector::parse(order.selector), order.config});
  return to_published(*answer, 0);
}

Status TestingFleet::unpublish(wire::Unpublish question) {
  return ask<wire::Done>(nullptr, std::move(question)).status();
}

Status TestingFleet::call(const char* tier, wire::Call question, pinnate_bytes* result) {
  const std::int64_t limit_ms = std::int64_t(question.timeout_ms) + 1000;  // the tier's own comes first
  const auto answer = ask<wire::Returned>(tier, std::move(question), limit_ms);
  if (!answer.ok()) return answer.status();
  if (answer->code == PINNATE_OK || answer->code == PINNATE_FAILED) {
    result_ = answer->result;
    *result = {result_.data(), result_.size()};
  }
  return {answer->code, answer->reason};
}

Status TestingFleet::begin_call(const char* tier, wire::Call question, pinnate_result_fn on_result, void* arg) {
  constexpr std::size_t kMost = 65536;
  const Result<sim::MachineId> host = find_up(or_controller(tier));
  if (!host.ok()) return host.status();
  if (begun_.size() >= kMost) return {PINNATE_BUSY, "65536 calls are under way: let time pass until some have ended"};
  const std::uint32_t life = world_.at(*host).lives();
  begun_.emplace(world_.request(*host, std::move(question)), BegunCall{*host, life, on_result, arg});
  Asked& asked = asked_[*host];
  if (asked.calls++ == 0) asked.life = life;
  return {};
}

Result<wire::StatusReport> TestingFleet::ask_status(const char* tier, const std::string& name) {
  wire::GetStatus question;
  question.name = name;
  return ask<wire::StatusReport>(tier, std::move(question));
}

Result<const pinnate_rollup*> TestingFleet::status(const char* tier, const std::string& name) {
  auto answer = ask_status(tier, name);
  if (!answer.ok()) return answer.status();
  report_ = std::move(*answer);
  rollup_.emplace(*report_);
  return rollup_->rollup();
}

Result<wire::Tiers> TestingFleet::ask_tiers(const char* tier, wire::Lookup question, std::int64_t limit_ms) {
  return ask<wire::Tiers>(tier, std::move(question), limit_ms);
}

Result<TestingFleet::Page> TestingFleet::lookup(const char* tier, const wire::Lookup& question) {
  auto answer = ask_tiers(tier, question, std::int64_t(question.timeout_ms) + 1000);
  if (!answer.ok()) return answer.status();
  page_ = std::move(*answer);
  page_view_.emplace(*page_);
  return Page{&page_view_->rows(), page_->next.c_str()};
}

Result<const pinnate_row*> TestingFleet::engine(const char* name) {
  const Result<sim::MachineId> engine = find_engine(name, "engine");
  if (!engine.ok()) return engine.status();
  const Result<Page> page = lookup(name, {});
  if (!page.ok()) return page.status();
  if (page->rows->size() != 1)
    return {PINNATE_INTERNAL, "an engine listed " + std::to_string(page->rows->size()) + " tiers"};
  return page->rows->data()[0];
}

}  // namespace pinnate::capi
