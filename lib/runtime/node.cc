#include "runtime/node.h"

#include "base/guarded.h"
#include "runtime/clock.h"
#include "runtime/connections.h"
#include "runtime/disk.h"
#include "runtime/orders.h"
#include "runtime/sources.h"
#include "runtime/watcher.h"

#include <algorithm>
#include <deque>
#include <exception>
#include <map>
#include <new>
#include <optional>
#include <utility>
#include <vector>

namespace pinnate::runtime {
namespace {

constexpr std::int64_t kDropLimitMs = 1000;
constexpr std::int64_t kCloseFlushMs = 200;
// Chunks that wait to be verified or kept hold memory; links wait meanwhile.
constexpr std::size_t kUnverifiedLimitBytes = 16 * 1024 * 1024;

class Driver : public Node, private TurnEnd, private Connections::Owner {
 public:
  Driver(NodeParts parts, std::shared_ptr<Disk> disk)
      : reactor_(std::move(parts.reactor)),
        log_(parts.log),
        close_limit_ms_(parts.close_limit_ms),
        on_host_message_(std::move(parts.on_host_message)),
        on_link_(std::move(parts.on_link)),
        tier_(std::move(parts.tier)),
        services_(std::move(parts.services)),
        connections_(*this, reactor_, log_, parts.link_limit_bytes),
        sources_(reactor_, log_, [this](const std::string& source, std::optional<Naming> naming) {
          report([this, source, naming = std::move(naming)] { tier_->name_members(now(), source, naming); });
        }),
        orders_([this](tier::Completion completion) { completed(std::move(completion)); }, reactor_, std::move(disk),
                parts.store_blocks, services_.get()),
        timer_(*reactor_, [this] { guarded([this] { wake(); }); }) {}
  ~Driver() override { reactor_->forget(this); }

  void begin() { carry_out_all(); }  // what the tier wanted when it was started

  Result<std::string> listen(const std::string& address, std::uint64_t id) override {
    if (phase_ != Phase::open) return {PINNATE_CLOSED, "the handle is closing"};
    return connections_.listen(address, id);
  }

  Status keep_link(tier::Side side, const std::string& address, std::uint64_t id) override {
    if (phase_ != Phase::open) return {PINNATE_CLOSED, "the handle is closing"};
    if (Result<Address> parsed = parse_dial_address(address); !parsed.ok()) return parsed.status();
    kept_[id];
    report([this, id, side, address] {
      if (!kept_.contains(id)) return;  // ended meanwhile
      kept_[id] = tier_->keep_link(now(), side, address);
    });
    return {};
  }

  void reconfigure(const tier::TierOptions& options) override {
    report([this, options] { tier_->reconfigure(now(), options); });
  }

  Status set_members(const std::string& source, std::vector<std::string> addresses) override {
    if (phase_ != Phase::open) return {PINNATE_CLOSED, "the handle is closing"};
    return sources_.set(source, std::move(addresses));
  }

  tier::MemberCounts member_counts() override { return tier_->member_counts(); }

  Status add_source(const std::string& uri, std::uint64_t id) override {
    if (phase_ != Phase::open) return {PINNATE_CLOSED, "the handle is closing"};
    return sources_.add(uri, id);
  }

  Status add_loader(const pinnate_loader& loader) override {
    if (Status s = services_->add_loader(loader); !s.ok()) return s;
    report([this, kind = std::string(loader.kind)] { tier_->add_loader(now(), kind); });
    return {};
  }

  bool end(std::uint64_t id) override {
    if (connections_.stop_listening(id) || sources_.remove(id)) return true;
    const auto kept = kept_.find(id);
    if (kept == kept_.end()) return false;
    report([this, endpoint = kept->second] { tier_->release_link(now(), endpoint, false); });
    kept_.erase(kept);
    return true;
  }

  void host_message(Buffer message) override {
    now_.reset();  // a callback of the host's may have taken long
    report([this, message = std::move(message)]() mutable {
      tier_->link_message(now(), tier::kHostLink, std::move(message));
    });
  }

  void close(std::function<void()> closed) override {
    if (phase_ != Phase::open) return;
    closed_ = std::move(closed);
    phase_ = Phase::tier_closes;
    close_by_ms_ = monotonic_ms() + close_limit_ms_;
    connections_.stop_listening();
    sources_.close();
    report([this] { tier_->close(now()); });
  }

  module::ServiceHost* services() override { return services_.get(); }

 private:
  enum class Phase { open, tier_closes, parts_close, disk_closes, over };
  using Report = std::function<void()>;

  // Looked up once a turn: messages come by the hundred.
  tier::Now now() {
    if (!now_) now_ = runtime::now();
    return *now_;
  }

  bool tier_lives() const { return phase_ == Phase::open || phase_ == Phase::tier_closes; }

  // ---- what happened, to the tier ----

  // Never from inside an action: then it waits for its turn.
  template <typename Event>
  void report(Event&& event) {
    if (!tier_lives()) return;
    if (carrying_out_) {
      reports_.emplace_back(std::forward<Event>(event));
      return;
    }
    event();
    carry_out_all();
  }

  void link_opened(tier::LinkId link, const tier::PeerFacts& facts) override {
    report([this, link, facts] { tier_->link_opened(now(), link, facts); });
  }
  void link_heard(tier::LinkId link) override {
    report([this, link] { tier_->link_heard(now(), link); });
  }
  void link_message(tier::LinkId link, Buffer message) override {
    report(
        [this, link, message = std::move(message)]() mutable { tier_->link_message(now(), link, std::move(message)); });
  }
  void link_drained(tier::LinkId link, tier::Drained drained) override {
    report([this, link, drained] { tier_->link_drained(now(), link, drained); });
  }
  void link_closed(tier::LinkId link, Status why) override {
    report([this, link, why = std::move(why)]() mutable { tier_->link_closed(now(), link, std::move(why)); });
  }
  void completed(tier::Completion completion) {
    if (may_read_links()) connections_.read_on();
    if (carrying_out_ && tier_lives()) {  // from inside its order: mostly a call that ran here
      completed_.push_back(std::move(completion));
      return;
    }
    report([this, completion = std::move(completion)]() mutable { tier_->completed(now(), std::move(completion)); });
  }
  bool may_read_links() const override { return orders_.unverified_bytes() < kUnverifiedLimitBytes; }
  void turn_end_wanted() override { reactor_->at_turn_end(this); }

  // ---- what the tier wants, in the world ----

  void carry_out_all() {
    turn_end_wanted();
    carrying_out_ = true;
    const AtEnd carried_out([this] { carrying_out_ = false; });
    for (;;) {
      std::vector<tier::Action> actions = tier_->take_actions();
      for (tier::Action& action : actions) carry_out_guarded(action);
      const bool any = !actions.empty();
      actions.clear();
      tier_->lend_room(std::move(actions));
      if (any) continue;
      if (!completed_.empty()) {
        for (tier::Completion& completion : std::exchange(completed_, {}))
          if (tier_lives()) tier_->completed(now(), std::move(completion));
        continue;
      }
      if (reports_.empty()) return;
      const Report next = std::move(reports_.front());
      reports_.pop_front();
      if (tier_lives()) next();
    }
  }

  // The host survives when memory runs out: what was ordered fails.
  void carry_out_guarded(tier::Action& action) {
    try {
      std::visit([this](auto& order) { carry_out(order); }, action);
    } catch (const std::bad_alloc&) {
      std::visit([this](auto& order) { fail(order, {PINNATE_NO_MEMORY, {}}); }, action);
    }
  }

  void carry_out(tier::Dial& order) { connections_.dial(order.link, order.address, order.limit_ms); }
  void carry_out(tier::Drop& order) { connections_.drop(order.link, order.why, kDropLimitMs); }
  void carry_out(tier::WriteLog& order) { log_(order.level, order.message); }
  void carry_out(tier::TellLink& order) {
    if (on_link_) links_told_.emplace_back(id_of(order.endpoint), std::move(order));
  }
  void carry_out(tier::Send& order) {
    if (order.link != tier::kHostLink) return connections_.send(order.link, order.priority, std::move(order.message));
    if (on_host_message_) for_host_.push_back(std::move(order.message));
  }
  template <typename Order>
  void carry_out(Order& order) {
    orders_.carry_out(order);
  }

  template <typename Order>
  void fail(Order& order, Status why) {
    if constexpr (std::is_same_v<Order, tier::Dial>) {
      link_closed(order.link, std::move(why));
    } else if constexpr (std::is_same_v<Order, tier::Send>) {
      if (order.link == tier::kHostLink) return;
      connections_.drop(order.link, why, 0);
      link_closed(order.link, std::move(why));
    } else if constexpr (requires { order.token; }) {
      completed({order.token, std::move(why), {}, {}});
    }
  }

  // ---- turns and time ----

  void turn_ended() noexcept override {
    now_.reset();
    guarded([this] {
      connections_.end_turn();
      for (const auto& [id, told] : std::exchange(links_told_, {})) on_link_(id, told);
      for (Buffer& message : std::exchange(for_host_, {})) on_host_message_(std::move(message));
      advance_closing();
      arm_timer();
    });
    now_.reset();
  }

  void arm_timer() {
    if (phase_ == Phase::over) return;
    std::int64_t at = connections_.check_at_ms();
    // A tier that still wants to be woken for a time gone by is not worth a busy loop.
    if (tier_lives()) at = std::min(at, std::max(tier_->next_wake_ms(), woke_at_ms_ + 1));
    if (phase_ == Phase::tier_closes) at = std::min(at, close_by_ms_);
    if (at >= armed_for_ms_) return;  // woken too early, it will be armed again
    armed_for_ms_ = at;
    timer_.set(at);
  }

  void wake() {
    armed_for_ms_ = tier::kNever;
    now_.reset();
    turn_end_wanted();
    const tier::Now at = now();
    connections_.check(at.monotonic_ms);
    if (!tier_lives() || tier_->next_wake_ms() > at.monotonic_ms) return;
    woke_at_ms_ = at.monotonic_ms;
    report([this, at] { tier_->woke(at); });
  }

  std::uint64_t id_of(tier::EndpointId endpoint) const {
    const auto is = [&](const auto& kept) { return endpoint != 0 && kept.second == endpoint; };
    const auto kept = std::find_if(kept_.begin(), kept_.end(), is);
    return kept == kept_.end() ? 0 : kept->first;
  }

  // ---- closing ----

  void advance_closing() {
    if (phase_ == Phase::tier_closes && (tier_->closed() || monotonic_ms() >= close_by_ms_)) {
      phase_ = Phase::parts_close;
      connections_.drop_all(kCloseFlushMs);
      const std::int64_t left_ms = std::max<std::int64_t>(close_by_ms_ - monotonic_ms(), 0);
      orders_.close_services(static_cast<std::uint32_t>(left_ms), [this] {
        services_closed_ = true;
        turn_end_wanted();
      });
    }
    if (phase_ == Phase::parts_close && services_closed_ && connections_.empty()) {
      phase_ = Phase::disk_closes;
      orders_.close_disk([this] { finish(); });
    }
  }

  // Watchers of sockets were closed by now; after the timer's callback they are gone as well.
  void finish() {
    phase_ = Phase::over;
    connections_.end_turn();
    timer_.close([reactor = reactor_, closed = std::move(closed_)] {
      if (closed) reactor->post(closed);
    });
  }

  template <typename Work>
  void guarded(Work work) noexcept {
    try {
      work();
    } catch (const std::exception& e) {
      quietly([&] {  // there may be no memory for the words either
        log_(PINNATE_LOG_ERROR, std::string("a turn of the driver was cut short: ") + e.what());
        turn_end_wanted();
      });
    }
  }

  std::shared_ptr<Reactor> reactor_;
  Log log_;
  std::uint32_t close_limit_ms_;
  std::function<void(Buffer)> on_host_message_;
  std::function<void(std::uint64_t, const tier::TellLink&)> on_link_;
  std::unique_ptr<tier::Tier> tier_;
  std::shared_ptr<module::ServiceHost> services_;
  Connections connections_;
  Sources sources_;
  Orders orders_;

  Timer timer_;
  std::int64_t armed_for_ms_ = tier::kNever, woke_at_ms_ = -1;
  std::optional<tier::Now> now_;
  bool carrying_out_ = false;
  std::deque<Report> reports_;
  std::vector<tier::Completion> completed_;
  std::vector<Buffer> for_host_;
  std::vector<std::pair<std::uint64_t, tier::TellLink>> links_told_;
  std::map<std::uint64_t, tier::EndpointId> kept_;

  Phase phase_ = Phase::open;
  std::int64_t close_by_ms_ = tier::kNever;
  bool services_closed_ = false;
  std::function<void()> closed_;
};

}  // namespace

Status Node::restore(NodeParts* parts) {
  Result<Restored> restored = parts->store->restore();
  if (!restored.ok()) return restored.status();
  for (const std::string& note : restored->notes) parts->log(PINNATE_LOG_WARNING, note);
  if (parts->services) restored->deaths = parts->services->deaths();
  parts->tier->start(now(), std::move(*restored));
  return {};
}

std::unique_ptr<Node> Node::open(NodeParts parts) {
  auto disk = std::make_shared<Disk>(std::move(parts.store), !parts.store_blocks);
  auto node = std::make_unique<Driver>(std::move(parts), std::move(disk));
  node->begin();
  return node;
}

}  // namespace pinnate::runtime
