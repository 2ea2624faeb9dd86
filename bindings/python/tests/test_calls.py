"""Calls: what reaches the caller, what a function sees of its call, answers that come later, calls
without a thread.
"""

import asyncio
import concurrent.futures
import functools
import logging
import signal
import threading
import time
import unittest
from unittest import mock

import pinnate
from support import GREET, PATIENCE, Fleet, Seen, shared


def source(body, head="def handle(payload, call):"):
    return f"import support\n{head}\n    {body}\n".encode()


class OneEngine(unittest.TestCase):
    """One engine for the class, whose modules each have a function of their own."""

    @classmethod
    def setUpClass(cls):
        cls.lines = Seen()
        cls.fleet = Fleet(cls, engines=0, add_cleanup=cls.addClassCleanup)
        cls.engine = cls.fleet.open(pinnate.Engine, id="one", loaders=[pinnate.PythonLoader()], log=cls.lines, close_limit=1)
        cls.engine.dial_upstream(cls.fleet.below)

    def serve(self, body, head="def handle(payload):", options=None):
        name = self.id().rpartition(".")[2][-60:]
        self.fleet.publish(name, f"1.{time.monotonic_ns()}", source(body, head), **(options or {}))
        version = self.fleet.controller.releases(name)[0].version
        self.engine.wait_serving(name, version, timeout=PATIENCE)
        self.fleet.controller.wait_live(self.fleet.controller.releases(name)[0])
        return name

    def until_running(self):
        entered = shared["entered"] = threading.Event()
        self.addCleanup(shared.pop, "entered")
        return lambda: self.assertTrue(entered.wait(PATIENCE))


class Interrupts(OneEngine):
    def on_alarm(self, handler, after=0.05):
        before = signal.signal(signal.SIGALRM, handler)
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, after)

    def test_what_ends_a_program_reaches_the_caller_as_it_is(self):
        name = self.serve("raise {b'k': KeyboardInterrupt, b's': SystemExit, b'v': ValueError}[payload]('by the function')")
        for payload, kind in (b"k", KeyboardInterrupt), (b"s", SystemExit), (b"v", pinnate.FailedError):
            with self.assertRaisesRegex(kind, "by the function"):
                self.engine.call(name, payload)
            with self.assertRaises(pinnate.FailedError):  # on another thread it is a failure in words
                self.engine.call_tree(name, payload)

    def test_what_a_signal_handler_raises_reaches_the_caller(self):
        class Handler:
            def __call__(self, number, frame):
                raise OSError("by the handler")

        name = self.serve("\n    while True: pass")
        handler = Handler()
        for each in (handler, handler.__call__, functools.partial(handler.__call__), lambda *_: handler.__call__(*_)):
            self.on_alarm(each)
            with self.assertRaisesRegex(OSError, "by the handler"):
                self.engine.call(name, timeout=PATIENCE)

    def test_a_signal_while_another_call_has_the_turn_raises_its_exception_at_once(self):
        shared["gate"] = gate = threading.Event()
        self.addCleanup(gate.set)
        running = self.until_running()
        name = self.serve("support.shared['entered'].set()\n    support.shared['gate'].wait(60)\n    return b'done'")

        def handler(number, frame):
            raise OSError("by the handler")

        other = threading.Thread(target=self.engine.call, args=(name,))
        other.start()
        self.addCleanup(other.join)
        running()
        self.on_alarm(handler)  # while this thread waits for its turn
        with self.assertRaisesRegex(OSError, "by the handler"):
            self.engine.call(name, timeout=PATIENCE)
        self.assertFalse(gate.is_set())
        shared["entered"].clear()
        gate.set()
        other.join()
        self.assertEqual(self.engine.call(name), b"done")  # the turn was not lost with who gave it up


class ModuleCalls(OneEngine):
    def test_a_function_sees_its_call(self):
        name = self.serve(
            "call.log(30, 'from the function')\n"
            "    return repr((call.name, call.version[:2], 5 < call.remaining <= 7, call.cancelled)).encode()",
            "def handle(payload, call):",
        )
        told = repr((name, "1.", True, False)).encode()
        for call in self.engine.call, self.fleet.controller.call:
            self.assertEqual(call(name, timeout=7), told)
        self.lines.until(lambda line: line[0] == logging.WARNING and "from the function" in line[1], "the line")

    def test_a_function_sees_the_headers_of_its_call(self):
        name = self.serve("return repr(sorted(call.headers.items())).encode()", "def handle(payload, call):")
        headers = {"request-id": "4711", "tenant": "größer"}
        told = repr(sorted(headers.items())).encode()
        for handle in self.engine, self.fleet.controller, self.fleet.gateway, self.fleet.client():
            with self.subTest(handle):
                self.assertEqual(handle.call(name, headers=headers), told)
                self.assertEqual(handle.call(name), b"[]")
                self.assertEqual(handle.begin_call(name, headers=headers).result(PATIENCE), told)
                self.assertEqual(asyncio.run(handle.acall(name, headers=headers)), told)
        self.assertEqual(self.engine.call_tree(name, headers=headers), told)

    def test_headers_that_are_none_are_refused_in_words(self):
        for headers, kind, words in (
            ("k=v", TypeError, "headers must be a mapping of str to str, not 'k=v'"),
            ({"k": 7}, TypeError, r"headers\['k'\] must be a str, not 7"),
            ({"k\0": "v"}, pinnate.InvalidError, "a key of headers contains a NUL"),
            ({"k k": "v"}, pinnate.InvalidError, "header"),
        ):
            with self.subTest(headers), self.assertRaisesRegex(kind, words):
                self.engine.call("any", headers=headers)

    def test_headers_that_were_seen_stay_and_others_are_gone_with_the_answer(self):
        name = self.serve("seen = payload and call.headers\n    support.shared['call'] = call\n    return b''", "def handle(payload, call):")
        self.addCleanup(shared.pop, "call", None)
        self.engine.call(name, b"look", headers={"k": "v"})
        self.assertEqual(shared["call"].headers, {"k": "v"})
        self.engine.call(name, headers={"k": "v"})
        with self.assertRaisesRegex(pinnate.ClosedError, "answered"):
            shared["call"].headers

    def test_a_function_sees_that_its_caller_has_gone(self):
        shared["gone"] = gone = threading.Event()
        name = self.serve(
            # time itself is under test: a function is not told that its caller has gone, and has to ask
            "import time\n    while not call.cancelled: time.sleep(0.001)\n    support.shared['gone'].set()\n    return b''",
            "def handle(payload, *, call):",
        )
        with self.assertRaises(pinnate.TimedOutError):
            self.fleet.controller.call(name, timeout=0.1)
        self.assertTrue(gone.wait(PATIENCE))

    def test_a_call_that_is_answered_can_be_looked_at_and_harms_nothing(self):
        name = self.serve("support.shared['call'] = call\n    return b''", "def handle(payload, call):")
        self.engine.call(name)
        call = shared.pop("call")
        self.assertEqual((call.remaining, call.cancelled), (0.0, True))
        call.log(logging.INFO, "too late")
        self.assertIn("answered", repr(call))

    def test_what_cannot_be_called_fails_to_load_in_words(self):
        for head, words in (
            ("def handle():", r"handle\(\) cannot be called as \(payload\), nor as \(payload, call\)"),
            ("def handle(a, b):", r"handle\(a, b\) cannot be called"),
            ("def handle(a, call, b):", r"handle\(a, call, b\) cannot be called"),
            ("def handle(payload):\n    yield b''\ndef other():", "handle is a generator function"),
            ("async def handle(payload):\n    yield b''\ndef other():", "handle is a generator function"),
            ("async def create(config):", "create is a coroutine function"),
            ("def create():", r"create\(\) cannot be called with one argument"),
            ("class S:\n    def call(self): pass\ndef create(config):\n    return S()\ndef other():", r"call\(\) cannot be called"),
        ):
            name = "bad-" + str(time.monotonic_ns())
            with self.subTest(head):
                release = self.fleet.publish(name, "1.0.0", source("pass", head))
                self.assertRegex(self.fleet.failure(release.release), words)
                self.fleet.controller.unpublish(name)


class GivenUp(OneEngine):
    """Whoever waits no longer tells the function."""

    def setUp(self):
        self.running = self.until_running()
        shared["gone"] = self.gone = Seen()
        self.addCleanup(shared.pop, "gone")
        self.name = self.serve(
            # as above: it has to ask
            "import time\n    support.shared['entered'].set()\n    while not call.cancelled: time.sleep(0.001)\n"
            "    support.shared['gone'](call.remaining)\n    return b''",
            "def handle(payload, *, call):",
        )

    def until_gone(self):
        self.assertGreater(self.gone.until(lambda remaining: True, "that the function is told"), 10)

    def handles(self):
        return self.engine, self.fleet.controller, self.fleet.gateway, self.fleet.client()

    def test_a_future_that_is_cancelled_cancels_its_call(self):
        for handle in self.handles():
            with self.subTest(handle):
                shared["entered"].clear()
                self.gone.items.clear()
                future = handle.begin_call(self.name, timeout=PATIENCE)
                self.running()
                self.assertTrue(future.cancel())
                self.until_gone()

    def test_a_task_that_is_cancelled_cancels_its_call(self):
        async def main():
            task = asyncio.ensure_future(self.fleet.controller.acall(self.name, timeout=PATIENCE))
            await asyncio.get_running_loop().run_in_executor(None, self.running)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task

        asyncio.run(main())
        self.until_gone()

    def test_an_exception_out_of_the_waiting_cancels_the_call(self):
        def handler(number, frame):
            raise OSError("by the handler")

        before = signal.signal(signal.SIGALRM, handler)
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        caller = threading.main_thread().ident
        for call in self.engine.call_tree, self.fleet.controller.call:
            shared["entered"].clear()
            self.gone.items.clear()
            threading.Thread(target=lambda: (self.running(), signal.pthread_kill(caller, signal.SIGALRM))).start()
            with self.assertRaisesRegex(OSError, "by the handler"):
                call(self.name, timeout=PATIENCE)
            self.until_gone()

    def test_what_ended_the_waiting_is_raised_also_where_no_thread_can_be_started_any_more(self):
        from pinnate import _callbacks, _native, _requests

        async def main():
            task = asyncio.ensure_future(self.fleet.controller.acall(self.name, timeout=1))
            await asyncio.get_running_loop().run_in_executor(None, self.running)
            task.cancel()
            with mock.patch.object(_requests, "_cancels", _callbacks.OwnThread("none")), \
                    mock.patch.object(_native, "start_thread", side_effect=RuntimeError("at the end of the program")):
                with self.assertRaises(asyncio.CancelledError):
                    await task

        asyncio.run(main())

    def test_cancelling_does_not_wait_for_the_library_where_its_thread_waits_for_the_caller(self):
        lock, told = threading.Lock(), threading.Event()
        future = self.fleet.controller.begin_call(self.name, timeout=PATIENCE)
        self.running()
        quick = self.serve("return b''")

        def answered(_):  # on the library's thread
            told.set()
            with lock:
                pass

        with lock:
            self.fleet.controller.begin_call(quick).add_done_callback(answered)
            self.assertTrue(told.wait(PATIENCE))
            self.assertTrue(future.cancel())
        self.until_gone()


class Later(OneEngine):
    def test_an_async_handle_answers_and_its_failures_are_told(self):
        name = self.serve(
            "import asyncio\n    await asyncio.sleep(0.01)\n    return {b'f': 7}.get(payload, payload + b' later') if payload != b'r' else 1 / 0",
            "async def handle(payload):",
        )
        for call in self.engine.call, self.fleet.controller.call:
            self.assertEqual(call(name, b"much"), b"much later")
            with self.assertRaisesRegex(pinnate.FailedError, "ZeroDivisionError"):
                call(name, b"r")
            with self.assertRaisesRegex(pinnate.FailedError, "answered with int instead of bytes"):
                call(name, b"f")

    def test_a_coroutine_is_cancelled_when_its_caller_gives_up_or_has_no_more_time(self):
        shared["cancelled"] = cancelled = threading.Event()
        running = self.until_running()
        name = self.serve(
            "import asyncio\n    support.shared['entered'].set()\n    try:\n        await asyncio.sleep(60)\n    except asyncio.CancelledError:\n"
            "        support.shared['cancelled'].set()\n        raise",
            "async def handle(payload, call):",
        )
        with self.assertRaises(pinnate.TimedOutError):
            self.fleet.controller.call(name, timeout=0.1)
        self.assertTrue(cancelled.wait(PATIENCE))
        cancelled.clear()
        shared["entered"].clear()
        future = self.fleet.controller.begin_call(name)
        running()
        future.cancel()
        self.assertTrue(cancelled.wait(5))  # of the ten seconds that it has

    def test_a_future_may_be_the_answer(self):
        name = self.serve(
            "import concurrent.futures, threading\n    future = concurrent.futures.Future()\n"
            "    threading.Timer(0.01, future.set_result, [payload]).start()\n    return future"
        )
        self.assertEqual(self.engine.call(name, b"future"), b"future")

    def test_a_future_of_another_loop_may_be_the_answer(self):
        loop = shared["loop"] = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        name = self.serve("future = support.shared['loop'].create_future()\n"
                          "    support.shared['loop'].call_soon_threadsafe(future.set_result, payload)\n    return future")
        self.assertEqual(self.engine.call(name, b"future"), b"future")
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class WithoutAThread(OneEngine):
    def test_a_call_that_was_begun_is_a_future(self):
        name = self.serve("return b'hello ' + payload if payload else 1 / 0")
        for handle in self.engine, self.fleet.controller, self.fleet.gateway, self.fleet.client():
            futures = [handle.begin_call(name, b"%d" % number) for number in range(20)]
            self.assertEqual([future.result(PATIENCE) for future in futures], [b"hello %d" % number for number in range(20)])
            with self.assertRaises(pinnate.FailedError) as caught:
                handle.begin_call(name).result(PATIENCE)
            self.assertIn(b"ZeroDivisionError", caught.exception.result)

    def test_a_coroutine_awaits_calls_and_the_loop_goes_on(self):
        name = self.serve("import time\n    time.sleep(0.02)\n    return payload")

        async def main():
            ticks = 0

            async def tick():
                nonlocal ticks
                while True:
                    ticks += 1
                    await asyncio.sleep(0.001)

            ticking = asyncio.ensure_future(tick())
            answers = await asyncio.gather(*(self.engine.acall(name, b"%d" % number) for number in range(10)))
            ticking.cancel()
            return answers, ticks

        answers, ticks = asyncio.run(main())
        self.assertEqual(answers, [b"%d" % number for number in range(10)])
        self.assertGreater(ticks, 20)

    def test_what_answers_at_once_runs_on_the_thread_of_the_loop_where_its_turn_is_free(self):
        running = self.until_running()
        shared["gate"] = gate = threading.Event()
        self.addCleanup(gate.set)
        name = self.serve(
            "import threading\n    if payload == b'wait':\n        support.shared['entered'].set()\n        support.shared['gate'].wait(60)\n"
            "    if payload == b'fail': raise ValueError('on purpose')\n"
            "    return str(threading.get_ident()).encode()"
        )
        here = str(threading.get_ident()).encode()

        async def main():
            self.assertEqual(await self.engine.acall(name, at_once=True), here)
            with self.assertRaisesRegex(pinnate.FailedError, "on purpose"):
                await self.engine.acall(name, b"fail", at_once=True)
            self.assertNotEqual(await self.engine.acall(name), here)
            other = self.engine.begin_call(name, b"wait", timeout=PATIENCE)
            await asyncio.get_running_loop().run_in_executor(None, running)
            waiting = asyncio.ensure_future(self.engine.acall(name, at_once=True, timeout=PATIENCE))
            await asyncio.sleep(0)  # the loop goes on, though the turn is taken
            self.assertFalse(waiting.done())
            gate.set()
            self.assertNotEqual(await waiting, here)
            other.result(PATIENCE)

        asyncio.run(main())

    def test_what_is_called_at_once_goes_through_the_tree_where_this_engine_serves_it_not(self):
        name = self.serve("return payload")
        with pinnate.Engine(id="other", loaders=[]) as other:
            other.dial_upstream(self.fleet.below)

            async def main():
                while True:  # until it is linked
                    try:
                        return await other.acall(name, b"there", at_once=True)
                    except pinnate.UnreachableError:
                        await asyncio.sleep(0.01)

            self.assertEqual(asyncio.run(main()), b"there")

    def test_what_answers_later_cannot_be_called_at_once(self):
        name = self.serve("return support.shared['future']")
        shared["future"] = future = concurrent.futures.Future()
        self.addCleanup(shared.pop, "future")

        async def main():
            with self.assertRaisesRegex(pinnate.TimedOutError, "answers later"):
                await self.engine.acall(name, at_once=True)
            future.set_result(b"later")
            return await self.engine.acall(name)

        self.assertEqual(asyncio.run(main()), b"later")

    def test_a_large_answer_comes_at_once_too(self):
        name = self.serve("return payload * 1024")
        self.assertEqual(asyncio.run(self.engine.acall(name, b"k" * 1024, at_once=True)), b"k" * 1024**2)

    def test_a_loop_after_another_is_served_too(self):
        name = self.serve("return payload")
        for _ in range(3):
            self.assertEqual(asyncio.run(self.fleet.controller.acall(name, b"x")), b"x")

    def test_cancelling_ends_the_waiting_and_the_outcome_is_dropped(self):
        shared["gate"] = gate = threading.Event()
        self.addCleanup(gate.set)
        running = self.until_running()
        name = self.serve("support.shared['entered'].set()\n    support.shared['gate'].wait(60)\n    return payload")
        from pinnate import _slots

        async def main():
            task = asyncio.ensure_future(self.fleet.controller.acall(name, timeout=PATIENCE))
            await asyncio.get_running_loop().run_in_executor(None, running)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task

        before = len(_slots._objects)
        asyncio.run(main())
        future = self.fleet.controller.begin_call(name, timeout=PATIENCE)
        self.assertTrue(future.cancel())
        self.assertTrue(future.cancelled())
        self.assertEqual(len(_slots._objects), before)
        gate.set()
        self.assertEqual(self.fleet.controller.call(name, b"next"), b"next")

    def test_a_call_under_way_ends_with_its_handle(self):
        shared["gate"] = gate = threading.Event()
        self.addCleanup(gate.set)
        running = self.until_running()
        name = self.serve("support.shared['entered'].set()\n    support.shared['gate'].wait(60)\n    return payload")
        client = self.fleet.client()
        future = client.begin_call(name, timeout=PATIENCE)
        running()
        client.close()
        with self.assertRaises(pinnate.ClosedError):
            future.result(PATIENCE)


class ThreadStates(unittest.TestCase):
    def test_threads_of_the_library_that_ended_leave_one_state_at_most(self):
        from pinnate import _thread_states

        for _ in range(5):
            fleet = Fleet(self, engines=1)
            fleet.publish_live("greet", "1.0.0", GREET)
            self.assertEqual(fleet.controller.call("greet", b"you"), b"hello you")
            for handle in (*fleet.engines, fleet.gateway, fleet.controller):
                handle.close()
        self.assertLessEqual(len(_thread_states._kept), 4)  # a loop's and a pool's: not five times as many


if __name__ == "__main__":
    unittest.main()
