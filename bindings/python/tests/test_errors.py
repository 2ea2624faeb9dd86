"""Errors: one class per status, and words that name the thing."""

import math
import os
import unittest

import pinnate
from pinnate import Status
from pinnate.errors import error_for
from support import GREET, Fleet, folder


class Mapping(unittest.TestCase):
    def test_every_status_but_ok_has_a_class_of_its_own(self):
        classes = {type(error_for(status, "words")) for status in Status if status}
        self.assertEqual(len(classes), len(Status) - 1)
        for status in Status:
            if status:
                error = error_for(status, "the words")
                self.assertIsInstance(error, pinnate.PinnateError)
                self.assertIs(error.status, status)
                self.assertEqual((str(error), error.message), ("the words", "the words"))

    def test_a_status_that_is_not_known_is_still_an_error(self):
        error = error_for(999, "from a newer library")
        self.assertIs(type(error), pinnate.PinnateError)
        self.assertEqual((error.status, str(error)), (999, "from a newer library"))

    def test_an_error_without_words_names_its_status(self):
        self.assertEqual(str(error_for(Status.NOT_FOUND, "")), "not found")

    def test_what_python_has_a_word_for_can_be_caught_by_it(self):
        self.assertIsInstance(error_for(Status.TIMEOUT, ""), TimeoutError)
        self.assertIsInstance(error_for(Status.INVALID, ""), ValueError)
        self.assertIsInstance(error_for(Status.NOT_FOUND, ""), LookupError)
        self.assertIsInstance(error_for(Status.NO_MEMORY, ""), MemoryError)


class WrongArguments(unittest.TestCase):
    def setUp(self):
        self.folder = folder(self)
        self.controller = pinnate.Controller(self.folder)
        self.addCleanup(self.controller.close)

    def test_a_malformed_name_or_version_is_refused_and_named(self):
        with self.assertRaises(pinnate.InvalidError) as caught:
            self.controller.publish("No Such Name", "1.0.0", b"x")
        self.assertIn("No Such Name", str(caught.exception))
        with self.assertRaises(pinnate.InvalidError) as caught:
            self.controller.publish("greet", "1 0", b"x")
        self.assertIn("1 0", str(caught.exception))

    def test_a_publish_of_nothing_is_refused(self):
        with self.assertRaises(pinnate.InvalidError):
            self.controller.publish("greet", "1.0.0", {})

    def test_a_file_that_is_not_there_is_named(self):
        with self.assertRaises(pinnate.NotFoundError) as caught:
            self.controller.publish("greet", "1.0.0", os.path.join(self.folder, "missing.so"))
        self.assertIn("missing.so", str(caught.exception))

    def test_an_artifact_over_the_limit_is_refused(self):
        with pinnate.Controller(folder(self), artifact_limit=1000) as small:
            with self.assertRaises(pinnate.TooLargeError):
                small.publish("greet", "1.0.0", b"x" * 1001, loader="any")

    def test_values_out_of_range_are_invalid(self):
        for wrong in (
            lambda: self.controller.call("greet", b"", timeout=0),
            lambda: self.controller.call("greet", b"", timeout=-1),
            lambda: self.controller.call("greet", b"", timeout=math.inf),
            lambda: self.controller.call("greet", b"", timeout=math.nan),
            lambda: self.controller.unpublish("greet", -1),
            lambda: list(self.controller.engines(page=1001)),
            lambda: self.controller.publish("greet", "1.0.0", b"x", limits=pinnate.Limits(load=601)),
            lambda: self.controller.publish("greet\0", "1.0.0", b"x"),
            lambda: pinnate.Engine(worker_threads=65),
            lambda: pinnate.Engine(labels={"a key": "value"}),
            lambda: pinnate.Client("carrier-pigeon:somewhere"),
        ):
            with self.assertRaises(pinnate.InvalidError):
                wrong()

    def test_a_folder_in_use_is_refused(self):
        with self.assertRaises(pinnate.InUseError) as caught:
            pinnate.Controller(self.folder)
        self.assertIn(self.folder, str(caught.exception))

    def test_listening_beyond_loopback_must_be_asked_for(self):
        with self.assertRaisesRegex(pinnate.RefusedError, "insecure"):
            self.controller.listen("tcp://0.0.0.0:0")

    def test_an_address_in_use_is_refused(self):
        bound = self.controller.listen("tcp://127.0.0.1:0")
        self.assertRegex(bound, r"^tcp://127\.0\.0\.1:[1-9]\d*$")
        with pinnate.Gateway() as gateway, self.assertRaises(pinnate.InUseError):
            gateway.listen(bound)

    def test_withdrawing_what_was_never_published_is_not_found(self):
        with self.assertRaises(pinnate.NotFoundError):
            self.controller.unpublish("greet")

    def test_calling_what_nobody_serves_ends_with_an_error(self):
        with self.assertRaises((pinnate.NotFoundError, pinnate.UnreachableError)):
            self.controller.call("greet", b"")
        with pinnate.Engine() as engine, self.assertRaises(pinnate.NotFoundError):
            engine.call("greet", b"")


class Links(unittest.TestCase):
    def test_a_tier_that_is_not_there_is_unreachable(self):
        address = "unix:" + os.path.join(folder(self), "nobody.sock")
        with pinnate.Client(address, connect_timeout=0.1) as client:
            with self.assertRaises(pinnate.UnreachableError):
                client.status()

    def test_a_client_of_another_fleet_is_refused_in_words(self):
        fleet = Fleet(self, engines=0)
        client = fleet.client(fleet="elsewhere")
        with self.assertRaisesRegex(pinnate.RefusedError, "elsewhere"):
            client.status()

    def test_publishing_at_a_gateway_is_refused(self):
        fleet = Fleet(self, engines=0)
        with self.assertRaises(pinnate.RefusedError):
            fleet.client(fleet.below).publish("greet", "1.0.0", GREET, loader="python")


if __name__ == "__main__":
    unittest.main()
