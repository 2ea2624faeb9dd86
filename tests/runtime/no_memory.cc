#include "no_memory.h"

#include <cstdlib>
#include <new>

namespace {

thread_local bool no_memory = false;

}  // namespace

NoMemory::NoMemory(bool none) { no_memory = none; }
NoMemory::~NoMemory() { no_memory = false; }

// Those of an array too, or a sanitizer's would be paired with ours.
void* operator new(std::size_t bytes) {
  void* const memory = no_memory ? nullptr : std::malloc(bytes ? bytes : 1);
  if (!memory) throw std::bad_alloc();
  return memory;
}
void* operator new[](std::size_t bytes) { return operator new(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
