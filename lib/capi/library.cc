// What concerns the library as a whole: names, version, platform.
#include "capi/boundary.h"
#include "capi/sized.h"

#include <pinnate/common.h>
#include <pinnate/fleet.h>

#include <iterator>

#define PINNATE_TEXT_OF(number) #number
#define PINNATE_TEXT(number) PINNATE_TEXT_OF(number)

#if defined(__ANDROID__)
#define PINNATE_SYSTEM "android"
#elif defined(__linux__)
#define PINNATE_SYSTEM "linux"
#else
#error "no name for this system yet; content/elf.cc and this file name platforms"
#endif

// The names are those of content/elf.cc.
#if defined(__x86_64__) && defined(__ILP32__)
#define PINNATE_MACHINE "x32"
#elif defined(__x86_64__)
#define PINNATE_MACHINE "x86_64"
#elif defined(__aarch64__) && defined(__AARCH64EB__)
#define PINNATE_MACHINE "aarch64_be"
#elif defined(__aarch64__)
#define PINNATE_MACHINE "aarch64"
#elif defined(__arm__) && defined(__ARMEB__)
#define PINNATE_MACHINE "armeb"
#elif defined(__arm__)
#define PINNATE_MACHINE "armv7"
#elif defined(__i386__)
#define PINNATE_MACHINE "i686"
#elif defined(__riscv) && __riscv_xlen == 64
#define PINNATE_MACHINE "riscv64"
#elif defined(__riscv)
#define PINNATE_MACHINE "riscv32"
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define PINNATE_MACHINE "ppc64le"
#elif defined(__powerpc64__)
#define PINNATE_MACHINE "ppc64"
#elif defined(__s390x__)
#define PINNATE_MACHINE "s390x"
#elif defined(__mips64) && defined(__MIPSEL__)
#define PINNATE_MACHINE "mips64el"
#elif defined(__loongarch64)
#define PINNATE_MACHINE "loongarch64"
#else
#error "no name for this machine yet; content/elf.cc and this file name platforms"
#endif

namespace {

const char* const kStatusNames[] = {
    "ok",           "invalid",   "not found", "conflict",  "refused",     "unreachable",  "timeout",    "closed",
    "busy",         "too large", "no space",  "io",        "corrupt",     "incompatible", "failed",     "no memory",
    "wrong thread", "forked",    "in use",    "cancelled", "interrupted", "unsupported",  "overloaded", "internal",
};
static_assert(std::size(kStatusNames) == PINNATE_INTERNAL + 1);

const char* const kPhaseNames[] = {"pending", "fetching",     "loading",      "live",
                                   "failed",  "incompatible", "not selected", "offline"};
static_assert(std::size(kPhaseNames) == PINNATE_PHASE_COUNT);

template <std::size_t N>
const char* name_of(const char* const (&names)[N], long number) {
  return number >= 0 && static_cast<std::size_t>(number) < N ? names[number] : "unknown";
}

}  // namespace

const char* pinnate_status_name(pinnate_status status) {
  return name_of(kStatusNames, pinnate::capi::number_in(status));
}
const char* pinnate_phase_name(pinnate_phase phase) { return name_of(kPhaseNames, pinnate::capi::number_in(phase)); }
const char* pinnate_last_error(void) { return pinnate::capi::last_error(); }
const char* pinnate_platform(void) { return PINNATE_SYSTEM "-" PINNATE_MACHINE; }
const char* pinnate_version(void) {
  return PINNATE_TEXT(PINNATE_VERSION_MAJOR) "." PINNATE_TEXT(PINNATE_VERSION_MINOR) "." PINNATE_TEXT(
      PINNATE_VERSION_PATCH);
}
