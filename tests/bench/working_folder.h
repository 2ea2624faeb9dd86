// A folder for state and sockets, removed with all that is in it.
#pragma once

#include <string>

namespace bench {

class WorkingFolder {
 public:
  // Inside `parent`; when that is "", inside $TMPDIR or /tmp. Throws std::runtime_error.
  explicit WorkingFolder(std::string parent);
  ~WorkingFolder();
  WorkingFolder(const WorkingFolder&) = delete;
  WorkingFolder& operator=(const WorkingFolder&) = delete;

  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace bench
