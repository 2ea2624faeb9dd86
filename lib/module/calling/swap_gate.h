// Where calls find the gate of their function's service, and where one service replaces another in
// one step.
//
// Callers take no lock: they read one immutable bucket of a hash table, enter the gate they find
// there, and are gone from here in some tens of nanoseconds. Those who change the table publish a
// new bucket and shut the replaced gate after that, so at every instant there is one that takes
// calls. A caller that was about to enter the old one finds it shut and looks again.
//
// Old buckets, and gates that are in no bucket any more, are freed after wait_for_readers: every
// caller is counted in one of several stripes while it looks, and an instant at which a stripe is
// at zero proves that nobody in it still holds them.
#pragma once

#include "module/calling/gate.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pinnate::module {

class SwapGate {
 public:
  SwapGate() = default;
  ~SwapGate();  // nobody is in enter
  SwapGate(const SwapGate&) = delete;
  SwapGate& operator=(const SwapGate&) = delete;

  // Any thread. Empty when the function has no gate.
  Pass enter(std::string_view function);

  // From its return on, calls of `function` enter `gate`; the one before is shut. No call fails.
  void activate(const std::string& function, Gate& gate) { replace(function, &gate); }
  void deactivate(const std::string& function) { replace(function, nullptr); }
  void deactivate_all();

  // Until it returns, no gate that was ever active may be destroyed. Waits for callers that are
  // just entering: they never block.
  void wait_for_readers();

 private:
  using Bucket = std::vector<std::pair<std::string, Gate*>>;
  using Slot = std::atomic<const Bucket*>;
  struct alignas(64) Stripe {
    std::atomic<std::uint32_t> readers{0};
  };

  Slot& slot_of(std::string_view function);
  void replace(const std::string& function, Gate* gate);

  std::array<Slot, 1024> slots_{};  // so many that buckets are short; null: empty
  std::array<Stripe, 32> stripes_;
  std::mutex writers_;
  std::vector<std::unique_ptr<const Bucket>> retired_;
};

}  // namespace pinnate::module
