#include "runtime/transport/resolver.h"

#include "base/guarded.h"
#include "runtime/pool.h"

#include <map>
#include <mutex>
#include <utility>

namespace pinnate::runtime {
namespace {

struct Asker {
  std::weak_ptr<Reactor> reactor;
  std::function<void(Resolved)> done;
};

using Question = std::pair<std::string, std::uint16_t>;

struct Lookups {
  std::mutex mutex;
  std::map<Question, std::vector<Asker>> asked;
};
Lookups& lookups = *new Lookups;  // never destroyed: a lookup may run on while the process exits

void answer(const Question& question) {
  Resolved found{PINNATE_NO_MEMORY, {}};
  quietly([&] { found = look_up(question.first, question.second); });
  std::vector<Asker> askers;
  {
    std::lock_guard lock(lookups.mutex);
    const auto entry = lookups.asked.find(question);
    askers = std::move(entry->second);
    lookups.asked.erase(entry);
  }
  for (Asker& asker : askers)
    if (auto reactor = asker.reactor.lock()) reactor->post([done = std::move(asker.done), found] { done(found); });
}

}  // namespace

void resolve(const std::shared_ptr<Reactor>& reactor, const std::string& host, std::uint16_t port,
             std::function<void(Resolved)> done) {
  const Question question(host, port);
  {
    std::lock_guard lock(lookups.mutex);
    auto& askers = lookups.asked[question];
    askers.push_back({reactor, std::move(done)});
    if (askers.size() > 1) return;
  }
  try {
    Pool::for_names()->submit([question] { answer(question); });
  } catch (...) {  // the next one to ask must not join a lookup that never runs
    std::lock_guard lock(lookups.mutex);
    lookups.asked.erase(question);
    throw;
  }
}

}  // namespace pinnate::runtime
