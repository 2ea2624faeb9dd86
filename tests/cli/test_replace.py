"""Modules of a runtime that cannot live twice in a process, replaced on real engines."""

import subprocess
import unittest

from fleet import LIMIT, REPOSITORY, FleetTest

# Its process knows whether it is loaded, and whether it is created: a second one of either kind cannot be made.
LONE_SOURCE = r"""
#include <pinnate/module.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static const pinnate_host *host_of;
static int second;
__attribute__((constructor)) static void loaded(void) {
  second = getenv("LONE_LOADED") != NULL;
  setenv("LONE_LOADED", "1", 1);
}
__attribute__((destructor)) static void unloaded(void) {
  if (!second) unsetenv("LONE_LOADED");
}
static int create(const pinnate_host *host, const void *config, size_t bytes, void **service, char *error,
                  size_t error_bytes) {
  if (bytes == 4 && memcmp(config, "fail", 4) == 0) {
    snprintf(error, error_bytes, "asked to fail");
    return 1;
  }
  if (getenv("LONE_CREATED") || (AT_LOAD && second)) {
    snprintf(error, error_bytes, "another one lives in this process");
    return 1;
  }
  setenv("LONE_CREATED", "1", 1);
  host_of = host;
  *service = (void *)host;
  return 0;
}
static void call(void *service, pinnate_reply *reply, const void *payload, size_t bytes) {
  (void)service, (void)payload, (void)bytes;
  host_of->answer(reply, VERSION, strlen(VERSION));
}
static void destroy(void *service) {
  (void)service;
  unsetenv("LONE_CREATED");
}
const pinnate_descriptor pinnate_module = {sizeof(pinnate_descriptor), PINNATE_MODULE_ABI, FLAGS, create, call, 0, destroy};
"""


class ReplaceTest(FleetTest):
    def setUp(self):
        super().setUp()
        self.start_tree()

    def lone(self, version, flags="0", at_load=0):
        source, path = self.folder / f"lone-{version}.c", self.folder / f"lone-{version}.so"
        source.write_text(LONE_SOURCE)
        subprocess.run(["cc", "-shared", "-fPIC", f"-DVERSION=\"{version}\"", f"-DFLAGS={flags}", f"-DAT_LOAD={at_load}",
                        "-I", REPOSITORY / "include", "-o", path, source], check=True, timeout=LIMIT)
        return path

    def test_without_it_the_second_version_cannot_be_made(self):
        self.ask("publish", "lone@1", self.lone(1), "--wait")
        out, _ = self.ask("publish", "lone@2", self.lone(2), "--wait", code=1)
        self.assertIn("another one lives in this process", out)
        self.assertEqual(self.ask("call", "lone")[0], "1")

    def test_a_release_that_stops_the_old_version_first_goes_live_also_where_it_cannot_be_loaded_twice(self):
        self.ask("publish", "lone@1", self.lone(1, at_load=1), "--wait")
        self.ask("publish", "lone@2", self.lone(2, at_load=1), "--replace", "stop-first", "--wait")
        self.assertEqual(self.ask("call", "lone")[0], "2")

    def test_a_module_that_says_so_needs_no_more(self):
        self.ask("publish", "lone@1", self.lone(1, "PINNATE_ONE_AT_A_TIME"), "--wait")
        self.ask("publish", "lone@2", self.lone(2, "PINNATE_ONE_AT_A_TIME"), "--wait")
        self.assertEqual(self.ask("call", "lone")[0], "2")

    def test_the_old_version_is_made_again_where_the_new_one_fails(self):
        self.ask("publish", "lone@1", self.lone(1), "--wait")
        out, _ = self.ask("publish", "lone@2", self.lone(2), "--replace", "stop-first", "--config-text", "fail", "--wait",
                          code=1)
        self.assertIn("asked to fail", out)
        self.assertEqual(self.ask("call", "lone")[0], "1")

    def test_another_way_to_replace_is_refused(self):
        _, error = self.ask("publish", "lone@1", self.lone(1), "--replace", "sometime", code=2)
        self.assertIn("--replace", error)


if __name__ == "__main__":
    unittest.main()
