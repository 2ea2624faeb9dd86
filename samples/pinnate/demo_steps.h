// What the demonstration shows, step by step, each with its words. A step that does not work out
// throws Failure.
#pragma once

#include "demo_fleet.h"
#include "session.h"
#include "terminal.h"

#include <string>
#include <vector>

namespace cli {

struct DemoModule {
  std::string name, version;
  std::string file;
};

class DemoSteps {
 public:
  DemoSteps(const Terminal& terminal, const DemoShape& shape, DemoFleet& fleet, Session& session);

  void heading(const std::string& text);
  void say(const std::string& text);
  void leave_a_line();

  void introduce_fleet();
  void await_engines();
  void publish(const DemoModule& module);
  void draw_tree();
  // Calls on a picture; writes the result to `folder`.
  void make_thumbnail(const DemoModule& module, const std::string& picture, const std::string& folder);
  // Calls a module we know nothing of, with nothing; any answer of its own will do.
  void try_out(const DemoModule& module);
  // Calls one engine with reading after reading: its answers show that the service remembers the
  // earlier ones.
  void feed_readings(const DemoModule& module);

 private:
  CallResult call(const std::string& name, const std::string& payload, const std::string& engine);

  const Terminal& terminal_;
  DemoShape shape_;
  DemoFleet& fleet_;
  Session& session_;
  int headings_ = 0;
};

}  // namespace cli
