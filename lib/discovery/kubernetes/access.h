// How the API server is reached, and as whom.
#pragma once

#include "base/status.h"
#include "discovery/http/client.h"
#include "discovery/source/uri.h"

#include <string>

namespace pinnate::discovery {

struct Access {
  HttpServer server;
  std::string token_file;  // "": none

  // What stands in the file now, since tokens are replaced while they are in use. PINNATE_INVALID
  // names the file and nothing that is in it.
  Result<std::string> bearer() const;
};

// By the options server, ca, token, cert and key; without server= as a Pod is given it.
Result<Access> find_access(const Uri& uri);

}  // namespace pinnate::discovery
