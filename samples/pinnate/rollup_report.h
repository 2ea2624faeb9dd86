// A roll-up in words, and as JSON.
#pragma once

#include "fleet_values.h"
#include "json_text.h"
#include "terminal.h"

#include <string>

namespace cli {

// Several lines: engines and gateways, each release by phase, the first failures, notices. `name`
// empty: all functions.
std::string rollup_text(const Rollup& rollup, const std::string& name, const Terminal& terminal);

// One line for a log that is followed: revision, and per release how many engines are in which
// phase.
std::string rollup_line(const Rollup& rollup, const std::string& name);

// "9 live, 2 loading, 1 failed": the phases that any engine is in.
std::string phases_text(const ReleaseStatus& release);
// The same without those that have it: "2 loading, 1 failed", or "".
std::string other_phases_text(const ReleaseStatus& release);

// Members of the object that is open.
void write_json(JsonText& json, const Rollup& rollup, const std::string& name);

}  // namespace cli
