// Promise 4: per function and engine at most one service takes new calls. The world's module hosts
// count every service that was made; one that was taken over from must drain and go, so that none
// is left behind in memory, taking calls or not. Of a function that is one at a time none is made
// while another one of it is there.
#include "simulator/check.h"
#include "simulator/rest.h"
#include "simulator/users.h"

#include <algorithm>

namespace pinnate::simulator {
namespace {

class OneService final : public Check {
 public:
  using Check::Check;

  // What a module host forbids (a drain of a service that takes calls, a destroy of one with calls
  // in it, a service that takes calls before its health check has passed) is seen as a breach, see
  // run.cc.
  void look(const Sight& sight) override {
    if (sight.o.what != sim::What::completed || !sight.member) return;
    const sim::ModuleHost* modules = s_.world.at(sight.member->host).modules();
    const std::string function = function_name(kOneAtATime);
    if (const std::size_t made = modules ? modules->created(function) : 0; made > 1)
      complain_(4, sight.member->name + " has made " + std::to_string(made) + " services of '" + function +
                       "', which is one at a time");
  }

  void at_rest() override {
    const Rest rest(s_);
    for (const Member* engine : s_.fleet.engines()) {
      const sim::ModuleHost* modules = s_.world.at(engine->host).modules();
      if (!modules || modules->wedged()) continue;  // then it destroys nothing until it restarts
      const auto& all = modules->all_serving();
      const auto serving = std::size_t(std::count_if(all.begin(), all.end(), [](const auto& s) { return !s.held; }));
      const std::size_t left = modules->left_behind();
      const std::size_t trying = modules->services() - std::min(modules->services(), left + serving);
      // One service may be on its way in: of a release that fails and is tried again. Where it waits
      // for another to go, a third function's may be, too.
      const auto in_vain = rest.tried_in_vain(*engine);
      const bool waits = std::any_of(in_vain.begin(), in_vain.end(), [&](std::uint64_t release) {
        return s_.ledger.current().releases.at(release).name == function_name(kOneAtATime);
      });
      if (trying > (in_vain.empty() ? 0u : waits ? 3u : 1u))
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
