// Promise 4: per function and engine at most one service takes new calls. The world's module hosts
// count every service that was made; one that was taken over from must drain and go, so that none
// is left behind in memory, taking calls or not.
#include "simulator/check.h"
#include "simulator/rest.h"

namespace pinnate::simulator {
namespace {

class OneService final : public Check {
 public:
  using Check::Check;

  // What a module host forbids (a drain of a service that takes calls, a destroy of one with calls
  // in it, a service that takes calls before its health check has passed) is seen as a breach, see
  // run.cc.
  void at_rest() override {
    const Rest rest(s_);
    for (const Member* engine : s_.fleet.engines()) {
      const sim::ModuleHost* modules = s_.world.at(engine->host).modules();
      if (!modules || modules->wedged()) continue;  // then it destroys nothing until it restarts
      const std::size_t serving = modules->all_serving().size(), left = modules->left_behind();
      const std::size_t trying = modules->services() - left - serving;
      // One service may be on its way in: of a release that fails and is tried again.
      if (trying > (rest.tried_in_vain(*engine).empty() ? 0 : 1))
        complain_(4, engine->name + " serves " + std::to_string(serving) + " functions and still has " +
                         std::to_string(trying) + " other services in memory");
    }
  }
};

}  // namespace

std::unique_ptr<Check> make_one_service(Situation& s, Check::Complain complain) {
  return std::make_unique<OneService>(s, std::move(complain));
}

}  // namespace pinnate::simulator
