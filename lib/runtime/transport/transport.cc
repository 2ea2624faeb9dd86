#include "runtime/transport/transport.h"

#include "store/holders.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace pinnate::runtime {
namespace {

constexpr std::size_t kPartsAtOnce = 512;  // of the 1024 that the system takes; a piece has two

}  // namespace

const Transport& Transport::of(const Address& address) {
  return address.transport == Address::Transport::unix_socket ? unix_transport() : tcp_transport();
}

Status cannot_listen(const Address& address, int error) {
  const std::string what = "cannot listen at " + address.text() + ": ";
  if (error == EADDRINUSE) {
    const std::string holders = address.transport == Address::Transport::unix_socket
                                    ? store::holders_of_listener(address.path)
                                    : store::holders_of_listener(address.port);
    return {PINNATE_IN_USE,
            what + "the address is in use by " + (holders.empty() ? "another process or handle" : holders)};
  }
  if (error == EADDRNOTAVAIL) return {PINNATE_INVALID, what + "it is not an address of this machine"};
  if (error == ENOENT) return {PINNATE_INVALID, what + "its folder does not exist"};
  return {PINNATE_IO, what + errno_text(error)};
}

ssize_t Stream::moved(ssize_t bytes) {
  if (bytes >= 0) return bytes;
  error_ = errno;
  return error_ == EAGAIN || error_ == EWOULDBLOCK || error_ == EINTR ? kLater : kFailed;
}

ssize_t Stream::read(std::span<char> into, wire::Descriptor*) {
  return moved(::recv(socket_.fd(), into.data(), into.size(), 0));
}

// A peer that resets raises no SIGPIPE. (libuv's own writes would: it uses write and sendmsg
// without MSG_NOSIGNAL. So libuv only tells when a socket is ready; see watcher.h.)
ssize_t Stream::write(std::span<const wire::Piece> pieces, std::size_t skip) {
  std::array<iovec, kPartsAtOnce> parts;
  msghdr message{};
  message.msg_iov = parts.data();
  const auto add = [&](const char* bytes, std::size_t size) {
    const std::size_t skipped = std::min(skip, size);
    skip -= skipped;
    if (size > skipped) parts[message.msg_iovlen++] = {const_cast<char*>(bytes) + skipped, size - skipped};
  };
  alignas(cmsghdr) char rights[CMSG_SPACE(sizeof(int))] = {};
  if (skip == 0 && pieces.front().descriptor) {
    message.msg_control = rights;
    message.msg_controllen = sizeof rights;
    *CMSG_FIRSTHDR(&message) = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
    std::memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), pieces.front().descriptor.get(), sizeof(int));
  }
  for (const wire::Piece& piece : pieces) {
    const bool begins_a_call = piece.descriptor && &piece != pieces.data();  // it goes with the first byte
    if (begins_a_call || message.msg_iovlen + 2 > parts.size()) break;
    add(piece.head.data(), piece.head_bytes);
    add(piece.payload.data(), piece.payload.size());
  }
  return moved(::sendmsg(socket_.fd(), &message, MSG_NOSIGNAL));
}

}  // namespace pinnate::runtime
