#include "sim/module_host.h"

#include <algorithm>
#include <utility>

namespace pinnate::sim {
namespace {

constexpr Micros kHoldLimit = 10 * kSecond;  // of a call whose function is being replaced

}  // namespace

ModuleHost::Service* ModuleHost::find(tier::ServiceId id) {
  const auto at = std::find_if(services_.begin(), services_.end(), [&](const Service& s) { return s.id == id; });
  return at == services_.end() ? nullptr : &*at;
}

ModuleHost::Service* ModuleHost::must_find(tier::ServiceId id, const char* verb) {
  Service* service = find(id);
  if (service && service->state != Service::abandoned) return service;
  host_.breach(std::string(verb) + (service ? " an abandoned" : " an unknown") + " service " + std::to_string(id));
  return nullptr;
}

bool ModuleHost::abandoned(tier::ServiceId id) {
  const Service* service = find(id);
  return !service || service->state == Service::abandoned;
}

void ModuleHost::complete(tier::Token token, Status status, Buffer bytes, std::vector<std::uint32_t> chunks,
                          bool one_at_a_time) {
  tier::Completion completion;
  completion.one_at_a_time = one_at_a_time;
  completion.token = token;
  completion.status = std::move(status);
  completion.bytes = std::move(bytes);
  completion.chunks = std::move(chunks);
  host_.answer(std::move(completion));
}

// ---- one at a time ------------------------------------------------------------------------------

void ModuleHost::order(tier::Assemble assemble) {
  if (assemble.service == 0 || find(assemble.service))
    return host_.breach("assembles service " + std::to_string(assemble.service) + " twice");
  Service service;
  service.id = assemble.service;
  service.of = assemble;
  services_.push_back(std::move(service));
  queue(std::move(assemble));
}

void ModuleHost::order(tier::Load load) {
  Service* service = must_find(load.service, "loads");
  if (!service) return;
  if (service->state != Service::assembled)
    return host_.breach("loads service " + std::to_string(load.service) + " before it is assembled, or twice");
  service->state = Service::loading;
  queue(load);
}

void ModuleHost::order(tier::Create create) {
  Service* service = must_find(create.service, "creates");
  if (!service) return;
  if (service->state != Service::loaded)
    return host_.breach("creates service " + std::to_string(create.service) + " before it is loaded");
  queue(create);
}

void ModuleHost::queue(LaneOrder order) {
  lane_.push_back(std::move(order));
  if (!lane_busy_) begin_next();
}

void ModuleHost::begin_next() {
  lane_busy_ = !lane_.empty();
  if (!lane_busy_) return;
  const LaneOrder order = std::move(lane_.front());
  lane_.pop_front();
  const auto given_up = [this](tier::ServiceId service) {
    came_back(service);
    begin_next();
  };
  std::visit([&](const auto& o) { return abandoned(o.service) ? given_up(o.service) : begin(o); }, order);
}

// One that was abandoned, and is in no order any more.
void ModuleHost::came_back(tier::ServiceId id) {
  const Service* service = find(id);
  if (!service || service->state != Service::abandoned || service->calls > 0) return;
  const tier::Token gone = service->gone;
  std::erase_if(services_, [&](const Service& s) { return s.id == id; });
  if (gone != 0) complete(gone);
}

void ModuleHost::begin(const tier::Assemble& assemble) {
  in_lane(assemble.service, Step::assemble, [this, token = assemble.token](Service& s, const Conduct& conduct) {
    std::vector<std::uint32_t> bad;
    const content::ArtifactEntry& artifact = s.of.artifact;
    for (std::uint32_t i = 0; i < artifact.chunks.size(); ++i) {
      const Buffer* held = disk_.chunk(artifact.digest, i);
      if (!held || !verifier_.verify(*held, artifact.chunk_bytes(i), artifact.chunks[i])) bad.push_back(i);
    }
    Status status;
    if (!bad.empty())
      status = Status(PINNATE_CORRUPT, std::to_string(bad.size()) + " chunks are bad or missing");
    else if (conduct.fate != Fate::well)
      status = Status(PINNATE_IO, conduct.words);
    s.state = Service::assembled;
    // What failed leaves nothing to destroy.
    if (!status.ok()) std::erase_if(services_, [id = s.id](const Service& other) { return other.id == id; });
    complete(token, std::move(status), {}, std::move(bad));
  });
}

void ModuleHost::begin(const tier::Load& load) {
  const std::string name = find(load.service)->of.name;
  const Conduct conduct = book_.next(id_, artifact_of(load.service), Step::load);
  if (conduct.fate == Fate::hangs) {
    wedged_ = true;
    return;
  }
  host_.later(conduct.takes, [this, load, name, conduct] {
    if (conduct.fate == Fate::kills) return host_.die("loading " + name);
    finish_load(load, conduct);
    begin_next();
  });
}

void ModuleHost::finish_load(const tier::Load& load, const Conduct& conduct) {
  Service* service = find(load.service);
  if (!service || service->state == Service::abandoned) return;
  Status refused;
  if (conduct.fate == Fate::well) {
    auto outside = book_.outside ? book_.outside->load(id_, service->of) : std::unique_ptr<OutsideModule>();
    if (outside.ok()) {
      service->outside = std::move(*outside);
      service->state = Service::loaded;
      return complete(load.token, {}, {}, {}, book_.is_one_at_a_time(service->of.artifact.digest));
    }
    refused = outside.status();
  } else {
    refused = Status(PINNATE_INVALID, conduct.words);
  }
  // A load that failed leaves nothing to destroy.
  std::erase_if(services_, [&](const Service& s) { return s.id == load.service; });
  complete(load.token, std::move(refused));
}

void ModuleHost::in_lane(tier::ServiceId id, Step step, std::function<void(Service&, const Conduct&)> end) {
  const Conduct conduct = book_.next(id_, artifact_of(id), step);
  in_lane_ = id;
  if (conduct.fate == Fate::hangs) return;
  host_.later(conduct.takes, [this, id, step, conduct, end = std::move(end)] {
    if (conduct.fate == Fate::kills) {
      const char* const doing = step == Step::create     ? "creating"
                                : step == Step::health   ? "checking"
                                : step == Step::assemble ? "assembling"
                                                         : "destroying";
      return host_.die(std::string(doing) + " service " + std::to_string(id));
    }
    if (abandoned(id)) came_back(id);
    if (in_lane_ != id) return;
    in_lane_ = 0;
    end(*find(id), conduct);
    begin_next();
  });
}

void ModuleHost::begin(const tier::Create& create) {
  find(create.service)->state = Service::creating;
  find(create.service)->lives = true;
  in_lane(create.service, Step::create, [this, token = create.token](Service& s, const Conduct& conduct) {
    Status status;
    if (conduct.fate == Fate::fails)
      status = Status(PINNATE_FAILED, conduct.words);
    else if (s.outside)
      status = s.outside->create(s.of.config);
    s.state = status.ok() ? Service::created : Service::loaded;
    s.lives = status.ok();
    complete(token, std::move(status));
  });
}

void ModuleHost::begin(const tier::CheckHealth& check) {
  find(check.service)->checking = true;
  in_lane(check.service, Step::health, [this, token = check.token](Service& s, const Conduct& conduct) {
    s.checking = false;
    Status status;
    if (conduct.fate == Fate::fails)
      status = Status(PINNATE_FAILED, conduct.words);
    else if (s.outside)
      status = s.outside->check_health();
    s.healthy = status.ok();
    complete(token, std::move(status));
  });
}

void ModuleHost::begin(const tier::Destroy& destroy) {
  in_lane(destroy.service, Step::destroy, [this, token = destroy.token](Service& s, const Conduct& conduct) {
    // The engine refuses it when it has no thread for it: the service is as it was.
    if (conduct.fate == Fate::fails) return complete(token, {PINNATE_NO_MEMORY, conduct.words});
    std::erase_if(services_, [id = s.id](const Service& other) { return other.id == id; });
    complete(token);
  });
}

// ---- the life of a service ----------------------------------------------------------------------

void ModuleHost::order(tier::CheckHealth check) {
  if (must_find(check.service, "checks")) queue(check);
}

void ModuleHost::order(tier::Activate activate) {
  Service* service = must_find(activate.service, "activates");
  if (!service) return;
  if (service->state != Service::created)
    return host_.breach("activates service " + std::to_string(activate.service) + " that is not created");
  if (!service->healthy)
    return host_.breach("activates service " + std::to_string(activate.service) + " whose health check has not passed");
  service->draining = 0;  // it takes calls again
  const tier::Assemble& of = service->of;
  Serving now{activate.function, service->id, of.name, of.version, of.artifact.digest, of.config};
  std::erase_if(serving_, [&](const Serving& s) { return s.function == activate.function; });
  serving_.push_back(std::move(now));
  end_hold(activate.function);
}

void ModuleHost::order(tier::Deactivate deactivate) {
  std::erase_if(serving_, [&](const Serving& s) { return s.function == deactivate.function; });
  end_hold(deactivate.function);
}

ModuleHost::Held* ModuleHost::held(std::string_view function) {
  const auto at = std::find_if(held_.begin(), held_.end(), [&](const Held& h) { return h.function == function; });
  return at == held_.end() ? nullptr : &*at;
}

void ModuleHost::order(tier::Hold hold) {
  if (!serving(hold.function)) return host_.breach("holds '" + hold.function + "', which no service takes calls of");
  for (Serving& s : serving_)
    if (s.function == hold.function) s.held = true;
  held_.push_back({hold.function, {}});
}

void ModuleHost::end_hold(std::string_view function) {
  Held* const ended = held(function);
  if (!ended) return;
  const std::list<tier::Invoke> calls = std::move(ended->calls);
  std::erase_if(held_, [&](const Held& h) { return h.function == function; });
  for (const tier::Invoke& call : calls) host_.later(0, [this, call] { order(call); });
}

void ModuleHost::order(tier::Drain drain) {
  Service* service = must_find(drain.service, "drains");
  if (!service) return;
  if (takes_calls(drain.service))
    return host_.breach("drains service " + std::to_string(drain.service) + " that takes calls");
  if (service->draining != 0) return host_.breach("drains service " + std::to_string(drain.service) + " twice");
  service->draining = drain.token;
  if (service->calls == 0)
    host_.later(0, [this, drain] {
      const Service* service = find(drain.service);
      if (service && service->state != Service::abandoned && service->draining == drain.token) complete(drain.token);
    });
}

void ModuleHost::order(tier::Destroy destroy) {
  Service* service = must_find(destroy.service, "destroys");
  if (!service) return;
  if (takes_calls(destroy.service))
    return host_.breach("destroys service " + std::to_string(destroy.service) + " that takes calls");
  if (service->calls > 0)
    return host_.breach("destroys service " + std::to_string(destroy.service) + " with calls in it");
  queue(destroy);
}

void ModuleHost::order(tier::Abandon abandon) {
  Service* service = find(abandon.service);
  if (!service) {  // gone by itself: whoever gives up need not know
    if (abandon.gone != 0) host_.later(0, [this, gone = abandon.gone] { complete(gone); });
    return;
  }
  const bool loading = service->state == Service::loading;  // it may be inside a load that never ends
  const bool waits = std::any_of(lane_.begin(), lane_.end(), [&](const LaneOrder& o) {
    return std::visit([&](const auto& order) { return order.service == abandon.service; }, o);
  });
  service->state = Service::abandoned;
  service->gone = abandon.gone;
  std::erase_if(serving_, [&](const Serving& s) { return s.service == abandon.service; });
  if (in_lane_ == abandon.service) {
    in_lane_ = 0;
    host_.later(0, [this] { begin_next(); });
  } else if (!loading && !waits) {  // in no order
    host_.later(0, [this, id = abandon.service] { came_back(id); });
  }
}

void ModuleHost::order(tier::Trust trust) {
  if (Service* service = must_find(trust.service, "trusts")) service->trusted = true;
}

// ---- calls --------------------------------------------------------------------------------------

void ModuleHost::order(tier::Invoke invoke) {
  const Serving* now = serving(invoke.function);
  if (Held* const hold = now ? nullptr : held(invoke.function)) {
    hold->calls.push_back(invoke);
    const Micros limit = std::min(Micros(invoke.timeout_ms) * kMillisecond / 10 * 9, kHoldLimit);
    host_.later(limit, [this, invoke] {
      Held* const still = held(invoke.function);
      if (!still) return;
      const auto is_it = [&](const tier::Invoke& waiting) { return waiting.token == invoke.token; };
      if (still->calls.remove_if(is_it) == 0) return;
      complete(invoke.token, {PINNATE_BUSY, "'" + invoke.function + "' is being replaced"});
    });
    return;
  }
  if (!now) {
    host_.later(0, [this, invoke] {
      complete(invoke.token, {PINNATE_NOT_FOUND, "no service of '" + invoke.function + "' here"});
    });
    return;
  }
  Service* service = find(now->service);
  const Conduct conduct = book_.next(id_, service->of.artifact.digest, Step::call);
  const Micros limit = Micros(invoke.timeout_ms) * kMillisecond;
  if (book_.on_run) book_.on_run(id_, invoke.payload, false);
  ++service->calls;
  if (service->outside && conduct.fate == Fate::well) return call_outside(invoke, service->id, conduct.takes);
  const bool in_time = conduct.fate != Fate::hangs && conduct.takes <= limit;
  if (!in_time) {
    host_.later(limit, [this, invoke] {
      complete(invoke.token, {PINNATE_TIMEOUT, "'" + invoke.function + "' did not answer in " +
                                                   std::to_string(invoke.timeout_ms) + " ms"});
    });
  }
  service->hung = service->hung || conduct.fate == Fate::hangs;
  if (conduct.fate == Fate::hangs) return;
  std::string result =
      invoke.function + "@" + service->of.artifact.digest.hex().substr(0, 8) + ":" + invoke.payload.str();
  if (result.size() < conduct.result_bytes) result.resize(conduct.result_bytes, '.');
  host_.later(conduct.takes,
              [this, token = invoke.token, payload = invoke.payload, id = service->id, conduct, result, in_time] {
                if (conduct.fate == Fate::kills) return host_.die("calling service " + std::to_string(id));
                if (book_.on_run) book_.on_run(id_, payload, true);
                if (in_time && conduct.fate == Fate::fails)
                  complete(token, {PINNATE_FAILED, conduct.words}, Buffer(conduct.words));
                if (in_time && conduct.fate == Fate::well) complete(token, {}, Buffer(result));
                end_call(id);
              });
}

void ModuleHost::order(tier::GiveUp give_up) {
  const auto is_it = [&](const tier::Invoke& waiting) { return waiting.token == give_up.token; };
  for (Held& hold : held_)
    if (hold.calls.remove_if(is_it) > 0)
      host_.later(0, [this, give_up] { complete(give_up.token, {PINNATE_CANCELLED, "given up by its caller"}); });
}

// The call begins when a simulated one would end. The caller is told of its limit, if that is
// first.
void ModuleHost::call_outside(const tier::Invoke& invoke, tier::ServiceId id, Micros takes) {
  const Micros limit = Micros(invoke.timeout_ms) * kMillisecond;
  const auto told = std::make_shared<bool>(false);
  host_.later(limit, [this, token = invoke.token, function = invoke.function, ms = invoke.timeout_ms, told] {
    if (std::exchange(*told, true)) return;
    complete(token, {PINNATE_TIMEOUT, "'" + function + "' did not answer in " + std::to_string(ms) + " ms"});
  });
  host_.later(takes, [this, invoke, id, told, left = std::max<Micros>(limit - takes, 0)] {
    Service* const service = find(id);
    if (!service) return;
    service->outside->call(invoke.payload, invoke.headers, left, [this, invoke, id, told](Status status, Buffer bytes) {
      host_.later(0, [this, invoke, id, told, status = std::move(status), bytes = std::move(bytes)] {
        if (book_.on_run) book_.on_run(id_, invoke.payload, true);
        if (!std::exchange(*told, true)) complete(invoke.token, status, bytes);
        end_call(id);
      });
    });
  });
}

void ModuleHost::end_call(tier::ServiceId id) {
  Service* s = find(id);
  if (!s) return;
  --s->calls;
  if (s->calls == 0 && s->draining != 0 && s->state != Service::abandoned) complete(s->draining);
}

// ---- the truth ----------------------------------------------------------------------------------

const Serving* ModuleHost::serving(std::string_view function) const {
  const auto at =
      std::find_if(serving_.begin(), serving_.end(), [&](const auto& s) { return s.function == function && !s.held; });
  return at == serving_.end() ? nullptr : &*at;
}

bool ModuleHost::takes_calls(tier::ServiceId id) const {
  return std::any_of(serving_.begin(), serving_.end(), [&](const Serving& s) { return s.service == id && !s.held; });
}

bool ModuleHost::held_up(std::string_view function) const {
  return std::any_of(services_.begin(), services_.end(), [&](const Service& s) {
    return s.of.name == function && (s.state == Service::abandoned || s.hung);
  });
}

std::size_t ModuleHost::created(std::string_view function) const {
  return std::size_t(std::count_if(services_.begin(), services_.end(),
                                   [&](const Service& s) { return s.lives && s.of.name == function; }));
}

Digest ModuleHost::artifact_of(tier::ServiceId service) const {
  const Service* found = const_cast<ModuleHost*>(this)->find(service);
  return found ? found->of.artifact.digest : Digest{};
}

std::size_t ModuleHost::left_behind() const {
  return std::size_t(std::count_if(services_.begin(), services_.end(), [](const Service& s) {
    return s.state == Service::abandoned || (s.hung && s.draining != 0);
  }));
}

std::vector<Restored::Death> ModuleHost::inside() const {
  std::vector<Restored::Death> deaths;
  for (const Service& s : services_) {
    const bool waits = std::any_of(lane_.begin(), lane_.end(), [&](const LaneOrder& o) {
      return std::visit([&](const auto& order) { return order.service == s.id; }, o);
    });
    if (s.state == Service::loading && !waits)
      deaths.push_back({s.of.artifact.digest, "load", 1});
    else if (s.state == Service::creating)
      deaths.push_back({s.of.artifact.digest, "create", 1});
    else if (s.checking)
      deaths.push_back({s.of.artifact.digest, "health check", 1});
    else if (s.calls > 0)
      deaths.push_back({s.of.artifact.digest, "call", 1});
  }
  return deaths;
}

std::vector<Restored::Death> ModuleHost::young() const {
  std::vector<Restored::Death> deaths;
  for (const Service& s : services_)
    if (s.state == Service::created && !s.trusted) deaths.push_back({s.of.artifact.digest, "first 60 s", 1});
  return deaths;
}

}  // namespace pinnate::sim
