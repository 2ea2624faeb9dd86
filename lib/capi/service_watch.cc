#include "capi/service_watch.h"

#include <utility>

namespace pinnate::capi {

void ServiceWatch::start(Requests::Id id) {
  requests_->watch(id, [self = shared_from_this()](const Status& status, const wire::StatusReport*) {
    if (status.ok()) return self->look_up();
    self->ended_ = true;
    self->changed_(status, nullptr);
  });
}

// One lookup at a time: the next one tells what changed meanwhile.
void ServiceWatch::look_up() {
  if (ended_) return;
  ask_again_ = std::exchange(asking_, true);
  if (ask_again_) return;
  requests_->ask<wire::Tiers>(requests_->next_id(), wire::Lookup{},
                              [self = shared_from_this()](const Status& status, const wire::Tiers* tiers) {
                                self->asking_ = false;
                                if (status.ok()) self->tell(*tiers);
                                if (status.code() != PINNATE_CLOSED && std::exchange(self->ask_again_, false))
                                  self->look_up();
                              });
}

// The host may end the watch in its callback.
void ServiceWatch::tell(const wire::Tiers& engine) {
  for (const wire::ServiceRow& row : changes_.since(engine))
    if (!ended_) changed_({}, &row);
}

}  // namespace pinnate::capi
