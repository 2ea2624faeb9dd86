#include "module/lasting/process_state.h"

#include <fcntl.h>
#include <langinfo.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <clocale>
#include <cstring>
#include <string_view>

namespace pinnate::module {
namespace {

// By a copy of the process's locale, which the C library makes under its own lock: setlocale's
// result may be freed by another thread.
std::string locale_names() {
  std::string names;
#ifdef __GLIBC__
  const locale_t copy = duplocale(LC_GLOBAL_LOCALE);
  if (!copy) return names;
  for (const int category : {LC_CTYPE, LC_NUMERIC, LC_TIME, LC_COLLATE, LC_MONETARY, LC_MESSAGES}) {
    const std::string_view name = nl_langinfo_l(_NL_LOCALE_NAME(category), copy);
    if (!names.ends_with(name) || names.empty()) names += (names.empty() ? "" : "/") + std::string(name);
  }
  freelocale(copy);
#endif
  return names;
}

std::string current_folder() {
  std::array<char, PATH_MAX> path{};
  const ssize_t n = readlink("/proc/self/cwd", path.data(), path.size());
  return n > 0 ? std::string(path.data(), static_cast<std::size_t>(n)) : std::string();
}

// From Linux 4.7 on. To ask umask() is to change it.
std::string file_mask() {
  const int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  std::array<char, 512> text{};
  const ssize_t n = read(fd, text.data(), text.size());
  close(fd);
  constexpr std::string_view kField = "\nUmask:\t";
  const std::string_view all(text.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
  const std::size_t at = all.find(kField);
  if (at == all.npos) return {};
  const std::string_view value = all.substr(at + kField.size());
  return std::string(value.substr(0, value.find('\n')));
}

std::string kind_of(const SignalHandler& handler) {
  const auto is = [&](sighandler_t known) { return handler.function == reinterpret_cast<std::uintptr_t>(known); };
  return is(SIG_DFL) ? "the default" : is(SIG_IGN) ? "ignored" : "a function";
}

}  // namespace

SignalHandlers signal_handlers() {
  SignalHandlers handlers;
  for (int signal = 1; signal < kSignals; ++signal) {
    struct sigaction action {};
    if (sigaction(signal, nullptr, &action) != 0) continue;  // the C library's own
    const auto function = action.sa_flags & SA_SIGINFO ? reinterpret_cast<std::uintptr_t>(action.sa_sigaction)
                                                       : reinterpret_cast<std::uintptr_t>(action.sa_handler);
    // Without one the flags say no more than that there was one before.
    const bool called = action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN;
    handlers[static_cast<std::size_t>(signal)] = {function, called ? action.sa_flags : 0};
  }
  return handlers;
}

std::string signal_name(int signal) {
  const char* const name = sigabbrev_np(signal);
  return name ? std::string("SIG") + name : "signal " + std::to_string(signal);
}

ProcessState ProcessState::now(bool with_umask) {
  ProcessState state;
  state.handlers_ = signal_handlers();
  state.locale_ = locale_names();
  state.folder_ = current_folder();
  if (with_umask) state.umask_ = file_mask();
  return state;
}

std::vector<std::string> ProcessState::changed_since(const ProcessState& before) const {
  std::vector<std::string> changed;
  for (std::size_t i = 1; i < handlers_.size(); ++i)
    if (handlers_[i] != before.handlers_[i])
      changed.push_back("the handler of " + signal_name(static_cast<int>(i)) + " (" + kind_of(before.handlers_[i]) +
                        ", now " + kind_of(handlers_[i]) + ")");
  const auto compare = [&](const char* what, const std::string& was, const std::string& is) {
    if (was != is) changed.push_back(std::string("the ") + what + " (" + was + ", now " + is + ")");
  };
  compare("locale", before.locale_, locale_);
  compare("current folder", before.folder_, folder_);
  compare("umask", before.umask_, umask_);
  return changed;
}

}  // namespace pinnate::module
