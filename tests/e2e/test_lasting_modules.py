"""What modules leave behind in a process, and what they meet there: nothing of it ends an engine or answers wrongly."""

import os
import signal
import subprocess
import unittest

from fleet import FAILED, REFUSED, FleetTest, module, phase

# A child that this module starts is to end by a signal, as a child of any program does.
STARTS = r"""
#include <pinnate/module.h>
#include <stdio.h>
#include <stdlib.h>
static const pinnate_host *host;
static int create(const pinnate_host *h, const void *config, size_t bytes, void **service, char *error, size_t error_bytes) {
  (void)config, (void)bytes, (void)error, (void)error_bytes;
  host = h;
  *service = (void *)h;
  return 0;
}
static void call(void *service, pinnate_reply *reply, const void *payload, size_t bytes) {
  char text[64] = "nothing";
  FILE *shell = popen("sleep 600 & kill $!; wait $!; echo $?; yes | head -1", "r");
  (void)service, (void)payload, (void)bytes;
  const size_t n = shell ? fread(text, 1, sizeof text, shell) : 0;
  if (shell) pclose(shell);
  host->answer(reply, text, n);
}
static void destroy(void *service) { (void)service; }
const pinnate_descriptor pinnate_module = {sizeof(pinnate_descriptor), PINNATE_MODULE_ABI, 0, create, call, 0, destroy};
"""

# Leaves a thread behind that ends the process when the module was destroyed and its FIFO is written to.
AVENGES = r"""
#include <fcntl.h>
#include <pinnate/module.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
static const pinnate_host *host;
static char fifo[256];
static sem_t gone;
static void *wait_and_end(void *unused) {
  sem_wait(&gone);
  open(fifo, O_RDONLY);
  abort();
  return unused;
}
static int create(const pinnate_host *h, const void *config, size_t bytes, void **service, char *error, size_t error_bytes) {
  pthread_t thread;
  (void)error, (void)error_bytes;
  host = h;
  *service = (void *)h;
  snprintf(fifo, sizeof fifo, "%.*s", (int)bytes, (const char *)config);
  sem_init(&gone, 0, 0);
  if (pthread_create(&thread, NULL, wait_and_end, NULL) != 0) return 1;
  pthread_detach(thread);
  return 0;
}
static void call(void *service, pinnate_reply *reply, const void *payload, size_t bytes) {
  (void)service;
  host->answer(reply, payload, bytes);
}
static void destroy(void *service) { (void)service; sem_post(&gone); }
const pinnate_descriptor pinnate_module = {sizeof(pinnate_descriptor), PINNATE_MODULE_ABI, 0, create, call, 0, destroy};
"""


class LastingTest(FleetTest):
    def setUp(self):
        super().setUp()
        self.top = self.controller()
        self.e1 = self.engine("e1")
        self.await_status(lambda s: s["online_engines"] == 1)

    def kept(self):
        return {(k["function"], k["version"]): k for k in self.engines_by_id()["e1"]["kept"]}

    def await_kept(self, function, version="1"):
        self.await_status(lambda s: s["kept_images"] > 0 and (function, version) in self.kept())
        return self.kept()[function, version]

    def ends_well(self):
        self.e1.program.signal(signal.SIGTERM)
        self.assertEqual(self.e1.program.await_end(), 0, self.e1.program.lines)

    def test_a_thread_key_of_a_module_that_was_withdrawn_does_not_end_the_engine(self):
        self.publish("key@1", module("leaves-key-1"))
        self.assertEqual(self.call("key"), "1")
        self.ask("unpublish", "key")
        self.assertIn("pthread_key_create", self.await_kept("key")["why"])
        self.ends_well()

    def test_a_thread_of_a_module_goes_on_through_a_new_version_stop_and_go(self):
        self.publish("thread@1", module("leaves-thread-1"))
        self.publish("thread@2", module("leaves-thread-2"))
        self.assertEqual(self.call("thread"), "2")
        self.assertEqual(self.await_kept("thread")["threads"], 1)
        self.e1.program.signal(signal.SIGSTOP)
        self.e1.program.signal(signal.SIGCONT)
        self.assertEqual(self.call("thread"), "2")
        self.assertIn("keeps thread 1 in memory: threads are in it", self.ask("engines"))
        self.assertRegex(self.ask("status"), r"kept +1 images? ")
        self.ends_well()

    def test_a_library_that_came_with_a_module_goes_on_when_that_has_gone(self):
        self.publish("library@1", module("uses-library-1"))
        self.assertEqual(self.call("library"), "1")
        self.ask("unpublish", "library")
        self.assertEqual(self.await_kept("library")["threads"], 1)
        for number in (signal.SIGSTOP, signal.SIGCONT):
            self.e1.program.signal(number)
        self.ends_well()

    def test_at_the_limit_a_further_version_is_refused_and_a_restart_frees_it(self):
        limited = self.engine("e2", "--kept-images", "1", "--label", "limited=yes")
        self.await_status(lambda s: s["online_engines"] == 2)
        self.publish("thread@1", module("leaves-thread-1"), "--select", "limited")
        self.publish("thread@2", module("leaves-thread-2"), "--select", "limited")
        out = self.publish("thread@3", module("leaves-thread-1"), "--select", "limited", code=FAILED)
        self.assertIn("a restart of the engine frees them", out)
        self.assertEqual(self.call("thread"), "2")
        limited.stop()
        limited.start()
        self.await_live("thread", 1)
        self.assertEqual(self.call("thread"), "1")

    def test_a_module_with_values_that_versions_would_share_is_refused_unless_one_insists(self):
        one, two = module("shared-value-1"), module("shared-value-2")
        out = self.publish("shared@1", one, code=REFUSED, wait=False)
        self.assertIn("GNU-unique symbols", out)
        self.assertIn("--allow", self.ask("publish", "--help"))
        for version, file in ((1, one), (2, two)):
            self.publish(f"shared@{version}", file, "--allow", "unique-symbols")
        self.assertEqual(self.call("shared"), "1", "as the finding says")

    def test_a_module_never_gets_a_function_of_the_engine_for_its_own(self):
        out = self.publish("names@1", module("own-names"), code=FAILED)
        self.assertIn("compressBound of ", out)
        self.publish("names@2", module("own-names-hidden"))
        self.assertEqual(self.call("names", "x" * 100), "142")

    def test_two_modules_with_libraries_of_one_name_do_not_get_each_other_s(self):
        self.publish("first@1", module("uses-library-1"))
        out = self.publish("second@1", module("uses-library-2"), code=FAILED)
        self.assertIn("libpinnate-test-library.so.1 instead: a library of that name is in this process already", out)

    def test_children_of_a_module_end_by_signals(self):
        self.publish("starts@1", self.compiled("starts", STARTS))
        self.assertEqual(self.call("starts").split(), ["143", "y"])

    def test_who_was_unloaded_just_before_is_named_beside_who_came_and_none_is_quarantined_alone(self):
        avenger = self.compiled("avenger", AVENGES)
        fifo = self.folder / "fifo"
        os.mkfifo(fifo)
        for _ in range(2):
            self.publish("life@1", avenger, "--config-text", str(fifo))
            self.publish("life@2", module("leaves-nothing-2"))
            with open(fifo, "w"):  # the thread has come to it
                pass
            self.assertEqual(self.e1.program.await_end(), -signal.SIGABRT)
            self.e1.start()
            self.await_live("life", 1)
            self.assertEqual(self.call("life"), "2", "it is not quarantined")
            status = self.await_status(lambda s: any("cannot be told apart" in n for n in s["notices"]))
            [notice] = [n for n in status["notices"] if "cannot be told apart" in n]
            self.assertIn("'life' 1", notice)
            self.assertIn("'life' 2", notice)

    def test_what_a_module_changes_of_the_process_is_a_notice_with_its_name(self):
        self.publish("changes@1", module("leaves-process-state"))
        status = self.await_status(lambda s: any("'changes' 1 changed of this process" in n for n in s["notices"]))
        self.assertTrue(any("the umask" in n for n in status["notices"]), status["notices"])

    def test_gdb_names_functions_and_lines_of_modules(self):
        fifo = self.folder / "fifo"
        os.mkfifo(fifo)
        self.publish("hangs@1", module("misbehaving"), "--config-text", f"call-hangs {fifo}")
        self.start_command("call", "hangs")
        with open(fifo, "w"):  # it is there
            ended = subprocess.run(["timeout", "-k", "5", "60", "gdb", "-batch", "-nx", "-p", str(self.e1.program.process.pid),
                                    "-ex", "thread apply all bt"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT)
        self.assertRegex(ended.stdout.decode("utf-8", "replace"), r"hang .*misbehaving\.cc:\d+")


if __name__ == "__main__":
    unittest.main()
