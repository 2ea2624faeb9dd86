#include "discovery/dns/polled.h"

#include <algorithm>

namespace pinnate::discovery {

Polled::Polled(Loop& loop, const Log& log, Interval interval, Asking asking, Begin begin, Say say)
    : loop_(loop),
      limits_(interval),
      begin_(std::move(begin)),
      say_(std::move(say)),
      interval_ms_(interval.min_ms),
      resolver_(loop, log, std::move(asking)),
      timer_(loop.timer([this] { look(); })) {
  timer_->set_in(0);
}

void Polled::look() {
  began_ms_ = loop_.monotonic_ms();
  const std::shared_ptr<Channel> channel = resolver_.channel();
  if (!channel) return seen({{Naming::Answer::failed, {}, {}, "c-ares opens no channel to name servers"}});
  look_ = begin_(channel, resolver_.asking(), [this](Seen found) { seen(std::move(found)); });
}

void Polled::seen(Seen seen) {
  if (seen.naming.answer == Naming::Answer::failed)
    resolver_.failed();
  else
    interval_ms_ = std::clamp(seen.ttl_ms.value_or(0), limits_.min_ms, limits_.max_ms);
  const auto tenth_ms = static_cast<std::uint64_t>(interval_ms_ / 10);
  const std::int64_t next_ms = began_ms_ + interval_ms_ + static_cast<std::int64_t>(loop_.random() % (tenth_ms + 1));
  timer_->set_in(std::max<std::int64_t>(next_ms - loop_.monotonic_ms(), 0));
  if (said_ && *said_ == seen.naming) return;
  said_ = seen.naming;
  say_(std::move(seen.naming));
}

}  // namespace pinnate::discovery
