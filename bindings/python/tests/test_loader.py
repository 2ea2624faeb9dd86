"""Loaders that are written in Python, and modules that are Python source."""

import hashlib
import os
import threading
import traceback
import unittest

import pinnate
from pinnate import Phase
from support import GREET, PATIENCE, Fleet, Seen, shared, unraisable

COUNTER = b"""
import support

class Counter:
    def __init__(self, start):
        self.count = start

    def call(self, payload):
        self.count += len(payload)
        return str(self.count).encode()

    def check_health(self):
        support.shared["checked"] = True

    def close(self):
        support.shared["closed"].set()

def create(config):
    return Counter(int(config))
"""


class PythonModules(unittest.TestCase):
    def test_a_service_has_configuration_and_state_and_is_closed(self):
        shared["closed"] = threading.Event()
        shared["checked"] = False
        fleet = Fleet(self, engines=1)
        fleet.publish_live("counter", "1.0.0", COUNTER, config=b"40")
        self.assertTrue(shared["checked"])
        self.assertEqual(fleet.engines[0].call("counter", b"x"), b"41")
        self.assertEqual(fleet.controller.call("counter", b"xx"), b"43")
        fleet.controller.unpublish("counter")
        self.assertTrue(shared["closed"].wait(PATIENCE))

    def test_engines_of_one_process_share_no_state(self):
        shared["closed"] = threading.Event()
        fleet = Fleet(self, engines=2)
        fleet.publish_live("counter", "1.0.0", COUNTER, config=b"0")
        self.assertEqual(fleet.engines[0].call("counter", b"abc"), b"3")
        self.assertEqual(fleet.engines[1].call("counter", b"x"), b"1")

    def test_why_a_module_failed_is_told_with_the_last_line_of_its_traceback(self):
        fleet = Fleet(self, engines=1)
        for name, source, words in (
            ("syntax", b"def handle(payload:\n", ["SyntaxError", "<syntax 1.0.0>", "line 1"]),
            ("import", b"import no_such_module\n", ["ModuleNotFoundError", "no_such_module", "line 1"]),
            (
                "raises",
                b"def create(config):\n    raise ValueError('no config')\n",
                ["ValueError: no config", "line 2"],
            ),
            ("exits", b"raise SystemExit(3)\n", ["SystemExit: 3"]),
            ("nothing", b"x = 1\n", ["<nothing 1.0.0>", "handle(payload", "create(config"]),
            ("useless", b"def create(config):\n    return 7\n", ["int", "call(payload)"]),
            (
                "sick",
                b"class S:\n    def call(self, p):\n        return p\n    def check_health(self):\n"
                b"        raise RuntimeError('sensor is gone')\ndef create(config):\n    return S()\n",
                ["RuntimeError: sensor is gone", "line 5"],
            ),
        ):
            with self.subTest(name):
                published = fleet.publish(name, "1.0.0", source)
                reason = fleet.failure(published.release)
                for each in words:
                    self.assertIn(each, reason)
                self.assertNotIn("\n", reason)
                service = next(each for each in fleet.engines[0].services() if each.name == name)
                self.assertIn(words[0], service.reason)
                self.assertFalse(service.serving)

    def test_a_version_that_fails_leaves_the_one_before_serving(self):
        fleet = Fleet(self, engines=1)
        fleet.publish_live("greet", "1.0.0", GREET)
        broken = fleet.publish("greet", "1.1.0", b"raise RuntimeError('broken on purpose')\n")
        self.assertIn("broken on purpose", fleet.failure(broken.release))
        self.assertEqual(fleet.engines[0].call("greet", b"still"), b"hello still")
        (engine,) = fleet.controller.engines(phase=Phase.FAILED)
        self.assertEqual(engine.id, "engine-0")

    def test_an_exception_in_a_call_is_the_callers_and_the_service_goes_on(self):
        fleet = Fleet(self, engines=1)
        fleet.publish_live(
            "divide", "1.0.0", b"def handle(payload):\n    return b'%d' % (10 // int(payload))\n"
        )
        for call in (fleet.controller.call, fleet.engines[0].call):
            with self.assertRaises(pinnate.FailedError) as caught:
                call("divide", b"0")
            self.assertIn("ZeroDivisionError", str(caught.exception))
            self.assertIn("line 2", str(caught.exception))
            self.assertIn(b"ZeroDivisionError", caught.exception.result)  # what the service said
            self.assertEqual(call("divide", b"5"), b"2")

    def test_an_answer_that_is_not_bytes_is_a_failure_in_words(self):
        fleet = Fleet(self, engines=1)
        fleet.publish_live("text", "1.0.0", b"def handle(payload):\n    return 'text'\n")
        with self.assertRaisesRegex(pinnate.FailedError, "'text' answered with str instead of bytes"):
            fleet.controller.call("text")

    def test_a_module_may_use_dataclasses_and_is_not_read_by_the_loaders_own_future(self):
        fleet = Fleet(self, engines=1)
        fleet.publish_live(
            "typed",
            "1.0.0",
            b"import dataclasses\n@dataclasses.dataclass\nclass P:\n    x: int = 1\n"
            b"def handle(payload):\n    return repr((P(), P.__annotations__['x'])).encode()\n",
        )
        self.assertEqual(fleet.controller.call("typed"), b"(P(x=1), <class 'int'>)")

    def test_a_traceback_quotes_the_modules_source(self):
        fleet = Fleet(self, engines=1)
        shared["lines"] = []
        fleet.publish_live(
            "quoted",
            "1.0.0",
            b"import support, traceback\ndef handle(payload):\n    try:\n        raise KeyError(1)\n"
            b"    except KeyError:\n        return traceback.format_exc().encode()\n",
        )
        self.assertIn(b"raise KeyError(1)", fleet.controller.call("quoted"))

    def test_an_exception_while_closing_is_reported_and_harms_nothing(self):
        source = (
            b"class S:\n    def call(self, p):\n        return p\n    def close(self):\n"
            b"        raise RuntimeError('in close')\ndef create(config):\n    return S()\n"
        )
        with unraisable() as reported:
            fleet = Fleet(self, engines=1)
            fleet.publish_live("grumpy", "1.0.0", source)
            fleet.controller.unpublish("grumpy")
            reported.until(lambda error: str(error) == "in close", "the exception")
        fleet.publish_live("greet", "1.0.0", GREET)

    def test_a_service_may_call_another_function_of_the_fleet(self):
        fleet = Fleet(self, engines=2)
        shared["engine"] = fleet.engines[0]
        self.addCleanup(shared.pop, "engine")
        fleet.publish_live("greet", "1.0.0", GREET)
        fleet.publish_live(
            "relay",
            "1.0.0",
            b"import support\ndef handle(p):\n"
            b"    return support.shared['engine'].call_tree('greet', p, engine='engine-1')\n",
        )
        self.assertEqual(fleet.engines[0].call("relay", b"relayed"), b"hello relayed")

    def test_calls_of_one_service_overlap_only_where_the_loader_says_so(self):
        source = (
            b"import support\ndef handle(p):\n"
            b"    return b'met' if support.shared['barrier'].wait(30) >= 0 else b''\n"
        )
        shared["barrier"] = threading.Barrier(2)
        fleet = Fleet(self, engines=1, loaders=[pinnate.PythonLoader(calls_may_overlap=True)])
        fleet.publish_live("meet", "1.0.0", source)
        answers = Seen()
        for _ in range(2):
            threading.Thread(target=lambda: answers(fleet.engines[0].call("meet", timeout=PATIENCE))).start()
        answers.until(lambda answer: len(answers.items) == 2, "both answers")
        self.assertEqual(answers.items, [b"met", b"met"])


class UpperCase(pinnate.Loader):
    """A loader of a host: its artifacts are words, its services put them before what they are
    told.
    """

    kind = "upper-case"

    def __init__(self):
        self.images = []
        self.unloaded = threading.Event()

    def load(self, image):
        self.images.append(image)
        word, unloaded = image.read(), self.unloaded
        with open(image.fd_path, "rb") as file:
            self.from_path = file.read()
        self.from_fd = os.pread(image.fd, image.size, 0)
        if word == b"bad":
            raise pinnate.InvalidError("this word is not allowed")

        class Service:
            def call(self, payload):
                return word.upper() + payload

        class Module:
            def create(self, config):
                return Service()

            def unload(self):
                unloaded.set()

        return Module()


class HostLoaders(unittest.TestCase):
    def test_a_loader_of_the_host_gets_the_artifact_and_its_image_ends_with_the_module(self):
        loader = UpperCase()
        fleet = Fleet(self, engines=1, loaders=[loader])
        published = fleet.controller.publish("shout", "2.0", b"hey ", loader="upper-case")
        fleet.rollups.until_latest(lambda rollup: rollup.live(published.release) == 1, "live")
        self.assertEqual(fleet.controller.call("shout", b"you"), b"HEY you")
        (image,) = loader.images
        self.assertEqual((image.name, image.version, image.size), ("shout", "2.0", 4))
        self.assertEqual(image.digest, hashlib.sha256(b"hey ").hexdigest())
        self.assertEqual((loader.from_path, loader.from_fd, image.read()), (b"hey ", b"hey ", b"hey "))
        fleet.controller.unpublish("shout")
        self.assertTrue(loader.unloaded.wait(PATIENCE))
        fleet.engines[0].close()
        with self.assertRaises(pinnate.ClosedError):
            image.read()

    def test_a_pinnate_error_of_a_loader_stands_for_its_words_alone(self):
        fleet = Fleet(self, engines=1, loaders=[UpperCase()])
        published = fleet.controller.publish("shout", "1.0", b"bad", loader="upper-case")
        reason = fleet.failure(published.release)
        self.assertIn("this word is not allowed", reason)
        self.assertNotIn("InvalidError", reason)

    def test_one_loader_may_serve_several_engines(self):
        fleet = Fleet(self, engines=2, loaders=[UpperCase()])
        published = fleet.controller.publish("shout", "1.0", b"hey ", loader="upper-case")
        fleet.rollups.until_latest(lambda rollup: rollup.live(published.release) == 2, "live on both")

    def test_a_kind_that_no_loader_is_for_is_incompatible_in_words(self):
        fleet = Fleet(self, engines=1)
        published = fleet.controller.publish("greet", "1.0.0", GREET, loader="cobol")
        fleet.rollups.until_latest(
            lambda rollup: rollup.release(published.release)
            and rollup.release(published.release).phases[pinnate.Phase.INCOMPATIBLE] == 1,
            "incompatible",
        )
        [engine] = fleet.controller.engines(name="greet")
        self.assertIn("no loader 'cobol'", engine.services[0].reason)

    def test_a_loader_without_a_kind_is_refused(self):
        with self.assertRaises(pinnate.InvalidError):
            pinnate.Engine(loaders=[pinnate.Loader()])


class Words(unittest.TestCase):
    def test_words_are_one_line_even_of_an_error_with_many(self):
        from pinnate._loading import words

        try:
            raise ValueError("first\nsecond\0third")
        except ValueError as error:
            told = words(error)
            self.assertIn(traceback.extract_tb(error.__traceback__)[-1].name, told)
        self.assertTrue(told.startswith("ValueError: first second third ("), told)

    def test_words_are_cut_to_their_buffer_but_not_inside_a_character(self):
        import ctypes

        from pinnate._loading import _write

        buffer = ctypes.create_string_buffer(b"\xff" * 6, 6)
        _write(ctypes.addressof(buffer), 5, "abc\u00e9")
        self.assertEqual(buffer.raw, b"abc\0\xff\xff")


if __name__ == "__main__":
    unittest.main()
