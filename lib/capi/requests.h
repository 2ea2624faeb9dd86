// What a host has asked of its tier and not been told: by the id that goes with the messages. On
// the loop's thread.
#pragma once

#include "base/status.h"
#include "wire/message.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>

namespace pinnate::capi {

class Requests {
 public:
  // A message with the id of the request; or a status other than OK and no message, when there will
  // be none. Returns true when the request has ended; without a message it has.
  using Take = std::function<bool(const Status&, const wire::Message*)>;

  Requests(std::string noun, std::function<void(const wire::Message&)> send)
      : noun_(std::move(noun)), send_(std::move(send)) {}

  // For a request that is answered elsewhere.
  std::uint64_t next_id() { return ++last_id_; }
  // Begins a request whose message the caller sends; returns its id.
  std::uint64_t begin(Take take);

  // Asks for one answer. `answered` gets its code and words as a status, and the answer itself
  // unless the request was ended.
  template <class Answer, class Question>
  void ask(Question question, std::function<void(const Status&, const Answer*)> answered) {
    question.id = begin([this, answered = std::move(answered)](const Status& status, const wire::Message* message) {
      take<Answer>(status, message, answered);
      return true;
    });
    send_(question);
  }

  // The one watch of the handle: `changed` gets the status report now and whenever it changed. A
  // status other than OK is the last it gets: the handle closes, or the tier gives the watch up.
  // Replaces the watch before; nullptr ends it.
  using Changed = std::function<void(const Status&, const wire::StatusReport*)>;
  void watch(Changed changed);

  void received(const wire::Message& message);
  void end_all(const Status& why);

 private:
  template <class Answer>
  void take(const Status& status, const wire::Message* message,
            const std::function<void(const Status&, const Answer*)>& answered) const {
    if (!message) return answered(status, nullptr);
    if (const Answer* answer = std::get_if<Answer>(message))
      return answered(Status(answer->code, answer->reason), answer);
    answered(Status(PINNATE_INTERNAL, "the " + noun_ + " answered a request with a message of another kind"), nullptr);
  }

  std::string noun_;
  std::function<void(const wire::Message&)> send_;
  // Shared, since a callback may end its own request.
  std::unordered_map<std::uint64_t, std::shared_ptr<const Take>> pending_;
  std::uint64_t last_id_ = 0;
  std::uint64_t watch_id_ = 0;
};

}  // namespace pinnate::capi
