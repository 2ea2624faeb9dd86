// What a pinnate_reply really is: a number that names a call which a service was given. It is never dereferenced, and no number
// is used twice (until 2^28 later calls have had the same slot), so a module that answers a call a second time, however late,
// hits nobody else's call.
//
// One table per process: `answer` says only which reply. Its memory grows with the most calls ever open at once and is kept.
#pragma once

#include <pinnate/module.h>

#include "module/outlet.h"

#include <cstdint>
#include <memory>
#include <string>

namespace pinnate::module {

class Call;

// Who gave out replies: what is left to say when a reply means nothing any more.
struct Origin {
  std::string label;
  std::shared_ptr<Outlet> outlet;
};

// A service's number in the table, for as long as it may be blamed.
class OriginNumber {
 public:
  explicit OriginNumber(std::shared_ptr<const Origin> origin);
  ~OriginNumber();
  OriginNumber(const OriginNumber&) = delete;
  OriginNumber& operator=(const OriginNumber&) = delete;
  std::uint32_t value() const { return value_; }  // 0: all numbers were taken

 private:
  std::uint32_t value_;
};

// Null when a million calls are open.
pinnate_reply* issue_reply(std::shared_ptr<Call> call, const OriginNumber& origin);
// Null when it was retired, or never was.
std::shared_ptr<Call> find_reply(const pinnate_reply* reply);
void retire_reply(pinnate_reply* reply);
// Says in its origin's log that a reply was used after its end.
void blame_stale_reply(const pinnate_reply* reply, const char* what);

}  // namespace pinnate::module
