#include "process_memory.h"

#include <fstream>
#include <stdexcept>
#include <string>

namespace bench {
namespace {

std::uint64_t field(pid_t pid, const char* file, const std::string& name) {
  const std::string path = "/proc/" + std::to_string(pid) + "/" + file;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);)
    if (line.rfind(name + ":", 0) == 0) return std::stoull(line.substr(name.size() + 1)) * 1024;
  throw std::runtime_error(path + " has no " + name);
}

}  // namespace

std::uint64_t peak_bytes(pid_t pid) { return field(pid, "status", "VmHWM"); }

Shares share_bytes(pid_t pid) { return {field(pid, "smaps_rollup", "Pss"), field(pid, "smaps_rollup", "Rss")}; }

}  // namespace bench
