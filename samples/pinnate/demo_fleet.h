// A whole fleet on this machine, each tier a process of its own: a controller, node gateways that
// dial it over TCP, and below them, over UNIX sockets, container gateways and engines. Its files
// are in a temporary folder.
#pragma once

#include "child_process.h"
#include "session.h"
#include "terminal.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace cli {

struct DemoShape {
  unsigned nodes = 2;
  unsigned clusters = 2;  // per node
  unsigned engines = 3;  // per cluster

  unsigned gateway_count() const { return nodes + nodes * clusters; }
  unsigned engine_count() const { return nodes * clusters * engines; }
};

class DemoFleet {
 public:
  // Starts all processes and returns when every gateway listens; engines may still be on their way
  // in.
  DemoFleet(const DemoShape& shape, std::stop_token stop);
  ~DemoFleet();  // takes down what still runs, and removes the folder
  DemoFleet(const DemoFleet&) = delete;
  DemoFleet& operator=(const DemoFleet&) = delete;

  const std::string& address() const { return address_; }  // of the controller
  std::string engine_id(unsigned number) const;  // from 1
  std::size_t process_count() const;

  // Throws Failure when a process has ended that should not have.
  void check_alive();
  // Ends every process, leaves first. Throws Failure when one does not end cleanly.
  void take_down();

 private:
  using Rank = std::vector<std::unique_ptr<ChildProcess>>;

  void start_all(std::stop_token stop);
  void start(Rank& rank, const std::string& name, std::vector<std::string> arguments, bool lines);
  std::string socket(const std::string& name) const;
  std::string end_rank(Rank& rank);  // returns what went wrong, in words
  void remove();

  DemoShape shape_;
  std::filesystem::path folder_;
  std::string address_;
  Rank controller_, nodes_, clusters_, engines_;
};

}  // namespace cli
