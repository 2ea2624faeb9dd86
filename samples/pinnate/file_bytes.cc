#include "file_bytes.h"

#include "exit_code.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace cli {

namespace {

struct CloseFile {
  void operator()(std::FILE* file) const {
    if (file != stdin) std::fclose(file);
  }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

[[noreturn]] void fail(ExitCode code, const char* what, const std::string& path, int error) {
  throw Failure(code, std::string(what) + " '" + path + "': " + std::strerror(error));
}

[[noreturn]] void fail_to_read(const std::string& path, int error) {
  fail(error == ENOENT ? ExitCode::kNotFound : ExitCode::kUsage, "cannot read", path, error);
}

}  // namespace

std::string file_bytes(const std::string& path, std::size_t limit_bytes) {
  const File file(path == "-" ? stdin : std::fopen(path.c_str(), "rbe"));
  if (!file) fail_to_read(path, errno);
  std::string bytes;
  char part[64 * 1024];
  std::size_t count = 0;
  while ((count = std::fread(part, 1, sizeof part, file.get())) != 0) {
    bytes.append(part, count);
    // Some never end.
    if (bytes.size() > limit_bytes) {
      throw Failure(ExitCode::kRefused, "'" + path + "' has more than " + std::to_string(limit_bytes) + " bytes, which is the most");
    }
  }
  if (std::ferror(file.get()) != 0) fail_to_read(path, errno);
  return bytes;
}

void write_file(const std::string& path, std::string_view bytes) {
  File file(std::fopen(path.c_str(), "wbe"));
  if (!file) fail(ExitCode::kUsage, "cannot write", path, errno);
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), file.get()) == bytes.size();
  const int error = errno;
  if (!written || std::fclose(file.release()) != 0) fail(ExitCode::kFailed, "cannot write", path, written ? errno : error);
}

}  // namespace cli
