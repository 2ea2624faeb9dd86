#include "module/loading/footprint.h"

#include "base/known_threads.h"
#include "module/lasting/process_state.h"

#include <dirent.h>
#include <fcntl.h>
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

// A thread that runs shows nothing of itself until it waits for something.
constexpr int kLooks = 20;
constexpr std::chrono::milliseconds kBetweenLooks{2};
constexpr std::size_t kMostStackBytes = 64 * 1024 * 1024;

struct Position {
  enum { gone, unknown, running, waiting } state = unknown;
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
  if (last == "running") return {Position::running, 0, 0};
  const auto number = [](const std::string& text) {
    std::uintptr_t value = 0;
    if (text.starts_with("0x")) std::from_chars(text.data() + 2, text.data() + text.size(), value, 16);
    return value;
  };
  return {Position::waiting, number(before), number(last)};
}

using Mappings = std::vector<std::pair<std::uintptr_t, std::uintptr_t>>;  // from, to

Mappings mappings_of_process() {
  Mappings all;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t from = 0, to = 0;
    const char* const end = line.data() + line.size();
    const auto dash = std::from_chars(line.data(), end, from, 16);
    if (dash.ec != std::errc() || dash.ptr == end) continue;
    std::from_chars(dash.ptr + 1, end, to, 16);
    all.emplace_back(from, to);
  }
  return all;
}

// The rest of the mapping that an address is in.
std::size_t bytes_to_end(const Mappings& mappings, std::uintptr_t address) {
  for (const auto& [from, to] : mappings)
    if (address >= from && address < to) return to - address;
  return 0;
}

// By the kernel, since the thread may end and its stack be unmapped meanwhile. False: it does not
// let us.
template <typename See>
bool each_word(std::uintptr_t from, std::size_t bytes, See see) {
  const int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  std::array<std::uintptr_t, 4096> words{};
  for (std::size_t done = 0; done < bytes;) {
    const ssize_t n = pread(fd, words.data(), std::min(bytes - done, sizeof words), static_cast<off_t>(from + done));
    if (n <= 0) break;
    for (std::size_t i = 0; i < static_cast<std::size_t>(n) / sizeof words[0]; ++i) see(words[i]);
    done += static_cast<std::size_t>(n);
  }
  close(fd);
  return true;
}

// Which of the objects have code on the thread's way back.
std::vector<bool> objects_around(pid_t thread, const std::vector<Suspect>& suspects, const Mappings& mappings,
                                 bool patient) {
  Position at = position_of(thread);
  for (int look = 1; patient && at.state == Position::running && look < kLooks; ++look) {
    std::this_thread::sleep_for(kBetweenLooks);
    at = position_of(thread);
  }
  std::vector<bool> around(suspects.size());
  if (at.state == Position::gone) return around;
  if (at.state != Position::waiting) return std::vector<bool>(suspects.size(), patient);
  const auto see = [&](std::uintptr_t word) {
    for (std::size_t i = 0; i < suspects.size(); ++i)
      if (suspects[i].object->has_code_at(word)) around[i] = true;
  };
  see(at.code);
  const std::uintptr_t aligned = at.stack & ~(sizeof(std::uintptr_t) - 1);
  if (!each_word(aligned, std::min(bytes_to_end(mappings, at.stack), kMostStackBytes), see))
    around.assign(suspects.size(), patient);
  return around;
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

std::vector<std::uint32_t> threads_inside(const std::vector<Suspect>& suspects, bool patient) {
  std::vector<std::uint32_t> counts(suspects.size());
  const std::set<pid_t> known = known_threads();
  Mappings mappings;
  for (const pid_t thread : threads_of_process()) {
    const auto was_there = [&](const Suspect& suspect) { return suspect.before->contains(thread); };
    if (known.contains(thread) || std::all_of(suspects.begin(), suspects.end(), was_there)) continue;
    if (mappings.empty()) mappings = mappings_of_process();
    const std::vector<bool> around = objects_around(thread, suspects, mappings, patient);
    for (std::size_t i = 0; i < suspects.size(); ++i) counts[i] += around[i] && !was_there(suspects[i]);
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
