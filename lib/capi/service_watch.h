// Tells a host about each service of its engine, now and on every change: watches the engine's status, looks the
// services up whenever that changed, and reports what differs. On the loop's thread.
#pragma once

#include "capi/requests.h"
#include "wire/message.h"

#include <pinnate/engine.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

namespace pinnate::capi {

class ServiceWatch : public std::enable_shared_from_this<ServiceWatch> {
 public:
  using Changed = std::function<void(const wire::ServiceRow&)>;
  ServiceWatch(Requests* requests, Changed changed) : requests_(requests), changed_(std::move(changed)) {}

  void start();
  // `changed` is not called any more; what it may be in the middle of goes on.
  void stop();

 private:
  void look_up();
  void compare(const wire::Tiers& tiers);
  void tell(const wire::ServiceRow& row);

  Requests* requests_;
  Changed changed_;
  std::map<std::uint64_t, wire::ServiceRow> known_;  // as told last, by release
  bool asking_ = false, ask_again_ = false, stopped_ = false;
};

}  // namespace pinnate::capi
