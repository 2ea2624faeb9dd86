// A place where members are named. It looks by itself, on its own clock, and says what it found. It
// runs on somebody's loop, on one thread, and neither blocks nor throws but for std::bad_alloc.
#pragma once

#include "base/log.h"
#include "base/naming.h"
#include "base/status.h"
#include "discovery/source/loop.h"
#include "discovery/source/uri.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace pinnate::discovery {

inline constexpr std::size_t kMostAddresses = 65536;  // of one source; what is over makes it incomplete
inline constexpr std::uint16_t kDefaultPort = 7070;

class Source {
 public:
  virtual ~Source() = default;  // it says nothing any more. Not from inside `say`
  // Whom it names for ever, where that is known at once; whoever dials them may refuse it for one.
  virtual std::vector<std::string> named_for_ever() const { return {}; }
};

// Called when what is to be said has changed, and never from inside the call that opens the source.
using Say = std::function<void(Naming)>;

}  // namespace pinnate::discovery
