// Waiting for a release or a function, with a limit. On the loop's thread.
#pragma once

#include "capi/requests.h"
#include "capi/service_watch.h"
#include "runtime/reactor.h"
#include "runtime/watcher.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace pinnate::capi {

// Ends once: by what it waits for, by its limit (PINNATE_TIMEOUT), or by the end of the request
// `id`.
class Wait : public std::enable_shared_from_this<Wait> {
 public:
  using Done = std::function<void(const Status&)>;
  Wait(Requests* requests, Requests::Id id, Done done) : requests_(requests), id_(id), done_(std::move(done)) {}
  virtual ~Wait() = default;

  void start(runtime::Reactor& reactor, std::uint32_t timeout_ms);

 protected:
  virtual void begin() = 0;
  virtual std::string late(std::uint32_t timeout_ms) const = 0;  // what it says then
  void end(const Status& status);

  Requests* const requests_;
  const Requests::Id id_;

 private:
  Done done_;
  std::unique_ptr<runtime::Timer> limit_;
};

// For a release to be live on so many engines, or with 0 on all that are online and that it
// selects, and at least one.
class LiveWait final : public Wait {
 public:
  LiveWait(Requests* requests, Requests::Id id, Done done, std::uint64_t release, std::uint64_t engines)
      : Wait(requests, id, std::move(done)), release_(release), engines_(engines) {}

 private:
  void begin() override;
  std::string late(std::uint32_t timeout_ms) const override;
  void look(const wire::StatusReport& report);

  const std::uint64_t release_, engines_;
  std::string stands_ = "nothing is heard of it yet";
};

// For this engine to serve a function.
class ServingWait final : public Wait {
 public:
  ServingWait(Requests* requests, Requests::Id id, Done done, std::string function)
      : Wait(requests, id, std::move(done)), function_(std::move(function)) {}

 private:
  void begin() override;
  std::string late(std::uint32_t timeout_ms) const override;

  const std::string function_;
  std::string stands_ = "no release of it is heard of yet";
};

}  // namespace pinnate::capi
