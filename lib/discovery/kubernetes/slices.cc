#include "discovery/kubernetes/slices.h"

#include "discovery/source/source.h"

#include <arpa/inet.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace pinnate::discovery {
namespace {

class SliceVisitor final : public JsonVisitor {
 public:
  enum At : Place {
    kUnknown = kNowhere,
    kList,
    kListMetadata,
    kListVersion,
    kContinue,
    kItems,
    kEvent,
    kType,
    kSlice,
    kMetadata,
    kName,
    kVersion,
    kAddressType,
    kCode,
    kMessage,
    kEndpoints,
    kEndpoint,
    kAddresses,
    kAddress,
    kConditions,
    kTerminating,
    kPorts,
    kPort,
    kPortName,
    kPortNumber,
    kProtocol
  };

  explicit SliceVisitor(At root) : root_(root) {}
  bool read(std::string& json) { return JsonVisitor::read(json, root_); }

  std::string list_version, next, type, version, message;
  std::uint64_t code = 0;
  Slice slice;  // the one that is read
  std::vector<Slice> slices;  // of a list

 private:
  Place member(Place object, std::string_view key) override {
    switch (object) {
      case kList:
        return key == "items" ? kItems : key == "metadata" ? kListMetadata : kUnknown;
      case kListMetadata:
        return key == "resourceVersion" ? kListVersion : key == "continue" ? kContinue : kUnknown;
      case kEvent:
        return key == "type" ? kType : key == "object" ? kSlice : kUnknown;
      case kSlice:  // or a Status
        return key == "endpoints"     ? kEndpoints
               : key == "ports"       ? kPorts
               : key == "metadata"    ? kMetadata
               : key == "addressType" ? kAddressType
               : key == "code"        ? kCode
               : key == "message"     ? kMessage
                                      : kUnknown;
      case kMetadata:
        return key == "name" ? kName : key == "resourceVersion" ? kVersion : kUnknown;
      case kEndpoint:
        return key == "addresses" ? kAddresses : key == "conditions" ? kConditions : kUnknown;
      // Readiness is not looked at: an engine comes to be ready by what is published to it, for
      // which it has to be linked first.
      case kConditions:
        return key == "terminating" ? kTerminating : kUnknown;
      case kPort:
        return key == "name" ? kPortName : key == "port" ? kPortNumber : key == "protocol" ? kProtocol : kUnknown;
      default:
        return kUnknown;
    }
  }
  Place element(Place array) override {
    switch (array) {
      case kItems:
        return kSlice;
      case kEndpoints:
        return kEndpoint;
      case kAddresses:
        return kAddress;
      case kPorts:
        return kPort;
      default:
        return kUnknown;
    }
  }
  void begin(Place object) override {
    if (object == kSlice) slice = {};
    if (object == kPort) slice.ports.emplace_back();
    if (object == kEndpoint) endpoint_ = {}, has_address_ = saw_address_ = false;
  }
  void end(Place object) override {
    if (object == kSlice && root_ == kList) slices.push_back(std::move(slice));
    if (object == kEndpoint && has_address_) slice.endpoints.push_back(endpoint_);
  }
  void text(Place place, std::string_view value) override {
    switch (place) {
      case kListVersion:
        list_version = value;
        break;
      case kContinue:
        next = value;
        break;
      case kType:
        type = value;
        break;
      case kMessage:
        message = value;
        break;
      case kName:
        slice.name = value;
        break;
      case kVersion:
        version = value;
        break;
      case kAddressType:
        slice.address_type = value;
        break;
      case kAddress:
        address(value);
        break;
      case kPortName:
        slice.ports.back().name = value;
        break;
      case kProtocol:
        slice.ports.back().tcp = value == "TCP";
        break;
      default:
        break;
    }
  }
  void number(Place place, std::uint64_t value) override {
    if (place == kCode) code = value;
    if (place == kPortNumber && value <= 65535) slice.ports.back().number = static_cast<std::uint16_t>(value);
  }
  void flag(Place place, bool value) override {
    if (place == kTerminating) endpoint_.terminating = value;
  }
  // The API gives addresses behind the first no meaning.
  void address(std::string_view value) {
    if (std::exchange(saw_address_, true)) return;
    const std::string ip(value);
    endpoint_.is_v6 = ip.find(':') != std::string::npos;
    has_address_ = inet_pton(endpoint_.is_v6 ? AF_INET6 : AF_INET, ip.c_str(), endpoint_.ip.data()) == 1;
  }

  const At root_;
  SliceEndpoint endpoint_;
  bool has_address_ = false, saw_address_ = false;
};

std::string slice_address(const SliceEndpoint& endpoint, std::uint16_t port) {
  char text[INET6_ADDRSTRLEN];
  inet_ntop(endpoint.is_v6 ? AF_INET6 : AF_INET, endpoint.ip.data(), text, sizeof text);
  return member_address(text, port);
}

}  // namespace

PortChoice PortChoice::parse(std::string_view text) {
  PortChoice choice;
  choice.number = parse_port(text);
  if (choice.number == 0) choice.name = text;
  return choice;
}

Result<std::uint16_t> PortChoice::of(const Slice& slice) const {
  if (number != 0) return number;
  const SlicePort* only = nullptr;
  std::size_t count = 0;
  for (const SlicePort& port : slice.ports) {
    if (!port.tcp || port.number == 0) continue;
    if (port.name == (name.empty() ? "pinnate" : name)) return port.number;
    only = &port, count++;
  }
  if (!name.empty()) return {PINNATE_NOT_FOUND, "slice " + slice.name + " has no TCP port called '" + name + "'"};
  if (count == 1) return only->number;
  if (count == 0) return {PINNATE_NOT_FOUND, "slice " + slice.name + " names no TCP port: say its number"};
  return {PINNATE_NOT_FOUND, "slice " + slice.name + " has " + std::to_string(count) +
                                 " TCP ports and none of them is called 'pinnate': say which"};
}

bool SlicePage::read(std::string& json) {
  SliceVisitor visitor(SliceVisitor::kList);
  if (!visitor.read(json) || visitor.list_version.empty()) return false;
  version = std::move(visitor.list_version);
  next = std::move(visitor.next);
  slices = std::move(visitor.slices);
  return true;
}

bool SliceEvent::read(std::string& json) {
  SliceVisitor visitor(SliceVisitor::kEvent);
  if (!visitor.read(json)) return false;
  constexpr std::pair<std::string_view, Type> kTypes[] = {{"ADDED", Type::added},
                                                          {"MODIFIED", Type::modified},
                                                          {"DELETED", Type::deleted},
                                                          {"BOOKMARK", Type::bookmark},
                                                          {"ERROR", Type::error}};
  type = Type::unknown;
  for (const auto& [word, meaning] : kTypes)
    if (visitor.type == word) type = meaning;
  version = std::move(visitor.version);
  slice = std::move(visitor.slice);
  code = visitor.code;
  message = std::move(visitor.message);
  return !visitor.type.empty();
}

std::string status_message(std::string json) {
  SliceVisitor visitor(SliceVisitor::kSlice);
  return visitor.read(json) ? visitor.message : "";
}

void SliceSet::remove(const std::string& name) {
  const auto found = slices_.find(name);
  if (found == slices_.end()) return;
  parts_ -= 1 + found->second.endpoints.size();
  slices_.erase(found);
}

bool SliceSet::put(Slice slice, const PortChoice& choice) {
  remove(slice.name);
  Kept kept;
  if (slice.address_type == "IPv4" || slice.address_type == "IPv6") kept.endpoints = std::move(slice.endpoints);
  kept.endpoints.shrink_to_fit();
  if (!kept.endpoints.empty()) {
    if (Result<std::uint16_t> port = choice.of(slice); port.ok()) {
      kept.port = *port;
    } else {
      kept.trouble = port.status().message();
    }
  }
  if (parts_ + 1 + kept.endpoints.size() > kMostParts) return false;
  parts_ += 1 + kept.endpoints.size();
  slices_.emplace(std::move(slice.name), std::move(kept));
  return true;
}

Naming SliceSet::naming(const std::string& who) const {
  using Member = std::tuple<bool, std::array<std::uint8_t, 16>, std::uint16_t, bool>;
  std::vector<Member> members;
  Naming naming;
  for (const auto& [name, kept] : slices_) {
    if (naming.why.empty()) naming.why = kept.trouble;
    if (kept.port == 0) continue;
    for (const SliceEndpoint& endpoint : kept.endpoints)
      members.emplace_back(endpoint.is_v6, endpoint.ip, kept.port, endpoint.terminating);
  }
  // An endpoint may be in two slices for a while, when it moves between them, or when its address
  // was given to another Pod: it ends only where all say so, and of two the first says that it does
  // not.
  std::sort(members.begin(), members.end());
  const auto same = [](const Member& a, const Member& b) {
    return std::get<0>(a) == std::get<0>(b) && std::get<1>(a) == std::get<1>(b) && std::get<2>(a) == std::get<2>(b);
  };
  members.erase(std::unique(members.begin(), members.end(), same), members.end());
  if (!naming.why.empty()) {
    naming.why = who + ": " + naming.why;
    naming.answer = members.empty() ? Naming::Answer::failed : Naming::Answer::incomplete;
  } else if (members.size() > kMostAddresses) {
    naming.why = who + " has " + std::to_string(members.size()) + " members, of which " +
                 std::to_string(kMostAddresses) + " are named";
    naming.answer = Naming::Answer::incomplete;
  } else if (members.empty()) {
    naming.why = who + " has no endpoints";
  }
  members.resize(std::min(members.size(), kMostAddresses));
  for (const auto& [is_v6, ip, port, terminating] : members) {
    naming.addresses.push_back(slice_address({ip, is_v6, terminating}, port));
    if (terminating) naming.terminating.push_back(naming.addresses.back());
  }
  return naming;
}

}  // namespace pinnate::discovery
