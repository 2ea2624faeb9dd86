#include "wire/allocations.h"

#include <malloc.h>

#include <cstdlib>

namespace {

// Of trivial kind, so that no thread's first touch of them allocates.
thread_local long held = 0, highest = 0;

void took(std::size_t bytes) {
  held += static_cast<long>(bytes);
  if (held > highest) highest = held;
}
void gave_back(std::size_t bytes) { held -= static_cast<long>(bytes); }

}  // namespace

Allocations::Allocations() { held = highest = 0; }
std::size_t Allocations::peak_bytes() const { return static_cast<std::size_t>(highest); }

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

extern "C" {
int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void*, std::size_t),
                                              void (*)(const volatile void*));
std::size_t __sanitizer_get_allocated_size(const volatile void*);
}
namespace {
const int installed =
    __sanitizer_install_malloc_and_free_hooks([](const volatile void*, std::size_t bytes) { took(bytes); },
                                              [](const volatile void* p) {
                                                if (p) gave_back(__sanitizer_get_allocated_size(p));
                                              });
}  // namespace

#else

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void __libc_free(void*);

void* malloc(std::size_t bytes) noexcept {
  void* p = __libc_malloc(bytes);
  if (p) took(malloc_usable_size(p));
  return p;
}
void* calloc(std::size_t n, std::size_t bytes) noexcept {
  void* p = __libc_calloc(n, bytes);
  if (p) took(malloc_usable_size(p));
  return p;
}
void* realloc(void* old, std::size_t bytes) noexcept {
  const std::size_t before = old ? malloc_usable_size(old) : 0;
  void* p = __libc_realloc(old, bytes);
  if (!p && bytes != 0) return p;
  gave_back(before);
  if (p) took(malloc_usable_size(p));
  return p;
}
void free(void* p) noexcept {
  if (p) gave_back(malloc_usable_size(p));
  __libc_free(p);
}
}

#endif
