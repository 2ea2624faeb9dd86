"""A host's unit test of its own functions against a fleet of a thousand engines, in virtual time.

    PYTHONPATH=bindings/python PINNATE_LIBRARY=build/release/lib/libpinnate.so python3 samples/python/fleet_test.py
"""

import time
import unittest
from typing import Optional

import pinnate
from pinnate.testing import Step, TestFleet

GREET = b"def handle(payload):\n    return b'hello ' + payload\n"
GREET_AGAIN = b"def handle(payload):\n    return b'hi ' + payload\n"


class Rollout(unittest.TestCase):
    def setUp(self) -> None:
        self.fleet = TestFleet(
            sites=10, clusters=4, engines=25, labels={"s0": {"ring": "canary"}}, loaders=[pinnate.PythonLoader()]
        )
        self.addCleanup(self.fleet.close)

    def publish(self, version: str, source: bytes, selector: Optional[str] = None) -> pinnate.Published:
        return self.fleet.publish("greet", version, source, loader="python", selector=selector)

    def test_a_canary_goes_first_and_a_site_that_was_away_catches_up(self) -> None:
        fleet, began = self.fleet, time.perf_counter()
        fleet.wait_live(self.publish("1.0.0", GREET))
        self.assertEqual(fleet.count("greet", "1.0.0"), 1000)
        self.assertEqual(fleet.call("greet", b"world", engine="s7.k3.e24"), b"hello world")

        fleet.inject("greet", "1.1.0", Step.HEALTH, engine="s0.k1.e2", first_times=1)
        canary = self.publish("1.1.0", GREET_AGAIN, selector="ring=canary")
        fleet.wait_live(canary, engines=99)
        self.assertEqual(fleet.version_on("s0.k1.e2", "greet"), "1.0.0")
        status = fleet.status("greet").release(canary)
        assert status is not None
        self.assertIn("injected by the test", status.failures[0].reason)
        fleet.wait_live(canary)  # it is tried again

        fleet.partition("s3")
        everywhere = self.publish("1.2.0", GREET_AGAIN)
        fleet.wait_live(everywhere, engines=900)
        fleet.heal()
        fleet.wait_live(everywhere)
        self.assertEqual(fleet.count("greet", "1.2.0"), 1000)
        print(f"1000 engines, {fleet.now:.1f} s of virtual time in {time.perf_counter() - began:.2f} s")


if __name__ == "__main__":
    unittest.main()
