#include "capi/requests.h"

namespace pinnate::capi {
namespace {

// The id of an answer; 0 for what answers nothing.
std::uint64_t id_of(const wire::Message& message) {
  return std::visit(
      [](const auto& m) -> std::uint64_t {
        if constexpr (requires { m.id, m.code; })
          return m.id;
        else
          return 0;
      },
      message);
}

}  // namespace

std::uint64_t Requests::begin(Take take) {
  const std::uint64_t id = next_id();
  pending_.emplace(id, std::make_shared<const Take>(std::move(take)));
  return id;
}

void Requests::watch(Changed changed) {
  if (watch_id_ != 0) {
    pending_.erase(watch_id_);
    wire::GetStatus end;
    end.id = std::exchange(watch_id_, 0);
    end.end_watch = true;
    send_(end);
  }
  if (!changed) return;
  wire::GetStatus question;
  question.watch = true;
  question.id = watch_id_ =
      begin([this, changed = std::move(changed)](const Status& status, const wire::Message* message) {
        const auto* report = message ? std::get_if<wire::StatusReport>(message) : nullptr;
        const bool ends = !report || report->code != PINNATE_OK;
        if (ends) watch_id_ = 0;  // first: the host may begin another in its callback
        take<wire::StatusReport>(status, message, changed);
        return ends;
      });
  send_(question);
}

void Requests::received(const wire::Message& message) {
  const auto found = pending_.find(id_of(message));
  if (found == pending_.end()) return;  // ended meanwhile
  const std::uint64_t id = found->first;
  const std::shared_ptr<const Take> take = found->second;
  if ((*take)({}, &message)) pending_.erase(id);
}

void Requests::end_all(const Status& why) {
  while (!pending_.empty()) {
    const auto request = pending_.extract(pending_.begin());
    (*request.mapped())(why, nullptr);
  }
}

}  // namespace pinnate::capi
