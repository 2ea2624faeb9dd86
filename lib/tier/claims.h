// What tiers below say of releases, held against what can be true.
#pragma once

#include "tier/desired_state.h"

#include <string>

namespace pinnate::tier {

// Names, versions, ids and sums have the limits that they have where they are made. Not OK: it is malformed, and
// nothing of it is taken.
Status check_shape(const wire::EngineStatus& status);
Status check_shape(const wire::Rollup& rollup);

// Takes out what cannot be true, by what else is said and by the desired state of this tier. Returns the first of it
// in words, or "". What is served under a number that has another name here stays, but only as served: a restored
// controller may have given the number again.
std::string drop_untrue(wire::EngineStatus* status, const DesiredState& state);
std::string drop_untrue(wire::Rollup* rollup, const DesiredState& state);

// It counts engines on their way to a release whose number is that of a current one with another name or version.
bool of_another(const wire::ReleaseRow& row, const DesiredState& state);

}  // namespace pinnate::tier
