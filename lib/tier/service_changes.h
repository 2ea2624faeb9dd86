// What has changed between two looks at an engine's services.
#pragma once

#include "wire/message.h"

#include <cstdint>
#include <map>
#include <vector>

namespace pinnate::tier {

class ServiceChanges {
 public:
  // The services that differ from those of the look before, as they are now. What is gone is not
  // selected, and comes first, so that the one of a function that serves is the last of it.
  std::vector<wire::ServiceRow> since(const wire::Tiers& engine);

 private:
  std::map<std::uint64_t, wire::ServiceRow> known_;  // by release
};

}  // namespace pinnate::tier
