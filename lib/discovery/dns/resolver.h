// The channel to ask through: another one once resolv.conf has changed.
#pragma once

#include "base/log.h"
#include "discovery/dns/channel.h"

#include <sys/stat.h>

#include <memory>

namespace pinnate::discovery {

class Resolver {
 public:
  Resolver(Loop& loop, const Log& log, Asking asking) : loop_(loop), log_(log), asking_(std::move(asking)) {}

  // What was asked through an older one goes on for as long as somebody holds that. Null: there is
  // no memory, or c-ares opens none.
  std::shared_ptr<Channel> channel();
  // No server answered: the next channel is another one. Where resolv.conf could not be read for a
  // moment (no descriptors, say), c-ares asks the own host, and says nothing of it.
  void failed() { doubted_ = true; }
  const Asking& asking() const { return asking_; }

 private:
  Loop& loop_;
  const Log log_;
  const Asking asking_;
  bool doubted_ = false;
  struct stat read_ {};  // of resolv.conf when it was read; all zero where there is none
  std::shared_ptr<Channel> channel_;
};

}  // namespace pinnate::discovery
