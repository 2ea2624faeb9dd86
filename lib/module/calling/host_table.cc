#include "module/calling/host_table.h"

#include "base/guarded.h"
#include "base/limits.h"
#include "base/words.h"
#include "module/calling/call.h"
#include "module/calling/reply_table.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>

namespace pinnate::module {
namespace {

constexpr std::size_t kLogLineBytes = 4096;

// A module is told nothing of our troubles: no exception may pass through its frames.
void log(void* engine, int level, const char* message) {
  const auto& to = *static_cast<const ModuleLog*>(engine);
  const int known = std::clamp<int>(level, PINNATE_LOG_DEBUG, PINNATE_LOG_ERROR);
  quietly([&] {
    to.callbacks->log(static_cast<pinnate_log_level>(known),
                      to.label + ": " + one_line(message ? message : "", kLogLineBytes));
  });
}

void* allocate(void*, std::size_t size_bytes) { return std::malloc(size_bytes ? size_bytes : 1); }

void release(void*, void* memory) { std::free(memory); }

std::uint32_t remaining_ms(const pinnate_reply* reply) {
  const std::shared_ptr<Call> call = find_reply(reply);
  if (!call) return 0;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(call->deadline() - Clock::now()).count();
  return static_cast<std::uint32_t>(std::max<decltype(left)>(left, 0));
}

template <typename MakeOutcome>
void end(pinnate_reply* reply, MakeOutcome make_outcome) {
  quietly([&] {
    const std::shared_ptr<Call> call = find_reply(reply);
    if (!call) return;  // answered before, and over
    // The service is there: `destroy` may not return while one of its threads is in here.
    Outcome outcome{no_memory()};
    quietly([&] { outcome = make_outcome(call->callee().label()); });
    if (!call->answer(std::move(outcome))) call->callee().log("answered a call twice (the second answer is ignored)");
  });
}

void answer(pinnate_reply* reply, const void* data, std::size_t size_bytes) {
  end(reply, [&](const std::string& label) -> Outcome {
    if (size_bytes > kCallLimitBytes)
      return Status(PINNATE_TOO_LARGE, label + ": answered with " + std::to_string(size_bytes) +
                                           " bytes; the limit is " + std::to_string(kCallLimitBytes));
    if (size_bytes == 0) return {};
    if (!data)
      return Status(PINNATE_FAILED, label + ": answered with NULL of " + std::to_string(size_bytes) + " bytes");
    return {{}, Buffer(std::string(static_cast<const char*>(data), size_bytes))};
  });
}

void fail(pinnate_reply* reply, const char* words) {
  end(reply, [&](const std::string& label) -> Outcome {
    const std::string said = reason(words ? words : "");
    return {{PINNATE_FAILED, label + ": " + said}, Buffer(said)};
  });
}

int cancelled(const pinnate_reply* reply) {
  const std::shared_ptr<Call> call = find_reply(reply);
  return !call || call->ended() || Clock::now() > call->deadline();
}

// The strings are the call's, which the table keeps until it is over.
const char* header(const pinnate_reply* reply, const char* key) {
  const std::shared_ptr<Call> call = find_reply(reply);
  return call ? header_of(call->headers(), key) : nullptr;
}

int header_at(const pinnate_reply* reply, std::size_t index, const char** key, const char** value) {
  const std::shared_ptr<Call> call = find_reply(reply);
  return call ? pinnate::header_at(call->headers(), index, key, value) : 0;
}

}  // namespace

pinnate_host make_host_table(const ModuleLog& to) {
  return {sizeof(pinnate_host),
          const_cast<ModuleLog*>(&to),
          &log,
          &allocate,
          &release,
          &remaining_ms,
          &answer,
          &fail,
          &cancelled,
          &header,
          &header_at};
}

}  // namespace pinnate::module
