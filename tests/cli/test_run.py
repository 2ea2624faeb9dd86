"""tests/run.sh in a tree of its own, where nothing is built: how it ends, and that it ends all that it runs when interrupted."""

import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import tempfile
import unittest

TESTS = pathlib.Path(__file__).resolve().parent.parent
NOTHING = "#!/bin/sh\n"
WAITS = """#!/usr/bin/env bash
exec timeout 600 bash -c 'echo waits >"$1"; read -r nothing <"$1"' part "$WAITS"
"""
BEGINS = """import pathlib
pathlib.Path("begun").touch()
"""


def tree_in(folder, cmake=NOTHING):
    """A tree with the run, and nothing else but a test in Python and the part `waits`. (The tree, its environment)."""
    tree = pathlib.Path(folder)
    for name in ("tests/full.d", "bin", "bindings/python/tests"):
        (tree / name).mkdir(parents=True)
    for name in ("run.sh", "count.py", "side_by_side.py"):
        shutil.copy(TESTS / name, tree / "tests" / name)
    (tree / "tests/packages.sh").write_text("install_packages() { :; }\npackages_for_build= packages_for_tests= packages_for_full=\n")
    (tree / "bindings/python/tests/test_begins.py").write_text(BEGINS)
    for script, text in (("bin/cmake", cmake), ("bin/ctest", NOTHING), ("tests/full.d/waits.sh", WAITS)):
        (tree / script).write_text(text)
        (tree / script).chmod(0o755)
    return tree, {**os.environ, "PATH": f"{tree / 'bin'}:{os.environ['PATH']}", "WAITS": str(tree / "waits")}


class RunTest(unittest.TestCase):
    def lines(self, *options):
        with tempfile.TemporaryDirectory() as folder:
            tree, env = tree_in(folder)
            ended = subprocess.run([tree / "tests/run.sh", *options], stdout=subprocess.PIPE, text=True, env=env, timeout=60)
        self.assertEqual(ended.returncode, 1, "parts that are not there have failed")
        return ended.stdout.splitlines()

    def test_each_part_tells_its_seconds_and_all_of_them_how_they_stand_to_the_limit(self):
        usual = ["release", "hosts", "python", "e2e", "net", "cli", "chaos", "wire"]
        for options, parts, reach in (((), usual, "test_seconds [0-9]+ 600"),
                                      (("--sanitized",), [*usual, "asan", "tsan"], "ci_seconds [0-9]+ 1200")):
            *lines, last, counted = self.lines(*options)
            told = [match[1] for match in (re.match(r"(?:ok|FAILED) +(\w+) +\d+ s  ", line) for line in lines) if match]
            self.assertEqual((re.match(r"built +the release +\d+ s$", lines[0]) is not None, told), (True, parts), lines)
            self.assertEqual([line.split(": ")[1] for line in lines[-len(parts):]], parts, "what failed is said again behind all parts")
            self.assertRegex(last, f"^reach {reach} ok$")
            self.assertRegex(counted, r"^\d+ passed, \d+ failed$")

    def test_a_part_alone_is_held_to_no_limit(self):
        self.assertFalse([line for line in self.lines("--only", "wire") if line.startswith("reach")])


class InterruptTest(unittest.TestCase):
    def interrupted_by(self, send, part="waits", cmake=NOTHING):
        with tempfile.TemporaryDirectory() as folder:
            tree, env = tree_in(folder, cmake)
            waits = tree / "waits"
            os.mkfifo(waits)
            begun = os.open(waits, os.O_RDONLY | os.O_NONBLOCK)
            ended, held = os.pipe()  # by all that it runs
            run = subprocess.Popen([tree / "tests/run.sh", "--only", part], stdout=subprocess.PIPE, text=True, start_new_session=True, pass_fds=(held,),
                                   env=env,
                                   preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
            os.close(held)
            for clean_up in ((run.kill,), (os.close, begun), (os.close, ended)):
                self.addCleanup(*clean_up)
            self.assertTrue(select.select([begun], [], [], 60)[0], "it does not begin")
            send(run.pid)
            said = run.communicate(timeout=60)[0]
            self.assertEqual((run.returncode, said.splitlines()[-1]), (130, "interrupted"), said)
            self.assertTrue(select.select([ended], [], [], 60)[0], "what it ran goes on")
            self.assertFalse(list(tree.rglob("begun")), "it went on with the next step")

    def test_what_it_runs_ends_with_it(self):
        self.interrupted_by(lambda pid: os.killpg(pid, signal.SIGINT))
        self.interrupted_by(lambda pid: os.kill(pid, signal.SIGTERM))

    def test_a_build_that_ends_by_it_is_not_followed_by_tests(self):
        self.interrupted_by(lambda pid: os.kill(pid, signal.SIGINT), "python", WAITS)


if __name__ == "__main__":
    unittest.main()
