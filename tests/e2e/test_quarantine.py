"""Modules that kill the process they are in do not do so for ever."""

import signal
import unittest

from fleet import UNKNOWN, FleetTest, current, long_run, module, phase


class QuarantineTest(FleetTest):
    """One engine that somebody starts again each time it dies, as an init system would."""

    def setUp(self):
        super().setUp()
        self.top = self.controller()
        self.e1 = self.engine("e1")
        self.await_status(lambda s: s["online_engines"] == 1)
        self.publish("keeper@1", module("counter-1"))

    def dies(self):
        self.assertEqual(self.e1.program.await_end(), -signal.SIGABRT, self.e1.program.lines)
        self.await_status(lambda s: phase(s, "keeper", "offline") == 1)

    def quarantined(self, name, moment):
        status = self.await_status(lambda s: phase(s, name, "failed") == 1)
        [failure] = current(status, name)["failures"]
        self.assertRegex(failure["reason"], rf"quarantined: artifact \w+ ended this engine 2 times in a row \(last in: {moment}\)")
        self.await_live("keeper", 1)
        self.assertRegex(self.call("keeper"), r"^1 \d+$")

    def killed_by(self, file, moment, *more):
        self.publish("killer@1", file, *more, wait=False)
        self.dies()
        self.e1.start(wait=False)
        self.dies()
        self.e1.start()
        self.quarantined("killer", moment)

    def test_a_module_that_aborts_in_create_is_quarantined_after_two_deaths(self):
        self.killed_by(module("create-aborts"), "create")

    def test_a_module_that_aborts_in_its_constructor_is_quarantined_after_two_deaths(self):
        self.killed_by(module("constructor-aborts"), "load")

    def test_a_module_that_aborts_in_its_health_check_is_quarantined_after_two_deaths(self):
        self.killed_by(module("misbehaving"), "health check", "--config-text", "health-aborts")

    def killed_by_call(self):
        self.call("killer", code=UNKNOWN)
        self.dies()

    def test_a_module_that_aborts_in_a_call_is_quarantined_after_two_deaths(self):
        self.publish("killer@1", module("call-aborts"))
        self.killed_by_call()
        self.e1.start()
        self.await_live("killer", 1)
        self.killed_by_call()
        self.e1.start()
        self.quarantined("killer", "call")

    def test_of_modules_in_whose_first_minute_the_process_dies_each_is_in_doubt_and_named_with_the_other(self):
        self.publish("killer@1", module("counter-2"))
        for _ in range(4):  # a death that another could have caused counts by half
            self.await_live("killer", 1)
            self.e1.kill()
            self.e1.start(wait=False)
        status = self.await_status(lambda s: phase(s, "killer", "failed") == 1)
        self.assertRegex(current(status, "killer")["failures"][0]["reason"], r"quarantined: .* may have ended this engine 4 times in a row "
                         r"\(last in: first 60 s; it may also have been 'keeper' 1 \(first 60 s\)\)")

    def test_without_a_state_folder_nothing_is_noted_and_the_module_is_tried_at_every_start(self):
        bare = self.engine("bare", "--label", "bare=yes", state=None)
        self.await_status(lambda s: s["online_engines"] == 2)
        self.publish("killer@1", module("create-aborts"), "--select", "bare", wait=False)
        for _ in range(3):
            self.assertEqual(bare.program.await_end(), -signal.SIGABRT, bare.program.lines)
            bare.start(wait=False)

    def test_a_good_version_published_after_a_quarantine_is_live_at_once(self):
        self.killed_by(module("create-aborts"), "create")
        self.publish("killer@2", module("counter-2"))
        self.assertEqual(self.call("killer"), "2 1")

    def test_a_quarantine_lasts_across_a_clean_restart(self):
        self.killed_by(module("create-aborts"), "create")
        self.e1.stop()
        self.await_status(lambda s: s["online_engines"] == 0)
        self.e1.start()
        self.quarantined("killer", "create")

    def test_two_modules_that_kill_the_process_are_both_quarantined_and_the_others_go_on(self):
        self.killed_by(module("create-aborts"), "create")
        self.publish("second@1", module("constructor-aborts"), wait=False)
        self.dies()
        self.e1.start(wait=False)
        self.dies()
        self.e1.start()
        status = self.await_status(lambda s: phase(s, "second", "failed") == 1 and phase(s, "killer", "failed") == 1)
        self.assertIn("(last in: load)", current(status, "second")["failures"][0]["reason"])
        self.assertIn("(last in: create)", current(status, "killer")["failures"][0]["reason"])
        self.await_live("keeper", 1)

    def test_one_death_is_no_quarantine(self):
        self.publish("killer@1", module("call-aborts"))
        self.killed_by_call()
        self.e1.start()
        self.await_live("killer", 1)

    def test_clean_restarts_are_no_deaths(self):
        for _ in range(3):
            self.e1.stop()
            self.await_status(lambda s: s["online_engines"] == 0)
            self.e1.start()
            self.await_live("keeper", 1)

    def test_the_innocent_module_beside_it_is_not_blamed(self):
        self.publish("killer@1", module("create-aborts"), wait=False)
        self.dies()
        self.e1.start(wait=False)
        self.dies()
        self.ask("unpublish", "killer")
        self.e1.start()
        self.await_live("keeper", 1)
        self.await_status(lambda s: not any(r["failures"] for r in s["releases"]))

    def test_a_fleet_goes_on_without_the_engines_that_a_module_killed(self):
        self.engine("e2", "--label", "safe=yes")
        self.await_status(lambda s: s["online_engines"] == 2)
        self.publish("killer@1", module("create-aborts"), "--select", "!safe", wait=False)
        self.dies()
        status = self.await_status(lambda s: s["online_engines"] == 1 and phase(s, "killer", "offline") == 1)
        self.assertEqual(phase(status, "killer", "not selected"), 1)
        self.assertRegex(self.call("keeper"), r"^1 \d+$")

    @long_run
    def test_a_quarantined_artifact_is_tried_again_after_a_minute(self):
        self.killed_by(module("create-aborts"), "create")
        self.assertEqual(self.e1.program.await_end(timeout=90), -signal.SIGABRT)
        self.e1.start()
        status = self.await_status(lambda s: phase(s, "killer", "failed") == 1)
        self.assertIn("3 times in a row", current(status, "killer")["failures"][0]["reason"])


if __name__ == "__main__":
    unittest.main()
