// A controller and what is below it, each tier in a process of its own; the engines share one.
#pragma once

#include "child.h"
#include "working_folder.h"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace bench {

class Fleet {
 public:
  // `state`: where the controller's folder is made, "" for the temporary folder. `patience_s`: how
  // long any one step may take.
  Fleet(const std::string& state, double patience_s);

  // "tcp" or "unix"; `upstream` "" is the controller. Returns the gateway's address.
  std::string add_gateway(const std::string& transport, const std::string& upstream = "");
  void open_engines(std::size_t count, std::vector<std::string> upstreams = {});  // none: the controller
  void open_engine_with_folder();  // one more, in the process of the others, directly below the controller
  std::string listen_address(const std::string& transport);  // an address to listen at, of nobody else
  void wait_online();

  // Has release `number` ("1.0.NUMBER") published, and waits for the acknowledgement.
  struct Published {
    std::int64_t called_ns, acknowledged_ns;
    double prepare_s, durable_s;
  };
  Published publish(const std::string& loader, std::size_t number, std::size_t bytes);
  void wait_serving(std::size_t release);

  Child& controller() { return *controller_; }
  Child& engines() { return *engines_; }
  const std::vector<std::unique_ptr<Child>>& gateways() const { return gateways_; }
  double patience() const { return patience_s_; }

 private:
  const double patience_s_;
  WorkingFolder folder_;
  std::unique_ptr<Child> controller_;
  std::string controller_address_;
  std::vector<std::unique_ptr<Child>> gateways_;
  std::unique_ptr<Child> engines_;
  std::size_t engine_count_ = 0, sockets_ = 0;
};

}  // namespace bench
