/* table.c for a runtime that wants to live on one thread: it begins, answers and ends on a thread
 * of the module's own, which `destroy` joins. */
#include <pinnate/module.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef FLAGS
#define FLAGS 0
#endif

int module_begin(void);
void module_end(void);
void module_answer(char *text, int text_bytes); /* NUL-terminated */

typedef struct service {
  const pinnate_host *host;
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  enum { BEGINNING, READY, FAILED, ENDING } state;
  pinnate_reply *reply; /* the call to be answered next */
} service;

static void *live(void *self) {
  service *s = self;
  const int failed = module_begin();
  pthread_mutex_lock(&s->mutex);
  s->state = failed ? FAILED : READY;
  pthread_cond_broadcast(&s->changed);
  while (s->state == READY) {
    pinnate_reply *reply = s->reply;
    if (!reply) {
      pthread_cond_wait(&s->changed, &s->mutex);
      continue;
    }
    char text[256] = "";
    s->reply = NULL;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->mutex);
    module_answer(text, sizeof text);
    s->host->answer(reply, text, strlen(text));
    pthread_mutex_lock(&s->mutex);
  }
  pthread_mutex_unlock(&s->mutex);
  if (!failed) module_end();
  return NULL;
}

static void end(service *s) {
  pthread_join(s->thread, NULL);
  pthread_cond_destroy(&s->changed);
  pthread_mutex_destroy(&s->mutex);
  free(s);
}

static int create(const pinnate_host *host, const void *config, size_t config_bytes, void **result, char *error,
                  size_t error_bytes) {
  service *s = calloc(1, sizeof *s);
  int failed;
  (void)config, (void)config_bytes;
  if (!s) return snprintf(error, error_bytes, "no memory"), 1;
  s->host = host;
  pthread_mutex_init(&s->mutex, NULL);
  pthread_cond_init(&s->changed, NULL);
  if (pthread_create(&s->thread, NULL, live, s) != 0) return free(s), snprintf(error, error_bytes, "no thread"), 1;
  pthread_mutex_lock(&s->mutex);
  while (s->state == BEGINNING) pthread_cond_wait(&s->changed, &s->mutex);
  failed = s->state == FAILED;
  pthread_mutex_unlock(&s->mutex);
  if (failed) return end(s), snprintf(error, error_bytes, "its runtime cannot be begun"), 1;
  *result = s;
  return 0;
}

static void call(void *self, pinnate_reply *reply, const void *payload, size_t payload_bytes) {
  service *s = self;
  (void)payload, (void)payload_bytes;
  pthread_mutex_lock(&s->mutex);
  while (s->reply) pthread_cond_wait(&s->changed, &s->mutex);
  s->reply = reply;
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->mutex);
}

static void destroy(void *self) {
  service *s = self;
  pthread_mutex_lock(&s->mutex);
  s->state = ENDING;
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->mutex);
  end(s);
}

const pinnate_descriptor pinnate_module = {
    sizeof(pinnate_descriptor), PINNATE_MODULE_ABI, FLAGS, create, call, NULL, destroy};
