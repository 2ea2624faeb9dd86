/* Does something before anybody has asked it for anything: when it is loaded.
 * CONSTRUCTOR_ABORTS: dies. Else it hangs until the FIFO that $PINNATE_TEST_FIFO names is opened
 * and closed by a writer; without one, for ever. */
#include <pinnate/module.h>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

__attribute__((constructor)) static void begin(void) {
#ifdef CONSTRUCTOR_ABORTS
  abort();
#else
  const char *fifo = getenv("PINNATE_TEST_FIFO");
  int fd;
  char c;
  while (!fifo) pause();
  fd = open(fifo, O_RDONLY);
  while (read(fd, &c, 1) > 0) {
  }
  close(fd);
#endif
}

static int create(const pinnate_host *host, const void *config, size_t config_bytes, void **service, char *error,
                  size_t error_bytes) {
  (void)host, (void)config, (void)config_bytes, (void)service, (void)error, (void)error_bytes;
  return 0;
}

static void call(void *service, pinnate_reply *reply, const void *payload, size_t payload_bytes) {
  (void)service, (void)reply, (void)payload, (void)payload_bytes;
}

static void destroy(void *service) { (void)service; }

const pinnate_descriptor pinnate_module = {sizeof(pinnate_descriptor), PINNATE_MODULE_ABI, 0, create, call, NULL, destroy};
