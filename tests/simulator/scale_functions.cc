// What thousands of functions on one engine cost: a message to it, and opening it from its folder.
// The engine alone, without a world: its disk is what it is started with, and its modules do the
// least that a load does, to verify what they read.
#include "content/chunk.h"
#include "content/sha256.h"
#include "simulator/scale_clock.h"
#include "simulator/scale_parts.h"
#include "tier/desired_state.h"
#include "tier/engine.h"

#include <algorithm>
#include <limits>
#include <memory>

namespace pinnate::simulator {
namespace {

constexpr std::uint32_t kFew = 256;

class ManyFunctions {
 public:
  ManyFunctions(std::uint32_t count, std::uint64_t seed) : count_(count) {
    const std::string plain = scale_module("f", "1", kChunkBytes).artifacts[0].second.str();
    chunk_ = content::encode_chunk(plain);
    content::ArtifactEntry artifact{"any", content::sha256(plain), plain.size(), {content::sha256(plain)}};
    std::vector<tier::DesiredState::Entry> entries;
    for (std::uint32_t i = 0; i < count; ++i) {
      content::Manifest manifest;
      manifest.name = name(i);
      manifest.version = "1";
      manifest.artifacts = {artifact};
      const Buffer bytes = content::encode_manifest(manifest);
      content::Release release;
      release.number = i + 1;
      release.epoch = 1;
      release.name = manifest.name;
      release.version = "1";
      release.manifest = content::sha256(bytes.view());
      restored_.records["manifest/" + release.manifest.hex()] = bytes;
      entries.push_back(*tier::DesiredState::make_entry(content::encode_release(release)));
    }
    restored_.chunks[artifact.digest][0] = std::uint32_t(chunk_.size());
    tier::DesiredState state;
    state.decide(1, count, {}, entries);
    for (RecordWrite& write : state.changes_since({})) restored_.records[write.key] = *write.value;
    tier::EngineOptions options;
    options.tier.id = "engine";
    options.tier.seed = seed;
    options.tier.incarnation = 1;
    options.platform = "linux-x86_64";
    options.durable = true;
    engine_ = tier::make_engine(options);
  }

  // CPU seconds until all are live, and of them those that went into loads.
  std::pair<double, double> open() {
    const Stopwatch all;
    engine_->start(now_, std::move(restored_));
    for (carry_out(); live_ < count_; carry_out()) {
      now_.monotonic_ms = std::max(now_.monotonic_ms, engine_->next_wake_ms());
      engine_->woke(now_);
    }
    return {all.cpu_s(), loading_s_};
  }

  // A client, which is all that calls need.
  void link() {
    wire::Hello hello;
    hello.fleet = "default";
    hello.id = "client";
    hello.incarnation = 1;
    hello.heartbeat_ms = 5000;
    engine_->link_opened(now_, kLink, {});
    engine_->link_message(now_, kLink, wire::encode(hello));
    engine_->link_message(now_, kLink, wire::encode(wire::Welcome{}));
    now_.monotonic_ms += 1000;
    engine_->woke(now_);
    carry_out();
  }

  // CPU seconds of one call, over many, each of another function.
  double call() {
    constexpr int kCalls = 20000;
    wire::Call call;
    const Stopwatch all;
    for (int i = 0; i < kCalls; ++i) {
      call.id = ++calls_;
      call.function = name(std::uint32_t(calls_ * 7919 % count_));
      engine_->link_message(now_, kLink, wire::encode(call));
      carry_out();
    }
    return all.cpu_s() / kCalls;
  }
  bool answered_all() const { return returned_ == calls_; }

 private:
  static constexpr tier::LinkId kLink = 2;
  static std::string name(std::uint32_t i) { return "function-" + std::to_string(1000000 + i); }

  void carry_out() {
    for (auto actions = engine_->take_actions(); !actions.empty(); actions = engine_->take_actions())
      for (tier::Action& action : actions) std::visit([this](auto& a) { carry_out(a); }, action);
  }
  template <class A>
  void carry_out(A& action) {
    if constexpr (requires { action.token; }) engine_->completed(now_, {action.token, {}, {}, {}});
  }
  void carry_out(tier::Assemble& order) {
    const Stopwatch one;
    const auto plain = content::decode_chunk(chunk_, order.artifact.chunk_bytes(0), order.artifact.chunks[0]);
    loading_s_ += one.cpu_s();
    engine_->completed(now_, {order.token, plain.status(), {}, {}});
  }
  void carry_out(tier::Activate&) { ++live_; }
  void carry_out(tier::Send& send) {
    if (send.priority != wire::Class::call) return;
    ++returned_;
    engine_->link_drained(now_, send.link, {0, send.message.size()});
  }

  const std::uint32_t count_;
  Buffer chunk_;
  Restored restored_;
  std::unique_ptr<tier::Tier> engine_;
  tier::Now now_{1000, 1700000000000};
  std::uint32_t live_ = 0;
  std::uint64_t calls_ = 0, returned_ = 0;
  double loading_s_ = 0;
};

}  // namespace

void scale_functions(const ScaleOptions& options, ScaleReport* report) {
  // Beside few, not one: a single function's memory is never out of the nearest cache.
  ManyFunctions few(kFew, options.seed), many(options.functions, options.seed);
  few.open();
  const auto [opening, loading] = many.open();
  report->say("%u functions: opened in %.2f s of CPU, of which loads took %.2f s", options.functions, opening, loading);
  few.link();
  many.link();
  double least_few = std::numeric_limits<double>::max(), least_many = least_few;
  for (int round = 0; round < 5; ++round) {
    least_few = std::min(least_few, few.call());
    least_many = std::min(least_many, many.call());
  }
  report->say("a call costs %.2f us with %u functions, %.2f us with %u", least_few * 1e6, kFew, least_many * 1e6,
              options.functions);
  if (!few.answered_all() || !many.answered_all()) report->broken("not every call was answered");
  report->reach("functions.message_times", least_many / least_few, 1.2);
  report->reach("functions.opening_times", opening / loading, 2);
}

}  // namespace pinnate::simulator
