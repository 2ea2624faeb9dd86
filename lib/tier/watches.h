// Who asks for status, once or at every change.
#pragma once

#include "tier/core.h"

namespace pinnate::tier {

class Watches {
 public:
  // Of a function, or of all (""). Its id is 0.
  using Report = std::function<wire::StatusReport(const std::string& name)>;
  Watches(Core* core, Report report, std::size_t most) : core_(core), report_(std::move(report)), most_(most) {}

  void asked(LinkId link, const wire::GetStatus& get);
  void link_down(LinkId link);
  void changed();  // tells all

 private:
  Core* core_;
  Report report_;
  std::size_t most_;  // over links; the host's own do not depend on what others ask
  std::map<std::pair<LinkId, std::uint64_t>, std::string> names_;  // by link and id
};

}  // namespace pinnate::tier
