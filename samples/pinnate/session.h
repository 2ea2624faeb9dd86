// A link to a running tier, and the requests the program makes over it: each waits for its answer
// and throws Failure when there is none.
#pragma once

#include "answer.h"
#include "fleet_values.h"
#include "options.h"
#include "quantity.h"

#include <pinnate/client.h>

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace cli {

struct Target {
  std::string address;
  std::string fleet;
  std::optional<pinnate_log_level> log_level;  // absent: no logs
};

// Where to ask: --to, PINNATE_TO, or the configuration file. Throws Failure(kUsage) when none says.
Target target_of(const TargetOptions& options);

struct CallResult {
  pinnate_status status;
  std::string error;
  std::string bytes;  // of PINNATE_OK, or what the service said with PINNATE_FAILED
};

class Session {
 public:
  // Requests give up at `timeout`, or as soon as `stop` is requested.
  Session(const Target& target, Milliseconds timeout, std::stop_token stop = {});
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  using OnProgress = Answer<Published>::OnProgress;
  Published publish(const pinnate_publish& publish, const OnProgress& on_progress);
  void unpublish(const std::string& name, std::uint64_t release);
  std::vector<Release> releases(const std::string& name);  // "": of all
  Rollup status(const std::string& name);  // "": of all
  Page<Tier> lookup(const pinnate_lookup& lookup);  // its time limit, as that of a call, is the session's
  Page<Member> members(const pinnate_lookup& lookup);
  // All pages of it, at most `limit` rows.
  std::vector<Tier> lookup_all(pinnate_lookup lookup, std::size_t limit);
  // Prints each row of all pages, and flushes with each page. A list of nothing may be right, but not
  // below a gateway that nobody knows: it may be misspelt. Throws Failure(kNotFound) then.
  void print_tiers(const pinnate_lookup& lookup, const std::function<void(const Tier&)>& print);
  void print_members(const pinnate_lookup& lookup, const std::function<void(const Member&)>& print);
  CallResult call(const pinnate_call& call);

  // The newest roll-up that next_rollup has not returned yet; nothing when there is none by
  // `until`. The first use begins to watch, over lost links too; a tier that is not reached or
  // refuses throws, and the next use begins anew.
  std::optional<Rollup> next_rollup(Deadline until);

  std::stop_token stop() const { return stop_; }

 private:
  class Watch;

  template <class Value, class Start>
  Value ask(Start start, Milliseconds timeout, const typename Answer<Value>::OnProgress& on_progress = {});

  template <class Row, class Told>
  Page<Row> page(const pinnate_lookup& lookup,
                 pinnate_status (*ask_for)(pinnate_client*, const pinnate_lookup*,
                                           void (*)(void*, pinnate_status, const char*, const Told* const*, std::size_t,
                                                    const char*),
                                           void*));
  template <class Row>
  void print_pages(pinnate_lookup lookup, Page<Row> (Session::*ask_for)(const pinnate_lookup&),
                   const std::function<void(const Row&)>& print);
  void require_gateway(const std::string& id);

  pinnate_client* client_ = nullptr;
  Milliseconds timeout_;
  std::stop_token stop_;
  std::unique_ptr<Watch> watch_;
};

}  // namespace cli
