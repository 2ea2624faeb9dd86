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
  send(question);
}

void Requests::call(Id id, Buffer message, Returned returned) {
  calls_.add(id, std::move(returned));
  send_(std::move(message));
}

void Requests::received(const wire::ReturnedView& returned) {
  Returned* const found = calls_.find(returned.id);
  if (!found) return;  // ended meanwhile
  const Returned take = std::move(*found);
  calls_.remove(returned.id);  // first, since a callback may make or cancel others
  take(returned.code, std::string(returned.reason).c_str(), returned.result);
}

bool Requests::cancel(Id id) {
  if (Returned* const call = calls_.find(id)) {
    const Returned take = std::move(*call);
    calls_.remove(id);
    send(wire::Cancel{id});
    take(PINNATE_CANCELLED, "cancelled", {});
    return true;
  }
  const auto request = pending_.extract(id);
  if (!request) return false;
  if (request.mapped()->watch) {
    wire::GetStatus end;
    end.id = id;
    end.end_watch = true;
    send(end);
  } else {
    send(wire::Cancel{id});
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
  while (!calls_.empty()) {  // a callback may cancel others
    std::vector<Id> ids;
    calls_.each([&](Id id, const Returned&) { ids.push_back(id); });
    for (Id id : ids) {
      Returned* const call = calls_.find(id);
      if (!call) continue;
      const Returned take = std::move(*call);
      calls_.remove(id);
      take(why.code(), why.message().c_str(), {});
    }
  }
}

}  // namespace pinnate::capi
