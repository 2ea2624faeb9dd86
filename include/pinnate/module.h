/* pinnate/module.h: all that a module's author includes.
 *
 * A module is a shared object that exports one symbol, `pinnate_module`, of type
 * pinnate_descriptor. An engine loads it (RTLD_LOCAL | RTLD_NOW), creates a service from it, checks
 * its health, sends it calls, and destroys it. Both tables, the module's and the host's, begin with
 * their size and only ever grow at their end.
 *
 * Build, where INCLUDE is the folder of `pinnate/`:
 *   cc -shared -fPIC -O2 -I INCLUDE -Wl,--version-script=INCLUDE/pinnate/module.map
 *     -o NAME.so NAME.c
 *   c++ -shared -fPIC -O2 -I INCLUDE -Wl,--version-script=INCLUDE/pinnate/module.map
 *     -static-libstdc++ -static-libgcc -Wl,--gc-sections,-fini=_ZN9__gnu_cxx9__freeresEv
 *     -o NAME.so NAME.cc
 * CMake's find_package(pinnate) has it as pinnate_add_module(NAME SOURCE...); `pinnate new NAME`
 * writes a module with its build script. What the options are for:
 * - The version script hides all but `pinnate_module`. A symbol that is seen is shared: with the
 *   host's of that name, and, where C++ makes it GNU-unique, with the module's own next version.
 * - With its C++ runtime in it a module runs in any image. Each runtime counts its own exceptions:
 *   one that leaves the module is a failure in words, but std::uncaught_exceptions() of that thread
 *   tells the module one too many from then on. So catch what you throw.
 * - --gc-sections drops what is not used of that runtime. Of std::condition_variable that is a
 *   function which makes a pthread key.
 * - -fini frees what libstdc++ set aside for exceptions, 73 KB, when the module is unloaded.
 *
 * All functions but `call` run one at a time, on threads of the library's that all engines of the
 * process share. Their signal mask is the one that the thread had which opened the engine, and what
 * a function changes of a thread (signal mask, alternate signal stack, floating-point environment)
 * is put back when it returns; after `call`, the floating-point environment alone. What it changes
 * of the process (signal handlers, locale, current folder, umask) is told in a notice and left as
 * it is. `thread_local` variables keep the object in memory, and may live until the last engine
 * closes.
 * After `destroy` the object is unmapped, unless that would end the process: an object stays that
 * threads or signal handlers are in, that uses pthread_key_create or the like (see
 * PINNATE_CLEANS_UP), or that is linked with -z nodelete. What stays is counted in the engine's
 * status, up to a limit. Libraries that came with a module stay, too.
 * What one of these functions throws, or that it ends its thread, is a failure in words. Not so in
 * constructors and destructors of static objects: an exception that leaves one is std::terminate,
 * which ends the process and all engines in it (C++ [basic.start.dynamic]).
 * A module links nothing of Pinnate: the host table brings what it may use.
 */
#ifndef PINNATE_MODULE_H
#define PINNATE_MODULE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PINNATE_MODULE_ABI 1

/* One call that a service was given and has not answered. Owned by the engine; dead once
 * answered. */
typedef struct pinnate_reply pinnate_reply;

/* What the engine offers to a service. Valid until `destroy` has returned. Every function may be
 * called on any thread. */
typedef struct pinnate_host {
  size_t size;
  void *context; /* for the host's use; pass it back where asked */
  /* Writes one line to the engine's log. level: 0 debug, 1 info, 2 warning, 3 error. */
  void (*log)(void *context, int level, const char *message);
  /* Memory from the engine; NULL: there is none. `release` takes what `allocate` gave, or NULL. */
  void *(*allocate)(void *context, size_t size_bytes);
  void (*release)(void *context, void *memory);
  /* Milliseconds until the caller gives this call up; 0 when it already has. */
  uint32_t (*remaining_ms)(const pinnate_reply *reply);
  /* Answers a call: exactly once, from any thread, during `call` or later. `data` is copied. */
  void (*answer)(pinnate_reply *reply, const void *data, size_t size_bytes);
  /* Answers it with a failure, in words. Exactly once instead of `answer`. */
  void (*fail)(pinnate_reply *reply, const char *reason);
  /* Not 0: nobody waits for this answer any more: its caller gave up, or its time has passed. */
  int (*cancelled)(const pinnate_reply *reply);
  /* What the caller sent beside the payload: the value of one header, or NULL where there is none
   * of that key; and all of them, by index from 0: 0 behind the last. Valid until the call is
   * answered. */
  const char *(*header)(const pinnate_reply *reply, const char *key);
  int (*header_at)(const pinnate_reply *reply, size_t index, const char **key, const char **value);
} pinnate_host;

/* flags */
#define PINNATE_CALLS_MAY_OVERLAP 1u /* `call` may run on several threads at once. Without it, one call at a time */
#define PINNATE_ONE_AT_A_TIME 2u     /* two services cannot live side by side in a process: the old one is destroyed
                                        before the new one is created. Calls wait meanwhile, at most 10 s */
#define PINNATE_STAYS_LOADED 4u      /* the object is never unmapped, so each version stays in memory. The same bytes
                                        published again are served by the object that is there: its static variables go
                                        on from where they were */
#define PINNATE_CLEANS_UP 8u         /* `destroy` undoes what was registered with the C library (pthread_key_delete and
                                        the like), so that the object may be unmapped */
#define PINNATE_CALLS_INLINE 16u     /* `call` is short, never blocks and does not end its thread: calls that come over a
                                        link run on that link's thread, and no other is woken for them. One that takes
                                        longer than 5 ms there is the last: from then on calls run on workers, and the
                                        engine's status says so */

typedef struct pinnate_descriptor {
  size_t size;    /* sizeof(pinnate_descriptor) */
  uint32_t abi;   /* PINNATE_MODULE_ABI */
  uint32_t flags;
  /* Makes a service from the release's configuration bytes. Returns 0 and sets *service, or not 0
   * and writes why, NUL-terminated, to `error`. `host` stays valid as long as the service. */
  int (*create)(const pinnate_host *host, const void *config, size_t config_bytes, void **service, char *error,
                size_t error_bytes);
  /* Takes one call and answers through `reply`, now or later. `payload` is valid until the call is
   * answered. */
  void (*call)(void *service, pinnate_reply *reply, const void *payload, size_t payload_bytes);
  /* Says whether the service can take calls: 0, or not 0 with the reason. NULL: always healthy. */
  int (*check_health)(void *service, char *error, size_t error_bytes);
  /* Ends the service: every call is answered and no other function runs. The object is unloaded
   * afterwards, so threads of its own must be joined here. */
  void (*destroy)(void *service);
} pinnate_descriptor;

/* The symbol that a module defines: const pinnate_descriptor pinnate_module = {
 * sizeof(pinnate_descriptor), ... }; */
extern __attribute__((visibility("default"))) const pinnate_descriptor pinnate_module;

#ifdef __cplusplus
}
#endif

/* In modules, not in hosts. A statically linked libgcc of GCC 12 or older must have unwound
 * something before pthread_exit unwinds the module's frames, or it ends the process. */
#if defined(__cplusplus) && !defined(PINNATE_BUILDING) && !defined(PINNATE_LOADER_H)
#include <unwind.h>
__attribute__((constructor)) static void pinnate_use_unwinder() {
  _Unwind_Backtrace([](_Unwind_Context *, void *) { return _URC_NORMAL_STOP; }, nullptr);
}
#endif
#endif
