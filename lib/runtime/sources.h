// The sources of members of one node, on its loop.
#pragma once

#include "base/log.h"
#include "base/naming.h"
#include "base/status.h"
#include "runtime/reactor.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace pinnate::runtime {

class Sources {
 public:
  // `say` is told what a source says, with addresses that can be dialled; and nothing, when a source
  // is gone. It may throw std::bad_alloc: the source says it again when it has news.
  using Say = std::function<void(const std::string& source, std::optional<Naming>)>;
  Sources(std::shared_ptr<Reactor> reactor, Log log, Say say);
  ~Sources();

  // What the host says itself. Nothing has changed where an address is none.
  Status set(const std::string& source, std::vector<std::string> addresses);
  // As discovery::open_source; PINNATE_CONFLICT: there is this very source already.
  Status add(const std::string& uri, std::uint64_t id);
  bool remove(std::uint64_t id);  // false: there is none of this id
  void close();  // none says anything any more

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pinnate::runtime
