// What the four kinds of handle share: a node on a loop, the requests under way, and the rules
// about threads and closing.
#pragma once

#include "base/status.h"
#include "capi/boundary.h"
#include "capi/ending.h"
#include "capi/mailbox.h"
#include "capi/options.h"
#include "capi/requests.h"
#include "runtime/node.h"
#include "runtime/publisher_driver.h"

#include <pinnate/fleet.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <map>
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

  // Names what is about to begin, and tells the host. Any thread.
  pinnate_ticket new_ticket(pinnate_ticket* wanted) {
    const pinnate_ticket ticket = requests_->next_id();
    if (wanted) *wanted = ticket;
    return ticket;
  }
  Status cancel(pinnate_ticket ticket);
  // Takes over what may change of `tier`.
  Status reload(const pinnate_tier_options* tier);
  Status dial(tier::Side side, const std::string& address, pinnate_ticket* wanted);
  Status watch_links(pinnate_link_fn on_link, void* arg, pinnate_ticket* wanted);

  // The rest is for the loop's thread, and for as long as work handed to the functions above runs.
  Requests& requests() { return *requests_; }
  runtime::PublisherDriver& publisher() { return *publisher_; }
  runtime::Node& node() { return *node_; }
  runtime::Reactor& reactor() { return *reactor_; }
  const Log& log() const { return log_; }
  const std::string& id() const { return id_; }  // any thread
  const OpenedHere& opened_here() const { return opened_here_; }  // any thread

 protected:
  // Fails when close has begun, or on a thread that is not for the host's functions.
  Status usable() const;
  bool on_loop_thread() const { return std::this_thread::get_id() == loop_thread_; }
  std::thread::id loop_thread() const { return loop_thread_; }
  // The loop's thread, when closing begins, before requests are ended.
  virtual void closing() {}

 private:
  Status closed_status() const;
  Status closed_by_host() const;
  Status wrong_thread() const;
  Status await(const std::function<void(Settle)>& begin);
  void send(Buffer message);
  void tell_of_link(pinnate_ticket dial, const tier::TellLink& told);
  bool end_link_watch(pinnate_ticket ticket);
  void received(const Buffer& bytes);
  std::function<void()> close_with(pinnate_closed_fn on_closed, void* arg);
  void start_closing();
  void part_closed();

  const char* const noun_;
  const OpenedHere opened_here_;
  std::string id_, given_id_;
  tier::TierOptions options_;  // the loop's thread
  Log log_;
  bool shared_thread_ = false;
  std::thread::id loop_thread_;
  std::shared_ptr<Mailbox> mailbox_;
  const std::shared_ptr<Ending> ending_ = std::make_shared<Ending>();
  std::unique_ptr<Requests> requests_;
  std::unique_ptr<runtime::PublisherDriver> publisher_;
  std::unique_ptr<runtime::Node> node_;
  std::shared_ptr<runtime::Reactor> reactor_;
  struct LinkWatch {
    pinnate_link_fn on_link;
    void* arg;
  };
  std::map<pinnate_ticket, LinkWatch> link_watches_;
  std::map<pinnate_ticket, tier::TellLink> dials_;  // how each fared last
  int open_parts_ = 0;  // while closing: of node and publisher
  pinnate_closed_fn on_closed_ = nullptr;
  void* on_closed_arg_ = nullptr;
  std::atomic<std::size_t> left_behind_{0};  // services, at the end
};

}  // namespace pinnate::capi
