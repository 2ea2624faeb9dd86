"""The phases of an engine for a release: each seen while it lasts, told by every tier above, and all of them summing up."""

import os
import random
import signal
import unittest

from fleet import FleetTest, current, environment, phase
from proxy import Proxy

# Does on each engine what its environment says, then answers calls with its version and its configuration.
MOODY = r"""
#include <pinnate/module.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static const pinnate_host *host;
static char text[200];
static int create(const pinnate_host *h, const void *config, size_t bytes, void **service, char *error, size_t error_bytes) {
  const char *mood = getenv("PINNATE_TEST_MOOD");
  char c;
  if (mood && !strcmp(mood, "fails")) return snprintf(error, error_bytes, "not in the mood"), 1;
  if (mood && mood[0] == '/') {
    int fd = open(mood, O_RDONLY);
    while (read(fd, &c, 1) > 0) {
    }
    close(fd);
  }
  memcpy(text, config, bytes < 199 ? bytes : 199);
  host = h;
  *service = (void *)h;
  return 0;
}
static void call(void *service, pinnate_reply *reply, const void *payload, size_t bytes) {
  (void)service, (void)payload, (void)bytes;
  host->answer(reply, text, strlen(text));
}
static void destroy(void *service) { (void)service; }
const pinnate_descriptor pinnate_module = {sizeof(pinnate_descriptor), PINNATE_MODULE_ABI, 0, create, call, 0, destroy};
"""


class PhaseTest(FleetTest):
    heartbeat = "8s"  # one that stands still is not found for so long, so it is pending

    def setUp(self):
        super().setUp()
        self.top = self.controller()
        self.gate = self.gateway("gate")
        self.above_slow = Proxy(self.gate.address)
        self.addCleanup(self.above_slow.close)
        self.fifo = self.folder / "fifo"
        os.mkfifo(self.fifo)
        self.module = self.compiled("moody", MOODY)
        self.module.write_bytes(self.module.read_bytes() + random.Random(1).randbytes(1 << 18))  # several chunks

    def moody_engine(self, name, mood="", *more, up=None, **options):
        return self.engine(name, *more, up=up or self.gate.address, state=None, env=environment(PINNATE_TEST_MOOD=mood), **options)

    def test_engines_in_every_phase_at_one_moment_are_told_apart_and_sum_to_the_known_ones(self):
        self.moody_engine("live")
        self.moody_engine("failed", "fails")
        self.moody_engine("loading", str(self.fifo))
        self.moody_engine("fetching", up=self.above_slow.address)
        self.moody_engine("unselected", "", "--label", "test=out")
        pending = self.moody_engine("pending")
        offline = self.engine("offline", up=self.gate.address)
        self.await_status(lambda s: s["online_engines"] == 7)
        offline.kill()
        self.await_status(lambda s: s["online_engines"] == 6)
        self.above_slow.hold_after(1)
        pending.program.signal(signal.SIGSTOP)
        self.publish("moody@1", self.module, "--select", "test!=out", "--create-limit", "60s", "--config-text", "hello", wait=False)
        expected = {"pending": 1, "fetching": 1, "loading": 1, "live": 1, "failed": 1, "incompatible": 0, "not selected": 1, "offline": 1}
        for tier in (self.to, self.gate.address):
            with self.subTest(asked=tier):
                status = self.await_status(lambda s: current(s, "moody") and current(s, "moody")["phases"] == expected, to=tier)
                self.assertEqual(status["known_engines"], 7)
        told = {engine: [s["phase"] for s in row["services"]] for engine, row in self.engines_by_id("--name", "moody").items()
                if engine not in ("unselected", "offline", "pending")}
        self.assertEqual(told, {name: [name] for name in ("live", "failed", "loading", "fetching")})
        self.assertEqual(self.call("moody", at="live"), "hello")

        # And each goes on from where it was.
        pending.program.signal(signal.SIGCONT)
        self.above_slow.release()
        with open(self.fifo, "w"):
            pass
        offline.start()
        status = self.await_status(lambda s: phase(s, "moody", "live") == 5)
        self.assertEqual({k: n for k, n in current(status, "moody")["phases"].items() if n}, {"live": 5, "failed": 1, "not selected": 1})
        self.assertEqual(current(status, "moody")["failures"][0]["engine"], "failed")

    def test_live_is_not_told_before_the_new_service_takes_calls_and_the_old_one_serves_until_then(self):
        self.publish("moody@1", self.module, "--config-text", "old")
        self.moody_engine("e1", str(self.fifo))
        with open(self.fifo, "w"):
            pass
        self.await_live("moody", 1)
        self.publish("moody@1", self.module, "--create-limit", "60s", "--config-text", "new", wait=False)
        status = self.await_status(lambda s: phase(s, "moody", "loading") == 1)
        self.assertEqual([(r["current"], r["serving"]) for r in status["releases"]], [(True, 0), (False, 1)])
        self.assertEqual(self.call("moody"), "old")
        with open(self.fifo, "w"):
            pass
        status = self.await_live("moody", 1)
        self.assertEqual(self.call("moody"), "new")
        self.await_status(lambda s: [(r["current"], r["serving"]) for r in s["releases"]] == [(True, 1)])


if __name__ == "__main__":
    unittest.main()
