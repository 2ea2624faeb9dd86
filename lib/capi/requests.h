// What a host has asked of its tier and not been told: by the id that goes with the messages, which
// is the ticket that the host may cancel it by. On the loop's thread, but for new ids.
#pragma once

#include "base/id_map.h"
#include "base/status.h"
#include "wire/call.h"

#include <atomic>
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
  using Id = std::uint64_t;
  // A message with the id of the request; or a status other than OK and no message, when there will
  // be none.
  using Take = std::function<void(const Status&, const wire::Message*)>;

  Requests(std::string noun, std::function<void(Buffer)> send) : noun_(std::move(noun)), send_(std::move(send)) {}

  Id next_id() { return ++last_id_; }  // any thread

  // Asks for one answer. `answered` gets its code and words as a status, and the answer itself
  // unless the request was ended.
  template <class Answer, class Question>
  void ask(Id id, Question question, std::function<void(const Status&, const Answer*)> answered) {
    question.id = id;
    begin(id, [this, answered = std::move(answered)](const Status& status, const wire::Message* message) {
      take<Answer>(status, message, answered);
    });
    send(question);
  }

  // Sends a call, which is encoded with this id. `returned` gets its outcome: the words of a failure
  // end with NUL, and are empty otherwise.
  using Returned = std::function<void(Code code, const char* words, std::string_view result)>;
  void call(Id id, Buffer message, Returned returned);

  // `changed` gets the status report now and whenever it changed. A status other than OK is the
  // last it gets: the watch is cancelled, the handle closes, or the tier gives it up.
  using Changed = std::function<void(const Status&, const wire::StatusReport*)>;
  void watch(Id id, Changed changed);

  // Ends it, as PINNATE_CANCELLED, and tells the tier. False: it is not under way.
  bool cancel(Id id);

  void received(const wire::Message& message);
  void received(const wire::ReturnedView& returned);
  void end_all(const Status& why);

 private:
  struct Request {
    Take take;
    bool watch = false;  // ends with its first report of a failure, others with their only answer
  };
  void begin(Id id, Take take, bool watch = false);
  void send(const wire::Message& message) { send_(wire::encode(message)); }
  template <class Answer>
  void take(const Status& status, const wire::Message* message,
            const std::function<void(const Status&, const Answer*)>& answered) const {
    if (!message) return answered(status, nullptr);
    if (const Answer* answer = std::get_if<Answer>(message))
      return answered(Status(answer->code, answer->reason), answer);
    answered(Status(PINNATE_INTERNAL, "the " + noun_ + " answered a request with a message of another kind"), nullptr);
  }

  std::string noun_;
  std::function<void(Buffer)> send_;
  // Shared, since a callback may end its own request.
  std::unordered_map<Id, std::shared_ptr<const Request>> pending_;
  IdMap<Returned> calls_;
  std::atomic<Id> last_id_{0};
};

}  // namespace pinnate::capi
