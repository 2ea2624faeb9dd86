// A module that uses much of the C++ library: what of it has state, keys, threads, or inline variables that versions would share.
#include <pinnate/module.h>

#include <condition_variable>
#include <future>
#include <iostream>
#include <memory_resource>
#include <mutex>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>

inline std::string version = "1";
thread_local std::string last;
std::once_flag once;
const pinnate_host* host;

static int create(const pinnate_host* given, const void*, size_t, void** service, char*, size_t) {
  host = given;
  std::mutex mutex;
  std::condition_variable changed;
  bool ready = false;
  std::thread thread([&] {
    const std::lock_guard<std::mutex> lock(mutex);
    ready = true;
    changed.notify_all();
  });
  std::unique_lock<std::mutex> lock(mutex);
  changed.wait(lock, [&] { return ready; });
  lock.unlock();
  thread.join();
  *service = &version;
  return std::async(std::launch::async, [] { return 0; }).get();
}

static void call(void*, pinnate_reply* reply, const void* payload, size_t payload_bytes) {
  static const std::string first(static_cast<const char*>(payload), payload_bytes);
  std::pmr::monotonic_buffer_resource memory;
  const std::pmr::string text(static_cast<const char*>(payload), payload_bytes, &memory);
  std::call_once(once, [] { std::clog << "called" << std::endl; });
  last = text;
  if (!std::regex_search(last, std::regex("[a-z]+"))) throw std::invalid_argument("no word");
  std::ostringstream out;
  out << version << ' ' << first << ' ' << text << ' ' << 3.5;
  host->answer(reply, out.str().data(), out.str().size());
}

static void destroy(void*) {}

const pinnate_descriptor pinnate_module = {
    sizeof(pinnate_descriptor), PINNATE_MODULE_ABI, 0, create, call, nullptr, destroy};
