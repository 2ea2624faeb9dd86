/* plugin_host LIVES PLUGIN...: each plugin on a thread of its own is loaded, lives, and is unloaded,
 * LIVES times together, beside a gateway that it links to and a publisher that publishes all the time. */
#include <pinnate/controller.h>
#include <pinnate/gateway.h>

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char site[256];
static int lives, failures, lived, running;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void add(int *number, int more) {
  pthread_mutex_lock(&mutex);
  *number += more;
  pthread_cond_signal(&changed);
  pthread_mutex_unlock(&mutex);
}

static int mapped(const char *path) {
  char line[4096];
  int found = 0;
  FILE *maps = fopen("/proc/self/maps", "r");
  while (fgets(line, sizeof line, maps)) found |= strstr(line, path) != NULL;
  fclose(maps);
  return found;
}

static void *run(void *arg) {
  const char *path = arg;
  int (*live)(const char *, unsigned, int);
  int i;
  for (i = 0; i < lives; i++) {
    void *plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    int wrong;
    if (!plugin) {
      fprintf(stderr, "%s\n", dlerror());
      add(&failures, 1);
      break;
    }
    *(void **)&live = dlsym(plugin, "plugin_live");
    wrong = live(site, (unsigned)i, i % 4 != 3);
    if (wrong != 0) fprintf(stderr, "life %d: %d wrong: %s\n", i, wrong, pinnate_last_error()), add(&failures, 1);
    dlclose(plugin);
    add(&lived, 1);
    if (mapped(path)) fprintf(stderr, "%s is still mapped, so nothing is shown\n", path), add(&failures, 1);
  }
  add(&running, -1);
  return NULL;
}

int main(int argc, char **argv) {
  pinnate_controller_options above = PINNATE_CONTROLLER_OPTIONS_INIT;
  pinnate_gateway_options between = PINNATE_GATEWAY_OPTIONS_INIT;
  pinnate_artifact artifact = PINNATE_ARTIFACT_INIT;
  const pinnate_artifact *artifacts = &artifact;
  pinnate_publish publish = PINNATE_PUBLISH_INIT;
  pinnate_controller *controller;
  pinnate_gateway *gateway;
  pthread_t threads[8];
  char folder[] = "/tmp/pinnate-plugin-XXXXXX", state[64], top[80], version[32], command[80];
  int i, published = -1;
  if (argc < 3 || argc > 9 || !mkdtemp(folder)) return 2;
  lives = atoi(argv[1]) / (argc - 2);
  snprintf(state, sizeof state, "%s/state", folder);
  snprintf(top, sizeof top, "unix:%s/top", folder);
  snprintf(site, sizeof site, "unix:%s/site", folder);
  above.state_dir = state;
  if (pinnate_controller_open(&above, &controller) || pinnate_gateway_open(&between, &gateway) ||
      pinnate_controller_listen(controller, top, NULL, 0, NULL) || pinnate_gateway_listen(gateway, site, NULL, 0, NULL) ||
      pinnate_gateway_dial_upstream(gateway, top, NULL))
    return fprintf(stderr, "%s\n", pinnate_last_error()), 1;
  artifact.bytes.data = "x";
  artifact.bytes.size = 1;
  publish.name = "greet";
  publish.version = version;
  publish.loader = "greeting";
  publish.artifacts = &artifacts;
  publish.artifact_count = 1;
  running = argc - 2;
  for (i = 2; i < argc; i++) pthread_create(&threads[i - 2], NULL, run, argv[i]);
  for (;;) { /* a version for some lives */
    int left;
    pthread_mutex_lock(&mutex);
    while (running != 0 && lived / 4 == published) pthread_cond_wait(&changed, &mutex);
    published = lived / 4;
    left = running;
    pthread_mutex_unlock(&mutex);
    if (left == 0) break;
    snprintf(version, sizeof version, "1.%d.0", published % 50);
    if (pinnate_controller_publish_wait(controller, &publish, NULL, NULL, 0) != PINNATE_OK) add(&failures, 1);
  }
  for (i = 2; i < argc; i++) pthread_join(threads[i - 2], NULL);
  if (pinnate_gateway_close_wait(gateway) || pinnate_controller_close_wait(controller)) add(&failures, 1);
  pinnate_gateway_free(gateway);
  pinnate_controller_free(controller);
  snprintf(command, sizeof command, "rm -rf %s", folder);
  return system(command) != 0 || failures != 0;
}
