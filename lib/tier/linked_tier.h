// What every tier is made on: its core and its links, which are told of what the driver reports.
#pragma once

#include "tier/links.h"

namespace pinnate::tier {

class LinkedTier : public Tier {
 public:
  void start(Now now, Restored restored) final;
  void close(Now now) final;
  bool closed() const override { return closing_; }
  void link_opened(Now now, LinkId link, const PeerFacts& facts) final;
  void link_message(Now now, LinkId link, Buffer message) final;
  void link_heard(Now now, LinkId link) final;
  void link_drained(Now now, LinkId link, Drained drained) final;
  void link_closed(Now now, LinkId link, Status why) final;
  void completed(Now now, Completion completion) final;
  void woke(Now now) final;
  std::int64_t next_wake_ms() const final { return core_.next_alarm_ms(); }
  EndpointId keep_link(Now now, Side side, const std::string& address) override;
  void release_link(Now now, EndpointId endpoint, bool keep_up) final;
  void reconfigure(Now now, const TierOptions& options) final;
  void add_loader(Now now, const std::string& kind) final;
  void name_members(Now now, const std::string& source, std::optional<Naming> naming) final;

 protected:
  LinkedTier(const TierOptions& options, wire::Role role) : core_(options, &actions_), links_(&core_, role) {}

  virtual void restore(const Restored&) {}
  virtual void end() = 0;  // once
  // From the process around: `bytes` are those of `message`.
  virtual void host_message(wire::Message& message, const Buffer& bytes) = 0;
  virtual void host_call(wire::CallView call) = 0;
  virtual void settle() {}  // after every report
  virtual void labels_changed() {}  // its own
  virtual void loader_added(const std::string&) {}
  virtual void members_named(const std::string&, std::optional<Naming>) {}

  Core core_;
  Links links_;
  bool closing_ = false;
};

}  // namespace pinnate::tier
