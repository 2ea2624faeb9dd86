#include "stop_signals.h"

#include "exit_code.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>

namespace cli {

namespace {

sigset_t stop_set() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

int ends[2];  // of the pipe by which a handler wakes who waits

}  // namespace

StopSignals::StopSignals() {
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) throw Failure(ExitCode::kFailed, "no pipe can be made for signals");
  struct sigaction action {};
  action.sa_flags = SA_RESTART;
  action.sa_handler = [](int) {
    const int error = errno;
    if (write(ends[1], "", 1) != 1) errno = error;  // it is full of signals
    errno = error;
  };
  for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
  // Whoever reads our lines may go away; that is no reason to take a tier down.
  action.sa_handler = [](int) {};
  sigaction(SIGPIPE, &action, nullptr);
}

void StopSignals::wait() {
  pollfd told{ends[0], POLLIN, 0};
  while (poll(&told, 1, -1) != 1) {
  }
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

StopOnSignal::StopOnSignal() {
  const sigset_t set = stop_set();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  // When nobody reads on, the work still comes to its orderly end.
  std::signal(SIGPIPE, SIG_IGN);
  thread_ = std::jthread([this](std::stop_token ended) {
    const sigset_t signals = stop_set();
    int received = 0;
    for (;;) {
      if (sigwait(&signals, &received) != 0) continue;
      if (ended.stop_requested()) return;
      if (!source_.request_stop()) _exit(static_cast<int>(ExitCode::kInterrupted));
    }
  });
}

StopOnSignal::~StopOnSignal() {
  thread_.request_stop();
  pthread_kill(thread_.native_handle(), SIGINT);
}

}  // namespace cli
