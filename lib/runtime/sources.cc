#include "runtime/sources.h"

#include "base/guarded.h"
#include "base/random.h"
#include "discovery/discovery.h"
#include "runtime/clock.h"
#include "runtime/transport/address.h"
#include "runtime/watcher.h"

#include <uv.h>

#include <map>
#include <utility>
#include <vector>

namespace pinnate::runtime {
namespace {

class LoopTimer final : public discovery::Timer {
 public:
  LoopTimer(Reactor& reactor, std::function<void()> ring)
      : ring_(std::move(ring)), timer_(reactor, [this] {
          if (std::exchange(set_, false)) quietly(std::function<void()>(ring_));  // which may destroy this
        }) {}
  void set_in(std::int64_t in_ms) override {
    set_ = true;
    timer_.set(monotonic_ms() + in_ms);
  }
  void cancel() override { set_ = false; }

 private:
  std::function<void()> ring_;
  bool set_ = false;
  runtime::Timer timer_;
};

class LoopWatch final : public discovery::Watch, private Watcher::Owner {
 public:
  LoopWatch(std::function<void(bool, bool)> ready) : ready_(std::move(ready)) {}
  Status open(Reactor& reactor, int fd) { return watcher_.open(reactor, fd, this); }
  void want(bool readable, bool writable) override {
    readable_ = readable, writable_ = writable;
    watcher_.want(readable, writable);
  }

 private:
  void ready(bool readable, bool writable, bool error) noexcept override {
    quietly([ready = ready_, readable = error ? readable_ : readable, writable = error ? writable_ : writable] {
      ready(readable, writable);  // which may destroy this
    });
  }

  std::function<void(bool, bool)> ready_;
  bool readable_ = false, writable_ = false;
  Watcher watcher_;
};

// Leaves those that can be dialled, in one spelling each, and says what is wrong with the first of
// the others.
Status keep_good(std::vector<std::string>* addresses) {
  Status wrong;
  std::erase_if(*addresses, [&wrong](std::string& address) {
    Result<Address> parsed = parse_dial_address(address);
    if (parsed.ok()) address = parsed->text();
    if (!parsed.ok() && wrong.ok()) wrong = parsed.status();
    return !parsed.ok();
  });
  return wrong;
}

}  // namespace

struct Sources::State final : discovery::Loop {
  State(std::shared_ptr<Reactor> r, Log l, Say s)
      : reactor(std::move(r)), log(std::move(l)), say(std::move(s)), random_(uv_hrtime() ^ reinterpret_cast<std::uintptr_t>(this)) {}

  std::int64_t monotonic_ms() const override { return runtime::monotonic_ms(); }
  std::uint64_t random() override { return random_.next(); }
  std::unique_ptr<discovery::Timer> timer(std::function<void()> ring) override {
    return std::make_unique<LoopTimer>(*reactor, std::move(ring));
  }
  std::unique_ptr<discovery::Watch> watch(int fd, std::function<void(bool, bool)> ready) override {
    auto watch = std::make_unique<LoopWatch>(std::move(ready));
    if (!watch->open(*reactor, fd).ok()) return nullptr;
    return watch;
  }

  // What cannot be dialled takes nobody else with it.
  void said(const std::string& uri, Naming naming) {
    Status wrong = keep_good(&naming.addresses);
    (void)keep_good(&naming.terminating);
    if (!wrong.ok()) {
      if (naming.answer == Naming::Answer::whole) naming.answer = Naming::Answer::incomplete;
      if (naming.why.empty()) naming.why = wrong.message();
    }
    say(uri, std::move(naming));
  }

  std::shared_ptr<Reactor> reactor;
  Log log;
  Say say;
  Random random_;
  std::map<std::uint64_t, std::pair<std::string, std::unique_ptr<discovery::Source>>> sources;
};

Sources::Sources(std::shared_ptr<Reactor> reactor, Log log, Say say)
    : state_(std::make_unique<State>(std::move(reactor), std::move(log), std::move(say))) {}
Sources::~Sources() = default;

Status Sources::add(const std::string& uri, std::uint64_t id) {
  for (const auto& [other, source] : state_->sources)
    if (source.first == uri) return {PINNATE_CONFLICT, "members are looked for at '" + uri + "' already"};
  auto opened = discovery::open_source(uri, *state_, state_->log, [state = state_.get(), uri](Naming naming) {
    state->said(uri, std::move(naming));
  });
  if (!opened.ok()) return opened.status();
  std::vector<std::string> for_ever = (*opened)->named_for_ever();
  if (Status s = keep_good(&for_ever); !s.ok()) return {s.code(), "source '" + uri + "': " + s.message()};
  state_->sources.emplace(id, std::pair(uri, std::move(*opened)));
  state_->say(uri, Naming{Naming::Answer::failed, {}, {}, {}});
  return {};
}

Status Sources::set(const std::string& source, std::vector<std::string> addresses) {
  if (Status s = keep_good(&addresses); !s.ok()) return s;
  std::optional<Naming> naming;
  if (!addresses.empty()) naming = {Naming::Answer::whole, std::move(addresses), {}, {}};
  state_->say(source, std::move(naming));
  return {};
}

bool Sources::remove(std::uint64_t id) {
  auto gone = state_->sources.extract(id);
  if (gone) state_->say(gone.mapped().first, std::nullopt);
  return !gone.empty();
}

void Sources::close() { state_->sources.clear(); }

}  // namespace pinnate::runtime
