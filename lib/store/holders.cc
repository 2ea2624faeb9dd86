#include "store/holders.h"

#include "base/words.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

namespace pinnate::store {
namespace {

namespace fs = std::filesystem;

constexpr int kDescriptorsSeen = 100000, kNamed = 3;

int number_of(const fs::path& path) {
  const std::string text = path.filename();
  int number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : -1;
}

std::string process_named(int process) {
  std::string name;
  std::getline(std::ifstream("/proc/" + std::to_string(process) + "/comm"), name);
  return "process " + std::to_string(process) + (name.empty() ? "" : " (" + one_line(name, 32) + ")");
}

std::string holders(const std::function<bool(const struct stat&)>& is_it, int besides) {
  std::string words;
  int left = kDescriptorsSeen, named_so_far = 0;
  std::error_code gone;  // processes and descriptors end meanwhile
  for (fs::directory_iterator process("/proc", gone), end; process != end && !gone; process.increment(gone)) {
    const int id = number_of(process->path());
    std::error_code hidden;
    if (id < 0) continue;
    for (fs::directory_iterator open(process->path() / "fd", hidden); open != end && !hidden; open.increment(hidden)) {
      struct stat st {};
      if (left-- <= 0) return words;
      if (id == ::getpid() && number_of(open->path()) == besides) continue;
      if (::stat(open->path().c_str(), &st) != 0 || !is_it(st)) continue;
      if (named_so_far++ >= kNamed) return words + ", and others";
      words += (words.empty() ? "" : ", ") + (id == ::getpid() ? "another handle of this process" : process_named(id));
      break;
    }
  }
  return words;
}

// The field of that number, from 0 on, of the first line that `is_it`.
std::uint64_t field_of(const char* table, std::size_t field,
                       const std::function<bool(const std::vector<std::string>& fields)>& is_it) {
  std::ifstream lines(table);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::vector<std::string> fields;
    for (std::string word; words >> word;) fields.push_back(word);
    if (fields.size() > field && is_it(fields)) return std::strtoull(fields[field].c_str(), nullptr, 10);
  }
  return 0;
}

std::string holders_of_socket(std::uint64_t inode) {
  if (inode == 0) return "";
  return holders([&](const struct stat& st) { return S_ISSOCK(st.st_mode) && st.st_ino == inode; }, -1);
}

}  // namespace

std::string holders_of(const FileId& file, int besides) {
  return holders([&](const struct stat& st) { return FileId{st.st_dev, st.st_ino} == file; }, besides);
}

std::string holders_of_listener(const std::string& unix_path) {
  return holders_of_socket(field_of("/proc/net/unix", 6, [&](const auto& fields) {
    return fields.size() > 7 && fields[3] == "00010000" && fields[7] == unix_path;
  }));
}

std::string holders_of_listener(std::uint16_t tcp_port) {
  char port[8];
  std::snprintf(port, sizeof port, ":%04X", static_cast<unsigned>(tcp_port));
  std::uint64_t inode = 0;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"})
    if (inode == 0)
      inode = field_of(table, 9, [&](const auto& fields) { return fields[3] == "0A" && fields[1].ends_with(port); });
  return holders_of_socket(inode);
}

}  // namespace pinnate::store
