#include "discovery/containers/containers.h"

#include "discovery/containers/container_watch.h"

#include <sys/un.h>

namespace pinnate::discovery {

Result<std::unique_ptr<Source>> open_containers(const Uri& uri, Loop& loop, const Log& log, Say say) {
  if (Status s = uri.check_options({"port", "network"}, {"label"}); !s.ok()) return s;
  ContainerQuery query;
  query.socket = uri.rest;
  if (query.socket.empty() || query.socket.front() != '/')
    return uri.wrong("it is written docker:SOCKET?label=KEY=VALUE, and the path of a socket begins with '/'");
  if (query.socket.size() >= sizeof(sockaddr_un::sun_path))
    return uri.wrong("the path of a socket has at most " + std::to_string(sizeof(sockaddr_un::sun_path) - 1) +
                     " bytes");
  const auto [first, last] = uri.options.equal_range("label");
  for (auto label = first; label != last; ++label) {
    if (label->second.find('=') == std::string::npos || label->second.front() == '=')
      return uri.wrong("option 'label' is written label=KEY=VALUE");
    query.labels.push_back(label->second);
  }
  if (query.labels.empty()) return uri.wrong("without a label every container would be a member: say label=KEY=VALUE");
  std::uint64_t port = kDefaultPort;
  if (Status s = uri.number("port", 1, 65535, &port); !s.ok()) return s;
  query.port = static_cast<std::uint16_t>(port);
  if (const std::string* network = uri.option("network")) {
    if (network->empty()) return uri.wrong("option 'network' is the name of a network");
    query.network = *network;
  }
  return watch_containers(loop, log, std::move(say), std::move(query), ContainerTiming());
}

}  // namespace pinnate::discovery
