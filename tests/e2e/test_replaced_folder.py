"""Folders, files and sockets that are replaced or removed under a running tier, and copies that are put back."""

import os
import shutil
import unittest

from fleet import FAILED, FleetTest, module


class ReplacedFolderTest(FleetTest):
    def test_a_publish_into_a_folder_that_was_put_back_from_a_copy_is_refused_in_words_and_goes_nowhere(self):
        top, folder, copy = self.controller(), self.folder / "top", self.folder / "copy"
        self.engine("e1")
        self.await_status(lambda s: s["online_engines"] == 1)
        self.publish("a@1", module("counter-1"))
        shutil.copytree(folder, copy)
        self.publish("b@1", module("counter-2"))
        shutil.rmtree(folder)
        shutil.copytree(copy, folder)
        out = self.publish("c@1", module("counter-1"), wait=False, code=FAILED)
        self.assertIn(f"'{folder}/", out)
        self.assertIn("another file than the one that was opened", out)
        self.assertIn("restart", out)
        self.assertNotIn("c", [s["name"] for s in self.engines_by_id()["e1"]["services"]])
        self.assertEqual([r["name"] for r in self.rows("history")], ["b", "a"])
        top.stop().start()
        self.publish("d@1", module("counter-1"))
        top.kill().start()
        self.assertEqual({r["name"] for r in self.rows("history") if r["current"]}, {"a", "d"})

    def test_a_publish_is_refused_as_long_as_the_folder_has_another_name(self):
        self.controller()
        self.publish("a@1", module("counter-1"), wait=False)
        os.rename(self.folder / "top", self.folder / "away")
        out = self.publish("b@1", module("counter-2"), wait=False, code=FAILED)
        self.assertIn("no longer there", out)
        os.rename(self.folder / "away", self.folder / "top")
        self.publish("b@1", module("counter-2"), wait=False)

    def test_a_gateway_whose_cache_is_removed_goes_on_and_says_so(self):
        self.small_fleet(engines=1)
        self.publish("a@1", module("counter-1"))
        shutil.rmtree(self.folder / "gate")
        self.publish("b@1", module("counter-2"))
        self.assertEqual(self.call("b", at="e1"), "2 1")
        self.await_notice("no longer there as the one that was opened")

    def test_an_engine_whose_folder_is_replaced_serves_what_it_had_and_says_so(self):
        self.small_fleet(engines=1)
        self.publish("a@1", module("counter-1"))
        folder, copy = self.folder / "e1", self.folder / "copy"
        shutil.copytree(folder, copy)
        shutil.rmtree(folder)
        shutil.copytree(copy, folder)
        self.publish("b@1", module("counter-2"), wait=False)
        self.await_notice("another file than the one that was opened")
        self.assertRegex(self.call("a", at="e1"), r"^1 \d+$")
        self.engines[0].stop().start()
        self.await_live("b", 1)


class SocketFileTest(FleetTest):
    def test_a_gateway_whose_socket_file_is_removed_says_so_and_is_found_again(self):
        self.small_fleet(engines=1)
        os.unlink(self.folder / "gate.sock")
        self.gate.await_line("gate.sock was removed or replaced: made anew")
        self.engine("e2", up=self.gate.address)
        self.await_status(lambda s: s["online_engines"] == 2)

    def test_a_socket_file_of_somebody_else_is_said_and_left_alone(self):
        self.controller()
        gate, path = self.gateway("gate"), self.folder / "gate.sock"
        os.unlink(path)
        path.write_text("somebody else's")
        gate.await_line("gate.sock was removed or replaced: nobody can link there")
        gate.stop()
        self.assertEqual(path.read_text(), "somebody else's")


class RestoredCopyTest(FleetTest):
    def test_a_release_that_a_copy_lacks_is_listed_as_lost_and_what_is_not_known_of_it_is_unknown(self):
        top, folder, copy = self.controller(), self.folder / "top", self.folder / "copy"
        self.engine("e1")
        self.await_status(lambda s: s["online_engines"] == 1)
        self.publish("a@1", module("counter-1"))
        top.stop()
        shutil.copytree(folder, copy)
        top.start()
        self.await_status(lambda s: s["online_engines"] == 1)
        self.publish("b@1", module("counter-2"))
        self.assertEqual(self.call("b"), "2 1")
        top.stop()
        shutil.rmtree(folder)
        shutil.copytree(copy, folder)
        top.start()
        self.await_notice("the state folder was restored from a copy")
        self.await_live("a", 1)
        [lost] = [row for row in self.rows("history") if row["name"] == "b"]
        self.assertEqual((lost["version"], lost["ended"], lost["current"]), ("1", "lost with a restored copy", False))
        for unknown in ("selector", "manifest", "platforms", "artifact_bytes", "decided_unix_ms"):
            self.assertIsNone(lost[unknown], unknown)
        [line] = [line for line in self.ask("history").splitlines() if "b@1" in line]
        self.assertEqual(line.split()[1:], ["unknown", "b@1", "unknown", "unknown", *"lost with a restored copy".split()])


if __name__ == "__main__":
    unittest.main()
