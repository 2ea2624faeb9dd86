#include "discovery/fixed/fixed.h"

#include "discovery/source/listed.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

namespace pinnate::discovery {
namespace {

constexpr std::int64_t kLookMs = 1000;
constexpr std::size_t kFileBytes = 8 * 1024 * 1024;

// A file is looked at each second. Where that is a link to another folder, as in a volume of
// Kubernetes, no change of the file itself is ever seen.
class File final : public Source {
 public:
  File(Loop& loop, std::string path, Say say)
      : path_(std::move(path)), say_(std::move(say)), timer_(loop.timer([this] { look(); })) {
    timer_->set_in(0);
  }

 private:
  struct Stamp {
    ino_t file;
    off_t bytes;
    timespec changed;
    bool operator==(const Stamp& o) const {
      return file == o.file && bytes == o.bytes && changed.tv_sec == o.changed.tv_sec &&
             changed.tv_nsec == o.changed.tv_nsec;
    }
  };

  void look() {
    timer_->set_in(kLookMs);
    Naming naming = read();
    if (said_ && *said_ == naming) return;
    said_ = naming;
    say_(std::move(naming));
  }

  Naming read() {
    struct stat now {};
    if (stat(path_.c_str(), &now) != 0) return failed(std::strerror(errno));
    const Stamp stamp{now.st_ino, now.st_size, now.st_mtim};
    if (said_ && stamp_ && *stamp_ == stamp && said_->answer == Naming::Answer::whole) return *said_;
    if (!S_ISREG(now.st_mode)) return failed("it is not a file");
    if (static_cast<std::size_t>(now.st_size) > kFileBytes) return failed("it is larger than 8 MiB");
    const int fd = open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return failed(std::strerror(errno));
    std::string text(static_cast<std::size_t>(now.st_size) + 1, '\0');
    std::size_t bytes = 0;
    ssize_t got = 0;
    while (bytes < text.size() && (got = ::read(fd, text.data() + bytes, text.size() - bytes)) != 0) {
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) break;
      bytes += static_cast<std::size_t>(got);
    }
    const int error = got < 0 ? errno : 0;
    close(fd);
    if (error != 0) return failed(std::strerror(error));
    text.resize(bytes);
    stamp_ = stamp;
    return parse(text);
  }

  Naming failed(const std::string& why) {
    stamp_.reset();
    return {Naming::Answer::failed, {}, {}, "cannot read " + path_ + ": " + why};
  }

  Naming parse(const std::string& text) {
    Naming naming;
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      std::string line = text.substr(begin, end - begin);
      begin = end + 1;
      line.resize(std::min(line.find('#'), line.size()));
      line.erase(line.find_last_not_of(" \t\r") + 1);
      line.erase(0, line.find_first_not_of(" \t"));
      if (!line.empty()) naming.addresses.push_back(std::move(line));
    }
    if (naming.addresses.empty()) naming.why = path_ + " has no address";
    return naming;
  }

  const std::string path_;
  Say say_;
  std::optional<Naming> said_;
  std::optional<Stamp> stamp_;  // of what was said
  std::unique_ptr<Timer> timer_;
};

}  // namespace

Result<std::unique_ptr<Source>> open_list(const Uri& uri, Loop& loop, Say say) {
  if (Status s = uri.check_options({}); !s.ok()) return s;
  std::vector<std::string> addresses;
  for (std::size_t begin = 0; begin <= uri.rest.size();) {
    const std::size_t end = std::min(uri.rest.find(',', begin), uri.rest.size());
    addresses.push_back(uri.rest.substr(begin, end - begin));
    if (addresses.back().empty()) return uri.wrong("an address is empty");
    begin = end + 1;
  }
  return std::unique_ptr<Source>(std::make_unique<Listed>(loop, std::move(addresses), std::move(say)));
}

Result<std::unique_ptr<Source>> open_file(const Uri& uri, Loop& loop, Say say) {
  if (Status s = uri.check_options({}); !s.ok()) return s;
  if (uri.rest.empty() || uri.rest[0] != '/') return uri.wrong("the path of a file begins with '/'");
  return std::unique_ptr<Source>(std::make_unique<File>(loop, uri.rest, std::move(say)));
}

}  // namespace pinnate::discovery
