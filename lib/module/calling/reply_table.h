// What a pinnate_reply really is: a number that names a call which a service was given. It is never
// dereferenced, and no number is used twice, so a module that answers a call a second time, however
// late, hits nobody else's call.
//
// One table per process: `answer` says only which reply. Its memory grows with the most calls ever
// open at once and is kept.
#pragma once

#include <pinnate/module.h>

#include <memory>

namespace pinnate::module {

class Call;

// Null when a million calls are open.
pinnate_reply* issue_reply(std::shared_ptr<Call> call);
// Null when it was retired, or never was.
std::shared_ptr<Call> find_reply(const pinnate_reply* reply);
void retire_reply(const pinnate_reply* reply);

}  // namespace pinnate::module
