// What a tier wants people to know of it: sentences that stand until they are over, the most
// important first. Of too many the least important, and of those the oldest, give way.
#pragma once

#include "tier/core.h"

namespace pinnate::tier {

inline constexpr std::int64_t kCorruptShownMs = 600000;  // after the last chunk that a peer sent corrupt

class Notices {
 public:
  Notices(Core* core, std::function<void()> changed) : core_(core), changed_(std::move(changed)) {}

  // Says `text` under `key` ("disk", "drain/NAME"), and logs it if it is new. It stands until it is
  // replaced or ended (an empty text), or for `for_ms`.
  void say(const std::string& key, std::string text, std::int64_t for_ms = kNever);
  std::vector<std::string> all() const;
  std::string first() const;  // and how many others there are

 private:
  struct Notice {
    std::string text;
    std::uint64_t number = 0;  // in the order in which they were said
    Alarm over;
  };
  void drop_one();

  Core* core_;
  std::function<void()> changed_;
  std::map<std::pair<std::size_t, std::string>, Notice> notices_;  // by rank and key
  std::uint64_t said_ = 0;
};

}  // namespace pinnate::tier
