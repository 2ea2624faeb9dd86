"""What methods take: every kind of number and of bytes, and for what is wrong the package's own
words.
"""

import array
import decimal
import fractions
import mmap
import pathlib
import tempfile
import unittest

import pinnate
from pinnate.testing import Step, TestFleet
from support import GREET, Fleet, folder


class Whole:
    """A whole number to whoever asks by __index__, as numpy's are."""

    def __init__(self, value):
        self.value = value

    def __index__(self):
        return self.value


class WrongCalls(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.folder = folder(self)
        self.controller = pinnate.Controller(self.folder)
        self.addCleanup(self.controller.close)
        self.engine = pinnate.Engine()
        self.addCleanup(self.engine.close)
        self.fleet = TestFleet()
        self.addCleanup(self.fleet.close)

    def test_each_wrong_argument_is_named_in_the_packages_own_words(self):
        controller, engine, fleet = self.controller, self.engine, self.fleet
        object_ = object()
        seconds = "must be a number of seconds, not"
        for wrong, words in (
            (lambda: pinnate.Controller(None), "state_dir must be a path (str or os.PathLike), not None"),
            (lambda: pinnate.Controller(3), "state_dir must be a path (str or os.PathLike), not 3"),
            (lambda: pinnate.Engine(3), "state_dir must be a path (str or os.PathLike), not 3"),
            (lambda: pinnate.Gateway(b"folder"), "cache_dir must be a path (str or os.PathLike), not a value of type bytes"),
            (lambda: pinnate.Gateway(id=7), "id must be a str, not 7"),
            (lambda: pinnate.Gateway(fleet=b"f"), "fleet must be a str, not a value of type bytes"),
            (lambda: pinnate.Engine(labels=["region"]), "labels must be a mapping of str to str, not a value of type list"),
            (lambda: pinnate.Engine(labels="region=eu"), "labels must be a mapping of str to str, not 'region=eu'"),
            (lambda: pinnate.Engine(labels={1: "eu"}), "a key of labels must be a str, not 1"),
            (lambda: pinnate.Engine(labels={"region": None}), "labels['region'] must be a str, not None"),
            (lambda: pinnate.Engine(log=7), "log must be a callable or a logging.Logger, not 7"),
            (lambda: pinnate.Engine(log=print, log_level="INFO"),
             "log_level must be a level of logging, such as logging.INFO, not 'INFO'"),
            (lambda: pinnate.Engine(log_level=None), "log_level must be a level of logging, such as logging.INFO, not None"),
            (lambda: pinnate.Engine(heartbeat="5"), f"heartbeat {seconds} '5'"),
            (lambda: pinnate.Engine(backoff_min=[1]), f"backoff_min {seconds} a value of type list"),
            (lambda: pinnate.Engine(link_limit=1e6), "link_limit must be an int, not 1000000.0"),
            (lambda: pinnate.Engine(worker_threads="2"), "worker_threads must be an int, not '2'"),
            (lambda: pinnate.Engine(worker_threads=True), "worker_threads must be an int, not True"),
            (lambda: pinnate.Engine(close_limit=False), f"close_limit {seconds} False"),
            (lambda: pinnate.Engine(loaders=["python"]), "loader must be a pinnate.Loader, not 'python'"),
            (lambda: pinnate.Engine(loaders="python"), "loaders must be an iterable of pinnate.Loader, not 'python'"),
            (lambda: pinnate.Engine(loaders=pinnate.PythonLoader()),
             "loaders must be an iterable of pinnate.Loader, not a value of type PythonLoader"),
            (lambda: pinnate.Client(None), "to must be a str, not None"),
            (lambda: pinnate.Client("unix:/x", connect_timeout="1"), f"connect_timeout {seconds} '1'"),
            (lambda: controller.listen(7070), "address must be a str, not 7070"),
            (lambda: controller.dial(None), "address must be a str, not None"),
            (lambda: engine.dial_upstream(None), "address must be a str, not None"),
            (lambda: engine.add_loader("python"), "loader must be a pinnate.Loader, not 'python'"),
            (lambda: controller.publish(7, "1.0.0", b""), "name must be a str, not 7"),
            (lambda: controller.publish(None, "1.0.0", b""), "name must be a str, not None"),
            (lambda: controller.publish("greet", 1.0, b""), "version must be a str, not 1.0"),
            (lambda: controller.publish("greet", "1.0.0", 7), "an artifact must be a path or bytes, not 7"),
            (lambda: controller.publish("greet", "1.0.0", None), "an artifact must be a path or bytes, not None"),
            (lambda: controller.publish("greet", "1.0.0", {7: b""}), "platform must be a str, not 7"),
            (lambda: controller.publish("greet", "1.0.0", b"", config="text"),
             "config must be bytes, or another object with a buffer, not 'text'"),
            (lambda: controller.publish("greet", "1.0.0", b"", loader=object_),
             "loader must be a str, not a value of type object"),
            (lambda: controller.publish("greet", "1.0.0", b"", limits={}),
             "limits must be a pinnate.Limits, not a value of type dict"),
            (lambda: controller.publish("greet", "1.0.0", b"", limits=pinnate.Limits(load="1")), f"limits.load {seconds} '1'"),
            (lambda: controller.publish("greet", "1.0.0", b"", on_progress=7), "on_progress must be callable, not 7"),
            (lambda: controller.publish("greet", "1.0.0", b"", stop_first="yes"), "stop_first must be True or False, not 'yes'"),
            (lambda: controller.publish("greet", "1.0.0", b"", timeout="1"), f"timeout {seconds} '1'"),
            (lambda: controller.unpublish("greet", "1"), "release must be a release's number, a Published or a Release, not '1'"),
            (lambda: controller.unpublish("greet", True), "release must be a release's number, a Published or a Release, not True"),
            (lambda: controller.status(7), "name must be a str, not 7"),
            (lambda: controller.status().live("1"), "release must be a release's number, a Published or a Release, not '1'"),
            (lambda: controller.status(timeout="1"), f"timeout {seconds} '1'"),
            (lambda: controller.engines(page="1"), "page must be an int, not '1'"),
            (lambda: controller.engines(phase="live"), "phase must be a Phase, such as <Phase.PENDING: 0>, not 'live'"),
            (lambda: controller.engines(engine=7), "engine must be a str, not 7"),
            (lambda: controller.tiers(timeout="1"), f"timeout {seconds} '1'"),
            (lambda: controller.call(b"greet"), "name must be a str, not a value of type bytes"),
            (lambda: controller.call("greet", "text"), "payload must be bytes, or another object with a buffer, not 'text'"),
            (lambda: controller.call("greet", 7), "payload must be bytes, or another object with a buffer, not 7"),
            (lambda: controller.call("greet", memoryview(b"abcd")[::2]), "payload must be contiguous in memory; copy it first"),
            (lambda: controller.call("greet", timeout="10"), f"timeout {seconds} '10'"),
            (lambda: controller.call("greet", idempotent="yes"), "idempotent must be True or False, not 'yes'"),
            (lambda: engine.call("greet", timeout=b"1"), f"timeout {seconds} a value of type bytes"),
            (lambda: controller.watch(7), "callback must be callable, not 7"),
            (lambda: controller.watch(print, 7), "on_error must be callable, not 7"),
            (lambda: engine.watch("x"), "callback must be callable, not 'x'"),
            (lambda: controller.close("1"), f"timeout {seconds} '1'"),
            (lambda: TestFleet(sites="1"), "sites must be an int, not '1'"),
            (lambda: TestFleet(labels=7), "labels must be a mapping of tiers' names to their labels, not 7"),
            (lambda: TestFleet(labels={"s0": 7}), "the labels of 's0' must be a mapping of str to str, not 7"),
            (lambda: TestFleet(describe=7), "describe must be callable, not 7"),
            (lambda: TestFleet(latency=5), "latency must be two numbers of seconds, from and to, not 5"),
            (lambda: TestFleet(durable=1), "durable must be True or False, not 1"),
            (lambda: TestFleet(loaders=[7]), "loader must be a pinnate.Loader, not 7"),
            (lambda: fleet.run_until(7), "condition must be callable, not 7"),
            (lambda: fleet.advance("1"), f"seconds {seconds} '1'"),
            (lambda: fleet.kill(None), "tier must be a str, not None"),
            (lambda: fleet.wait_live("1"), "release must be a release's number, a Published or a Release, not '1'"),
            (lambda: fleet.inject("greet", "1.0.0", "load"), "step must be a Step, such as <Step.LOAD: 0>, not 'load'"),
            (lambda: fleet.inject("greet", "1.0.0", Step.LOAD, "hangs"), "fate must be a Fate, such as <Fate.FAILS: 0>, not 'hangs'"),
        ):
            with self.subTest(words):
                with self.assertRaises(TypeError) as caught:
                    wrong()
                self.assertEqual(str(caught.exception), words)

    def test_each_value_out_of_range_is_named_with_its_range(self):
        controller, fleet = self.controller, self.fleet
        seconds = "must be more than 0 and at most 4294967 seconds, not"
        for wrong, words in (
            (lambda: controller.call("greet", timeout=0), f"timeout {seconds} 0"),
            (lambda: controller.status(timeout=-1), f"timeout {seconds} -1"),
            (lambda: controller.close(0), f"timeout {seconds} 0"),
            (lambda: controller.engines(page=1001), "page must be between 1 and 1000, not 1001"),
            (lambda: controller.engines(phase=99), "phase must be a Phase, and 99 is none of them"),
            (lambda: controller.unpublish("greet", -1), "release must not be negative or beyond 64 bits: -1"),
            (lambda: controller.call("gr\0et"), "name contains a NUL character: b'gr\\x00et'"),
            (lambda: pinnate.Engine(queued_calls=0), "queued_calls must be between 1 and 4294967295, not 0"),
            (lambda: fleet.advance(-1), "seconds must be between 0 and 1000000000 seconds, not -1"),
            (lambda: fleet.inject("greet", "1.0.0", 9), "step must be a Step, and 9 is none of them"),
        ):
            with self.subTest(words):
                with self.assertRaises(pinnate.InvalidError) as caught:
                    wrong()
                self.assertEqual(str(caught.exception), words)


class RightCalls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fleet = TestFleet(loaders=[pinnate.PythonLoader()])
        cls.addClassCleanup(cls.fleet.close)
        cls.fleet.wait_live(cls.fleet.publish("greet", "1.0.0", GREET, loader="python"))

    def test_a_payload_is_whatever_has_a_contiguous_buffer(self):
        with tempfile.TemporaryFile() as file:
            file.write(b"you")
            file.flush()
            with mmap.mmap(file.fileno(), 3) as mapped:
                kinds = bytearray(b"you"), memoryview(b"you"), array.array("B", b"you"), mapped, memoryview(b"-you")[1:]
                for payload in kinds:
                    with self.subTest(type(payload).__name__):
                        self.assertEqual(self.fleet.call("greet", payload), b"hello you")
        numbers = array.array("d", [1.5, -2.5])
        self.assertEqual(self.fleet.call("greet", numbers), b"hello " + numbers.tobytes())

    def test_an_answer_is_whatever_has_a_contiguous_buffer(self):
        source = b"import array\ndef handle(payload):\n    return array.array('B', payload)\n"
        self.fleet.wait_live(self.fleet.publish("arrays", "1.0.0", source, loader="python"))
        self.assertEqual(self.fleet.call("arrays", b"abc"), b"abc")

    def test_seconds_are_whatever_is_a_number(self):
        for second in (1, 1.0, fractions.Fraction(1), decimal.Decimal("1"), Whole(1)):
            before = self.fleet.now
            self.fleet.advance(second)
            self.assertEqual(round(self.fleet.now - before, 3), 1)
            self.assertEqual(self.fleet.call("greet", timeout=second), b"hello ")

    def test_whole_numbers_are_whatever_is_one(self):
        with TestFleet(sites=Whole(1), engines=Whole(2)) as fleet:
            self.assertEqual(len(fleet.engines), 2)

    def test_a_path_is_a_str_or_a_pathlike(self):
        pinnate.Controller(pathlib.Path(folder(self))).close()

    def test_no_timeout_is_no_limit(self):
        fleet = Fleet(self, engines=1)
        fleet.publish_live("greet", "1.0.0", GREET)
        for call in (fleet.controller.call, fleet.engines[0].call, fleet.engines[0].call_tree, self.fleet.call):
            self.assertEqual(call("greet", b"you", timeout=None), b"hello you")
        self.assertEqual(len(list(fleet.controller.engines(timeout=None))), 1)
        self.assertEqual(fleet.controller.status(timeout=None).known_engines, 1)

    def test_a_release_is_given_by_number_or_by_what_has_one(self):
        fleet = Fleet(self, engines=1)
        published = fleet.publish_live("greet", "1.0.0", GREET)
        rollup = fleet.controller.status()
        (release,) = fleet.controller.releases()
        for given in (published.release, published, release, rollup.releases[0], Whole(published.release)):
            self.assertEqual(rollup.live(given), 1)
            self.assertIs(rollup.release(given), rollup.releases[0])
        fleet.controller.unpublish("greet", published)
        fleet.until_gone("greet")


if __name__ == "__main__":
    unittest.main()
