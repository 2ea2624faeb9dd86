#include "discovery/kubernetes/kubernetes.h"

#include "discovery/kubernetes/slice_watch.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace pinnate::discovery {
namespace {

// As Kubernetes names things, so that nothing of it means something else in a path or a selector.
bool is_kubernetes_name(std::string_view name, std::size_t most_bytes) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !name.empty() && name.size() <= most_bytes && name.front() != '-' && name.back() != '-' &&
         std::all_of(name.begin(), name.end(), plain);
}

}  // namespace

Result<std::unique_ptr<Source>> open_kubernetes(const Uri& uri, Loop& loop, const Log& log, Say say) {
  if (Status s = uri.check_options({"server", "ca", "token", "cert", "key"}); !s.ok()) return s;
  const std::size_t slash = uri.rest.find('/'), colon = uri.rest.find(':');
  if (slash == std::string::npos || slash > colon)
    return uri.wrong("it is written kubernetes:NAMESPACE/SERVICE[:PORT]");
  SliceQuery query;
  query.space = uri.rest.substr(0, slash);
  query.service = uri.rest.substr(slash + 1, colon == std::string::npos ? colon : colon - slash - 1);
  for (const std::string& name : {query.space, query.service})
    if (!is_kubernetes_name(name, 63)) return uri.wrong("'" + name + "' is no name of a namespace or a Service");
  if (colon != std::string::npos) {
    const std::string port = uri.rest.substr(colon + 1);
    query.port = PortChoice::parse(port);
    const bool is_number = port.find_first_not_of("0123456789") == std::string::npos;
    if (query.port.number == 0 && (is_number || !is_kubernetes_name(port, 63)))
      return uri.wrong("'" + port + "' is neither the number nor the name of a port");
  }
  Result<Access> access = find_access(uri);
  if (!access.ok()) return access.status();
  return watch_slices(loop, log, std::move(say), std::move(query), std::move(*access), SliceTiming());
}

}  // namespace pinnate::discovery
