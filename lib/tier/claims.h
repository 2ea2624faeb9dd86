// What tiers below say of releases, held against what can be true.
#pragma once

#include "tier/desired_state.h"

namespace pinnate::tier {

// Not OK: it is malformed, and nothing of it is taken.
Status check_shape(const wire::EngineStatus& status);
Status check_shape(const wire::Rollup& rollup);

// Takes out what cannot be true; returns the first of it in words, or "". What is served under a
// number that has another name here stays as served: a restored controller may have given it again.
std::string drop_untrue(wire::EngineStatus* status, const DesiredState& state);
std::string drop_untrue(wire::Rollup* rollup, const DesiredState& state);

// It counts engines on their way to a release of whose number another is current.
bool of_another(const wire::ReleaseRow& row, const DesiredState& state);

}  // namespace pinnate::tier
