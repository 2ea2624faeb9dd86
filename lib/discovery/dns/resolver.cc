#include "discovery/dns/resolver.h"

namespace pinnate::discovery {
namespace {

bool unchanged(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
         a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

}  // namespace

std::shared_ptr<Channel> Resolver::channel() {
  struct stat now {};
  if (stat(asking_.resolv_conf.c_str(), &now) != 0) now = {};
  const bool same = unchanged(now, read_);
  if (channel_ && same && !doubted_) return channel_;
  if (channel_ && !same) log_(PINNATE_LOG_INFO, "dns: " + asking_.resolv_conf + " has changed and is read again");
  channel_ = Channel::open(loop_, asking_);
  read_ = now;
  doubted_ = false;
  return channel_;
}

}  // namespace pinnate::discovery
