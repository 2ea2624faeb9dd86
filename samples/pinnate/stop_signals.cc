#include "stop_signals.h"

#include "exit_code.h"

#include <pthread.h>
#include <semaphore.h>
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

sem_t told;  // by the handler of a signal

}  // namespace

StopSignals::StopSignals() {
  sem_init(&told, 0, 0);
  struct sigaction action {};
  action.sa_flags = SA_RESTART;
  action.sa_handler = [](int) {
    const int error = errno;
    sem_post(&told);
    errno = error;
  };
  for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
  // Whoever reads our lines may go away; that is no reason to take a tier down.
  action.sa_handler = [](int) {};
  sigaction(SIGPIPE, &action, nullptr);
}

void StopSignals::wait() {
  while (sem_wait(&told) != 0) {
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
