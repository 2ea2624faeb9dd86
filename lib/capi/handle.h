// What the four kinds of handle share: a node on a loop, the requests under way, and the rules
// about threads and closing.
#pragma once

#include "base/status.h"
#include "capi/ending.h"
#include "capi/mailbox.h"
#include "capi/options.h"
#include "capi/requests.h"
#include "runtime/node.h"
#include "runtime/publisher_driver.h"

#include <pinnate/common.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <thread>

namespace pinnate::capi {

class Handle {
 public:
  // `noun` as in "controller", for the words.
  explicit Handle(const char* noun) : noun_(noun) {}
  virtual ~Handle();
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  // Brings the node up on its loop; `parts` are the tier, its store and its services. Blocks for
  // the disk. After a failure the handle may be destroyed, else it goes by give_up alone.
  Status open(const TierSetup& setup, runtime::NodeParts parts);

  // For requests: runs `work` on the loop's thread, now or soon. Fails as on_loop does, and then
  // `work` never runs.
  Status soon(std::function<void()> work);
  // For what answers at once: runs `work` on the loop's thread and waits for it. PINNATE_CLOSED
  // once close has begun; PINNATE_WRONG_THREAD off the thread of a loop of the host's.
  Status on_loop(const std::function<Status()>& work);
  // For functions named _wait: has `begin` called on the loop's thread and waits until it settles
  // the status, which may be at any later time. PINNATE_WRONG_THREAD on the loop's thread.
  using Settle = std::function<void(const Status&)>;
  Status wait(const std::function<void(Settle)>& begin);

  // The handle stays until it is given up; what is asked of it is answered with PINNATE_CLOSED.
  Status close(pinnate_closed_fn on_closed, void* arg);
  // Closes it, unless that is under way, and waits for the end. PINNATE_TIMEOUT: it is closed, and
  // threads that modules hold were left behind.
  Status close_wait();
  // Frees it, now or when it has closed, which begins if it has not. Any thread.
  void give_up();

  // The rest is for the loop's thread, and for as long as work handed to the functions above runs.
  Requests& requests() { return *requests_; }
  runtime::PublisherDriver& publisher() { return *publisher_; }
  runtime::Node& node() { return *node_; }
  const std::string& id() const { return id_; }  // any thread

 protected:
  // Fails when close has begun, or on a thread that is not for the host's functions.
  Status usable() const;
  bool on_loop_thread() const { return std::this_thread::get_id() == loop_thread_; }
  // The loop's thread, when closing begins, before requests are ended.
  virtual void closing() {}

 private:
  Status closed_status() const;
  Status wrong_thread() const;
  Status await(const std::function<void(Settle)>& begin);
  void send(const wire::Message& message);
  void received(const Buffer& bytes);
  std::function<void()> close_with(pinnate_closed_fn on_closed, void* arg);
  void start_closing();
  void part_closed();

  const char* const noun_;
  std::string id_;
  Log log_;
  bool shared_thread_ = false;
  std::thread::id loop_thread_;
  std::shared_ptr<Mailbox> mailbox_;
  const std::shared_ptr<Ending> ending_ = std::make_shared<Ending>();
  std::unique_ptr<Requests> requests_;
  std::unique_ptr<runtime::PublisherDriver> publisher_;
  std::unique_ptr<runtime::Node> node_;
  int open_parts_ = 0;  // while closing: of node and publisher
  pinnate_closed_fn on_closed_ = nullptr;
  void* on_closed_arg_ = nullptr;
  std::atomic<std::size_t> left_behind_{0};  // services, at the end
};

}  // namespace pinnate::capi
