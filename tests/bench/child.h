// One tier in a process of its own: this program again, spoken to in lines over its standard input
// and output. It dies with its parent, and at the latest with this object.
#pragma once

#include <sys/types.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace bench {

struct Interrupted : std::runtime_error {
  Interrupted() : std::runtime_error("interrupted") {}
};

// From now on SIGINT and SIGTERM end waiting with Interrupted, so that nothing is left behind.
void notice_interrupts();

class Child {
 public:
  // Runs `program` ("": this one). `name` is for the words of failures. Throws std::runtime_error.
  Child(std::string name, const std::string& program, const std::vector<std::string>& arguments);
  ~Child();  // kill -9
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }

  // Sends the words as one command, and returns the answer's words after its first, which must be
  // `expected`. Waits for at most `seconds`; throws std::runtime_error with the child's words when
  // it fails.
  std::vector<std::string> ask(const std::vector<std::string>& command, const std::string& expected, double seconds);
  void tell(const std::vector<std::string>& command);
  std::vector<std::string> hear(const std::string& expected, double seconds);

 private:
  std::string read_line(double seconds);

  std::string name_;
  pid_t pid_ = -1;
  int to_ = -1, from_ = -1;
  std::string unread_;
};

}  // namespace bench
