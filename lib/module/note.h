// What one service is in the middle of, as its black box knows it. Calls come and go on many threads; only the first one in
// and the last one out write.
#pragma once

#include "module/black_box.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

namespace pinnate::module {

class Note {
 public:
  Note(std::shared_ptr<BlackBox> box, const Digest& artifact);  // without a box nothing is noted
  ~Note();
  Note(const Note&) = delete;
  Note& operator=(const Note&) = delete;

  // Written before it returns, as by all here.
  void set_doing(Moment moment);  // kIdle: done
  void set_young(bool young);  // in its first 60 s
  void enter_call();
  void leave_call();

 private:
  Moment besides_calls() const { return doing_ == Moment::kIdle && young_ ? Moment::kFirstMinute : doing_; }

  const std::shared_ptr<BlackBox> box_;
  std::size_t slot_ = 0;
  std::atomic<std::uint64_t> calls_{0};
  std::atomic<bool> call_noted_{false};
  std::mutex mutex_;  // for changes of what is noted
  Moment doing_ = Moment::kIdle;
  bool young_ = false;
};

}  // namespace pinnate::module
