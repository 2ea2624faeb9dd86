/* To be preloaded: a disk that takes SLOW_SYNC_MS for each fsync and fdatasync. Each adds a byte
 * to the file or FIFO SLOW_SYNC_LOG. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int slow_sync(long call, int fd) {
  const char* ms = getenv("SLOW_SYNC_MS");
  const char* log = getenv("SLOW_SYNC_LOG");
  long wait = ms ? atol(ms) : 0;
  struct timespec left = {wait / 1000, wait % 1000 * 1000000};
  int counted = log ? open(log, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
  if (counted >= 0) {
    if (write(counted, ".", 1) != 1) abort();
    close(counted);
  }
  nanosleep(&left, NULL);
  return (int)syscall(call, fd);
}

__attribute__((visibility("default"))) int fsync(int fd) { return slow_sync(SYS_fsync, fd); }
__attribute__((visibility("default"))) int fdatasync(int fd) { return slow_sync(SYS_fdatasync, fd); }
