// Keeps SIGPIPE away from a thread that is inside libcurl.
//
// libcurl's own way is to let the whole process ignore the signal during each call, which is the
// host's to decide, and not safe beside other threads. CURLOPT_NOSIGNAL turns that off. libcurl
// itself sends with MSG_NOSIGNAL, but older ones leave writing to the TLS library, which does not.
#pragma once

#include <csignal>

namespace pinnate::discovery {

// Lives on the stack, for the length of a call.
class NoSigpipe {
 public:
  NoSigpipe();
  ~NoSigpipe();
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;

 private:
  sigset_t before_;
  bool pending_before_;  // somebody else's, and left to them
};

}  // namespace pinnate::discovery
