// What has changed between two looks at an engine's services.
#pragma once

#include "wire/message.h"

namespace pinnate::tier {

class ServiceChanges {
 public:
  // The services that differ from the look before. Those that are gone come first, as not selected.
  std::vector<wire::ServiceRow> since(const wire::Tiers& engine);

 private:
  std::map<std::uint64_t, wire::ServiceRow> known_;  // by release
};

}  // namespace pinnate::tier
