// This program again, as a child with arguments of its own. It dies with us, is out of the reach of
// our terminal's Ctrl-C, and writes what it says to a file.
#pragma once

#include "answer.h"

#include <sys/types.h>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace cli {

class ChildProcess {
 public:
  // With `lines` its stdout comes to us, for await_line; whoever asks for that must expect little
  // of it, since nobody reads on. Otherwise it goes to the log as well. Throws Failure. Use from
  // the main thread only: the child dies with the thread that made it.
  ChildProcess(std::string name, const std::vector<std::string>& arguments, std::string log, bool lines);
  ~ChildProcess();  // kills it, unless it ended
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  const std::string& name() const { return name_; }
  pid_t pid() const { return pid_; }

  // The rest of the first line that begins with `prefix`. Throws Failure when the child ends
  // before, or at `deadline`.
  std::string await_line(const std::string& prefix, std::stop_token stop, Deadline deadline);

  void terminate();
  // How it ended, in words, as soon as it did; nothing when it still runs at `deadline`. "" is a
  // clean end.
  std::optional<std::string> await_end(Deadline deadline);

  // The last lines that it wrote.
  std::string log_tail() const;

 private:
  std::optional<std::string> next_line(Deadline until);
  std::optional<std::string> reaped();

  std::string name_;
  std::string log_;
  pid_t pid_ = -1;
  int out_ = -1;
  std::string unread_;
  bool out_ended_ = false;
  std::optional<std::string> end_;
};

}  // namespace cli
