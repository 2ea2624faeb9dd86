#include "tier/inquiries.h"

namespace pinnate::tier {

void Inquiries::ask(LinkId link, const std::string& gateway, wire::Lookup lookup, std::int64_t limit_ms, Done done) {
  const Key key(link, ++last_);
  Inquiry& inquiry = asked_[key];
  inquiry.done = std::move(done);
  inquiry.limit = core_->alarm_in(limit_ms, [this, key] { end(key, nullptr, "did not answer in time"); });
  lookup.id = key.second;
  if (lookup.at == gateway) lookup.at.clear();
  lookup.timeout_ms = static_cast<std::uint32_t>(limit_ms);
  core_->send(link, lookup);
}

void Inquiries::link_down(LinkId link) {
  for (auto it = asked_.lower_bound({link, 0}); it != asked_.end() && it->first.first == link;
       it = asked_.lower_bound({link, 0}))
    end(it->first, nullptr, "was lost meanwhile");
}

void Inquiries::end(const Key& key, wire::Tiers* answer, const char* failed) {
  auto ended = asked_.extract(key);
  if (!ended) return;  // late, or never asked
  ended.mapped().done(answer, failed);
}

}  // namespace pinnate::tier
