// Where calls find the service of their function, and where one service replaces another in one step.
//
// Callers take no lock: they read an immutable table of doorways, enter one, and are gone from here in some tens of
// nanoseconds. Those who change the table publish a new one and shut the replaced doorway after that, so at every instant
// there is one that takes calls. A caller that was about to enter the old one finds it shut and looks again.
//
// Old tables, and doorways that are in no table any more, are freed after wait_for_readers: every caller is counted in one of
// several stripes while it looks, and an instant at which a stripe is at zero proves that nobody in it still holds the old
// table.
#pragma once

#include "module/doorway.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pinnate::module {

class SwapGate {
 public:
  SwapGate();
  ~SwapGate();  // nobody is in enter
  SwapGate(const SwapGate&) = delete;
  SwapGate& operator=(const SwapGate&) = delete;

  // Any thread. Empty when the function has no doorway.
  Pass enter(std::string_view function);

  // From its return on, calls of `function` enter `doorway`, and the one before is shut. No call fails meanwhile.
  void activate(const std::string& function, Doorway& doorway);
  void deactivate(const std::string& function);
  void deactivate(const Doorway& doorway);  // wherever it is active
  void deactivate_all();

  // Until it returns, no doorway that was ever active may be destroyed. Waits for callers that are just entering: they never
  // block.
  void wait_for_readers();

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  using Table = std::unordered_map<std::string, Doorway*, Hash, std::equal_to<>>;
  struct alignas(64) Stripe {
    std::atomic<std::uint32_t> readers{0};
  };

  std::atomic<std::uint32_t>& my_stripe();
  void publish(std::unique_ptr<const Table> table);

  std::atomic<const Table*> table_;
  std::array<Stripe, 32> stripes_;
  std::mutex writers_;
  std::vector<std::unique_ptr<const Table>> retired_;
};

}  // namespace pinnate::module
