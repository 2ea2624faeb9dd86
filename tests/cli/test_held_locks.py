"""How an engine ends whose module holds a lock of the C library, or of the loader, and does not give it back."""

import os
import signal
import subprocess
import time
import unittest

from fleet import LIMIT, REPOSITORY, FleetTest

# A close takes 5 s at most, what is left to say and to end 1.5 s, and output that is stuck 0.7 s.
BOUND = 7.2
SLACK = 5.0  # the machine may be busy

SOURCE = r"""
#include <pinnate/module.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void hold(const char *what) {
  char line[16];
  if (strcmp(what, "stdin") == 0) {
    write(1, "it holds\n", 9);
    fgets(line, sizeof line, stdin);
  }
  if (strcmp(what, "stdout") == 0 || strcmp(what, "both") == 0) flockfile(stdout);
  if (strcmp(what, "stderr") == 0 || strcmp(what, "both") == 0) flockfile(stderr);
  if (strcmp(what, "list") == 0) { /* of all streams */
    flockfile(stdin);
    pthread_t flushing;
    pthread_create(&flushing, 0, (void *(*)(void *))fflush, 0);
  }
  write(1, "it holds\n", 9);
  for (;;) pause();
}
static void *hold_in_thread(void *what) {
  hold(what);
  return 0;
}
static char config_of[64];
static int is(const char *place) {
  size_t n = strlen(place);
  return strncmp(config_of, place, n) == 0 && config_of[n] == ':';
}
static const char *what(void) { return strchr(config_of, ':') + 1; }

static int create(const pinnate_host *host, const void *config, size_t bytes, void **service, char *error, size_t error_bytes) {
  (void)error, (void)error_bytes;
  memcpy(config_of, config, bytes);
  if (is("create")) hold(what());
  *service = (void *)host;
  return 0;
}
static const pinnate_host *host_of(void *service) { return service; }
static void call(void *service, pinnate_reply *reply, const void *payload, size_t bytes) {
  (void)payload, (void)bytes;
  static pthread_t thread;
  if (is("call")) hold(what());
  if (is("thread")) pthread_create(&thread, 0, hold_in_thread, (void *)what());
  if (is("prints")) printf("never flushed");
  host_of(service)->answer(reply, "", 0);
}
static void destroy(void *service) {
  (void)service;
  if (is("destroy")) hold(what());
}
#ifdef CONSTRUCTOR
__attribute__((constructor)) static void at_load(void) { hold("both"); }
#endif
const pinnate_descriptor pinnate_module = {sizeof(pinnate_descriptor), PINNATE_MODULE_ABI, 0, create, call, 0, destroy};
"""


class HeldLocksTest(FleetTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        (cls.modules / "holds.c").write_text(SOURCE)
        for name, flags in (("holds", ()), ("holds-at-load", ("-DCONSTRUCTOR",))):
            subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-I", str(REPOSITORY / "include"), *flags,
                            "-o", str(cls.modules / f"{name}.so"), str(cls.modules / "holds.c")], check=True)

    def setUp(self):
        super().setUp()
        self.start_controller()
        self.numbers = iter(range(100))

    def start_held(self, config, module="holds"):
        """An engine of which some place of a module holds what `config` says; it holds it, or will once it is destroyed."""
        place = config.partition(":")[0]
        name = f"e{next(self.numbers)}"
        ours, theirs = os.pipe()
        self.addCleanup(os.close, theirs)
        engine = self.start("engine", "--id", name, "--label", f"slot={name}", "--up", self.to, stdin=ours)
        os.close(ours)
        engine.await_line("engine is running")
        self.ask("publish", f"{name}@1", self.modules / f"{module}.so", "--config-text", config, "--select", f"slot={name}")
        if place in ("call", "thread", "destroy", "prints"):
            engine.await_line("live")
        if place in ("call", "thread"):
            self.start("call", name, "--to", self.to)
        if place not in ("destroy", "prints"):
            engine.await_line("it holds")
        return engine

    def test_it_ends_within_its_bound_with_status_0_whatever_is_held_and_where(self):
        held = {config: self.start_held(config)
                for config in ("call:stdin", "call:stdout", "call:stderr", "call:both", "call:list", "create:both", "create:stdin",
                               "destroy:stdin", "destroy:both", "thread:stdin", "thread:both")}
        held["at load"] = self.start_held("at load", "holds-at-load")
        began = time.monotonic()
        for engine in held.values():
            engine.signal(signal.SIGTERM)
        for config, engine in held.items():
            with self.subTest(config):
                self.assertEqual(engine.await_end(), 0, engine.told())
                self.assertLess(time.monotonic() - began, BOUND + SLACK)
                self.assertIn("engine is stopping", engine.seen + engine.rest())

    def test_it_ends_with_its_failure_where_it_cannot_listen_though_a_module_holds_locks(self):
        engine = self.start("engine", "--id", "kept", "--state", self.folder / "kept", "--up", self.to)
        engine.await_line("engine is running")
        self.ask("publish", "kept@1", self.modules / "holds-at-load.so", "--load-limit", "60s")
        engine.await_line("it holds")
        engine.process.kill()
        engine.await_end()
        began = time.monotonic()
        again = self.start("engine", "--id", "kept", "--state", self.folder / "kept", "--listen", self.to)
        self.assertEqual(again.await_end(), 4, again.told())
        self.assertLess(time.monotonic() - began, BOUND + SLACK)

    def test_what_a_module_printed_and_did_not_flush_is_not_lost(self):
        engine = self.start_held("prints:it")
        self.ask("call", "e0")
        engine.signal(signal.SIGTERM)
        self.assertEqual(engine.await_end(), 0, engine.told())
        self.assertIn("never flushed", engine.rest())


if __name__ == "__main__":
    unittest.main()
