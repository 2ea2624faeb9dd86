/* pinnate/loader.h: teaches an engine another kind of artifact: a plugin ABI of the host's own, a
 * script language. See common.h for the conventions. */
#ifndef PINNATE_LOADER_H
#define PINNATE_LOADER_H

#include <pinnate/common.h>
#include <pinnate/module.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The artifact as a loader gets it; valid until `unload` returns. */
typedef struct pinnate_image {
  size_t size;
  const char *name;     /* the module's */
  const char *version;
  const char *digest;   /* SHA-256 of the artifact, 64 hex digits */
  int fd;               /* a sealed memory file, read-only (where there is no memfd, a private file). Owned by the
                           library: duplicate it to keep it */
  const char *fd_path;  /* a path that opens it and belongs to this image alone */
  const void *data;     /* the same bytes, mapped */
  uint64_t size_bytes;
} pinnate_image;

/* All functions but `call` run on threads of the library's, one at a time per module, never on the
 * loop's thread. What module.h says of these threads, which all engines of the process share, binds
 * a loader too. `create`, `call`, `check_health` and `destroy` are as in module.h, with the loaded
 * module before the rest. */
typedef struct pinnate_loader {
  size_t size;
  const char *kind;  /* what pinnate_publish.loader names: 1 to 31 of [a-z0-9._-] */
  uint32_t flags;    /* PINNATE_CALLS_MAY_OVERLAP, _CALLS_INLINE and _ONE_AT_A_TIME hold for all its modules */
  void *self;        /* handed to load */
  /* Returns 0 and sets *module, or not 0 and writes why to `error`. */
  int (*load)(void *self, const pinnate_image *image, void **module, char *error, size_t error_bytes);
  int (*create)(void *module, const pinnate_host *host, const void *config, size_t config_bytes, void **service,
                char *error, size_t error_bytes);
  void (*call)(void *module, void *service, pinnate_reply *reply, const void *payload, size_t payload_bytes);
  int (*check_health)(void *module, void *service, char *error, size_t error_bytes); /* NULL: always healthy */
  void (*destroy)(void *module, void *service);
  void (*unload)(void *module); /* after its last service was destroyed */
} pinnate_loader;

#define PINNATE_LOADER_INIT { sizeof(pinnate_loader), NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL }
PINNATE_API void pinnate_loader_init(pinnate_loader *loader, size_t size);

#ifdef __cplusplus
}
#endif
#endif
