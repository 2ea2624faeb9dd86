// What name servers say of one name: its records of some types, searched for as resolv.conf says.
#pragma once

#include "base/naming.h"
#include "discovery/dns/answer.h"
#include "discovery/dns/channel.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace pinnate::discovery {

class Lookup {
 public:
  // One answer for each type, all of the same full name. A type that was still silent failed.
  using Done = std::function<void(std::vector<Answer>)>;

  // Calls `done` once, never from inside this call; it may destroy this. Once one type has records,
  // those behind have `patience_ms` more; 0: as long as the channel takes.
  Lookup(Loop& loop, std::shared_ptr<Channel> channel, std::string name, std::vector<int> types,
         std::int64_t patience_ms, Done done);
  ~Lookup() { *self_ = nullptr; }
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;

  void give_up();  // what has not answered by now failed: calls `done`

 private:
  void ask_next();
  void ask_for(const std::string& full_name);
  void answered(std::size_t type, int status, const std::string& message);
  void settle();
  void finish();

  const std::shared_ptr<Channel> channel_;
  const std::string name_;
  const std::vector<int> types_;
  const std::int64_t patience_ms_;
  Done done_;  // null: it was called
  std::vector<std::string> full_names_;
  std::size_t next_ = 0, silent_ = 0, aliases_ = 0;
  bool name_is_there_ = false;  // one of the full names, without such a record
  std::vector<Answer> answers_;
  std::unique_ptr<Timer> patience_;
  const std::shared_ptr<Lookup*> self_;
};

// The address types that are asked for.
std::vector<int> address_types(const Asking& asking);

// The addresses of one name, out of the answers for both families.
struct Addresses {
  Naming::Answer answer = Naming::Answer::whole;
  std::vector<std::string> ips{};
  std::optional<std::int64_t> ttl_ms{};
  std::string why{};  // as in Naming
};
Addresses addresses_of(const std::string& name, const std::vector<int>& types, std::vector<Answer> answers);

}  // namespace pinnate::discovery
