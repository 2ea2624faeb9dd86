#include "child_process.h"

#include "shown_text.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>

namespace cli {

namespace {

[[noreturn]] void fail(const std::string& what) {
  throw Failure(ExitCode::kFailed, what + ": " + std::strerror(errno));
}

int milliseconds_until(Deadline deadline, int at_most) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::chrono::milliseconds::rep>(left.count() + 1, 0, at_most));
}

// Between fork and exec only what is safe after a fork of a process with threads.
[[noreturn]] void become(char* const* arguments, int out, int log, pid_t parent) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(1);  // it died before the line above could tell us
  setpgid(0, 0);  // the parent gets Ctrl-C, and takes us down in order
  const int nothing = open("/dev/null", O_RDONLY);
  if (nothing >= 0) dup2(nothing, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  execv("/proc/self/exe", arguments);
  _exit(127);
}

}  // namespace

ChildProcess::ChildProcess(std::string name, const std::vector<std::string>& arguments, std::string log, bool lines)
    : name_(std::move(name)), log_(std::move(log)) {
  std::vector<std::string> words{"pinnate"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);

  const int log_fd = open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log_fd < 0) fail("cannot write '" + log_ + "'");
  std::array<int, 2> pipe_fds{-1, -1};
  if (lines && pipe2(pipe_fds.data(), O_CLOEXEC) != 0) {
    close(log_fd);
    fail("cannot make a pipe");
  }
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) become(pointers.data(), lines ? pipe_fds[1] : log_fd, log_fd, parent);
  close(log_fd);
  if (lines) close(pipe_fds[1]);
  out_ = pipe_fds[0];
  if (pid_ < 0) {
    if (out_ >= 0) close(out_);
    fail("cannot start a process");
  }
}

ChildProcess::~ChildProcess() {
  if (!reaped()) {
    kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  if (out_ >= 0) close(out_);
}

std::optional<std::string> ChildProcess::next_line(Deadline until) {
  for (;;) {
    const std::size_t end = unread_.find('\n');
    if (end != std::string::npos) {
      std::string line = unread_.substr(0, end);
      unread_.erase(0, end + 1);
      return line;
    }
    pollfd readable{out_, POLLIN, 0};
    if (out_ended_ || poll(&readable, 1, milliseconds_until(until, 100)) <= 0) return std::nullopt;
    char part[4096];
    const ssize_t count = read(out_, part, sizeof part);
    if (count > 0) unread_.append(part, static_cast<std::size_t>(count));
    if (count == 0) out_ended_ = true;
  }
}

std::string ChildProcess::await_line(const std::string& prefix, std::stop_token stop, Deadline deadline) {
  for (;;) {
    if (const auto line = next_line(deadline)) {
      if (line->starts_with(prefix)) return line->substr(prefix.size());
      continue;
    }
    if (stop.stop_requested()) throw Failure(ExitCode::kInterrupted, "interrupted");
    if (out_ended_) {
      const std::string how = await_end(deadline_after(std::chrono::seconds(5))).value_or("it closed its stdout");
      throw Failure(ExitCode::kFailed,
                    name_ + " did not start: " + (how.empty() ? "it ended" : how) + "\n" + log_tail());
    }
    if (std::chrono::steady_clock::now() >= deadline) {
      throw Failure(ExitCode::kTimeout, name_ + " did not start in time\n" + log_tail());
    }
  }
}

void ChildProcess::terminate() {
  if (!reaped()) kill(pid_, SIGTERM);
}

std::optional<std::string> ChildProcess::reaped() {
  if (end_) return end_;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  if (WIFSIGNALED(status)) {
    end_ =
        std::string("ended by signal ") + std::to_string(WTERMSIG(status)) + " (" + strsignal(WTERMSIG(status)) + ")";
  } else {
    end_ = WEXITSTATUS(status) == 0 ? "" : "ended with exit code " + std::to_string(WEXITSTATUS(status));
  }
  return end_;
}

std::optional<std::string> ChildProcess::await_end(Deadline deadline) {
  // Readable when the process ends. Kernels without it (before 5.3) make us look again now and
  // then.
  const int ended = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  while (!reaped() && std::chrono::steady_clock::now() < deadline) {
    pollfd readable{ended, POLLIN, 0};
    poll(&readable, 1, milliseconds_until(deadline, ended < 0 ? 20 : 1000));
  }
  if (ended >= 0) close(ended);
  return end_;
}

std::string ChildProcess::log_tail() const {
  constexpr std::size_t kLines = 8;
  std::ifstream file(log_);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  std::string text;
  for (std::size_t i = lines.size() > kLines ? lines.size() - kLines : 0; i < lines.size(); ++i) {
    text += "  " + name_ + ": " + shown(lines[i]) + "\n";
  }
  return text;
}

}  // namespace cli
