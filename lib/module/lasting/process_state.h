// What belongs to the process and a module may change. It is looked at and never put back: who else
// counts on the change is not known here.
#pragma once

#include <sys/types.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <string>
#include <vector>

namespace pinnate::module {

inline constexpr int kSignals = 65;  // SIGRTMAX is 64

// The handler of a signal: SIG_DFL, SIG_IGN or a function, as an address; and its flags.
struct SignalHandler {
  std::uintptr_t function = 0;
  int flags = 0;
  bool operator==(const SignalHandler&) const = default;
};
using SignalHandlers = std::array<SignalHandler, kSignals>;
SignalHandlers signal_handlers();
std::string signal_name(int signal);

class ProcessState {
 public:
  // To ask for the umask costs more than all the rest.
  static ProcessState now(bool with_umask);
  // "the handler of SIGINT", "the locale (C, now de_DE.UTF-8)", ...
  std::vector<std::string> changed_since(const ProcessState& before) const;
  bool has_umask() const { return !umask_.empty(); }

 private:
  SignalHandlers handlers_{};
  std::string locale_, folder_, umask_;
};

}  // namespace pinnate::module
