// Built by plain g++: `version` is a GNU-unique symbol, of which a process has one.
#include <pinnate/module.h>

#include <string>

inline std::string version = VERSION;

static const pinnate_host* host;
static int create(const pinnate_host* h, const void*, size_t, void** service, char*, size_t) {
  host = h;
  *service = &version;
  return 0;
}
static void call(void*, pinnate_reply* reply, const void*, size_t) {
  host->answer(reply, version.data(), version.size());
}
static void destroy(void*) {}

const pinnate_descriptor pinnate_module = {sizeof(pinnate_descriptor), PINNATE_MODULE_ABI, 0, create, call, nullptr,
                                           destroy};
