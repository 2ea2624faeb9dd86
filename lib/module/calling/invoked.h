// A call that was ordered, for whoever may give it up.
#pragma once

#include <memory>

namespace pinnate::module {

class Call;
struct HeldCall;

struct Invoked {
  std::weak_ptr<Call> call;
  std::shared_ptr<HeldCall> held;  // of one that waited for a service to come: it knows what it began as
};

}  // namespace pinnate::module
