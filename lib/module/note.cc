#include "module/note.h"

namespace pinnate::module {

Note::Note(std::shared_ptr<BlackBox> box, const Digest& artifact) : box_(std::move(box)) {
  if (box_) slot_ = box_->begin(artifact);
}

Note::~Note() {
  if (box_) box_->end(slot_);
}

void Note::set_doing(Moment moment) {
  if (!box_) return;
  const std::lock_guard lock(mutex_);
  doing_ = moment;
  if (!call_noted_.load()) box_->write(slot_, besides_calls());
}

void Note::set_young(bool young) {
  if (!box_) return;
  const std::lock_guard lock(mutex_);
  young_ = young;
  if (!call_noted_.load()) box_->write(slot_, besides_calls());
}

// Either the one that enters sees that "call" is no longer noted, or the one that leaves sees that somebody entered: all four
// accesses are sequentially consistent.
void Note::enter_call() {
  if (!box_) return;
  calls_.fetch_add(1);
  if (call_noted_.load()) return;
  const std::lock_guard lock(mutex_);
  if (call_noted_.load()) return;
  box_->write(slot_, Moment::kCall);
  call_noted_.store(true);
}

void Note::leave_call() {
  if (!box_ || calls_.fetch_sub(1) != 1) return;
  const std::lock_guard lock(mutex_);
  if (!call_noted_.load()) return;
  call_noted_.store(false);
  if (calls_.load() != 0)
    call_noted_.store(true);
  else
    box_->write(slot_, besides_calls());
}

}  // namespace pinnate::module
