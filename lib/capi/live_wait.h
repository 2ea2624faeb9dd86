// Waits until a release is live on so many engines, or on all that it selects. On the loop's thread.
#pragma once

#include "capi/requests.h"
#include "runtime/reactor.h"
#include "runtime/watcher.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace pinnate::capi {

class LiveWait : public std::enable_shared_from_this<LiveWait> {
 public:
  // `done` runs once. `engines` 0: every one online that the release selects, and at least one.
  using Done = std::function<void(const Status&)>;
  LiveWait(Requests* requests, std::uint64_t release, std::uint64_t engines, Done done)
      : requests_(requests), release_(release), engines_(engines), done_(std::move(done)) {}

  // Ends with PINNATE_TIMEOUT after so long, or by the end of the request `id`.
  void start(runtime::Reactor& reactor, Requests::Id id, std::uint32_t timeout_ms);

 private:
  void look(const wire::StatusReport& report);
  void end(const Status& status);

  Requests* requests_;
  const std::uint64_t release_, engines_;
  Done done_;
  Requests::Id id_ = 0;
  std::unique_ptr<runtime::Timer> limit_;
  std::string stands_ = "nothing is heard of it yet";  // for the words
};

}  // namespace pinnate::capi
