/* Answers "STAMP CONFIGURATION", so that whoever asks an engine learns which artifact runs there
 * and by which release.
 * The stamp is overwritten in the built file: any number of versions from one build. A call's
 * payload is "ID MILLISECONDS PATH": it takes so long, and notes the id in that file first, so
 * that one that ran twice is found out. */
#include <pinnate/module.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const volatile char stamp[64] = "PINNATE-STAMP";
static const pinnate_host *host;

static int create(const pinnate_host *h, const void *config, size_t config_bytes, void **service, char *error, size_t error_bytes) {
  char *token = calloc(1, config_bytes + 1);
  if (token == NULL) return snprintf(error, error_bytes, "no memory"), 1;
  host = h;
  if (config_bytes > 0) memcpy(token, config, config_bytes);
  *service = token;
  return 0;
}

/* One write of one short line, at the end: calls of other engines write to the same file. */
static void note(const char *path, const char *id) {
  char line[128];
  const int length = snprintf(line, sizeof line, "%s\n", id), file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return;
  if (write(file, line, (size_t)length) != length) abort();
  close(file);
}

static void call(void *service, pinnate_reply *reply, const void *payload, size_t payload_bytes) {
  char text[512], given[512] = "", id[96] = "", path[256] = "", version[sizeof stamp];
  int milliseconds = 0, length;
  size_t i;
  if (payload_bytes < sizeof given && payload_bytes > 0) memcpy(given, payload, payload_bytes);
  if (sscanf(given, "%95s %d %255s", id, &milliseconds, path) == 3) {
    note(path, id);
    if (milliseconds > 0) usleep((useconds_t)milliseconds * 1000); /* time itself is under test: a call that takes so long */
  }
  for (i = 0; i < sizeof version; i++) version[i] = stamp[i];
  version[sizeof version - 1] = '\0';
  length = snprintf(text, sizeof text, "%s %s", version, (const char *)service);
  host->answer(reply, text, (size_t)length);
}

static void destroy(void *service) { free(service); }

const pinnate_descriptor pinnate_module = {
    sizeof(pinnate_descriptor), PINNATE_MODULE_ABI, PINNATE_CALLS_MAY_OVERLAP, create, call, NULL, destroy};
