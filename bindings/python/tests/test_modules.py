"""Native modules from Python: looked at, insisted on, and what stays of them."""

import os
import pathlib
import unittest

import pinnate

from support import Fleet

MODULES = pathlib.Path(os.environ["PINNATE_MODULES"]) if "PINNATE_MODULES" in os.environ else (
    pathlib.Path(__file__).resolve().parents[3] / "build/release/modules")


def module(name):
    return MODULES / f"{name}.so"


class Modules(unittest.TestCase):
    def test_a_module_is_looked_at_by_its_path_or_its_bytes(self):
        for artifact in (module("leaves-nothing-1"), module("leaves-nothing-1").read_bytes()):
            checked = pinnate.check(artifact)
            self.assertEqual((checked.findings, checked.module_abi), ((), 1))
            self.assertEqual(checked.platform, pinnate.platform())

    def test_what_engines_would_refuse_is_found_with_its_word(self):
        [refused] = [f for f in pinnate.check(module("shared-value-1")).findings if f.refused]
        self.assertEqual(refused.word, "unique-symbols")
        self.assertIn("a second version", refused.text)

    def test_what_is_no_shared_object_is_an_error(self):
        with self.assertRaisesRegex(pinnate.InvalidError, "not a shared object"):
            pinnate.check(b"dear diary")
        with self.assertRaises(TypeError):
            pinnate.check(7)

    def test_a_publish_refuses_what_engines_would_unless_it_is_allowed_and_engines_are_told(self):
        fleet = Fleet(self, engines=1)
        with self.assertRaisesRegex(pinnate.RefusedError, "allow 'unique-symbols'"):
            fleet.controller.publish("shared", "1", module("shared-value-1"))
        with self.assertRaisesRegex(pinnate.InvalidError, "'everything' is nothing that can be allowed"):
            fleet.controller.publish("shared", "1", module("shared-value-1"), allow=["everything"])
        published = fleet.controller.publish("shared", "1", module("shared-value-1"), allow=["unique-symbols"])
        fleet.rollups.until_latest(lambda rollup: rollup.live(published.release) == 1, "live")

    def test_what_stays_of_a_module_is_in_the_status_and_at_its_engine(self):
        fleet = Fleet(self, engines=1)
        published = fleet.controller.publish("thread", "1", module("leaves-thread-1"))
        fleet.rollups.until_latest(lambda rollup: rollup.live(published.release) == 1, "live")
        before = fleet.controller.status().kept_images
        fleet.controller.unpublish("thread")
        rollup = fleet.rollups.until_latest(lambda rollup: rollup.kept_images == before + 1, "kept")
        self.assertGreater(rollup.kept_bytes, 0)
        [engine] = fleet.controller.engines()
        [kept] = [k for k in engine.kept if k.function == "thread"]
        self.assertEqual((kept.version, kept.threads, kept.why), ("1", 1, "threads are in it"))


if __name__ == "__main__":
    unittest.main()
