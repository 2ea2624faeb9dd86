// Modules without shared objects: a loader of the test's own, whose artifacts are a word, put
// before what a call brings.
#pragma once

#include "bell.h"

#include <pinnate/loader.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>

namespace greeting {

// Where a call that asks to wait does so, inside the module, until the test opens it.
class Door {
 public:
  void shut() { open_ = false, entered_ = false; }
  void open() {
    open_ = true;
    open_.notify_all();
  }
  bool entered() const { return entered_; }
  void wait() {
    entered_ = true;
    bell().ring();
    open_.wait(false);
  }

 private:
  std::atomic<bool> open_{true}, entered_{false};
};
inline Door& door() {
  static Door& one = *new Door;  // a thread may be in it to the end
  return one;
}

// A call that asks for it is answered when the test says so.
class Later {
 public:
  void keep(const pinnate_host* host, pinnate_reply* reply) {
    host_ = host;
    reply_ = reply;
    bell().ring();
  }
  bool kept() const { return reply_ != nullptr; }
  bool cancelled() const { return host_.load()->cancelled(reply_) != 0; }
  void answer() { host_.load()->answer(reply_.exchange(nullptr), "at last", 7); }

 private:
  std::atomic<const pinnate_host*> host_{nullptr};
  std::atomic<pinnate_reply*> reply_{nullptr};
};
inline Later& later() {
  static Later& one = *new Later;
  return one;
}

struct Service {
  const pinnate_host* host;
  std::string before;
};

inline int load(void*, const pinnate_image* image, void** module, char* error, size_t error_bytes) {
  const std::string text(static_cast<const char*>(image->data), image->size_bytes);
  if (text == "broken") {
    std::strncpy(error, "this one is broken", error_bytes);
    return 1;
  }
  *module = new std::string(text);
  return 0;
}
inline int create(void* module, const pinnate_host* host, const void* config, size_t config_bytes, void** service,
                  char*, size_t) {
  const std::string end(static_cast<const char*>(config), config_bytes);
  *service = new Service{host, *static_cast<std::string*>(module) + end};
  return 0;
}
inline void call(void*, void* service, pinnate_reply* reply, const void* payload, size_t payload_bytes) {
  Service* const s = static_cast<Service*>(service);
  const std::string asked(static_cast<const char*>(payload), payload_bytes);
  if (asked == "wait") door().wait();
  if (asked == "fail") return s->host->fail(reply, "as you wished");
  if (asked == "later") return later().keep(s->host, reply);
  if (asked == "headers") {
    std::string all;
    const char *key = nullptr, *value = nullptr;
    for (size_t i = 0; s->host->header_at(reply, i, &key, &value); i++) all += std::string(key) + "=" + value + ";";
    if (const char* tenant = s->host->header(reply, "tenant")) all += tenant;
    if (!s->host->header(reply, "none")) all += ".";
    return s->host->answer(reply, all.data(), all.size());
  }
  const std::string answer = s->before + asked;
  s->host->answer(reply, answer.data(), answer.size());
}
inline void destroy(void*, void* service) { delete static_cast<Service*>(service); }
inline void unload(void* module) { delete static_cast<std::string*>(module); }

inline pinnate_loader loader() {
  pinnate_loader l{};
  l.size = sizeof l;
  l.kind = "greeting";
  l.load = load;
  l.create = create;
  l.call = call;
  l.destroy = destroy;
  l.unload = unload;
  return l;
}

}  // namespace greeting
