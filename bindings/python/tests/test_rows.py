"""Rows that people read and programs keep: words, tables, hashes."""

import copy
import pickle
import unittest

from pinnate import Failure, Phase, ReleaseStatus, Role, Rollup, Tier
from pinnate._tables import FrozenMapping
from pinnate.testing import TestFleet


def rollup():
    return Rollup(
        id="root", epoch=1, revision=7, known_engines=12, online_engines=11, forgotten_engines=0,
        known_gateways=2, online_gateways=2,
        releases=(
            ReleaseStatus(
                3, "greet", "1.1.0", True, FrozenMapping({Phase.LIVE: 10, Phase.FAILED: 1, Phase.OFFLINE: 1}), 10, 0,
                (Failure("agent-3", "no memory"),),
            ),
            ReleaseStatus(4, "thumbnail", "2.0", True, FrozenMapping({Phase.LIVE: 9, Phase.NOT_SELECTED: 3}), 9, 0, ()),
        ),
        notices=("'site-1': the disk is full",),
    )


class Words(unittest.TestCase):
    def test_phases_and_roles_are_written_as_words_and_stay_numbers(self):
        self.assertEqual(str(Phase.NOT_SELECTED), "not selected")
        self.assertEqual(f"{Phase.LIVE} {Role.ENGINE:>8}", "live   engine")
        self.assertEqual(f"{Phase.LIVE:02d}", "03")
        self.assertEqual(Phase.LIVE + 1, 4)
        self.assertEqual(repr(Phase.LIVE), "<Phase.LIVE: 3>")


class Tables(unittest.TestCase):
    TABLE = """\
root: epoch 1, revision 7, engines 11 of 12 online, gateways 2 of 2 online
release  function   version  serving  live  failed  not selected  offline
      3  greet      1.1.0         10    10       1             0        1
      4  thumbnail  2.0            9     9       0             3        0
greet 1.1.0 on 'agent-3': no memory
'site-1': the disk is full"""

    def test_a_rollup_is_written_as_a_table(self):
        self.assertEqual(str(rollup()), self.TABLE)

    def test_ipython_shows_the_table(self):
        class Printer:
            shown = ""

            def text(self, text):
                self.shown += text

        printer = Printer()
        rollup()._repr_pretty_(printer, False)
        self.assertEqual(printer.shown, self.TABLE)


class Hashes(unittest.TestCase):
    def test_rows_can_be_kept_in_sets_copied_and_pickled(self):
        tier = Tier(Role.ENGINE, "one", "", True, "any", FrozenMapping({"ring": "canary"}), 1, 1, 0, 0, (), "")
        for row in (tier, rollup()):
            for same in (copy.copy(row), copy.deepcopy(row), pickle.loads(pickle.dumps(row))):
                self.assertEqual({row, same}, {row})

    def test_what_a_fleet_answers_can_be_hashed(self):
        with TestFleet(labels={"s0.k0.e0": {"ring": "canary"}}) as fleet:
            fleet.wait_live(fleet.publish("greet", "1.0.0", b"bytes"))
            for ask in (fleet.status, lambda: fleet.engine("s0.k0.e0")):
                self.assertEqual(len({ask(), ask()}), 1)

    def test_a_frozen_mapping_reads_as_a_dict_and_cannot_be_changed(self):
        labels = FrozenMapping({"ring": "canary", "region": "eu"})
        self.assertEqual(labels, {"region": "eu", "ring": "canary"})
        self.assertEqual(repr(labels), "{'ring': 'canary', 'region': 'eu'}")
        self.assertEqual((labels["ring"], len(labels), dict(labels)["region"]), ("canary", 2, "eu"))
        with self.assertRaises(TypeError):
            labels["ring"] = "stable"


if __name__ == "__main__":
    unittest.main()
