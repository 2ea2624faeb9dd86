// Counts what goes over each descriptor: the library's calls of send, sendmsg and their like come
// by here, since a program's own functions come before those of the C library. Not with sanitizers,
// which have functions of their own in that place.
#include "link_bytes.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>

namespace {

struct Counted {
  std::atomic<std::uint64_t> out{0}, in{0};
};
std::array<Counted, 65536> counted;  // as many as raise_file_limit() asks for

[[maybe_unused]] void add(std::atomic<std::uint64_t> Counted::*way, int fd, long bytes) {
  if (bytes > 0 && fd >= 0 && static_cast<std::size_t>(fd) < counted.size())
    (counted[static_cast<std::size_t>(fd)].*way)
        .fetch_add(static_cast<std::uint64_t>(bytes), std::memory_order_relaxed);
}

}  // namespace

bench::LinkBytes bench::bytes_on(int descriptor) {
  if (descriptor < 0 || static_cast<std::size_t>(descriptor) >= counted.size()) return {};
  const Counted& found = counted[static_cast<std::size_t>(descriptor)];
  return {found.out.load(std::memory_order_relaxed), found.in.load(std::memory_order_relaxed)};
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
extern "C" ssize_t send(int fd, const void* bytes, size_t size, int flags) {
  const long sent = syscall(SYS_sendto, fd, bytes, size, flags, nullptr, 0);
  add(&Counted::out, fd, sent);
  return sent;
}

extern "C" ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  const long sent = syscall(SYS_sendmsg, fd, message, flags);
  add(&Counted::out, fd, sent);
  return sent;
}

extern "C" ssize_t recvmsg(int fd, msghdr* message, int flags) {
  const long received = syscall(SYS_recvmsg, fd, message, flags);
  add(&Counted::in, fd, received);
  return received;
}

extern "C" ssize_t recv(int fd, void* bytes, size_t size, int flags) {
  const long received = syscall(SYS_recvfrom, fd, bytes, size, flags, nullptr, nullptr);
  add(&Counted::in, fd, received);
  return received;
}
#endif
