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

void Requests::begin(Id id, Take take, bool watch) {
  pending_.emplace(id, std::make_shared<const Request>(Request{std::move(take), watch}));
}

void Requests::watch(Id id, Changed changed) {
  wire::GetStatus question;
  question.watch = true;
  question.id = id;
  const auto take = [this, changed = std::move(changed)](const Status& status, const wire::Message* message) {
    this->take<wire::StatusReport>(status, message, changed);
  };
  begin(id, take, true);
  send_(question);
}

bool Requests::cancel(Id id) {
  const auto request = pending_.extract(id);
  if (!request) return false;
  if (request.mapped()->watch) {
    wire::GetStatus end;
    end.id = id;
    end.end_watch = true;
    send_(end);
  } else {
    send_(wire::Cancel{id});
  }
  request.mapped()->take({PINNATE_CANCELLED, "cancelled"}, nullptr);
  return true;
}

void Requests::received(const wire::Message& message) {
  const auto found = pending_.find(id_of(message));
  if (found == pending_.end()) return;  // ended meanwhile
  const std::shared_ptr<const Request> request = found->second;
  const auto* report = std::get_if<wire::StatusReport>(&message);
  // First, since a callback may cancel its own request.
  if (!request->watch || !report || report->code != PINNATE_OK) pending_.erase(found);
  request->take({}, &message);
}

void Requests::end_all(const Status& why) {
  while (!pending_.empty()) {
    const auto request = pending_.extract(pending_.begin());
    request.mapped()->take(why, nullptr);
  }
}

}  // namespace pinnate::capi
