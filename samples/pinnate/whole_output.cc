#include "whole_output.h"

#include "log_line.h"

#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

namespace cli {

namespace {

constexpr std::size_t kKeptBytes = 256 * 1024;

class Writer {
 public:
  explicit Writer(int fd) : fd_(fd) {
    // Signals are for the threads that wait for them.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      std::thread([this] { run(); }).detach();
    } catch (const std::system_error&) {
      threaded_ = false;
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  void add(std::string text) {
    const std::lock_guard lock(mutex_);
    if (!threaded_) {
      write_fully(text);
      return;
    }
    // After a gap there has to be some room, or every other text would be told as missing.
    if (!kept_.empty() && kept_bytes_ + text.size() > (dropped_ != 0 ? kKeptBytes / 2 : kKeptBytes)) {
      ++dropped_;
      return;
    }
    kept_bytes_ += text.size();
    kept_.push_back({std::exchange(dropped_, 0), std::move(text)});
    changed_.notify_all();
  }

  Written finish(std::chrono::steady_clock::time_point until) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_until(lock, until, [this] { return kept_.empty() && !writing_; })) return Written::not_yet;
    return complete_ ? Written::all : Written::in_part;
  }

 private:
  struct Kept {
    std::size_t dropped_before;
    std::string text;
  };

  [[noreturn]] void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return !kept_.empty(); });
      writing_ = true;
      while (!kept_.empty()) {
        const Kept next = std::move(kept_.front());
        kept_.pop_front();
        lock.unlock();
        missing_ += next.dropped_before;
        if (!tell_missing() || !write_fully(next.text)) ++missing_;
        lock.lock();
        kept_bytes_ -= next.text.size();
      }
      missing_ += std::exchange(dropped_, 0);
      lock.unlock();
      tell_missing();
      lock.lock();
      writing_ = false;
      changed_.notify_all();
    }
  }

  // False: it could not be said, and neither can anything else now.
  bool tell_missing() {
    if (missing_ == 0) return true;
    complete_ = false;
    if (!write_fully(log_text(PINNATE_LOG_WARNING, std::to_string(missing_) +
                                                       (missing_ == 1 ? " line is" : " lines are") +
                                                       " missing here, as they could not be written"))) {
      return false;
    }
    missing_ = 0;
    return true;
  }

  bool write_fully(std::string_view text) {
    const std::string mended = torn_ ? "\n" + std::string(text) : std::string();
    std::string_view left = torn_ ? mended : text;
    while (!left.empty()) {
      const ssize_t written = write(fd_, left.data(), left.size());
      if (written >= 0) {
        left.remove_prefix(static_cast<std::size_t>(written));
      } else if (errno == EAGAIN) {
        pollfd writable{fd_, POLLOUT, 0};
        poll(&writable, 1, -1);
      } else if (errno != EINTR) {
        if (left.size() < text.size()) torn_ = true;
        return false;
      }
    }
    torn_ = false;
    return true;
  }

  const int fd_;
  bool threaded_ = true;  // where no thread could be had, it may block after all
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Kept> kept_;
  std::size_t kept_bytes_ = 0;  // with what is being written
  std::size_t dropped_ = 0;  // since the last that was kept
  bool writing_ = false;
  // Of the thread, while writing_.
  std::size_t missing_ = 0;  // here
  bool torn_ = false;  // the last text was written in part
  bool complete_ = true;
};

bool same_file(int a, int b) {
  struct stat first, second;
  return fstat(a, &first) == 0 && fstat(b, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

// They are there until the process ends, as is whoever may still write to them.
Writer& writer_of(Output output) {
  static Writer* const out = new Writer(STDOUT_FILENO);
  // In one file, or on one terminal, what was written first comes first.
  static Writer* const err = same_file(STDOUT_FILENO, STDERR_FILENO) ? out : new Writer(STDERR_FILENO);
  return output == Output::out ? *out : *err;
}

}  // namespace

void write_whole(Output to, std::string text) { writer_of(to).add(std::move(text)); }

Written finish_output(std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  const Written out = writer_of(Output::out).finish(until);
  return std::max(out, writer_of(Output::err).finish(until));
}

}  // namespace cli
