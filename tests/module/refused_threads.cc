#include "refused_threads.h"

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>

namespace {
constexpr int kAll = 1000000;
std::atomic<int> left{kAll};
}  // namespace

RefusedThreads::RefusedThreads(int but_first) { left = but_first; }
RefusedThreads::~RefusedThreads() { left = kAll; }

// Found before the C library's, and a sanitizer's, by all of this program.
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*),
                              void* argument) {
  static const auto next = reinterpret_cast<decltype(&pthread_create)>(dlsym(RTLD_NEXT, "pthread_create"));
  return left-- <= 0 ? EAGAIN : next(thread, attributes, start, argument);
}
