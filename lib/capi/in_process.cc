#include "capi/in_process.h"

#include <functional>
#include <utility>
#include <vector>

namespace pinnate::capi {
namespace {

// A service host that has a second owner.
class CoOwned final : public module::ServiceHost {
 public:
  explicit CoOwned(std::shared_ptr<module::ServiceHost> services) : s_(std::move(services)) {}

  std::vector<Restored::Death> deaths() const override { return s_->deaths(); }
  Status add_loader(const pinnate_loader& loader) override { return s_->add_loader(loader); }
  void load(module::LoadOrder order, module::Done done) override { s_->load(std::move(order), std::move(done)); }
  void create(module::ServiceId id, module::Done done) override { s_->create(id, std::move(done)); }
  void check_health(module::ServiceId id, module::Done done) override { s_->check_health(id, std::move(done)); }
  void activate(const std::string& function, module::ServiceId id) override { s_->activate(function, id); }
  void deactivate(const std::string& function) override { s_->deactivate(function); }
  void drain(module::ServiceId id, module::Done done) override { s_->drain(id, std::move(done)); }
  void destroy(module::ServiceId id, module::Done done) override { s_->destroy(id, std::move(done)); }
  void abandon(module::ServiceId id) override { s_->abandon(id); }
  void trust(module::ServiceId id) override { s_->trust(id); }
  void forgive(const Digest& artifact) override { s_->forgive(artifact); }
  void invoke(const std::string& function, Buffer payload, std::uint32_t timeout_ms, module::Done done) override {
    s_->invoke(function, std::move(payload), timeout_ms, std::move(done));
  }
  module::Outcome call_here(const std::string& function, std::string_view payload, std::uint32_t timeout_ms) override {
    return s_->call_here(function, payload, timeout_ms);
  }
  void close(std::uint32_t limit_ms, std::function<void()> closed) override { s_->close(limit_ms, std::move(closed)); }

 private:
  const std::shared_ptr<module::ServiceHost> s_;
};

}  // namespace

std::unique_ptr<module::ServiceHost> InProcessCalls::begin(std::unique_ptr<module::ServiceHost> services) {
  door_ = std::make_shared<Door>();
  door_->services = std::move(services);
  return std::make_unique<CoOwned>(door_->services);
}

module::Outcome InProcessCalls::call(const std::string& function, std::string_view payload,
                                     std::uint32_t timeout_ms) const {
  const std::shared_ptr<Door> door = door_;
  if (door->ended) return {Status(PINNATE_CLOSED, "the engine is closing or closed"), {}, {}};
  return door->services->call_here(function, payload, timeout_ms);
}

}  // namespace pinnate::capi
