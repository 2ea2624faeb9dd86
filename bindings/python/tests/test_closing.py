"""Closing: waited for, safe to forget, safe at the end of the program and after fork()."""

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import unittest
import warnings

import pinnate
from pinnate import _closing, _slots
from support import GREET, PATIENCE, Fleet, Seen, folder, shared
from test_package import PACKAGE


def program(source, *arguments):
    """Runs a program that uses the package; it must end well and say nothing."""
    return subprocess.run(
        # Newer Pythons warn of any fork() beside threads; what becomes of it is what a test here is
        # about.
        [sys.executable, "-X", "dev", "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(source)]
        + list(arguments),
        env={**os.environ, "PYTHONPATH": os.path.dirname(PACKAGE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE * 2,
    )


FLEET = """
import os, sys, threading
import pinnate

folder = sys.argv[1]
live = threading.Event()
controller = pinnate.Controller(os.path.join(folder, "state"))
address = controller.listen("unix:" + os.path.join(folder, "c.sock"))
engine = pinnate.Engine(id="one", loaders=[pinnate.PythonLoader()], log=lambda level, line: None)
engine.dial_upstream(address)
controller.watch(lambda rollup: live.set() if any(r.serving for r in rollup.releases) else None)
controller.publish("greet", "1.0.0", b"def handle(p):\\n    return p\\n", loader="python")
assert live.wait(60)
assert engine.call("greet", b"x") == b"x"
"""


class Closing(unittest.TestCase):
    def test_leaving_the_block_has_let_go_of_everything(self):
        state = folder(self)
        address = "unix:" + os.path.join(state, "c.sock")
        for _ in range(5):
            with pinnate.Controller(os.path.join(state, "state")) as controller:
                controller.listen(address)
                self.assertFalse(controller.closed)
            self.assertTrue(controller.closed)

    def test_a_closed_handle_says_so(self):
        with pinnate.Controller(folder(self)) as controller:
            pass
        controller.close()
        for use in (
            controller.status,
            lambda: controller.listen("tcp://127.0.0.1:0"),
            lambda: controller.watch(print),
            lambda: list(controller.engines()),
        ):
            with self.assertRaisesRegex(pinnate.ClosedError, "controller"):
                use()

    def test_closing_from_many_threads_waits_for_one_end(self):
        engine = pinnate.Engine()
        threads = [threading.Thread(target=engine.close) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
            self.assertFalse(thread.is_alive())
        self.assertEqual(_closing.unfinished(), [])

    def test_what_callbacks_needed_is_let_go_when_closed(self):
        before = len(_slots._objects), len(_slots._shelves)
        fleet = Fleet(self, engines=2)
        fleet.publish_live("greet", "1.0.0", GREET)
        fleet.controller.call("greet", b"")
        for handle in (*fleet.engines, fleet.gateway, fleet.controller):
            handle.close()
        self.assertEqual((len(_slots._objects), len(_slots._shelves)), before)

    def test_a_request_under_way_ends_when_its_handle_closes(self):
        gate, entered = threading.Event(), threading.Event()
        shared.update(gate=gate, entered=entered)
        self.addCleanup(gate.set)
        fleet = Fleet(self, engines=1)
        fleet.publish_live(
            "stuck",
            "1.0.0",
            b"import support\ndef handle(p):\n    support.shared['entered'].set()\n"
            b"    support.shared['gate'].wait(60)\n    return p\n",
        )
        client, outcome = fleet.client(), Seen()

        def call():
            try:
                outcome(client.call("stuck", timeout=PATIENCE))
            except pinnate.PinnateError as error:
                outcome(error)

        threading.Thread(target=call).start()
        self.assertTrue(entered.wait(PATIENCE))
        client.close()
        outcome.until(lambda each: isinstance(each, pinnate.ClosedError), "ClosedError")

    def test_an_engine_closes_within_its_limit_whatever_a_module_does(self):
        gate, entered = threading.Event(), threading.Event()
        shared.update(gate=gate, entered=entered)
        self.addCleanup(gate.set)
        fleet = Fleet(self, engines=0)
        engine = fleet.open(pinnate.Engine, loaders=[pinnate.PythonLoader()], close_limit=0.3)
        engine.dial_upstream(fleet.below)
        published = fleet.publish(
            "stuck",
            "1.0.0",
            b"import support\ndef handle(p):\n    support.shared['entered'].set()\n"
            b"    support.shared['gate'].wait(60)\n    return p\n",
        )
        fleet.rollups.until_latest(lambda rollup: rollup.live(published.release) == 1, "live")
        ended = Seen()

        def call():
            try:
                ended(fleet.controller.call("stuck", timeout=PATIENCE))
            except pinnate.PinnateError as error:
                ended(error)

        threading.Thread(target=call).start()
        self.assertTrue(entered.wait(PATIENCE))
        engine.close(timeout=30)
        gate.set()
        ended.until(lambda outcome: True, "the call's one outcome")

    def test_a_forgotten_handle_warns_and_is_closed(self):
        state = folder(self)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            controller = pinnate.Controller(state)
            del controller
            gc.collect()
        self.assertEqual([warning.category for warning in caught], [ResourceWarning])
        self.assertIn("Controller", str(caught[0].message))
        for closing in _closing.unfinished():
            self.assertTrue(closing.wait(PATIENCE))
        pinnate.Controller(state).close()

    def test_a_signal_interrupts_the_wait_for_the_end(self):
        closing = _closing.Closing(_slots.Shelf(), 1)
        self.addCleanup(_closing.unfinished)
        self.addCleanup(closing.refused)

        def interrupt(*_):
            raise InterruptedError("by the test")

        before = signal.signal(signal.SIGALRM, interrupt)
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with self.assertRaises(InterruptedError):
            closing.wait(PATIENCE)

    def test_waiting_for_the_end_stops_at_its_limit(self):
        closing = _closing.Closing(_slots.Shelf(), 1)
        closing.begin()
        self.assertFalse(closing.wait(0.01))
        self.assertIn(closing, _closing.unfinished())
        closing.refused()
        self.assertTrue(closing.wait(PATIENCE))
        self.assertNotIn(closing, _closing.unfinished())


class EndOfTheProgram(unittest.TestCase):
    def check(self, source, code=0):
        done = program(source, folder(self))
        self.assertEqual((done.returncode, done.stderr), (code, ""), done.stdout)
        return done.stdout

    def test_what_is_open_is_closed(self):
        for _ in range(5):
            self.check(FLEET)

    def test_an_exit_code_is_kept(self):
        self.check(FLEET + "sys.exit(3)\n", code=3)

    def test_services_are_closed_before_python_ends(self):
        source = FLEET.replace(
            'b"def handle(p):\\n    return p\\n"',
            'b"class S:\\n    def call(self, p):\\n        return p\\n'
            '    def close(self):\\n        print(\'closed\', flush=True)\\n'
            'def create(config):\\n    return S()\\n"',
        )
        self.assertEqual(self.check(source), "closed\n")

    def test_a_service_that_never_returns_does_not_keep_the_program_from_ending(self):
        source = FLEET.replace('id="one"', 'id="one", close_limit=0.3') + textwrap.dedent(
            """
            running = threading.Event()  # the watch before this one may still set `live`
            endless = b"import time\\ndef handle(p):\\n    while True:\\n        time.sleep(0.001)\\n"
            release = controller.publish("endless", "1.0.0", endless, loader="python").release
            controller.watch(lambda rollup: running.set() if rollup.live(release) else None)
            assert running.wait(60)
            try:
                controller.call("endless", timeout=0.2)
            except pinnate.TimedOutError:
                print("timed out")
            """
        )
        self.assertEqual(self.check(source), "timed out\n")

    def test_nothing_can_be_opened_while_the_program_ends(self):
        source = """
            import atexit, sys
            def late():
                import pinnate
                try:
                    pinnate.Engine()
                except pinnate.ClosedError as error:
                    print(error)
            atexit.register(late)  # runs after the package's own, which is registered later
            import pinnate
        """
        self.assertIn("ending", self.check(source))

    def test_a_forked_child_is_refused_and_leaves_the_parents_handles_alone(self):
        source = FLEET + textwrap.dedent(
            """
            import warnings
            child = os.fork()
            if child == 0:
                try:
                    engine.call("greet", b"child")
                except pinnate.ForkedError:
                    engine.close()
                    del engine
                    sys.exit(7)  # through atexit, too
                sys.exit(1)
            _, status = os.waitpid(child, 0)
            assert os.WEXITSTATUS(status) == 7, status
            assert engine.call("greet", b"parent") == b"parent"
            """
        )
        self.check(source)


INTERRUPTED = """
import asyncio, os, signal, sys, threading
import pinnate

SLEEP = b"import time\\ndef handle(p):\\n    print('running', flush=True)\\n    time.sleep(float(p))\\n    return p\\n"
seconds = sys.argv[2].encode()
controller = pinnate.Controller(os.path.join(sys.argv[1], "state"))
engine = pinnate.Engine(id="one", loaders=[pinnate.PythonLoader()])
engine.dial_upstream(controller.listen("unix:" + os.path.join(sys.argv[1], "c.sock")))
controller.wait_live(controller.publish("slow", "1.0.0", SLEEP, loader="python"))

def in_thread(call, daemon=False):
    threading.Thread(target=call, args=("slow", seconds), kwargs={"timeout": 50}, daemon=daemon).start()
    signal.pause()
"""


class Interrupted(unittest.TestCase):
    """Ctrl-C while a function runs that would go on for a minute."""

    def seconds(self, way, sleep):
        process = subprocess.Popen(
            [sys.executable, "-c", INTERRUPTED + textwrap.dedent(way), folder(self), sleep],
            env={**os.environ, "PYTHONPATH": os.path.dirname(PACKAGE)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        self.assertEqual(process.stdout.readline(), "running\n")
        if float(sleep) < 1:
            time.sleep(float(sleep) + 0.1)  # what runs is over; Ctrl-C comes to an idle program
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE)
        self.assertIn(process.returncode, (-signal.SIGINT, 0), said)
        return time.monotonic() - began

    def check(self, way):
        # How long Python itself takes to end is the machine's matter.
        idle = self.seconds("engine.begin_call('slow', seconds)\nsignal.pause()", "0.01")
        self.assertLess(self.seconds(way, "60") - idle, 2)

    def test_in_a_call_on_the_main_thread(self):
        self.check("engine.call('slow', seconds, timeout=50)")

    def test_in_a_call_through_the_tree_on_the_main_thread(self):
        self.check("controller.call('slow', seconds, timeout=50)")

    def test_in_a_call_through_the_tree_on_another_thread(self):
        self.check("in_thread(controller.call)")

    def test_in_a_call_in_process_on_another_thread(self):
        self.check("in_thread(engine.call)")

    def test_in_a_call_in_process_on_a_daemon_thread(self):
        self.check("in_thread(engine.call, daemon=True)")

    def test_in_a_call_that_is_awaited(self):
        self.check("asyncio.run(engine.acall('slow', seconds, timeout=50))")

    def test_where_the_program_takes_the_interrupt_and_leaves_its_block(self):
        self.check(
            """
            with controller, engine:
                engine.begin_call("slow", seconds, timeout=50)
                try:
                    signal.pause()
                except KeyboardInterrupt:
                    pass
            """
        )


CHILD = """
def child(name):
    '''A whole fleet of the child's own, beside the parent's.'''
    own = os.path.join(folder, name)
    os.mkdir(own)
    lines = []
    with pinnate.Controller(os.path.join(own, "state"), log=lambda *line: lines.append(line)) as root, \\
            pinnate.Engine(id=name, loaders=[pinnate.PythonLoader()]) as leaf, \\
            pinnate.Client(root.listen("unix:" + os.path.join(own, "c.sock"))) as client:
        told = threading.Event()
        root.watch(lambda rollup: told.set())
        leaf.dial_upstream(root.listen("tcp://127.0.0.1:0"))
        client.wait_live(client.publish("greet", "1.0.0", b"async def handle(p, call):\\n    return p\\n", loader="python"))
        assert leaf.call("greet", b"in process") == b"in process"
        assert client.call("greet", b"over links") == b"over links"
        import asyncio
        assert asyncio.run(leaf.acall("greet", b"awaited")) == b"awaited"
        assert told.wait(60)
        try:
            engine.call("greet", b"the parent's")
            raise AssertionError("the parent's engine answered")
        except pinnate.ForkedError as error:
            assert "opens its own" in str(error), error
        # A call that is given up, by a thread of the child's own.
        leaf.begin_call("greet").cancel()
        engine.close()  # the parent's: does nothing
    assert lines
    print(name, "served", flush=True)
"""

# As of a server that loads the application, with an engine, before it forks its workers.
PRELOADED = FLEET + """
import signal

def work(number):
    with pinnate.Engine(id=f"worker-{number}", ephemeral=True, loaders=[pinnate.PythonLoader()]) as worker:
        worker.dial_upstream(address)
        while True:
            signal.pause()

def worker(number):
    child = os.fork()
    if not child:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
        work(number)
    return child

def online(workers):
    seen = threading.Event()
    with controller.watch(lambda rollup: seen.set() if rollup.online_engines == rollup.known_engines == 1 + workers else None):
        assert seen.wait(60), workers

workers = {number: worker(number) for number in range(3)}
online(3)
controller.wait_live(1, 4)
ids = [tier.id for tier in controller.engines() if tier.id != "one"]
assert sorted(id.split(".")[0] for id in ids) == ["worker-0", "worker-1", "worker-2"], ids
for id in ids:
    assert controller.call("greet", id.encode(), engine=id) == id.encode()
os.kill(workers[1], signal.SIGKILL)
assert os.waitpid(workers[1], 0)[1] == signal.SIGKILL
online(2)
workers[1] = worker(1)  # in the slot of the one that died
online(3)
for child in workers.values():
    os.kill(child, signal.SIGTERM)
for child in workers.values():
    assert os.WEXITSTATUS(os.waitpid(child, 0)[1]) == 7
online(0)
assert engine.call("greet", b"the parent's") == b"the parent's"
print("served")
"""


class Forking(unittest.TestCase):
    maxDiff = None

    def check(self, source, said):
        done = program(source, folder(self))
        self.assertEqual((done.returncode, done.stderr, done.stdout), (0, "", said))

    def test_a_child_of_fork_opens_handles_of_its_own(self):
        self.check(
            FLEET + CHILD + textwrap.dedent(
                """
                for name in "first", "second":
                    pid = os.fork()
                    if not pid:
                        child(name)
                        sys.exit(7)
                    assert os.WEXITSTATUS(os.waitpid(pid, 0)[1]) == 7
                assert engine.call("greet", b"the parent's") == b"the parent's"
                """
            ),
            "first served\nsecond served\n",
        )

    def test_a_child_of_multiprocessing_opens_handles_of_its_own(self):
        self.check(
            FLEET + CHILD + textwrap.dedent(
                """
                import multiprocessing

                children = [multiprocessing.get_context("fork").Process(target=child, args=(name,)) for name in ("one", "two")]
                for each in children:
                    each.start()
                    each.join()
                    assert each.exitcode == 0, each.exitcode
                """
            ),
            "one served\ntwo served\n",
        )

    def test_workers_of_a_preloaded_application_have_engines_of_their_own(self):
        self.check(PRELOADED, "served\n")


class Multiprocessing(unittest.TestCase):
    def test_what_a_child_of_multiprocessing_leaves_open_is_closed(self):
        source = FLEET.split("folder = ")[0] + textwrap.dedent(
            """
            import multiprocessing

            def child():
                global global_names
                global_names = {}
                exec(sys.argv[2], global_names)
                global_names["controller"].wait_live(1)

            process = multiprocessing.get_context("fork").Process(target=child)
            process.start()
            process.join()
            assert process.exitcode == 0, process.exitcode
            """
        )
        opened = FLEET.replace(
            'b"def handle(p):\\n    return p\\n"',
            'b"class S:\\n    def call(self, p):\\n        return p\\n'
            '    def close(self):\\n        print(\'closed\', flush=True)\\n'
            'def create(config):\\n    return S()\\n"',
        )
        done = program(source, folder(self), opened)
        self.assertEqual((done.returncode, done.stderr, done.stdout), (0, "", "closed\n"))


if __name__ == "__main__":
    unittest.main()
