// EndpointSlices (discovery.k8s.io/v1): what a list and the events of a watch hold of them, and the
// members that they name together.
#pragma once

#include "base/naming.h"
#include "base/status.h"
#include "discovery/http/json.h"

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pinnate::discovery {

inline constexpr std::size_t kMostParts = 262144;  // slices and endpoints that one set keeps

struct SliceEndpoint {
  std::array<std::uint8_t, 16> ip{};  // of IPv4 the first four
  bool is_v6 = false, terminating = false;
};

struct SlicePort {
  std::string name;
  std::uint16_t number = 0;  // 0: the slice leaves it open
  bool tcp = true;
};

struct Slice {
  std::string name, address_type;
  std::vector<SliceEndpoint> endpoints;
  std::vector<SlicePort> ports;
};

// Which port members listen at.
struct PortChoice {
  std::uint16_t number = 0;  // 0: the slice says
  std::string name;  // of the port in the slice; "": the only one, or the one called "pinnate"

  static PortChoice parse(std::string_view text);
  Result<std::uint16_t> of(const Slice& slice) const;
};

// A page of a list. False: it is none.
struct SlicePage {
  std::string version, next;  // next: the token of the next page, "" behind the last
  std::vector<Slice> slices;

  bool read(std::string& json);
};

// A line of a watch. False: it is none.
struct SliceEvent {
  enum class Type : std::uint8_t { unknown, added, modified, deleted, bookmark, error };
  Type type = Type::unknown;
  std::string version;
  Slice slice;
  std::uint64_t code = 0;  // of an error, as of HTTP
  std::string message;

  bool read(std::string& json);
};

// The words of a Status, which the server answers with where it refuses; "" where it says none.
std::string status_message(std::string json);

class SliceSet {
 public:
  // In place of the one of its name. False: it is not kept, since there is too much already.
  bool put(Slice slice, const PortChoice& choice);
  void remove(const std::string& name);
  // The union. `who` says whose members they are.
  Naming naming(const std::string& who) const;

 private:
  struct Kept {
    std::uint16_t port = 0;
    std::string trouble;  // there is no port
    std::vector<SliceEndpoint> endpoints;
  };
  std::map<std::string, Kept> slices_;  // by name
  std::size_t parts_ = 0;  // slices and their endpoints
};

}  // namespace pinnate::discovery
