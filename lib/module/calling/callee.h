// What calling knows of a service: who it is, whose turn it is in there, and how to enter it.
#pragma once

#include "module/calling/call_turns.h"
#include "module/calling/gate.h"
#include "module/calling/host_table.h"
#include "module/lasting/note.h"

#include <pinnate/module.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace pinnate::module {

class Call;

class Callee : public Gate {
 public:
  const std::string& label() const { return log_.label; }  // "module 'thumbnail' 1.2.0"
  void log(const char* what) const { log_.callbacks->log(PINNATE_LOG_WARNING, label() + ": " + what); }
  Note& note() { return *note_; }
  // It may outlive the service.
  const std::shared_ptr<Note>& shared_note() const { return note_; }
  CallTurns& turns() { return turns_; }
  std::uint32_t call_limit_ms() const { return call_limit_ms_; }
  virtual bool calls_may_overlap() const = 0;
  // On the thread of the link that they come over.
  bool calls_run_inline() const { return declares_inline() && !too_slow_.load(std::memory_order_relaxed); }
  // True: for the first time. From now on they run on workers.
  bool was_too_slow() { return !too_slow_.exchange(true, std::memory_order_relaxed); }

  // Runs the module's `call`, on any thread. What it does wrong answers the call, in words.
  virtual void run_call(Call& call, pinnate_reply* reply, std::string_view payload) = 0;

 protected:
  virtual bool declares_inline() const = 0;
  Callee(std::shared_ptr<Watcher> watcher, ModuleLog log, std::shared_ptr<BlackBox> box, const Digest& artifact,
         std::uint32_t call_limit_ms)
      : Gate(std::move(watcher)),
        log_(std::move(log)),
        note_(std::make_shared<Note>(std::move(box), artifact, log_.label.substr(log_.label.find('\'')))),
        call_limit_ms_(call_limit_ms) {}

  const ModuleLog log_;

 private:
  CallTurns turns_;
  const std::shared_ptr<Note> note_;
  const std::uint32_t call_limit_ms_;
  std::atomic<bool> too_slow_{false};
};

}  // namespace pinnate::module
