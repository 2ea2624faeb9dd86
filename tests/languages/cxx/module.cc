#include <pinnate/module.h>

#include <exception>
#include <string>

// As in a header of a library: of such a variable there is one a process, unless a version script
// makes it the module's own.
inline std::string version = "1.0.0";
inline int calls = 0;

namespace {

int create(const pinnate_host* host, const void*, size_t, void** service, char*, size_t) {
  *service = const_cast<pinnate_host*>(host);
  return 0;
}

// An exception becomes the caller's failure.
void call(void* service, pinnate_reply* reply, const void*, size_t) {
  const std::string text = version + " " + std::to_string(++calls);
  static_cast<pinnate_host*>(service)->answer(reply, text.data(), text.size());
}

void destroy(void*) {}

}  // namespace

const pinnate_descriptor pinnate_module = {
    sizeof(pinnate_descriptor), PINNATE_MODULE_ABI, 0, create, call, nullptr, destroy};
