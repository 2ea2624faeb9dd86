// The threads of this process, by name.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

inline int threads_named(const std::string& name) {
  int count = 0;
  std::error_code gone;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", gone)) {
    std::ifstream comm(task.path() / "comm");
    std::string line;
    std::getline(comm, line);
    if (line == name) count++;
  }
  return count;
}
