"""Watching and waiting: callbacks that take their time, watches that close, handles that are
forgotten.
"""

import concurrent.futures
import copy
import gc
import logging
import os
import pickle
import subprocess
import sys
import textwrap
import threading
import time
import unittest
import warnings

import pinnate
from pinnate import Phase
from support import GREET, GREET_AGAIN, PATIENCE, Fleet, Seen, callbacks_raise, folder
from test_package import PACKAGE


class SlowCallbacks(unittest.TestCase):
    def setUp(self):
        self.gate, self.entered = threading.Event(), threading.Event()
        self.addCleanup(self.gate.set)

    def hold(self, *_):
        self.entered.set()
        self.gate.wait(PATIENCE)

    def test_a_slow_callback_keeps_nothing_from_its_work_and_then_hears_the_newest_rollup(self):
        fleet, heard = Fleet(self, engines=1), []

        def slow(rollup):
            heard.append(rollup.revision)
            self.hold()

        fleet.controller.watch(slow)
        self.assertTrue(self.entered.wait(PATIENCE))
        for number in range(5):
            published = fleet.publish("greet", f"1.0.{number}", GREET)
            fleet.engines[0].wait_serving("greet", f"1.0.{number}", timeout=PATIENCE)
        newest = fleet.controller.wait_live(published).revision
        self.assertEqual(fleet.controller.call("greet", b"you"), b"hello you")
        self.gate.set()
        fleet.rollups.until(lambda rollup: rollup.revision == newest, "the newest roll-up")
        self.assertLess(len(heard), 4)  # the first, and perhaps one that came as the last was being told

    def test_a_slow_log_callback_keeps_nothing_from_its_work_and_hears_every_line(self):
        lines = []
        fleet = Fleet(self, engines=0, log=lambda level, line: (self.hold(), lines.append(line)))
        self.assertTrue(self.entered.wait(PATIENCE))
        self.assertEqual(fleet.client().status().id, "root")
        self.gate.set()
        fleet.controller.close()
        self.assertTrue(lines)

    def test_a_log_callback_that_is_too_slow_is_told_how_much_was_left_out(self):
        from pinnate._logging import Lines

        told, most = Seen(), Lines.MOST
        lines = Lines(lambda level, line: (self.hold(), told((level, line))))
        for number in range(most + 5):
            lines.put(logging.INFO, f"line {number}")
        self.gate.set()
        self.assertRegex(told.until(lambda line: line[0] == logging.WARNING, "what was left out")[1], r"^[1-9]\d* lines are left out")

    def test_a_slow_callback_delays_no_heartbeat(self):
        state = folder(self)
        controller = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent("""
                import sys, pinnate
                controller = pinnate.Controller(sys.argv[1] + "/state", heartbeat=0.1)
                controller.watch(lambda rollup: print(rollup.online_engines, flush=True))
                print(controller.listen("unix:" + sys.argv[1] + "/c.sock"), flush=True)
                sys.stdin.read()
            """), state],
            env={**os.environ, "PYTHONPATH": os.path.dirname(PACKAGE)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        self.addCleanup(controller.wait)
        self.addCleanup(controller.stdout.close)
        self.addCleanup(controller.stdin.close)
        address, online = f"unix:{state}/c.sock", []
        while "unix:" not in controller.stdout.readline():
            pass
        with pinnate.Engine(id="slow", heartbeat=0.1, loaders=[pinnate.PythonLoader()]) as engine:
            engine.dial_upstream(address)
            with pinnate.Client(address) as client:
                published = client.publish("greet", "1.0.0", GREET, loader="python")
                client.wait_live(published)
                engine.watch(self.hold)
                self.assertTrue(self.entered.wait(PATIENCE))
                time.sleep(1.5)  # time itself is under test: fifteen heartbeats, of which three may be missed
                self.assertEqual(client.status().online_engines, 1)
            controller.stdin.close()
            online = controller.stdout.read().split()
            self.gate.set()
        self.assertNotIn("0", online[online.index("1"):])


class Executors(unittest.TestCase):
    def test_an_executor_of_the_hosts_runs_the_callbacks(self):
        fleet, threads = Fleet(self, engines=0), Seen()
        with concurrent.futures.ThreadPoolExecutor(1, "of-the-host") as executor:
            with fleet.controller.watch(lambda rollup: threads(threading.current_thread().name), executor=executor):
                threads.until(lambda name: name.startswith("of-the-host"), "a callback on the host's thread")

    def test_an_executor_that_was_shut_down_is_reported(self):
        fleet = Fleet(self, engines=0)
        executor = concurrent.futures.ThreadPoolExecutor(1)
        executor.shutdown()
        with callbacks_raise() as reported, fleet.controller.watch(print, executor=executor):
            reported.until(lambda error: "shutdown" in str(error), "the executor's error")

    def test_what_is_no_executor_is_refused(self):
        with pinnate.Engine() as engine, self.assertRaisesRegex(TypeError, r"executor must have submit\(\)"):
            engine.watch(print, executor=7)


class Watches(unittest.TestCase):
    def test_several_watches_hear_the_same_and_each_ends_by_itself(self):
        fleet, first, second, third = Fleet(self, engines=1), Seen(), Seen(), Seen()
        watches = [fleet.controller.watch(seen) for seen in (first, second)]
        published = fleet.publish_live("greet", "1.0.0", GREET)
        for seen in first, second:
            seen.until_latest(lambda rollup: rollup.live(published) == 1, "live")
        watches[0].close()
        silent = len(first.items)
        self.assertEqual([watch.closed for watch in watches], [True, False])
        newer = fleet.publish_live("greet", "1.1.0", GREET_AGAIN)
        second.until_latest(lambda rollup: rollup.live(newer) == 1, "the newer one live")
        self.assertEqual(len(first.items), silent)
        fleet.controller.watch(third)
        third.until(lambda rollup: rollup.live(newer) == 1, "what a newcomer is told at once")

    def test_an_engines_watches_hear_of_every_release_also_those_that_come_late(self):
        fleet, first, second = Fleet(self, engines=1), Seen(), Seen()
        engine = fleet.engines[0]
        engine.watch(first)
        fleet.publish_live("greet", "1.0.0", GREET)
        fleet.publish_live("other", "1.0.0", GREET)
        with engine.watch(second):
            for seen in first, second:
                for name in "greet", "other":
                    seen.until(lambda service: service.name == name and service.serving, f"{name} serving")
            fleet.controller.unpublish("other")
            second.until(lambda service: service.name == "other" and service.phase == Phase.NOT_SELECTED, "it is gone")

    def test_a_watch_ends_with_its_handle_and_can_be_closed_after_it(self):
        engine = pinnate.Engine()
        watch = engine.watch(print)
        self.assertIn("services, open", repr(watch))
        engine.close()
        self.assertTrue(watch.closed)
        watch.close()
        self.assertIn("services, closed", repr(watch))

    def test_after_the_last_watch_closed_a_new_one_is_told_again(self):
        fleet = Fleet(self, engines=0)
        client = fleet.client()
        for _ in range(3):
            seen = Seen()
            with client.watch(seen):
                seen.until(lambda rollup: rollup.id == "root", "a roll-up")


class Forgotten(unittest.TestCase):
    def test_a_handle_that_its_own_callbacks_know_is_collected_warned_of_and_closed(self):
        class Agent:
            def __init__(self, state):
                self.controller = pinnate.Controller(state, log=self.log)
                self.engine = pinnate.Engine(id="known", loaders=[Knowing(self)])
                self.controller.watch(self.heard, self.heard)
                self.engine.watch(self.heard)

            def log(self, level, line):
                pass

            heard = __call__ = lambda self, *_: None

        class Knowing(pinnate.Loader):
            kind = "knowing"

            def __init__(self, agent):
                self.agent = agent

        state = folder(self)
        gc.collect()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            Agent(state)
            gc.collect()
        words = sorted(str(warning.message) for warning in caught if warning.category is ResourceWarning)
        self.assertEqual(len(words), 2, words)
        self.assertRegex(words[0], "<pinnate.Controller 'controller-[0-9a-f]+' open")
        self.assertIn("<pinnate.Engine 'known' open", words[1])
        for closing in pinnate._closing.unfinished():
            self.assertTrue(closing.wait(PATIENCE))
        pinnate.Controller(state).close()


class Copies(unittest.TestCase):
    def test_a_handle_refuses_to_be_copied_in_words(self):
        with pinnate.Engine() as engine, pinnate.Controller(folder(self)) as controller:
            for thing in engine, controller, engine.watch(print):
                for copying in copy.copy, copy.deepcopy, pickle.dumps:
                    with self.assertRaisesRegex(TypeError, f"a pinnate.{type(thing).__name__} can be neither copied nor pickled"):
                        copying(thing)
            self.assertEqual(engine.services(), [])


class Waiting(unittest.TestCase):
    def test_wait_live_ends_when_every_selected_engine_serves_or_so_many(self):
        fleet = Fleet(self, engines=2, labels={0: {"ring": "canary"}})
        for tier in fleet.controller, fleet.client(), fleet.client(fleet.below):
            published = fleet.publish("greet", f"1.{id(tier)}", GREET)
            self.assertEqual(tier.wait_live(published, timeout=PATIENCE).live(published), 2)
            self.assertGreaterEqual(tier.wait_live(published.release, 1, timeout=PATIENCE).live(published), 1)
        canary = fleet.publish("greet", "2.0", GREET_AGAIN, selector="ring=canary")
        self.assertEqual(fleet.controller.wait_live(canary, timeout=PATIENCE).live(canary), 1)

    def test_wait_live_says_how_far_a_release_came(self):
        fleet = Fleet(self, engines=1)
        broken = fleet.publish("greet", "1.0.0", b"raise RuntimeError('broken on purpose')\n")
        fleet.failure(broken.release)
        with self.assertRaises(pinnate.TimedOutError) as caught:
            fleet.controller.wait_live(broken, timeout=0.3)
        words = f"after 0.3 s release {broken.release} ('greet' 1.0.0) is live on 0 engines, and 1 are selected and online; "
        self.assertIn(words + "'engine-0': module 'greet' 1.0.0: RuntimeError: broken on purpose", str(caught.exception))

    def test_waiting_for_a_release_that_is_not_current_is_not_found(self):
        fleet = Fleet(self, engines=1)
        old = fleet.publish_live("greet", "1.0.0", GREET)
        fleet.publish_live("greet", "1.1.0", GREET_AGAIN)
        for tier in fleet.controller, fleet.client():
            with self.assertRaisesRegex(pinnate.NotFoundError, f"release {old.release} is not current"):
                tier.wait_live(old, timeout=PATIENCE)
        with self.assertRaises(pinnate.NotFoundError):
            fleet.controller.wait_live(99, timeout=PATIENCE)

    def test_wait_serving_ends_when_the_engine_does(self):
        fleet = Fleet(self, engines=1)
        fleet.publish("greet", "1.0.0", GREET)
        self.assertEqual(fleet.engines[0].wait_serving("greet", timeout=PATIENCE).version, "1.0.0")
        fleet.publish("greet", "1.1.0", GREET_AGAIN)
        self.assertTrue(fleet.engines[0].wait_serving("greet", "1.1.0", timeout=PATIENCE).serving)
        self.assertEqual(fleet.engines[0].call("greet", b"you"), b"hello again you")

    def test_wait_serving_says_what_is_there_instead(self):
        fleet = Fleet(self, engines=1)
        fleet.publish_live("greet", "1.0.0", GREET)
        with self.assertRaisesRegex(pinnate.TimedOutError, "'greet' 2.0 is not served after 0.2 s; 1.0.0 is live"):
            fleet.engines[0].wait_serving("greet", "2.0", timeout=0.2)
        with self.assertRaisesRegex(pinnate.TimedOutError, "no release of it is here"):
            fleet.engines[0].wait_serving("other", timeout=0.2)

    def test_waiting_ends_when_the_handle_closes(self):
        fleet, outcomes = Fleet(self, engines=0), Seen()
        engine, client = pinnate.Engine(), fleet.client()
        published = fleet.publish("greet", "1.0.0", GREET)

        def wait(waiting):
            try:
                waiting()
            except pinnate.PinnateError as error:
                outcomes(error)

        began = Seen()
        engine.watch(began), client.watch(began)
        for waiting in lambda: engine.wait_serving("greet", timeout=None), lambda: client.wait_live(published, timeout=None):
            threading.Thread(target=wait, args=(waiting,)).start()
        began.until(lambda rollup: True, "that the library was asked")
        engine.close()
        client.close()
        outcomes.until(lambda _: len(outcomes.items) == 2, "both ends")
        self.assertEqual({type(error) for error in outcomes.items}, {pinnate.ClosedError})


if __name__ == "__main__":
    unittest.main()
