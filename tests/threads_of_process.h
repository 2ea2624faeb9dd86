// The threads of this process, by name.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

// Whether the kernel is taking it away (PF_EXITING, proc(5)): one that was joined is still listed
// for a moment.
inline bool exiting(const std::filesystem::path& stat_file) {
  std::ifstream stat(stat_file);
  std::string text;
  std::getline(stat, text);
  std::istringstream fields(text.substr(std::min(text.size(), text.rfind(')') + 1)));
  std::string skipped;
  for (int i = 0; i < 6; i++) fields >> skipped;
  unsigned long flags = 0;
  return !(fields >> flags) || (flags & 4) != 0;
}

inline int threads_named(const std::string& name) {
  int count = 0;
  std::error_code gone;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", gone)) {
    std::ifstream comm(task.path() / "comm");
    std::string line;
    std::getline(comm, line);
    if (line == name && !exiting(task.path() / "stat")) count++;
  }
  return count;
}
