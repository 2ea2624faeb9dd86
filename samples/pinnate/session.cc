#include "session.h"

#include "log_line.h"
#include "settings.h"
#include "tier_command.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace cli {

namespace {

// Requests that carry a time limit of their own end themselves, with better words than ours, after
// connecting at most.
constexpr Milliseconds kLongestConnect{5000};
constexpr Milliseconds kGrace = kLongestConnect + Milliseconds(2000);

}  // namespace

Target target_of(const TargetOptions& options) {
  Target target;
  Settings file;
  if (!options.config.empty()) file = read_settings(options.config, Reader::kClient);
  const char* environment = std::getenv("PINNATE_TO");
  if (!options.to.empty()) {
    target.address = options.to;
  } else if (environment != nullptr && *environment != '\0') {
    target.address = environment;
  } else if (file.to) {
    target.address = *file.to;
  } else {
    throw Failure(ExitCode::kUsage,
                  "which tier to ask? Give --to tcp://HOST:PORT or --to unix:/PATH, set PINNATE_TO, or name a --config "
                  "file with the key `to`");
  }
  target.fleet = !options.fleet.empty() ? options.fleet : file.fleet.value_or("");
  if (!options.log_level.empty()) {
    target.log_level = parse_log_level(options.log_level);
    if (!target.log_level) {
      throw Failure(ExitCode::kUsage, "--log-level: '" + options.log_level + "' must be " + kLogLevels);
    }
  }
  return target;
}

// Keeps the newest roll-up only: whoever shows it is free to be slower than the fleet.
class Session::Watch {
 public:
  static void on_rollup(void* arg, pinnate_status status, const char* error, const pinnate_rollup* rollup) {
    auto& watch = *static_cast<Watch*>(arg);
    const std::lock_guard lock(watch.mutex_);
    if (status == PINNATE_OK && rollup != nullptr) {
      watch.newest_.emplace(*rollup);
    } else {
      watch.status_ = status;
      watch.error_ = error != nullptr ? error : "";
    }
    watch.changed_.notify_all();
  }

  std::optional<Rollup> next(std::stop_token stop, Deadline until) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, stop, until, [&] { return newest_.has_value() || status_ != PINNATE_OK; });
    if (stop.stop_requested()) throw Failure(ExitCode::kInterrupted, "interrupted");
    if (newest_) return std::exchange(newest_, std::nullopt);
    if (status_ != PINNATE_OK) throw failure_of(std::exchange(status_, PINNATE_OK), error_);
    return std::nullopt;
  }

  bool begun = false;

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<Rollup> newest_;
  pinnate_status status_ = PINNATE_OK;
  std::string error_;
};

Session::Session(const Target& target, Milliseconds timeout, std::stop_token stop)
    : timeout_(timeout), stop_(std::move(stop)), watch_(std::make_unique<Watch>()) {
  pinnate_client_options options = PINNATE_CLIENT_OPTIONS_INIT;
  options.to = target.address.c_str();
  options.tier.fleet = target.fleet.empty() ? nullptr : target.fleet.c_str();
  if (target.log_level) {
    options.tier.log = log_line;
    options.tier.log_level = *target.log_level;
  }
  // A link that does not come within --timeout is unreachable, not late: that is the more useful
  // thing to say.
  options.connect_timeout_ms =
      static_cast<std::uint32_t>(std::max(std::min(timeout * 3 / 4, kLongestConnect).count(), Milliseconds::rep{1}));
  check(pinnate_client_open(&options, &client_));
}

Session::~Session() {
  Opened<pinnate_client, pinnate_client_close_wait, pinnate_client_free> closing;
  *closing.receive() = client_;
}

template <class Value, class Start>
Value Session::ask(Start start, Milliseconds timeout, const typename Answer<Value>::OnProgress& on_progress) {
  auto answer = std::make_shared<Answer<Value>>();
  auto* held = new HeldAnswer<Value>(answer);
  if (const pinnate_status status = start(held); status != PINNATE_OK) {
    delete held;
    check(status);
  }
  return answer->wait(stop_, deadline_after(timeout), on_progress);
}

Published Session::publish(const pinnate_publish& publish, const OnProgress& on_progress) {
  const auto report = [](void* arg, std::uint64_t done, std::uint64_t total) {
    (*static_cast<HeldAnswer<Published>*>(arg))->progress(done, total);
  };
  const auto finish = [](void* arg, pinnate_status status, const char* error, const pinnate_published* published) {
    std::optional<Published> value;
    if (published != nullptr) value.emplace(*published);
    (*taken_back<Published>(arg))->give(status, error, value);
  };
  return ask<Published>([&](void* arg) { return pinnate_client_publish(client_, &publish, report, finish, arg); },
                        timeout_, on_progress);
}

void Session::unpublish(const std::string& name, std::uint64_t release) {
  const auto finish = [](void* arg, pinnate_status status, const char* error) {
    (*taken_back<bool>(arg))->give(status, error, true);
  };
  ask<bool>([&](void* arg) { return pinnate_client_unpublish(client_, name.c_str(), release, finish, arg); }, timeout_);
}

std::vector<Release> Session::releases(const std::string& name) {
  const auto finish = [](void* arg, pinnate_status status, const char* error, const pinnate_release* const* releases,
                         std::size_t count) {
    std::vector<Release> list;
    for (std::size_t i = 0; i < count; ++i) list.emplace_back(*releases[i]);
    (*taken_back<std::vector<Release>>(arg))->give(status, error, std::move(list));
  };
  const char* wanted = name.empty() ? nullptr : name.c_str();
  return ask<std::vector<Release>>([&](void* arg) { return pinnate_client_releases(client_, wanted, finish, arg); },
                                   timeout_);
}

Rollup Session::status(const std::string& name) {
  const auto finish = [](void* arg, pinnate_status status, const char* error, const pinnate_rollup* rollup) {
    std::optional<Rollup> value;
    if (rollup != nullptr) value.emplace(*rollup);
    (*taken_back<Rollup>(arg))->give(status, error, std::move(value));
  };
  const char* wanted = name.empty() ? nullptr : name.c_str();
  return ask<Rollup>([&](void* arg) { return pinnate_client_status(client_, wanted, finish, arg); }, timeout_);
}

template <class Row, class Told>
Page<Row> Session::page(const pinnate_lookup& lookup,
                        pinnate_status (*ask_for)(pinnate_client*, const pinnate_lookup*,
                                                  void (*)(void*, pinnate_status, const char*, const Told* const*,
                                                           std::size_t, const char*),
                                                  void*)) {
  const auto finish = [](void* arg, pinnate_status status, const char* error, const Told* const* rows, std::size_t count,
                         const char* next) {
    Page<Row> page;
    for (std::size_t i = 0; i < count; ++i) page.rows.emplace_back(*rows[i]);
    page.next = next != nullptr ? next : "";
    (*taken_back<Page<Row>>(arg))->give(status, error, std::move(page));
  };
  pinnate_lookup limited = lookup;
  limited.timeout_ms = static_cast<std::uint32_t>(timeout_.count());
  return ask<Page<Row>>([&](void* arg) { return ask_for(client_, &limited, finish, arg); }, timeout_ + kGrace);
}

Page<Tier> Session::lookup(const pinnate_lookup& lookup) { return page<Tier>(lookup, pinnate_client_lookup); }

Page<Member> Session::members(const pinnate_lookup& lookup) { return page<Member>(lookup, pinnate_client_members); }

std::vector<Tier> Session::lookup_all(pinnate_lookup request, std::size_t limit) {
  std::vector<Tier> tiers;
  std::string cursor;
  do {
    request.cursor = cursor.empty() ? nullptr : cursor.c_str();
    request.limit = static_cast<std::uint32_t>(std::min<std::size_t>(limit - tiers.size(), 1000));
    Page<Tier> page = lookup(request);
    for (Tier& tier : page.rows) tiers.push_back(std::move(tier));
    cursor = page.next;
  } while (!cursor.empty() && tiers.size() < limit);
  return tiers;
}

template <class Row>
void Session::print_pages(pinnate_lookup lookup, Page<Row> (Session::*ask_for)(const pinnate_lookup&),
                          const std::function<void(const Row&)>& print) {
  std::string cursor;
  bool none = true;
  lookup.limit = 500;
  do {
    lookup.cursor = cursor.empty() ? nullptr : cursor.c_str();
    const Page<Row> page = (this->*ask_for)(lookup);
    none = none && page.rows.empty();
    for (const Row& row : page.rows) print(row);
    std::fflush(stdout);
    cursor = page.next;
  } while (!cursor.empty());
  if (none && lookup.at != nullptr) require_gateway(lookup.at);
}

void Session::print_tiers(const pinnate_lookup& lookup, const std::function<void(const Tier&)>& print) {
  print_pages(lookup, &Session::lookup, print);
}

void Session::print_members(const pinnate_lookup& lookup, const std::function<void(const Member&)>& print) {
  print_pages(lookup, &Session::members, print);
}

void Session::require_gateway(const std::string& id) {
  pinnate_lookup request = PINNATE_LOOKUP_INIT;
  request.at = id.c_str();
  request.gateways = 1;
  request.limit = 1;
  if (!lookup(request).rows.empty()) return;
  const std::string asked = status("").id;
  if (asked != id) throw Failure(ExitCode::kNotFound, "'" + asked + "' knows no gateway '" + id + "' below it");
}

CallResult Session::call(const pinnate_call& call) {
  const auto finish = [](void* arg, pinnate_status status, const char* error, pinnate_bytes result) {
    CallResult value{status, error != nullptr ? error : "", {}};
    if (result.size != 0) value.bytes.assign(static_cast<const char*>(result.data), result.size);
    // How a call ended is the caller's to judge, so it is a value here and not a failure.
    (*taken_back<CallResult>(arg))->give(PINNATE_OK, "", std::move(value));
  };
  pinnate_call limited = call;
  limited.timeout_ms = static_cast<std::uint32_t>(timeout_.count());
  return ask<CallResult>([&](void* arg) { return pinnate_client_call(client_, &limited, finish, arg); },
                         timeout_ + kGrace);
}

std::optional<Rollup> Session::next_rollup(Deadline until) {
  if (!watch_->begun) {
    check(pinnate_client_watch(client_, Watch::on_rollup, watch_.get(), nullptr));
    watch_->begun = true;
  }
  try {
    return watch_->next(stop_, until);
  } catch (const Failure&) {
    watch_->begun = false;
    throw;
  }
}

}  // namespace cli
