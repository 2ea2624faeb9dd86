#include "discovery/discovery.h"

#include "discovery/fixed/fixed.h"
#ifdef PINNATE_DNS
#include "discovery/dns/dns.h"
#endif
#ifdef PINNATE_KUBERNETES
#include "discovery/kubernetes/kubernetes.h"
#endif
#ifdef PINNATE_CONTAINERS
#include "discovery/containers/containers.h"
#endif

namespace pinnate::discovery {

Result<std::unique_ptr<Source>> open_source(const std::string& text, Loop& loop, const Log& log, Say say) {
  Result<Uri> uri = parse_uri(text);
  if (!uri.ok()) return uri.status();
  if (uri->scheme == "static") return open_list(*uri, loop, std::move(say));
  if (uri->scheme == "file") return open_file(*uri, loop, std::move(say));
#ifdef PINNATE_DNS
  if (uri->scheme == "dns") return open_dns(*uri, loop, log, std::move(say));
  if (uri->scheme == "srv") return open_srv(*uri, loop, log, std::move(say));
#endif
#ifdef PINNATE_KUBERNETES
  if (uri->scheme == "kubernetes") return open_kubernetes(*uri, loop, log, std::move(say));
#endif
#ifdef PINNATE_CONTAINERS
  if (uri->scheme == "docker") return open_containers(*uri, loop, log, std::move(say));
#endif
  (void)log;
  for (const char* left_out : {"dns", "srv", "kubernetes", "docker"})
    if (uri->scheme == left_out)
      return {PINNATE_UNSUPPORTED, "source '" + text + "': this build of Pinnate has no source '" + left_out + ":'"};
  return uri->wrong("there is no source '" + uri->scheme + ":'; there are static, file, dns, srv, kubernetes and docker");
}

}  // namespace pinnate::discovery
