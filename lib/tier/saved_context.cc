#include "tier/saved_context.h"

namespace pinnate::tier {

void SavedContext::restore(const Restored& restored) {
  std::vector<std::string> lost = restored.notes;
  for (std::string& words : manifests_->restore(restored)) lost.push_back(std::move(words));
  if (const auto found = restored.records.find("context"); found != restored.records.end()) {
    const auto context = wire::decode_as<wire::Context>(found->second);
    if (context.ok())
      *inherited_ = context->inherited;
    else
      lost.push_back("the record 'context', the labels from above, cannot be read: " + context.status().message());
  }
  for (const std::string& words : lost) core_->log(PINNATE_LOG_WARNING, words + "; it is fetched anew");
}

bool SavedContext::take_labels(const Labels& inherited) {
  if (!check_labels(inherited).ok() || inherited == *inherited_) return false;
  *inherited_ = inherited;
  return labels_unsaved_ = true;
}

void SavedContext::save() {
  if (saving_ || again_.set()) return;
  std::vector<RecordWrite> writes = manifests_->take_changes();
  if (std::exchange(labels_unsaved_, false)) writes.push_back({"context", wire::encode(wire::Context{*inherited_})});
  if (owner_.add) owner_.add(&writes);
  if (writes.empty()) return;
  saving_ = true;
  core_->act(Commit{core_->order([this](Completion& c) {
                      saving_ = false;
                      owner_.written(c.status);
                      if (c.status.ok()) {
                        backoff_.reset();
                        return save();
                      }
                      manifests_->changes_failed();
                      labels_unsaved_ = true;
                      again_ = core_->alarm_in(backoff_.next_ms(core_->random()), [this] { save(); });
                    }),
                    std::move(writes)});
}

}  // namespace pinnate::tier
