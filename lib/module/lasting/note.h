// What one service is in the middle of, as its black box knows it. Each change is written before
// the function returns.
#pragma once

#include "base/check.h"
#include "module/lasting/black_box.h"

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>

namespace pinnate::module {

class Note {
 public:
  // Without a box nothing is noted.
  Note(std::shared_ptr<BlackBox> box, const Digest& artifact, const std::string& name)
      : box_(std::move(box)), slot_(box_ ? box_->begin(artifact, name) : 0) {}
  ~Note() {
    if (box_) box_->end(slot_);
  }
  Note(const Note&) = delete;
  Note& operator=(const Note&) = delete;

  void set_doing(Moment moment) {  // kIdle: done
    change([&] { doing_ = moment; });
  }
  void set_young() {  // in its first 60 s
    change([&] { young_ = true; });
  }
  // It has survived these: calls are not noted any more, which would cost each two writes.
  void trust() {
    change([&] { young_ = false, trusted_ = true; });
  }

  // Its object is unmapped, or stays although its service is gone.
  void set_gone(bool kept) {
    change([&] { doing_ = kept ? Moment::kKept : Moment::kUnloaded, young_ = false; });
  }

  // The first call in and the last one out write. True: pair it with leave_call.
  bool enter_call() {
    if (!box_ || trusted_.load(std::memory_order_relaxed)) return false;
    change([&] { ++calls_; });
    return true;
  }
  void leave_call() {
    change([&] {
      if (PINNATE_CHECK(calls_ > 0, "more calls left a service than entered it")) --calls_;
    });
  }

 private:
  template <typename Change>
  void change(Change what) {
    const std::lock_guard lock(mutex_);
    what();
    if (!box_) return;
    Moment moment = doing_ == Moment::kIdle && young_ ? Moment::kFirstMinute : doing_;
    if (calls_ > 0 && !trusted_) moment = Moment::kCall;
    box_->write(slot_, moment);  // unless that is what is written
  }

  const std::shared_ptr<BlackBox> box_;
  const std::size_t slot_;
  std::mutex mutex_;
  std::atomic<bool> trusted_{false};
  std::size_t calls_ = 0;
  Moment doing_ = Moment::kIdle;
  bool young_ = false;
};

}  // namespace pinnate::module
