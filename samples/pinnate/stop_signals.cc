#include "stop_signals.h"

#include "exit_code.h"

#include <pthread.h>
#include <unistd.h>
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

}  // namespace

StopSignals::StopSignals() {
  const sigset_t set = stop_set();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  // Whoever reads our lines may go away; that is no reason to take a tier down.
  std::signal(SIGPIPE, SIG_IGN);
}

void StopSignals::wait() {
  const sigset_t set = stop_set();
  int received = 0;
  while (sigwait(&set, &received) != 0) {
  }
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
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
