#include "module/loading/footprint.h"

#include "base/known_threads.h"
#include "module/lasting/process_state.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <exception>
#include <fstream>
#include <memory>
#include <thread>
#include <utility>

namespace pinnate::module {
namespace {

// A thread that runs does not show where until it waits for something.
constexpr int kLooks = 20;
constexpr std::chrono::milliseconds kBetweenLooks{2};
constexpr std::size_t kMostStackBytes = 64 * 1024 * 1024;

struct Position {
  enum { gone, unknown, waiting } state = unknown;
  std::uintptr_t stack = 0, code = 0;
};

// /proc/PID/task/TID/syscall (proc(5)): "running", or numbers of which the last two are the stack
// pointer and the program counter.
Position position_of(pid_t thread) {
  const std::string path = "/proc/self/task/" + std::to_string(thread) + "/syscall";
  std::ifstream file(path);
  std::string word, last, before;
  while (file >> word) before = std::exchange(last, word);
  if (last.empty()) return {access(path.c_str(), F_OK) == 0 ? Position::unknown : Position::gone, 0, 0};
  if (last == "running") return {};
  const auto number = [](const std::string& text) {
    std::uintptr_t value = 0;
    if (text.starts_with("0x")) std::from_chars(text.data() + 2, text.data() + text.size(), value, 16);
    return value;
  };
  return {Position::waiting, number(before), number(last)};
}

struct Range {
  std::uintptr_t from = 0, to = 0;
};
using Mappings = std::vector<Range>;

Mappings mappings_of_process() {
  Mappings all;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t from = 0, to = 0;
    const char* const end = line.data() + line.size();
    const auto dash = std::from_chars(line.data(), end, from, 16);
    if (dash.ec != std::errc() || dash.ptr == end) continue;
    std::from_chars(dash.ptr + 1, end, to, 16);
    all.push_back({from, to});
  }
  return all;
}

// The one that an address is in, or an empty one.
Range mapping_of(std::uintptr_t address, const Mappings& mappings) {
  for (const Range& each : mappings)
    if (address >= each.from && address < each.to) return each;
  return {};
}

// From an address on it to its end; empty where there is none.
Range stack_from(std::uintptr_t address, const Mappings& mappings) {
  const Range all = mapping_of(address, mappings);
  if (all.to == 0) return {};
  return {address, std::min<std::uintptr_t>(all.to, address + kMostStackBytes)};
}

// All of it, used or not, by the list of robust mutexes (get_robust_list(2)) that the C library
// keeps at its upper end, beside the function that the thread was begun with.
Range stack_of(pid_t thread, const Mappings& mappings) {
  const void* list = nullptr;
  std::size_t bytes = 0;
  if (syscall(SYS_get_robust_list, thread, &list, &bytes) != 0 || !list) return {};
  const auto at = reinterpret_cast<std::uintptr_t>(list);
  const Range all = mapping_of(at, mappings);
  return {at - std::min<std::uintptr_t>(at - all.from, kMostStackBytes), all.to};
}

// By the kernel, since the thread may end and its stack be unmapped meanwhile. False: it does not
// let us.
template <typename See>
bool each_word(const Range& stack, See see) {
  const int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  std::array<std::uintptr_t, 4096> words{};
  for (std::uintptr_t at = stack.from & ~(sizeof words[0] - 1); at < stack.to;) {
    const ssize_t n = pread(fd, words.data(), std::min(stack.to - at, sizeof words), static_cast<off_t>(at));
    if (n <= 0) break;
    for (std::size_t i = 0; i < static_cast<std::size_t>(n) / sizeof words[0]; ++i) see(words[i]);
    at += static_cast<std::uintptr_t>(n);
  }
  close(fd);
  return true;
}

struct Seen {
  bool certain = false;
  std::vector<bool> around;  // which of the objects have code on the thread's way back, or may have
};

Seen look_at(pid_t thread, const std::vector<Suspect>& suspects, const Mappings& mappings) {
  const Position at = position_of(thread);
  Seen seen{true, std::vector<bool>(suspects.size())};
  if (at.state == Position::gone) return seen;
  const auto see = [&](std::uintptr_t word) {
    for (std::size_t i = 0; i < suspects.size(); ++i)
      if (suspects[i].object->has_code_at(word)) seen.around[i] = true;
  };
  if (at.state == Position::waiting) {
    see(at.code);
    const Range used = stack_from(at.stack, mappings);
    if (used.to != 0 && each_word(used, see)) return seen;
  }
  // It is not known where it runs, nor how much of its stack is in use: what is left there may be old.
  const Range all = stack_of(thread, mappings);
  if (all.to == 0 || !each_word(all, see)) return {false, std::vector<bool>(suspects.size(), true)};
  seen.certain = std::find(seen.around.begin(), seen.around.end(), true) == seen.around.end();
  return seen;
}

}  // namespace

std::set<pid_t> threads_of_process() {
  std::set<pid_t> threads;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc/self/task"), &closedir);
  if (!folder) return threads;
  while (const dirent* entry = readdir(folder.get())) {
    const std::string_view name = entry->d_name;
    pid_t id = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), id).ec == std::errc()) threads.insert(id);
  }
  return threads;
}

std::vector<std::uint32_t> threads_inside(std::vector<Suspect>& suspects, bool patient) {
  std::vector<std::uint32_t> counts(suspects.size());
  const auto each_new = [&](pid_t thread, auto act) {
    for (std::size_t i = 0; i < suspects.size(); ++i)
      if (!suspects[i].before->contains(thread)) act(i);
  };
  const std::set<pid_t> known = known_threads();
  std::set<pid_t> left = threads_of_process();
  std::erase_if(left, [&](pid_t thread) {
    bool is_new = false;
    each_new(thread, [&](std::size_t) { is_new = true; });
    return !is_new || known.contains(thread);
  });
  if (left.empty()) return counts;
  const Mappings mappings = mappings_of_process();
  for (int look = 1; !left.empty(); ++look) {
    const bool last = !patient || look == kLooks;
    std::erase_if(left, [&](pid_t thread) {
      const Seen seen = look_at(thread, suspects, mappings);
      if (!seen.certain && !last) return false;
      each_new(thread, [&](std::size_t i) {
        if (seen.around[i])
          ++counts[i];
        else
          suspects[i].outside.insert(thread);
      });
      return true;
    });
    if (!left.empty()) std::this_thread::sleep_for(kBetweenLooks);
  }
  return counts;
}

std::string pointed_at_by(const LinkedObject& object) {
  const SignalHandlers handlers = signal_handlers();
  for (std::size_t i = 1; i < handlers.size(); ++i)
    if (object.contains(handlers[i].function)) return "its handler of " + signal_name(static_cast<int>(i));
  stack_t stack;
  if (sigaltstack(nullptr, &stack) == 0 && !(stack.ss_flags & SS_DISABLE) &&
      object.contains(reinterpret_cast<std::uintptr_t>(stack.ss_sp)))
    return "an alternate signal stack in it";
  if (object.contains(reinterpret_cast<std::uintptr_t>(std::get_terminate()))) return "its terminate handler";
  if (object.contains(reinterpret_cast<std::uintptr_t>(std::get_new_handler()))) return "its new handler";
  return {};
}

}  // namespace pinnate::module
