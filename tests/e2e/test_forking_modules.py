"""Modules that fork in a call: their children end, and one that lives on keeps nothing of the engine's."""

import os
import signal
import unittest

from fleet import FleetTest, module

# "N": makes that many children, one after another, each of which runs what is run at the exit of a process. "stay": makes
# one that stays. Answers with the sum of their statuses, or with the number of the one that stays.
FORKS = r"""
#define _GNU_SOURCE
#include <pinnate/module.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
static const pinnate_host *host;
static int create(const pinnate_host *h, const void *config, size_t bytes, void **service, char *error, size_t error_bytes) {
  (void)config, (void)bytes, (void)error, (void)error_bytes;
  host = h;
  *service = (void *)h;
  return 0;
}
static void call(void *service, pinnate_reply *reply, const void *payload, size_t bytes) {
  char text[16] = {0};
  int sum = 0, status = 0, stays;
  (void)service;
  memcpy(text, payload, bytes < 15 ? bytes : 15);
  stays = strcmp(text, "stay") == 0;
  for (int left = stays ? 1 : atoi(text); left > 0; left--) {
    const pid_t child = fork();
    if (child == 0) {
      sigset_t none;
      sigemptyset(&none);
      pthread_sigmask(SIG_SETMASK, &none, NULL);
      for (int fd = 0; stays && fd < 3; fd++) close(fd); /* pipes of the test */
      while (stays) pause();
      alarm(20);
      exit(0);
    }
    if (stays) {
      sum = (int)child;
      break;
    }
    waitpid(child, &status, 0);
    sum += status;
  }
  snprintf(text, sizeof text, "%d", sum);
  host->answer(reply, text, strlen(text));
}
static void destroy(void *service) { (void)service; }
const pinnate_descriptor pinnate_module = {sizeof(pinnate_descriptor), PINNATE_MODULE_ABI, 0, create, call, NULL, destroy};
"""


class ForkingModulesTest(FleetTest):
    def setUp(self):
        super().setUp()
        self.controller()
        self.leaf = self.engine("e1", "--listen", f"unix:{self.folder}/e1.sock")
        self.await_status(lambda s: s["online_engines"] == 1)
        self.publish("forks@1", self.compiled("forks", FORKS))

    def test_children_of_calls_end_whatever_the_engine_does_meanwhile(self):
        calls = [self.start_command("call", "forks", "--data", "20", "--timeout", "60s") for _ in range(4)]
        for version in range(1, 6):
            self.publish(f"other@{version}", module(f"counter-{version % 2 + 1}"), "--config-text", str(version))
        for call in calls:
            self.assertEqual(call.await_end(), 0, call.lines)
            self.assertEqual(call.lines, ["0"])

    def test_a_child_that_outlives_its_engine_keeps_neither_folder_nor_address(self):
        child = int(self.call("forks", "stay"))
        self.addCleanup(os.kill, child, signal.SIGKILL)
        self.leaf.kill().start()
        self.await_live("forks", 1)
        self.assertEqual(self.call("forks", "3"), "0")


if __name__ == "__main__":
    unittest.main()
