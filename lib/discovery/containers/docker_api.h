// What the Docker API answers, as far as members are named by it.
#pragma once

#include "base/naming.h"

#include <string>
#include <string_view>
#include <vector>

namespace pinnate::discovery {

// Of GET /containers/json. False: it is none.
struct ContainerList {
  std::vector<std::string> ips;  // in the network that was asked for, or in all
  std::size_t containers = 0;
  std::size_t apart = 0;  // of them, those that have no address there

  bool read(std::string& json, const std::string& network);
};

// Whether a line of GET /events tells of something that may change the list.
bool changes_containers(std::string& event);

// The least version of the API that GET /version says is served, such as "1.44"; "" where it is none.
std::string least_api_version(std::string json);

// Words of an error; "" where it has none.
std::string error_message(std::string json);

// `filters` of a query, as JSON: each key with its values, all of them texts.
struct DockerFilter {
  std::string_view key;
  std::vector<std::string> values;
};
std::string filters_json(const std::vector<DockerFilter>& filters);

}  // namespace pinnate::discovery
