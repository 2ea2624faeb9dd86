"""Disks and folders that are full, damaged, somebody else's or too small, and addresses that cannot be had."""

import os
import shutil
import unittest

from fleet import FAILED, OK, REFUSED, FleetTest, Program, current, module, padded, phase
from small_disk import SmallDisk

MIB = 1 << 20


class FullDiskTest(FleetTest):
    def small_disk(self, size_bytes):
        disk = SmallDisk(self.folder / "disk", size_bytes)
        self.addCleanup(disk.close)
        return disk

    def test_a_controller_whose_disk_is_full_says_so_loses_nothing_and_works_again_when_there_is_space(self):
        disk = self.small_disk(8 * MIB)
        top = self.controller(state=disk.folder / "state", prefix=disk.prefix)
        self.engine("e1")
        self.await_status(lambda s: s["online_engines"] == 1)
        self.publish("kept@1", module("counter-1"))
        before = self.rows("history")
        disk.fill(leave_bytes=MIB)
        out = self.publish("large@1", padded("counter-2", 3 * MIB), code=FAILED)
        self.assertRegex(out, "(?i)no space left.*free some space")
        self.assertEqual(self.rows("history"), before)
        self.assertRegex(self.call("kept"), r"^1 \d+$")
        top.kill().start()
        self.assertEqual(self.rows("history"), before, "also after a restart on the full disk")
        self.await_live("kept", 1)
        disk.free()
        self.publish("large@1", padded("counter-2", 3 * MIB))
        self.assertEqual(self.call("large"), "2 1")

    def test_a_controller_with_no_space_at_all_acknowledges_nothing_and_withdraws_nothing(self):
        disk = self.small_disk(8 * MIB)
        top = self.controller(state=disk.folder / "state", prefix=disk.prefix)
        self.publish("kept@1", module("counter-1"), wait=False)
        disk.fill()
        outcomes = {}
        for i in range(40):  # SQLite's log may have some room left within its last page
            ended = self.start_command("publish", f"fn{i}@1", module("counter-2"))
            outcomes[f"fn{i}"] = ended.await_end()
            if outcomes[f"fn{i}"] != OK:
                self.assertTrue(ended.said("No space left"), ended.lines)
                break
        else:
            self.fail("the disk never was full")
        acknowledged = {"kept"} | {name for name, code in outcomes.items() if code == OK}
        top.kill().start()
        self.assertEqual({r["name"] for r in self.rows("history")}, acknowledged)
        disk.free()
        self.publish("after@1", module("counter-2"), wait=False)

    def test_a_gateway_whose_disk_is_full_still_serves_its_engines_and_status_says_so(self):
        disk = self.small_disk(4 * MIB)
        self.controller()
        gate = self.gateway("gate", cache=disk.folder / "cache", prefix=disk.prefix)
        for name in ("e1", "e2"):
            self.engine(name, up=gate.address)
        self.await_status(lambda s: s["online_engines"] == 2)
        disk.fill(leave_bytes=MIB)
        self.publish("large@1", padded("counter-2", 3 * MIB))
        self.assertEqual(self.call("large", at="e1"), "2 1")
        status = self.await_notice("No space left")
        self.assertTrue(any("'gate'" in n and "passed on but not kept" in n for n in status["notices"]), status["notices"])

    def test_a_gateway_keeps_what_it_could_not_keep_once_there_is_space_and_the_notice_goes(self):
        disk = self.small_disk(8 * MIB)
        self.controller()
        gate = self.gateway("gate", cache=disk.folder / "cache", prefix=disk.prefix)
        self.engine("e1", up=gate.address)
        self.await_status(lambda s: s["online_engines"] == 1)
        disk.fill()
        self.publish("large@1", padded("counter-2", 2 * MIB))
        self.await_notice("No space left")
        disk.free()
        self.publish("next@1", padded("counter-2", MIB, seed=2))
        self.await_status(lambda s: not any("No space left" in n for n in s["notices"]))

    def test_an_engine_whose_disk_is_full_fails_in_words_and_recovers_when_there_is_space(self):
        disk = self.small_disk(4 * MIB)
        self.controller()
        self.engine("e1", state=disk.folder / "state", prefix=disk.prefix)
        self.await_status(lambda s: s["online_engines"] == 1)
        self.publish("kept@1", module("counter-1"))
        disk.fill(leave_bytes=MIB)
        out = self.publish("large@1", padded("counter-2", 2 * MIB), code=FAILED)
        self.assertRegex(out, "disk|space")
        self.assertRegex(self.call("kept"), r"^1 \d+$")
        disk.free()
        self.await_live("large", 1)


class CacheTest(FleetTest):
    def flip(self, path, at=None):
        data = bytearray(path.read_bytes())
        for i in [len(data) // 2] if at is None else at:
            data[i] ^= 0xFF
        path.write_bytes(data)

    def files(self, folder):
        return sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "LOCK")

    def test_an_artifact_corrupted_in_a_gateways_cache_is_fetched_anew(self):
        self.small_fleet(engines=1)
        self.publish("fn@1", padded("counter-1", MIB))
        [artifact] = (self.folder / "gate/artifacts").iterdir()
        self.gate.stop()
        self.flip(artifact)
        self.gate.start()
        self.engine("new", up=self.gate.address)
        self.await_live("fn", 2)
        self.assertEqual(self.call("fn", at="new"), "1 1")

    def test_an_artifact_corrupted_under_a_running_gateway_is_fetched_anew(self):
        self.small_fleet(engines=1)
        self.publish("fn@1", padded("counter-1", 4 * MIB))  # more than it keeps in memory
        [artifact] = (self.folder / "gate/artifacts").iterdir()
        self.flip(artifact, at=range(0, artifact.stat().st_size, 32 * 1024))
        self.engine("new", up=self.gate.address)
        self.await_live("fn", 2)
        self.assertEqual(self.call("fn", at="new"), "1 1")

    def test_an_artifact_corrupted_in_an_engines_folder_is_fetched_anew(self):
        self.small_fleet(engines=1)
        self.publish("fn@1", padded("counter-1", MIB))
        self.engines[0].stop()
        self.await_status(lambda s: s["online_engines"] == 0)
        [artifact] = (self.folder / "e1/artifacts").iterdir()
        self.flip(artifact)
        self.engines[0].start()
        self.await_live("fn", 1)
        self.assertEqual(self.call("fn"), "1 1")

    def test_an_artifact_corrupted_under_a_running_engine_is_fetched_anew_when_it_is_loaded_again(self):
        self.small_fleet(engines=1)
        self.publish("fn@1", padded("counter-1", MIB), "--config-text", "a")
        [artifact] = (self.folder / "e1/artifacts").iterdir()
        self.flip(artifact)
        self.publish("fn@1", padded("counter-1", MIB), "--config-text", "b")
        self.assertEqual(self.call("fn").split()[0], "1")

    def test_an_artifact_corrupted_at_the_controller_fails_in_words_and_publishing_it_again_mends_it(self):
        self.small_fleet(engines=1)
        file = padded("counter-1", MIB)
        self.publish("fn@1", file)
        self.top.stop()
        [artifact] = (self.folder / "top/artifacts").iterdir()
        self.flip(artifact)
        self.top.start()
        self.engine("new", state=None)
        status = self.await_status(lambda s: phase(s, "fn", "failed") == 1)
        self.assertIn("publish 'fn' 1 again", current(status, "fn")["failures"][0]["reason"])
        self.assertIn("already current", self.publish("fn@1", file, wait=False))
        self.await_live("fn", 2)
        self.assertEqual(self.call("fn", at="new"), "1 1")

    def each_file_corrupted(self, owner, folder, check):
        """Starts `owner` once per file of its folder, with that one corrupted, and checks what comes of it."""
        owner.stop()
        whole = self.folder / "whole"
        shutil.copytree(folder, whole)
        for path in self.files(whole):
            name = str(path.relative_to(whole))
            if name == "FORMAT":  # another version's, as far as anybody can tell
                continue
            shutil.rmtree(folder)
            shutil.copytree(whole, folder)
            self.flip(folder / name)
            with self.subTest(file=name):
                owner.start(wait=False)
                check(name)
                owner.stop()

    def test_any_file_of_a_gateways_cache_may_be_corrupted_and_is_fetched_anew(self):
        self.small_fleet(engines=0)
        self.publish("fn@1", module("counter-1"), wait=False)
        engine = self.engine("e1", up=self.gate.address, state=None)
        self.await_live("fn", 1)

        def serves(_):
            self.gate.await_line("gateway is running")
            engine.kill().start()  # it has nothing left, and dials at once
            self.await_live("fn", 1)
            self.call("fn", at="e1")

        self.each_file_corrupted(self.gate, self.folder / "gate", serves)

    def test_any_file_of_an_engines_folder_may_be_corrupted_and_is_fetched_anew_or_the_folder_is_refused_in_words(self):
        self.small_fleet(engines=1)
        self.publish("fn@1", module("counter-1"))
        engine = self.engines[0]

        def serves(name):
            line = engine.await_line(lambda text: "engine is running" in text or "is damaged" in text)
            if "is damaged" in line:
                self.assertNotIn("manifest", name)  # which any peer has
                self.assertIn(name, line)
                self.assertEqual(engine.program.await_end(), FAILED)
                shutil.rmtree(self.folder / "e1")
                engine.start()
            self.await_live("fn", 1)

        self.each_file_corrupted(engine, self.folder / "e1", serves)

    def test_a_cache_limit_too_small_for_the_current_releases_is_reported_and_they_are_served_all_the_same(self):
        self.controller()
        gate = self.gateway("gate", "--cache-limit", "64KiB")
        self.engine("e1", up=gate.address)
        self.await_status(lambda s: s["online_engines"] == 1)
        self.publish("fn@1", padded("counter-1", MIB))
        self.await_notice("'gate': the cache limit of 65536 bytes is ")
        gate.kill().start()
        self.engine("new", up=gate.address)
        self.await_live("fn", 2)
        self.ask("unpublish", "fn")
        self.await_status(lambda s: not s["notices"])

    def test_what_no_release_needs_is_evicted_when_it_is_over_the_limit(self):
        self.controller()
        gate = self.gateway("gate", "--cache-limit", "1500KiB")
        self.engine("e1", up=gate.address)
        self.await_status(lambda s: s["online_engines"] == 1)
        for version in ("1", "2", "3"):
            self.publish(f"fn@{version}", padded("counter-1", MIB, seed=int(version)))
        sizes = [p.stat().st_size for p in (self.folder / "gate/artifacts").iterdir()]
        self.assertLess(sum(sizes), 3 * MIB)
        self.assertEqual(self.status()["notices"], [])


class FolderTest(FleetTest):
    def refused(self, *arguments, code):
        program = Program(*arguments)
        self.addCleanup(program.close)
        self.assertEqual(program.await_end(), code, program.lines)
        return "\n".join(program.lines)

    def controller_arguments(self, state=None, listen=None):
        return ["controller", "--state", state or self.folder / "top", "--listen", listen or f"unix:{self.folder}/second.sock"]

    def test_a_state_folder_of_another_version_is_left_alone_and_both_versions_are_named(self):
        self.controller().stop()
        (self.folder / "top/FORMAT").write_text("pinnate controller 99\n")
        before = {p: p.read_bytes() for p in (self.folder / "top").rglob("*") if p.is_file()}
        out = self.refused(*self.controller_arguments(), code=FAILED)
        self.assertIn("'pinnate controller 99'", out)
        self.assertIn("'pinnate controller 1'", out)
        self.assertEqual({p: p.read_bytes() for p in (self.folder / "top").rglob("*") if p.is_file()}, before)

    def test_a_folder_of_another_tier_is_refused(self):
        self.controller().stop()
        out = self.refused("gateway", "--cache", self.folder / "top", "--listen", f"unix:{self.folder}/g.sock", "--up", self.to, code=FAILED)
        self.assertIn("pinnate controller 1", out)

    def test_a_state_folder_in_use_by_another_controller_is_refused_and_that_one_goes_on(self):
        self.controller()
        out = self.refused(*self.controller_arguments(), code=REFUSED)
        self.assertIn(f"'{self.folder}/top' is in use by process ", out)
        self.publish("fn@1", module("counter-1"), wait=False)

    def test_a_state_folder_left_by_a_killed_controller_is_free(self):
        self.controller().kill().start()

    def test_a_port_in_use_is_refused_and_named(self):
        first = self.controller("--listen", "tcp://127.0.0.1:0")
        address = first.await_line("listening on tcp://").removeprefix("listening on ")
        out = self.refused(*self.controller_arguments(self.folder / "second", address), code=REFUSED)
        self.assertIn(address.removeprefix("tcp://"), out)
        self.assertIn("in use", out)

    def test_a_socket_left_by_a_killed_process_is_taken_over_and_one_in_use_is_not(self):
        top = self.controller().kill()
        self.assertTrue(os.path.exists(self.to.removeprefix("unix:")))
        top.start()
        out = self.refused(*self.controller_arguments(self.folder / "second", self.to), code=REFUSED)
        self.assertIn(self.to.removeprefix("unix:"), out)
        self.status()

    def test_listening_beyond_loopback_without_the_word_insecure_is_refused(self):
        for address in ("tcp://0.0.0.0:0", "tcp://[::]:0"):
            with self.subTest(address=address):
                self.assertIn("insecure", self.refused(*self.controller_arguments(listen=address), code=REFUSED))

    def test_listening_beyond_loopback_with_the_word_insecure_works(self):
        top = self.controller("--listen", "insecure+tcp://0.0.0.0:0")
        port = top.await_line("listening on insecure+tcp://").rsplit(":", 1)[1]
        self.status(to=f"tcp://127.0.0.1:{port}")

    def test_a_state_path_that_is_a_file_is_refused(self):
        path = self.folder / "file"
        path.write_text("")
        program = Program(*self.controller_arguments(path))
        self.addCleanup(program.close)
        self.assertNotEqual(program.await_end(), 0)
        self.assertTrue(program.said(str(path)), program.lines)

    def test_a_damaged_database_is_told_and_nothing_is_overwritten(self):
        top = self.controller()
        self.publish("fn@1", module("counter-1"), wait=False)
        top.stop()
        database = self.folder / "top/state.db"
        data = bytearray(database.read_bytes())
        data[:100] = bytes(100)
        database.write_bytes(data)
        program = Program(*self.controller_arguments())
        self.addCleanup(program.close)
        self.assertNotEqual(program.await_end(), 0)
        self.assertTrue(program.said("state.db"), program.lines)
        self.assertEqual(database.read_bytes(), data)


if __name__ == "__main__":
    unittest.main()
