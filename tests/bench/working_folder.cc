#include "working_folder.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace bench {

WorkingFolder::WorkingFolder(std::string parent) {
  if (parent.empty()) {
    const char* temporary = std::getenv("TMPDIR");
    parent = temporary && *temporary ? temporary : "/tmp";
  }
  path_ = parent + "/pinnate-bench-XXXXXX";
  if (!mkdtemp(path_.data()))
    throw std::runtime_error("cannot make a folder in " + parent + ": " + std::strerror(errno));
}

WorkingFolder::~WorkingFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace bench
