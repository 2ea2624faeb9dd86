#include "discovery/containers/docker_api.h"

#include "discovery/http/json.h"

#include <algorithm>
#include <utility>

namespace pinnate::discovery {
namespace {

class ContainerVisitor final : public JsonVisitor {
 public:
  ContainerVisitor(ContainerList* list, const std::string& network) : list_(list), network_(network) {}
  bool read(std::string& json) { return JsonVisitor::read(json, kContainers) && is_list_; }

 private:
  enum At : Place { kNone = kNowhere, kContainers, kContainer, kSettings, kNetworks, kNetwork, kIp };

  Place member(Place object, std::string_view key) override {
    switch (object) {
      case kContainer:
        return key == "NetworkSettings" ? kSettings : kNone;
      case kSettings:
        return key == "Networks" ? kNetworks : kNone;
      case kNetworks:
        return network_.empty() || key == network_ ? kNetwork : kNone;
      case kNetwork:
        return key == "IPAddress" || key == "GlobalIPv6Address" ? kIp : kNone;
      default:
        return kNone;
    }
  }
  Place element(Place array) override {
    if (array == kContainers) is_list_ = true;
    return array == kContainers ? kContainer : kNone;
  }
  void begin(Place object) override {
    if (object == kContainer) before_ = list_->ips.size();
  }
  void end(Place object) override {
    if (object != kContainer) return;
    list_->containers++;
    if (list_->ips.size() == before_) list_->apart++;
  }
  void text(Place place, std::string_view value) override {
    if (place == kIp && !value.empty()) list_->ips.emplace_back(value);
  }

  ContainerList* list_;
  const std::string& network_;
  std::size_t before_ = 0;
  bool is_list_ = false;
};

// A few texts of one object.
class TextVisitor final : public JsonVisitor {
 public:
  explicit TextVisitor(std::initializer_list<std::string_view> keys) : keys_(keys), values(keys.size()) {}
  bool read(std::string& json) { return JsonVisitor::read(json, 1); }

 private:
  Place member(Place object, std::string_view key) override {
    const auto found = std::find(keys_.begin(), keys_.end(), key);
    if (object != 1 || found == keys_.end()) return kNowhere;
    return static_cast<Place>(2 + (found - keys_.begin()));
  }
  Place element(Place) override { return kNowhere; }
  void text(Place place, std::string_view value) override {
    if (place >= 2) values[place - 2u] = value;
  }

  const std::vector<std::string_view> keys_;

 public:
  std::vector<std::string> values;
};

void append_text(std::string* json, std::string_view text) {
  *json += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') *json += '\\';
    *json += c;
  }
  *json += '"';
}

}  // namespace

bool ContainerList::read(std::string& json, const std::string& network) {
  return ContainerVisitor(this, network).read(json);
}

bool changes_containers(std::string& event) {
  TextVisitor visitor{"Type", "Action"};
  if (!visitor.read(event)) return false;
  const std::string &type = visitor.values[0], &action = visitor.values[1];
  if (type == "network") return action == "connect" || action == "disconnect";
  // podman says "remove" where Docker says "destroy".
  constexpr std::string_view kActions[] = {"start", "restart", "die",     "stop",  "kill",
                                           "pause", "unpause", "destroy", "remove"};
  return type == "container" && std::find(std::begin(kActions), std::end(kActions), action) != std::end(kActions);
}

std::string least_api_version(std::string json) {
  TextVisitor visitor{"MinAPIVersion"};
  if (!visitor.read(json)) return "";
  const std::string& version = visitor.values[0];
  return version.size() <= 16 && version.find_first_not_of("0123456789.") == std::string::npos ? version : "";
}

std::string error_message(std::string json) {
  TextVisitor visitor{"message"};
  return visitor.read(json) ? visitor.values[0] : "";
}

std::string filters_json(const std::vector<DockerFilter>& filters) {
  std::string json = "{";
  for (const DockerFilter& filter : filters) {
    if (json.size() > 1) json += ',';
    append_text(&json, filter.key);
    json += ":[";
    for (const std::string& value : filter.values) {
      if (json.back() != '[') json += ',';
      append_text(&json, value);
    }
    json += ']';
  }
  return json + "}";
}

}  // namespace pinnate::discovery
