// Members that stand in the URI itself. They are said once.
#pragma once

#include "discovery/source/source.h"

namespace pinnate::discovery {

class Listed final : public Source {
 public:
  Listed(Loop& loop, std::vector<std::string> addresses, Say say)
      : addresses_(std::move(addresses)), timer_(loop.timer([this, say = std::move(say)] {
          say({Naming::Answer::whole, addresses_, {}, {}});
        })) {
    timer_->set_in(0);
  }
  std::vector<std::string> named_for_ever() const override { return addresses_; }

 private:
  const std::vector<std::string> addresses_;
  std::unique_ptr<Timer> timer_;
};

}  // namespace pinnate::discovery
