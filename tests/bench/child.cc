#include "child.h"

#include "clock.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <sstream>

namespace bench {
namespace {

volatile sig_atomic_t interrupted = 0;

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

}  // namespace

void notice_interrupts() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = 1; };
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

Child::Child(std::string name, const std::string& program, const std::vector<std::string>& arguments)
    : name_(std::move(name)) {
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) != 0) fail("pipe");
  if (pipe2(out, O_CLOEXEC) != 0) {
    close(in[0]), close(in[1]);
    fail("pipe");
  }
  const std::string path = program.empty() ? "/proc/self/exe" : program;
  std::vector<std::string> words{program.empty() ? "pinnate-bench" : program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_ = fork();
  if (pid_ == 0) {
    dup2(in[0], 0);
    dup2(out[1], 1);
    signal(SIGINT, SIG_IGN);  // of a terminal: it is the parent who ends us
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execv(path.c_str(), argv.data());
    _exit(127);
  }
  close(in[0]), close(out[1]);
  to_ = in[1], from_ = out[0];
  if (pid_ < 0) {
    close(to_), close(from_);
    fail("fork");
  }
}

Child::~Child() {
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  close(to_), close(from_);
}

void Child::tell(const std::vector<std::string>& command) {
  std::string line;
  for (const std::string& word : command) line += (line.empty() ? "" : " ") + word;
  line += '\n';
  for (std::size_t at = 0; at < line.size();) {
    const ssize_t n = write(to_, line.data() + at, line.size() - at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;  // it has died: hear() says so
    at += static_cast<std::size_t>(n);
  }
}

std::vector<std::string> Child::hear(const std::string& expected, double seconds) {
  std::istringstream line(read_line(seconds));
  std::string first, word;
  line >> first;
  if (first != expected) {
    std::string rest;
    std::getline(line >> std::ws, rest);
    throw std::runtime_error(
        name_ + ": " + (first == "error" ? rest : "said '" + first + " " + rest + "' instead of '" + expected + "'"));
  }
  std::vector<std::string> words;
  while (line >> word) words.push_back(word);
  return words;
}

std::vector<std::string> Child::ask(const std::vector<std::string>& command, const std::string& expected,
                                    double seconds) {
  tell(command);
  return hear(expected, seconds);
}

std::string Child::read_line(double seconds) {
  const std::int64_t until = now_ns() + static_cast<std::int64_t>(seconds * 1e9);
  for (;;) {
    if (interrupted) throw Interrupted();
    if (const std::size_t end = unread_.find('\n'); end != std::string::npos) {
      std::string line = unread_.substr(0, end);
      unread_.erase(0, end + 1);
      return line;
    }
    const std::int64_t left_ms = (until - now_ns()) / 1'000'000;
    if (left_ms <= 0)
      throw std::runtime_error(name_ + ": no answer for " + std::to_string(static_cast<int>(seconds)) + " s");
    pollfd p{from_, POLLIN, 0};
    if (poll(&p, 1, static_cast<int>(std::min<std::int64_t>(left_ms, 1000))) <= 0) continue;
    char bytes[4096];
    const ssize_t n = read(from_, bytes, sizeof bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw std::runtime_error(name_ + ": ended without an answer");
    unread_.append(bytes, static_cast<std::size_t>(n));
  }
}

}  // namespace bench
