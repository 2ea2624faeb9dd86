#include "fleet.h"

namespace bench {

Fleet::Fleet(const std::string& state, double patience_s)
    : patience_s_(patience_s),
      folder_(state),
      controller_(std::make_unique<Child>("the controller", "",
                                          std::vector<std::string>{"child", "controller", folder_.file("state")})),
      controller_address_(controller_->hear("ready", patience_s_).at(0)) {}

std::string Fleet::listen_address(const std::string& transport) {
  if (transport == "tcp") return "tcp://127.0.0.1:0";
  return "unix:" + folder_.file("socket-" + std::to_string(sockets_++));
}

std::string Fleet::add_gateway(const std::string& transport, const std::string& upstream) {
  const std::string id = "gateway-" + std::to_string(gateways_.size());
  gateways_.push_back(std::make_unique<Child>(
      id, "",
      std::vector<std::string>{"child", "gateway", id, upstream.empty() ? controller_address_ : upstream,
                               listen_address(transport)}));
  return gateways_.back()->hear("ready", patience_s_).at(0);
}

void Fleet::open_engines(std::size_t count, std::vector<std::string> upstreams) {
  if (upstreams.empty()) upstreams.push_back(controller_address_);
  std::vector<std::string> arguments{"child", "engines", std::to_string(count)};
  arguments.insert(arguments.end(), upstreams.begin(), upstreams.end());
  engine_count_ = count;
  engines_ = std::make_unique<Child>("the engines", "", arguments);
  engines_->hear("ready", patience_s_);
}

void Fleet::open_engine_with_folder() {
  engines_->ask({"open-with-folder", controller_address_, folder_.file("engine")}, "ready", patience_s_);
  engine_count_++;
}

void Fleet::wait_online() {
  controller_->ask({"online", std::to_string(engine_count_), std::to_string(gateways_.size())}, "online", patience_s_);
}

Fleet::Published Fleet::publish(const std::string& loader, std::size_t number, std::size_t bytes) {
  controller_->ask({"content", std::to_string(number - 1), std::to_string(bytes)}, "made", patience_s_);
  const auto words = controller_->ask({"publish", loader, std::to_string(number)}, "published", patience_s_);
  return {std::stoll(words.at(0)), std::stoll(words.at(1)), std::stod(words.at(2)) / 1e6, std::stod(words.at(3)) / 1e6};
}

void Fleet::wait_serving(std::size_t release) {
  controller_->ask({"serving", std::to_string(release), std::to_string(engine_count_)}, "serving", patience_s_);
}

}  // namespace bench
