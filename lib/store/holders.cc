#include "store/holders.h"

#include "base/words.h"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

namespace pinnate::store {
namespace {

constexpr int kDescriptorsSeen = 100000, kNamed = 3;
constexpr dev_t kSockets = 0;  // whatever the number of their device is

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;
File open_table(const std::string& path) { return {std::fopen(path.c_str(), "re"), &std::fclose}; }

// Calls `see` with each entry of a folder whose name is a number, until it returns false.
template <typename See>
void each_number(const std::string& path, See see) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), &::closedir);
  for (const dirent* entry = nullptr; folder && (entry = ::readdir(folder.get()));)
    if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9' && !see(std::atoi(entry->d_name))) return;
}

std::string process_named(int process) {
  if (process == ::getpid()) return "another handle of this process";
  char name[64] = "";
  const File comm = open_table("/proc/" + std::to_string(process) + "/comm");
  if (!comm || !std::fgets(name, sizeof name, comm.get())) name[0] = '\0';
  const std::string_view shown(name);
  return "process " + std::to_string(process) + " (" + one_line(shown.substr(0, shown.find('\n')), 32) + ")";
}

}  // namespace

std::string holders_of(const FileId& file, int besides) {
  std::string words;
  int left = kDescriptorsSeen, found = 0;
  each_number("/proc", [&](int process) {
    const std::string open = "/proc/" + std::to_string(process) + "/fd/";
    bool holds = false;
    each_number(open, [&](int fd) {
      struct stat st {};
      holds = !(process == ::getpid() && fd == besides) && ::stat((open + std::to_string(fd)).c_str(), &st) == 0 &&
              st.st_ino == file.number && (file.device == kSockets ? S_ISSOCK(st.st_mode) : st.st_dev == file.device);
      return !holds && --left > 0;
    });
    if (holds) words += (words.empty() ? "" : ", ") + process_named(process);
    found += holds;
    return found < kNamed && left > 0;
  });
  return words;
}

std::string holders_of_listener(const std::string& unix_path) {
  char line[256], path[128];
  unsigned long inode = 0, listens = 0;
  for (const File table = open_table("/proc/net/unix"); table && std::fgets(line, sizeof line, table.get());)
    if (std::sscanf(line, "%*s %*s %*s %lx %*s %*s %lu %127[^\n]", &listens, &inode, path) == 3 && listens == 0x10000 &&
        path == unix_path)
      return holders_of({kSockets, inode}, -1);
  return "";
}

std::string holders_of_listener(std::uint16_t tcp_port) {
  char line[256];
  unsigned port = 0, state = 0;
  unsigned long inode = 0;
  for (const char* name : {"/proc/net/tcp", "/proc/net/tcp6"})
    for (const File table = open_table(name); table && std::fgets(line, sizeof line, table.get());)
      if (std::sscanf(line, "%*s %*[^:]:%x %*s %x %*s %*s %*s %*s %*s %lu", &port, &state, &inode) == 3 &&
          port == tcp_port && state == 10)
        return holders_of({kSockets, inode}, -1);
  return "";
}

}  // namespace pinnate::store
