#include "discovery/dns/channel.h"

#include "base/guarded.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace pinnate::discovery {
namespace {

constexpr std::size_t kFullNameBytes = 253;

bool set_servers(ares_channel channel, const std::vector<NameServer>& servers) {
  std::vector<ares_addr_port_node> nodes(servers.size());
  for (std::size_t i = 0; i < servers.size(); i++) {
    ares_addr_port_node& node = nodes[i];
    node.family = servers[i].ip.find(':') == std::string::npos ? AF_INET : AF_INET6;
    if (inet_pton(node.family, servers[i].ip.c_str(), &node.addr) != 1) return false;
    node.udp_port = node.tcp_port = servers[i].port;
    node.next = i + 1 < nodes.size() ? &nodes[i + 1] : nullptr;
  }
  return ares_set_servers_ports(channel, nodes.data()) == ARES_SUCCESS;
}

// Has every server asked `tries` times, the same time for each. c-ares would wait twice as long with
// each round, and see late that a server is back; but it goes through a list at an even pace, and an
// answer to any of its tries is taken. So the list holds each server so often.
bool repeat_servers(ares_channel channel, int tries) {
  ares_addr_port_node* listed = nullptr;
  if (ares_get_servers_ports(channel, &listed) != ARES_SUCCESS) return false;
  const AtEnd free_them([&] { ares_free_data(listed); });
  std::vector<ares_addr_port_node> nodes;
  for (int i = 0; i < tries; i++)
    for (const ares_addr_port_node* node = listed; node; node = node->next) nodes.push_back(*node);
  for (std::size_t i = 0; i < nodes.size(); i++) nodes[i].next = i + 1 < nodes.size() ? &nodes[i + 1] : nullptr;
  return !nodes.empty() && ares_set_servers_ports(channel, nodes.data()) == ARES_SUCCESS;
}

std::string address_text(const sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address->sa_family == AF_INET)
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, text, sizeof text);
  else if (address->sa_family == AF_INET6)
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, text, sizeof text);
  return text;
}

// All of it within ares_getaddrinfo, since the file alone is looked at.
void take_addresses(void* into, int status, int, ares_addrinfo* found) noexcept {
  if (status == ARES_SUCCESS && found)
    quietly([&] {
      for (const ares_addrinfo_node* node = found->nodes; node; node = node->ai_next)
        static_cast<std::vector<std::string>*>(into)->push_back(address_text(node->ai_addr));
    });
  if (found) ares_freeaddrinfo(found);
}

}  // namespace

std::shared_ptr<Channel> Channel::open(Loop& loop, const Asking& asking) {
  // Its count of users is no atomic, so it is called once; a host's own calls nest with it.
  static const int initialised = ares_library_init(ARES_LIB_INIT_ALL);
  if (initialised != ARES_SUCCESS) return nullptr;
  std::shared_ptr<Channel> channel(new Channel(loop));
  return channel->open(asking) ? channel : nullptr;
}

Channel::Channel(Loop& loop) : loop_(loop), self_(std::make_shared<Channel*>(this)) {
  for (Wire& wire : wires_) {
    wire.channel = this;
    wire.timer = loop.timer([this, &wire] { process(wire, ARES_SOCKET_BAD, ARES_SOCKET_BAD); });
  }
}

Channel::~Channel() {
  *self_ = nullptr;
  for (Wire& wire : wires_)
    if (wire.ares) ares_destroy(wire.ares);
}

bool Channel::open(const Asking& asking) {
  for (Wire& wire : wires_)
    if (!open(wire, asking)) return false;
  ares_options read{};
  int mask = 0;
  if (ares_save_options(wires_[0].ares, &read, &mask) != ARES_SUCCESS) return false;
  const AtEnd free_them([&] { ares_destroy_options(&read); });
  dots_ = read.ndots;
  for (int i = 0; i < read.ndomains; i++) {
    std::string domain = read.domains[i];
    while (!domain.empty() && domain.back() == '.') domain.pop_back();
    search_domains_.push_back(std::move(domain));
  }
  return true;
}

bool Channel::open(Wire& wire, const Asking& asking) {
  ares_options options{};
  std::string lookups = "f", resolv_conf = asking.resolv_conf;
  options.flags = ARES_FLAG_NOALIASES;  // without ARES_FLAG_EDNS
  options.timeout = asking.timeout_ms;
  options.tries = 1;
  options.sock_state_cb = socket_state;
  options.sock_state_cb_data = &wire;
  options.lookups = lookups.data();
  options.resolvconf_path = resolv_conf.data();
  const int given = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB | ARES_OPT_LOOKUPS |
                    ARES_OPT_RESOLVCONF;
  if (ares_init_options(&wire.ares, &options, given) != ARES_SUCCESS) {
    wire.ares = nullptr;
    return false;
  }
  if (!asking.servers.empty() && !set_servers(wire.ares, asking.servers)) return false;
  return repeat_servers(wire.ares, asking.tries);
}

// c-ares would search by itself (ares_search), but for each family alone: the IPv4 addresses of one
// name and the IPv6 addresses of another come together. It also ends with an error at the domain '.',
// which systemd-resolved writes.
std::vector<std::string> Channel::full_names(const std::string& name) const {
  if (!name.empty() && name.back() == '.') return {name.substr(0, name.size() - 1)};
  std::vector<std::string> names;
  const auto add = [&](std::string full) {
    if (full.size() <= kFullNameBytes && std::find(names.begin(), names.end(), full) == names.end())
      names.push_back(std::move(full));
  };
  if (std::count(name.begin(), name.end(), '.') >= dots_) add(name);
  for (const std::string& domain : search_domains_) add(domain.empty() ? name : name + "." + domain);
  add(name);
  return names;
}

std::vector<std::string> Channel::in_hosts_file(const std::string& name) const {
  std::vector<std::string> found;
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_flags = ARES_AI_NOSORT;
  ares_getaddrinfo(wires_[0].ares, name.c_str(), nullptr, &hints, take_addresses, &found);
  return found;
}

void Channel::ask(const std::string& name, int type, Answered answered) {
  asked_.push_front({this, std::move(answered), ARES_SUCCESS, {}, {}});
  asked_.front().place = asked_.begin();
  Wire& wire = wires_[type == ns_t_aaaa];
  ares_query(wire.ares, name.c_str(), ns_c_in, type, answer, &asked_.front());
  set_timer(wire);
}

void Channel::answer(void* of, int status, int, unsigned char* bytes, int count) noexcept {
  Question& question = *static_cast<Question*>(of);
  Channel& channel = *question.channel;
  question.status = status;
  const bool kept = quietly([&] {
    if (bytes && count > 0)
      question.message.assign(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(count));
  });
  if (!kept) question.status = ARES_ENOMEM;
  channel.settled_.splice(channel.settled_.end(), channel.asked_, question.place);
}

void Channel::socket_state(void* of, int fd, int readable, int writable) noexcept {
  Wire& wire = *static_cast<Wire*>(of);
  if (!readable && !writable) {
    wire.watches.erase(fd);
    return;
  }
  // What cannot be watched ends by its time limit.
  quietly([&] {
    std::unique_ptr<Watch>& watch = wire.watches[fd];
    if (!watch)
      watch = wire.channel->loop_.watch(fd, [&wire, fd](bool r, bool w) {
        wire.channel->process(wire, r ? fd : ARES_SOCKET_BAD, w ? fd : ARES_SOCKET_BAD);
      });
    if (watch) watch->want(readable, writable);
  });
}

void Channel::process(Wire& wire, int readable_fd, int writable_fd) {
  const std::shared_ptr<Channel*> self = self_;
  ares_process_fd(wire.ares, readable_fd, writable_fd);
  set_timer(wire);
  deliver();
  if (*self) set_timer(wire);
}

// Outside c-ares, so that whoever is called may ask again or destroy the channel.
void Channel::deliver() {
  const std::shared_ptr<Channel*> self = self_;
  while (*self && !settled_.empty()) {
    std::list<Question> next;
    next.splice(next.begin(), settled_, settled_.begin());
    const Answered answered = std::move(next.front().answered);
    answered(next.front().status, next.front().message);
  }
}

void Channel::set_timer(Wire& wire) {
  if (!settled_.empty()) return wire.timer->set_in(0);
  timeval left{};
  const timeval* next = ares_timeout(wire.ares, nullptr, &left);
  if (!next) return wire.timer->cancel();
  wire.timer->set_in(static_cast<std::int64_t>(next->tv_sec) * 1000 + next->tv_usec / 1000 + 1);  // it rounds down
}

}  // namespace pinnate::discovery
