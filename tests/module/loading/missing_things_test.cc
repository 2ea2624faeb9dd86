// Systems that lack what the native loader likes best. A filter on system calls takes it away from
// a child process, as root and as an ordinary user alike.
#include "child_process.h"
#include "module/host.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cstddef>
#include <filesystem>
#include <thread>

using namespace pinnate;
using namespace pinnate::module;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr char kHidden[] = "/proc/self/fd";  // the sanitizers read /proc/self/maps for themselves
#else
constexpr char kHidden[] = "/proc";
#endif

// Every system call that finds a file by a path, and which of its arguments that is.
struct ByPath {
  int number;
  int argument;
};
constexpr ByPath kByPath[] = {
    {SYS_openat, 1},     {SYS_newfstatat, 1}, {SYS_statx, 1}, {SYS_faccessat, 1}, {SYS_readlinkat, 1},
#ifdef SYS_faccessat2
    {SYS_faccessat2, 1},
#endif
#ifdef SYS_openat2
    {SYS_openat2, 1},
#endif
#ifdef SYS_open
    {SYS_open, 0},       {SYS_stat, 0},       {SYS_lstat, 0}, {SYS_access, 0},    {SYS_readlink, 0},
#endif
};

// For this thread and those that it starts: `action` for each of the numbers.
int filter(const std::vector<int>& numbers, std::uint32_t action, unsigned flags) {
  std::vector<sock_filter> code{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (const int number : numbers) {
    code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(number), 0, 1));
    code.push_back(BPF_STMT(BPF_RET | BPF_K, action));
  }
  code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  REQUIRE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  const long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
  REQUIRE_MESSAGE(result >= 0, std::strerror(errno));
  return static_cast<int>(result);
}

void take_memory_files_away() {
  filter({SYS_memfd_create}, SECCOMP_RET_ERRNO | ENOSYS, 0);
  REQUIRE(memfd_create("x", 0) == -1);
}

// Of the memory of a thread that is inside a system call: the kernel orders the two, which
// ThreadSanitizer cannot know.
__attribute__((noinline, no_sanitize_thread)) bool is_hidden(const char* path) {
  for (std::size_t i = 0; i < sizeof kHidden - 1; i++)
    if (path[i] != kHidden[i]) return false;
  return true;
}

// A thread that keeps its own view of the files answers for the others: nothing is found below
// kHidden.
void take_proc_away() {
  std::promise<int> listener;
  std::thread([listening = listener.get_future()]() mutable {
    const int fd = listening.get();
    for (;;) {
      seccomp_notif asked{};
      if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0) continue;
      seccomp_notif_resp answer{};
      answer.id = asked.id;
      answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
      for (const ByPath& call : kByPath) {
        const auto* path = reinterpret_cast<const char*>(asked.data.args[call.argument]);
        if (asked.data.nr != call.number || !path || !is_hidden(path)) continue;
        answer.flags = 0;
        answer.error = -ENOENT;
      }
      ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &answer);
    }
  }).detach();
  std::vector<int> numbers;
  for (const ByPath& call : kByPath) numbers.push_back(call.number);
  listener.set_value(filter(numbers, SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER));
  REQUIRE_FALSE(std::filesystem::exists("/proc/self/fd/0"));
  REQUIRE(std::filesystem::exists("/"));
}

// Two versions beside each other, one after the other, and what is left of their files.
void load_from_private_files() {
  TestFolder folder;
  ServiceHostOptions options;
  options.state_dir = folder.path;
  const auto images = [&] {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path))
      count += entry.path().filename().string().rfind("pinnate-image-", 0) == 0;
    return count;
  };
  TestHost host(options);
  host.serve(1, "counter-1");
  CHECK(images() == 1);
  CHECK(host.call("").bytes.view() == "1 1");
  host.serve(2, "counter-2");
  CHECK(images() == 2);
  CHECK(host.call("").bytes.view() == "2 1");
  CHECK(host.drain(1).ok());
  CHECK(host.destroy(1).ok());
  CHECK(images() == 1);
  host.serve(3, "counter-1");
  CHECK(host.call("").bytes.view() == "1 1");
  host.close();
  CHECK(images() == 0);
}

}  // namespace

// Looking for leaks stops all threads, and the one that answers for the others' system calls with
// them.
constexpr char kNoLeaks[] = ":detect_leaks=0";

TEST_CASE("where memfd_create is missing, modules load from private files") {
  if (!testing::in_child()) {
    CHECK(testing::passes_in_a_child(kNoLeaks));
    return;
  }
  take_memory_files_away();
  load_from_private_files();
}

TEST_CASE("where /proc is missing, modules load from private files") {
  if (!testing::in_child()) {
    CHECK(testing::passes_in_a_child(kNoLeaks));
    return;
  }
  take_proc_away();
  load_from_private_files();
}
