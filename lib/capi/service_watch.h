// Tells a host about each service of its engine, now and on every change: watches the engine's
// status, and looks the services up whenever that changed. On the loop's thread.
#pragma once

#include "capi/requests.h"
#include "tier/service_changes.h"
#include "wire/message.h"

#include <functional>
#include <memory>

namespace pinnate::capi {

class ServiceWatch : public std::enable_shared_from_this<ServiceWatch> {
 public:
  // Without a row: the watch has ended, by this status, and nothing more is told.
  using Changed = std::function<void(const Status& ended, const wire::ServiceRow*)>;
  ServiceWatch(Requests* requests, Changed changed) : requests_(requests), changed_(std::move(changed)) {}

  // Until the request `id` is cancelled or the handle closes.
  void start(Requests::Id id);

 private:
  void look_up();
  void tell(const wire::Tiers& engine);

  Requests* requests_;
  Changed changed_;
  tier::ServiceChanges changes_;
  bool asking_ = false, ask_again_ = false, ended_ = false;
};

}  // namespace pinnate::capi
