// A module that does what its configuration says: "BEHAVIOUR" or "BEHAVIOUR FIFO". Without one,
// `usual_behaviour`.
//
// To hang means: open the FIFO for reading and read to its end. So a test that opens it for writing
// knows that the module is there, and by closing it lets the module go on. Without a FIFO it is for
// ever.
#include <pinnate/module.h>

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#ifndef PINNATE_FLAGS
#define PINNATE_FLAGS PINNATE_CALLS_MAY_OVERLAP
#endif

extern "C" __attribute__((weak, visibility("hidden"))) const char usual_behaviour[] =
    "echo";  // behaviour.c has another

namespace {

void hang(const std::string& fifo) {
  if (fifo.empty())
    for (;;) pause();
  const int fd = open(fifo.c_str(), O_RDONLY);
  char c;
  while (read(fd, &c, 1) > 0) {
  }
  close(fd);
}

struct Service {
  const pinnate_host* host;
  std::string behaviour, fifo;
  std::mutex mutex;
  std::vector<std::thread> threads;

  bool is(const char* what) const { return behaviour == what; }
  void cancel_thread() const {
    if (is("cancels-thread")) pthread_cancel(pthread_self());
  }
};

int create(const pinnate_host* host, const void* config, size_t config_bytes, void** result, char* error,
           size_t error_bytes) {
  auto* service = new Service;
  service->host = host;
  const std::string text = config_bytes ? std::string(static_cast<const char*>(config), config_bytes) : usual_behaviour;
  const size_t space = text.find(' ');
  service->behaviour = text.substr(0, space);
  if (space != std::string::npos) service->fifo = text.substr(space + 1);
  if (service->is("create-aborts")) abort();
  if (service->is("create-hangs")) hang(service->fifo);
  if (service->is("create-ends-thread")) {
    if (!service->fifo.empty()) hang(service->fifo);
    delete service;
    pthread_exit(nullptr);
  }
  const bool fails = service->is("create-fails"), silent = service->is("create-says-nothing");
  const bool throws = service->is("create-throws"), verbose = service->is("create-says-much");
  if (fails || silent || throws || verbose) delete service;
  if (fails) snprintf(error, error_bytes, "the model file is missing");
  if (verbose)
    for (size_t i = 0; i < error_bytes; ++i) error[i] = 'x';  // and no NUL
  if (throws) throw std::runtime_error("no model");
  if (fails || silent || verbose) return 1;
  *result = service;
  service->cancel_thread();
  host->log(host->context, 1, "created\nwith two lines");
  return 0;
}

void answer_on_a_thread(Service& s, pinnate_reply* reply, std::string data, int times) {
  const std::lock_guard<std::mutex> lock(s.mutex);
  s.threads.emplace_back([&s, reply, data, times] {
    if (!s.fifo.empty()) hang(s.fifo);
    for (int i = 0; i < times; ++i) s.host->answer(reply, data.data(), data.size());
  });
}

void call(void* service, pinnate_reply* reply, const void* payload, size_t payload_bytes) {
  Service& s = *static_cast<Service*>(service);
  const std::string data(static_cast<const char*>(payload), payload_bytes);
  if (s.is("call-aborts")) abort();
  if (s.is("call-throws")) throw std::runtime_error("not today");
  if (s.is("call-throws-int")) throw 7;
  if (s.is("call-fails")) return s.host->fail(reply, "the sensor is offline");
  if (s.is("call-ends-thread")) pthread_exit(nullptr);
  if (s.is("never-answers")) return;
  if (s.is("answers-later")) return answer_on_a_thread(s, reply, data, 1);
  if (s.is("answers-later-twice")) return answer_on_a_thread(s, reply, data, 2);
  if (s.is("answers-too-much")) return s.host->answer(reply, std::string(2 << 20, 'x').data(), 2 << 20);
  s.cancel_thread();
  if (s.is("remaining")) {
    const std::string left = std::to_string(s.host->remaining_ms(reply));
    return s.host->answer(reply, left.data(), left.size());
  }
  if (s.is("call-hangs")) hang(s.fifo);
  if (s.is("answers-then-hangs")) {
    s.host->answer(reply, data.data(), data.size());
    return hang(s.fifo);
  }
  s.host->answer(reply, data.data(), data.size());
  if (s.is("answers-twice")) s.host->answer(reply, "again", 5);
}

int check_health(void* service, char* error, size_t error_bytes) {
  Service& s = *static_cast<Service*>(service);
  if (s.is("health-hangs")) hang(s.fifo);
  if (s.is("health-aborts")) abort();
  if (s.is("health-ends-thread")) pthread_exit(nullptr);
  s.cancel_thread();
  if (!s.is("health-fails")) return 0;
  snprintf(error, error_bytes, "the camera does not answer");
  return 1;
}

void destroy(void* service) {
  auto* s = static_cast<Service*>(service);
  if (s->is("destroy-hangs")) hang(s->fifo);
  const std::unique_ptr<Service> owned(s);
  if (s->is("destroy-ends-thread")) pthread_exit(nullptr);
  if (s->is("destroy-throws")) throw std::runtime_error("not now");
  for (std::thread& t : s->threads) t.join();
  s->cancel_thread();
}

}  // namespace

const pinnate_descriptor pinnate_module = {
    sizeof(pinnate_descriptor), PINNATE_MODULE_ABI, PINNATE_FLAGS, create, call, check_health, destroy};
