// A loop of the library's that a host turns.
#pragma once

#include "capi/boundary.h"
#include "runtime/reactor.h"

#include <pinnate/loop.h>
#include <uv.h>

#include <memory>

struct pinnate_loop {
  static constexpr const char* kNoun = "loop";
  const pinnate::capi::OpenedHere& opened_here() const { return opened; }

  uv_loop_t uv{};
  std::shared_ptr<pinnate::runtime::Reactor> reactor;
  pinnate::capi::OpenedHere opened{};
};
