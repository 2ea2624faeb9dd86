// A source that looks again and again, on its own clock.
//
// The next look is as far away as the shortest time to live of the answer, between a floor and a
// ceiling; where none is told, the floor. After a failure the last interval stands, so a server that
// is back is seen within what it used to be; a look that lasted longer is followed by the next at
// once. A link that fails changes nothing. Up to a tenth is
// added by chance, so that gateways which began together do not go on asking together.
#pragma once

#include "discovery/dns/look.h"
#include "discovery/dns/resolver.h"
#include "discovery/source/source.h"

#include <functional>
#include <memory>
#include <optional>

namespace pinnate::discovery {

struct Interval {
  std::int64_t min_ms = 1000, max_ms = 10000;
};

class Polled final : public Source {
 public:
  using Begin = std::function<std::unique_ptr<Look>(std::shared_ptr<Channel>, const Asking&, SayOnce)>;

  Polled(Loop& loop, const Log& log, Interval interval, Asking asking, Begin begin, Say say);

 private:
  void look();
  void seen(Seen seen);

  Loop& loop_;
  const Interval limits_;
  const Begin begin_;
  const Say say_;
  std::int64_t interval_ms_, began_ms_ = 0;
  std::optional<Naming> said_;
  Resolver resolver_;
  std::unique_ptr<Timer> timer_;
  std::unique_ptr<Look> look_;  // the last, until the next begins
};

}  // namespace pinnate::discovery
