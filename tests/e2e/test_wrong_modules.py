"""Modules that are wrong in every way: each fails in words, on its engine only, and everything else goes on."""

import os
import signal
import unittest

from fleet import FAILED, REFUSED, TIMEOUT, USAGE, FleetTest, environment, current, long_run, module, patched, phase

E_MACHINE, AARCH64 = 18, (183).to_bytes(2, "little")


class LoadTest(FleetTest):
    """One engine; `keeper` is a function that must go on whatever else is published."""

    def setUp(self):
        super().setUp()
        self.small_fleet(engines=1)
        self.publish("keeper@1", module("counter-1"))

    def fails(self, name, file, *words, more=(), refused=None):
        """On the engine; `refused`: at its publish too, unless that is allowed."""
        if refused:
            code, word = refused
            out = self.publish(f"{name}@1", file, *more, code=code)
            self.assertIn(f"allow '{word}'" if code == REFUSED else words[-1], out)
            more = [*more, "--allow", word]
        out = self.publish(f"{name}@1", file, *more, code=FAILED)
        for word in (f"module '{name}' 1", *words):
            self.assertIn(word, out)
        service = self.service("e1", name)
        self.assertEqual((service["phase"], service["serving"]), ("failed", False))
        self.assertRegex(self.call("keeper"), r"^1 \d+$")
        return out

    def test_a_file_that_is_no_shared_object_fails(self):
        text = self.folder / "notes.txt"
        text.write_text("dear diary")
        self.fails("notes", text, "not a shared object", refused=(USAGE, "not-a-module"))

    def test_an_empty_file_is_refused_or_fails_in_words(self):
        empty = self.folder / "empty.so"
        empty.write_bytes(b"")
        ended = self.start_command("publish", "empty@1", empty, "--wait")
        self.assertNotEqual(ended.await_end(), 0)
        self.assertTrue(any("empty" in line for line in ended.lines), ended.lines)

    def test_a_shared_object_cut_short_fails(self):
        cut = self.folder / "cut.so"
        cut.write_bytes(module("counter-1").read_bytes()[:4096])
        self.fails("cut", cut, "cut short", refused=(USAGE, "not-a-module"))

    def test_an_object_for_another_machine_that_claims_to_be_for_this_one_fails(self):
        alien = patched("counter-1", E_MACHINE, AARCH64)
        self.fails("alien", "--platform", "aarch64", "this engine is linux-x86_64", more=[f"linux-x86_64={alien}"],
                   refused=(REFUSED, "platform"))

    def test_an_object_for_another_machine_is_incompatible_and_its_platform_is_named(self):
        alien = patched("counter-1", E_MACHINE, AARCH64)
        out = self.publish("alien@1", alien, code=FAILED)
        self.assertIn("e1: incompatible: module 'alien' 1: no artifact for linux-x86_64 (published: linux-aarch64)", out)
        self.assertRegex(self.call("keeper"), r"^1 \d+$")

    def test_a_shared_object_without_the_descriptor_fails(self):
        self.fails("plain", module("no-descriptor"), "does not export 'pinnate_module'", refused=(USAGE, "not-a-module"))

    def test_another_abi_version_fails_and_both_versions_are_named(self):
        self.fails("future", module("other-abi"), "ABI 99", "this engine speaks 1", refused=(REFUSED, "abi"))

    def test_a_descriptor_that_is_too_short_fails(self):
        self.fails("short", module("short-descriptor"), "16 bytes", refused=(USAGE, "not-a-module"))

    def test_undefined_symbols_fail_and_are_named(self):
        self.fails("undefined", module("undefined-symbol"), "nobody_defines_this")

    def test_a_create_that_fails_gives_its_own_reason(self):
        self.fails("sick", module("create-fails"), "the model file is missing")

    def test_a_create_that_says_nothing_fails_all_the_same(self):
        self.fails("silent", module("misbehaving"), more=["--config-text", "create-says-nothing"])

    def test_the_first_thing_that_a_module_with_its_own_cpp_runtime_throws_is_caught(self):
        self.fails("thrown", module("misbehaving-alone"), "create threw an exception: no model", more=["--config-text", "create-throws"])

    def test_a_module_with_its_own_cpp_runtime_may_end_its_thread_first_of_all(self):
        self.fails("ended", module("misbehaving-alone"), "ended the thread", more=["--config-text", "create-ends-thread"])

    def test_a_create_that_takes_too_long_fails_and_does_not_hold_up_the_next_module(self):
        self.fails("slow", module("create-hangs"), "create took longer than 300 ms", more=["--create-limit", "300ms"])
        self.publish("next@1", module("counter-2"))
        self.assertEqual(self.call("next"), "2 1")

    def test_a_health_check_that_fails_gives_its_own_reason(self):
        self.fails("ill", module("health-fails"), "the camera does not answer")

    def test_a_health_check_that_takes_too_long_fails(self):
        self.fails("asleep", module("misbehaving"), "the health check took longer than 300 ms",
                   more=["--config-text", "health-hangs", "--health-limit", "300ms"])

    def test_a_failed_release_is_in_status_with_engine_and_reason(self):
        self.publish("sick@1", module("create-fails"), code=FAILED)
        status = self.await_status(lambda s: phase(s, "sick", "failed") == 1)
        [failure] = current(status, "sick")["failures"]
        self.assertEqual(failure["engine"], "e1")
        self.assertIn("the model file is missing", failure["reason"])
        self.assertEqual(phase(status, "keeper", "live"), 1)

    def test_v1_goes_on_serving_when_v2_fails_and_status_says_so(self):
        self.publish("keeper@2", module("health-fails"), code=FAILED)
        self.assertRegex(self.call("keeper"), r"^1 \d+$")
        status = self.await_status(lambda s: phase(s, "keeper", "failed") == 1)
        served = {r["version"]: (r["current"], r["serving"]) for r in status["releases"] if r["name"] == "keeper"}
        self.assertEqual(served, {"2": (True, 0), "1": (False, 1)})
        self.publish("keeper@3", module("counter-2"))
        self.assertEqual(self.call("keeper"), "2 1", "the next good version takes over")

    def test_a_failing_release_is_tried_again_by_itself(self):
        flag = self.folder / "ready"
        patient = self.compiled("patient", PATIENT)
        out = self.publish("patient@1", patient, "--config-text", str(flag), code=FAILED)
        self.assertIn("not ready yet", out)
        flag.touch()
        self.await_live("patient", 1)
        self.assertEqual(self.call("patient"), "ready")


# Cannot be created before the file that its configuration names is there.
PATIENT = r"""
#include <pinnate/module.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
static const pinnate_host *host;
static int create(const pinnate_host *h, const void *config, size_t bytes, void **service, char *error, size_t error_bytes) {
  char path[200] = {0};
  memcpy(path, config, bytes < 199 ? bytes : 199);
  if (access(path, F_OK) != 0) return snprintf(error, error_bytes, "not ready yet"), 1;
  host = h;
  *service = (void *)h;
  return 0;
}
static void call(void *service, pinnate_reply *reply, const void *payload, size_t bytes) {
  (void)service, (void)payload, (void)bytes;
  host->answer(reply, "ready", 5);
}
static void destroy(void *service) { (void)service; }
const pinnate_descriptor pinnate_module = {sizeof(pinnate_descriptor), PINNATE_MODULE_ABI, 0, create, call, 0, destroy};
"""


class WedgeTest(FleetTest):
    """A constructor that hangs holds the C library's lock: nothing can end it, so the engine must live with it."""

    def setUp(self):
        super().setUp()
        self.top = self.controller()
        self.fifo = self.folder / "fifo"
        os.mkfifo(self.fifo)
        self.wedged = self.engine("e1", "--label", "prone=yes", start=False)
        self.wedged.env = environment(PINNATE_TEST_FIFO=str(self.fifo))
        self.wedged.start()
        self.other = self.engine("e2")
        self.await_status(lambda s: s["online_engines"] == 2)
        self.publish("keeper@1", module("counter-1"))

    def publish_stuck(self, *more):
        return self.publish("stuck@1", module("constructor-hangs"), "--select", "prone", *more, code=FAILED)

    def test_the_engine_goes_on_answering_says_what_wedged_it_and_refuses_further_loads_in_words(self):
        out = self.publish_stuck("--load-limit", "300ms")
        self.assertIn("module 'stuck' 1: loading took longer than 300 ms", out)
        self.assertIn("wedged", out)
        self.assertRegex(self.call("keeper", at="e1"), r"^1 \d+$")
        self.await_notice("wedged by module 'stuck' 1")
        out = self.publish("later@1", module("counter-2"), code=FAILED)
        self.assertIn("e1: failed: not loaded: the engine is wedged by module 'stuck' 1: loading; it loads when ", out)
        self.assertRegex(self.call("keeper", at="e1"), r"^1 \d+$")

    def test_a_wedged_engine_ends_when_it_is_told_to(self):
        self.publish_stuck("--load-limit", "300ms")
        self.wedged.program.signal(signal.SIGTERM)
        self.wedged.program.await_end()

    def test_a_wedged_engine_that_is_restarted_serves_what_is_right(self):
        self.publish_stuck("--load-limit", "300ms")
        self.ask("unpublish", "stuck")
        self.publish("later@1", module("counter-2"), code=FAILED)
        self.wedged.kill().start()
        self.await_live("later", 2)
        self.assertEqual(self.call("later", at="e1"), "2 1")

    def test_a_constructor_that_comes_back_after_all_ends_the_wedge(self):
        self.publish_stuck("--load-limit", "300ms")
        self.await_notice("wedged by module 'stuck' 1")
        self.ask("unpublish", "stuck")
        out = self.publish("later@1", module("counter-2"), code=FAILED)
        self.assertIn("wedged", out)
        with open(self.fifo, "w"):
            pass
        self.await_status(lambda s: phase(s, "later", "live") >= 1 and not any("e1" in n and "wedged" in n for n in s["notices"]))

    @long_run
    def test_without_a_limit_of_its_own_a_constructor_has_ten_seconds(self):
        out = self.publish_stuck()
        self.assertIn("loading took longer than 10000 ms", out)


class CallTest(FleetTest):
    def setUp(self):
        super().setUp()
        self.small_fleet(engines=1)

    def test_a_call_that_throws_or_fails_is_a_failed_call_and_the_engine_goes_on(self):
        for behaviour, words in (("call-throws", "not today"), ("call-throws-int", "exception"),
                                 ("call-fails", "the sensor is offline")):
            with self.subTest(behaviour=behaviour):
                self.publish(f"{behaviour}@1", module("misbehaving"), "--config-text", behaviour)
                self.assertIn(words, self.call(behaviour, code=FAILED))

    def test_a_call_that_never_answers_ends_at_its_limit(self):
        self.publish("mute@1", module("never-answers"), "--call-limit", "300ms")
        self.call("mute", code=TIMEOUT)
        self.publish("keeper@1", module("counter-1"))
        self.assertEqual(self.call("keeper"), "1 1")

    def test_a_call_that_hangs_does_not_keep_a_new_version_from_taking_over(self):
        self.publish("slow@1", module("call-hangs"), "--call-limit", "200ms", "--drain-limit", "300ms")
        self.call("slow", code=TIMEOUT)
        self.publish("slow@2", module("counter-2"))
        self.assertEqual(self.call("slow"), "2 1")
        self.await_notice("draining")

    def test_a_destroy_that_takes_long_holds_up_the_next_load_and_does_not_use_up_its_limit(self):
        fifo = self.folder / "fifo"
        os.mkfifo(fifo)
        self.publish("slow@1", module("misbehaving"), "--config-text", f"destroy-hangs {fifo}")
        self.ask("unpublish", "slow")
        with open(fifo, "w"):  # it is there
            out = self.publish("later@1", module("counter-2"), "--load-limit", "300ms", "--timeout", "1s", code=TIMEOUT)
            self.assertIn("1 loading", out)
            self.assertNotIn("wedged", out)
        self.await_live("later", 1)
        self.assertEqual(self.call("later"), "2 1")

    def test_a_destroy_that_throws_is_in_the_log(self):
        self.publish("rude@1", module("misbehaving"), "--config-text", "destroy-throws")
        self.ask("unpublish", "rude")
        self.engines[0].program.await_line("module 'rude' 1: destroy threw an exception: not now")

    def test_a_destroy_that_hangs_does_not_keep_the_engine_from_ending(self):
        self.publish("clingy@1", module("destroy-hangs"))
        self.engines[0].program.signal(signal.SIGTERM)
        self.engines[0].program.await_end()


if __name__ == "__main__":
    unittest.main()
