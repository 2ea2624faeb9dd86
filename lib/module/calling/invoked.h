// A call that was ordered, for whoever may give it up.
#pragma once

#include "module/lasting/outcome.h"

#include <memory>
#include <string>

namespace pinnate::module {

class Call;
struct HeldCall;

struct Invoked {
  std::weak_ptr<Call> call;
  std::shared_ptr<HeldCall> held;  // of one that waited for a service to come: it knows what it began as
};

// One that may have run on the thread of whoever ordered it.
struct Inline {
  bool ran = false;  // false: nothing has happened
  Outcome outcome;
  std::shared_ptr<Call> unanswered;  // instead of an outcome
  std::string notice;  // what people should know of it
};

}  // namespace pinnate::module
