// A Pinnate module in C++: it answers each call with its payload.
#include <pinnate/module.h>

#include <cstdio>
#include <exception>

namespace {

class Echo {
 public:
  explicit Echo(const pinnate_host* host) : host_(host) {}
  // May keep `reply` and answer later, from any thread; but exactly once.
  void call(pinnate_reply* reply, const void* payload, size_t bytes) try {
    host_->answer(reply, payload, bytes);
  } catch (const std::exception& e) {
    host_->fail(reply, e.what());
  }

 private:
  const pinnate_host* host_;
};

// Makes a service from the release's configuration. Not 0: it cannot work; `error` says why.
int create(const pinnate_host* host, const void*, size_t, void** service, char* error, size_t error_bytes) try {
  *service = new Echo(host);
  return 0;
} catch (const std::exception& e) {
  std::snprintf(error, error_bytes, "%s", e.what());
  return 1;
}

}  // namespace

// 0: one call at a time (or PINNATE_CALLS_MAY_OVERLAP). nullptr: there is no health check.
const pinnate_descriptor pinnate_module = {
    sizeof(pinnate_descriptor), PINNATE_MODULE_ABI, 0, create,
    [](void* s, pinnate_reply* r, const void* data, size_t bytes) { static_cast<Echo*>(s)->call(r, data, bytes); },
    nullptr, [](void* s) { delete static_cast<Echo*>(s); }};
