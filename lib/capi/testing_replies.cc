#include "capi/testing_replies.h"

#include "base/fork.h"
#include "base/limits.h"
#include "base/words.h"

#include <algorithm>
#include <deque>
#include <unordered_map>
#include <utility>

namespace pinnate::capi {
namespace {

constexpr std::size_t kRemembered = 4096;  // replies that are over, to say whose they were

struct Open {
  std::shared_ptr<TestingReplies> owner;
  std::uint64_t service;
  std::string label;
  Buffer payload;  // valid until the call is answered, as are
  Labels headers;
  sim::Micros deadline;
  TestingReplies::Answer answer;
};
struct Over {
  std::uintptr_t number;
  std::weak_ptr<TestingReplies> owner;
  std::string label;
};

// Of all fleets of the process, since `answer` says only which reply.
struct Table {
  std::mutex mutex;
  std::uintptr_t last = 0;
  std::unordered_map<std::uintptr_t, Open> open;
  std::deque<Over> over;

  void end(std::unordered_map<std::uintptr_t, Open>::iterator at) {
    over.push_back({at->first, at->second.owner, at->second.label});
    if (over.size() > kRemembered) over.pop_front();
    open.erase(at);
  }
};

Table& table() {
  return one_per_process<Table>();  // a module's thread may use it to the end of the process
}

std::uintptr_t number_of(const pinnate_reply* reply) { return reinterpret_cast<std::uintptr_t>(reply); }

void blame(std::uintptr_t number) {
  std::shared_ptr<TestingReplies> owner;
  std::string label;
  {
    const std::lock_guard lock(table().mutex);
    for (const Over& over : table().over) {
      if (over.number != number) continue;
      owner = over.owner.lock();
      label = over.label;
    }
  }
  if (owner)
    owner->log(PINNATE_LOG_WARNING, label + ": answered a call that it had answered before, or that is over (ignored)");
}

}  // namespace

pinnate_reply* TestingReplies::issue(std::uint64_t service, const std::string& label, const Buffer& payload,
                                     const Labels& headers, sim::Micros deadline, Answer answer) {
  const std::lock_guard lock(table().mutex);
  const std::uintptr_t number = ++table().last;
  table().open.emplace(number, Open{shared_from_this(), service, label, payload, headers, deadline, std::move(answer)});
  return reinterpret_cast<pinnate_reply*>(number);
}

void TestingReplies::forget(std::uint64_t service) {
  const std::lock_guard lock(table().mutex);
  for (auto at = table().open.begin(); at != table().open.end();) {
    const auto next = std::next(at);
    if (at->second.owner.get() == this && at->second.service == service) table().end(at);
    at = next;
  }
  const std::lock_guard inner(mutex_);
  std::erase_if(answered_, [&](const Answered& a) { return a.service == service; });
}

void TestingReplies::deliver() {
  std::vector<Answered> answered;
  {
    const std::lock_guard lock(mutex_);
    answered.swap(answered_);
  }
  for (Answered& a : answered) a.answer(std::move(a.status), std::move(a.bytes));
}

int TestingReplies::cancelled(const pinnate_reply* reply) { return remaining_ms(reply) == 0; }

// The strings stay where they are until the reply is answered.
const char* TestingReplies::header(const pinnate_reply* reply, const char* key) {
  const std::lock_guard lock(table().mutex);
  const auto open = table().open.find(number_of(reply));
  return open == table().open.end() ? nullptr : header_of(open->second.headers, key);
}

int TestingReplies::header_at(const pinnate_reply* reply, std::size_t index, const char** key, const char** value) {
  const std::lock_guard lock(table().mutex);
  const auto open = table().open.find(number_of(reply));
  return open == table().open.end() ? 0 : pinnate::header_at(open->second.headers, index, key, value);
}

std::uint32_t TestingReplies::remaining_ms(const pinnate_reply* reply) {
  const std::lock_guard lock(table().mutex);
  const auto found = table().open.find(number_of(reply));
  if (found == table().open.end()) return 0;
  const sim::Micros left = found->second.deadline - found->second.owner->now_.load(std::memory_order_relaxed);
  return static_cast<std::uint32_t>(std::max<sim::Micros>((left + sim::kMillisecond - 1) / sim::kMillisecond, 0));
}

template <class Make>
void TestingReplies::end(pinnate_reply* reply, Make make) {
  // A module is told nothing of our troubles: no exception may pass through its frames.
  try {
    bool found = false;
    {
      // Both locks, so that `forget` finds the reply in one place or the other.
      const std::lock_guard lock(table().mutex);
      const auto at = table().open.find(number_of(reply));
      found = at != table().open.end();
      if (found) {
        std::pair<Status, Buffer> made = make(at->second.label);
        const std::shared_ptr<TestingReplies> owner = at->second.owner;
        const std::lock_guard inner(owner->mutex_);
        owner->answered_.push_back(
            {at->second.service, std::move(at->second.answer), std::move(made.first), std::move(made.second)});
        table().end(at);
      }
    }
    if (!found) blame(number_of(reply));
  } catch (const std::bad_alloc&) {
  }
}

void TestingReplies::answer(pinnate_reply* reply, const void* data, std::size_t size_bytes) {
  end(reply, [&](const std::string& label) -> std::pair<Status, Buffer> {
    if (size_bytes > kCallLimitBytes)
      return {{PINNATE_TOO_LARGE, label + ": answered with " + std::to_string(size_bytes) + " bytes; the limit is " +
                                      std::to_string(kCallLimitBytes)},
              {}};
    if (size_bytes == 0) return {};
    if (!data)
      return {{PINNATE_FAILED, label + ": answered with NULL of " + std::to_string(size_bytes) + " bytes"}, {}};
    return {{}, Buffer(std::string(static_cast<const char*>(data), size_bytes))};
  });
}

void TestingReplies::fail(pinnate_reply* reply, const char* words) {
  end(reply, [&](const std::string& label) -> std::pair<Status, Buffer> {
    const std::string said = reason(words ? words : "");
    return {{PINNATE_FAILED, label + ": " + said}, Buffer(said)};
  });
}

}  // namespace pinnate::capi
