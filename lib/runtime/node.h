// Drives one tier on a libuv loop: sockets, timers, name lookup, the store, and for engines the
// service host. All but Node::restore is called on the loop's thread. The two that open a node
// throw std::bad_alloc.
#pragma once

#include "base/buffer.h"
#include "base/log.h"
#include "base/status.h"
#include "module/service_host.h"
#include "runtime/reactor.h"
#include "store/store.h"
#include "tier/tier.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace pinnate::runtime {

struct NodeParts {
  std::shared_ptr<Reactor> reactor;
  Log log;
  std::size_t link_limit_bytes = 8 * 1024 * 1024;
  std::uint32_t close_limit_ms = 5000;
  std::unique_ptr<tier::Tier> tier;
  std::unique_ptr<store::Store> store;
  // False for make_memory_store: it is used at once, on the loop's thread.
  bool store_blocks = true;
  std::shared_ptr<module::ServiceHost> services;  // engines only, else null. Others may keep it for calls
  // Messages that the tier sends over tier::kHostLink. Never called from inside host_message.
  std::function<void(Buffer)> on_host_message;
  // How links fare, with the id that a kept one has, or 0. As on_host_message.
  std::function<void(std::uint64_t id, const tier::TellLink&)> on_link{};
};

class Node {
 public:
  // Reads the store, and starts the tier with what it holds. Blocks for the disk, so not on a loop
  // that others are on.
  static Status restore(NodeParts* parts);
  // Brings up what was restored. The loop stays alive until the node has closed.
  static std::unique_ptr<Node> open(NodeParts parts);
  virtual ~Node() = default;  // only after `closed` has run

  // `address`: see pinnate_controller_listen. Returns the bound address. `id` is the caller's, as
  // it is of a link that is kept, and used once. 0: it is never ended alone.
  virtual Result<std::string> listen(const std::string& address, std::uint64_t id = 0) = 0;
  // Checks the address, then tier keep_link.
  virtual Status keep_link(tier::Side side, const std::string& address, std::uint64_t id = 0) = 0;
  virtual void reconfigure(const tier::TierOptions& options) = 0;
  // Of a gateway: what the host itself knows of who is below. Checks the addresses, then tier
  // name_members, with no address as if the source were gone. Nothing has changed where one is none.
  virtual Status set_members(const std::string& source, std::vector<std::string> addresses) = 0;
  virtual tier::MemberCounts member_counts() = 0;  // of a gateway
  // Of a gateway: looks there for members until `id` is ended. See discovery/discovery.h
  virtual Status add_source(const std::string& uri, std::uint64_t id) = 0;
  // Of an engine: to its services, and its tier looks again at what could not be loaded.
  virtual Status add_loader(const pinnate_loader& loader) = 0;
  // Listens there no more, or ends the link and dials it no more. False: there is none.
  virtual bool end(std::uint64_t id) = 0;

  // A message from the host to the tier, as if over a link.
  virtual void host_message(Buffer message) = 0;

  // Closes the tier (bounded by close_limit_ms), then all else; then calls `closed`, once, on the
  // loop's thread, from which this may be destroyed.
  virtual void close(std::function<void()> closed) = 0;

  // For in-process calls: the engine's services; null for other tiers. Valid until close.
  virtual module::ServiceHost* services() = 0;
};

}  // namespace pinnate::runtime
