// Questions to name servers: c-ares on a Loop.
//
// EDNS is off. With it a name of thousands of addresses looks empty: bind9 then sends none of them
// and only the word that they did not fit.
#pragma once

#include "discovery/dns/asking.h"
#include "discovery/source/loop.h"

#include <ares.h>

#include <array>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace pinnate::discovery {

class Channel {
 public:
  // With what c-ares says, ARES_..., and the message of the server, or "" where there is none.
  using Answered = std::function<void(int status, const std::string& message)>;

  // As resolv.conf is now. Null: no memory, or no channel.
  static std::shared_ptr<Channel> open(Loop& loop, const Asking& asking);
  ~Channel();  // nothing is answered any more
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // Calls `answered` once, never from inside this call nor from inside c-ares; it may ask again, and
  // destroy this. `type` is that of a resource record.
  void ask(const std::string& name, int type, Answered answered);

  // What `name` stands for, in the order in which to ask: as it is and within each search domain.
  std::vector<std::string> full_names(const std::string& name) const;

  // What /etc/hosts says, as text. It is read each time.
  std::vector<std::string> in_hosts_file(const std::string& name) const;

 private:
  // c-ares has one socket for all questions to a server. The error that the datagram of one comes
  // back with is told at the next one's send, and the first waits out its time. So IPv6 addresses,
  // which are asked for beside others, have sockets of their own.
  struct Wire {
    Channel* channel = nullptr;
    ares_channel ares = nullptr;
    std::unique_ptr<Timer> timer{};
    std::map<int, std::unique_ptr<Watch>> watches{};
  };
  struct Question {
    Channel* channel;
    Answered answered;
    int status;
    std::string message;
    std::list<Question>::iterator place;
  };

  explicit Channel(Loop& loop);
  bool open(const Asking& asking);
  bool open(Wire& wire, const Asking& asking);
  static void answer(void* question, int status, int timeouts, unsigned char* bytes, int count) noexcept;
  static void socket_state(void* wire, int fd, int readable, int writable) noexcept;
  void process(Wire& wire, int readable_fd, int writable_fd);
  void deliver();
  void set_timer(Wire& wire);

  Loop& loop_;
  std::shared_ptr<Channel*> self_;  // null in it: destroyed
  std::array<Wire, 2> wires_;  // the second for IPv6 addresses
  std::list<Question> asked_, settled_;
  std::vector<std::string> search_domains_;
  int dots_ = 1;  // with so many of them a name is asked for as it is before it is searched for
};

}  // namespace pinnate::discovery
