"""tests/run.sh, interrupted: in a tree of its own, where one program, in a process group of its own, waits for ever."""

import os
import pathlib
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


class InterruptTest(unittest.TestCase):
    def interrupted_by(self, send, part="waits", cmake=NOTHING):
        with tempfile.TemporaryDirectory() as folder:
            tree, waits = pathlib.Path(folder), pathlib.Path(folder) / "waits"
            for name in ("tests/full.d", "bin", "bindings/python/tests"):
                (tree / name).mkdir(parents=True)
            for name in ("run.sh", "count.py"):
                shutil.copy(TESTS / name, tree / "tests" / name)
            (tree / "tests/packages.sh").write_text("install_packages() { :; }\npackages_for_build= packages_for_tests= packages_for_full=\n")
            (tree / "bindings/python/tests/test_begins.py").write_text(BEGINS)
            for script, text in (("bin/cmake", cmake), ("tests/full.d/waits.sh", WAITS)):
                (tree / script).write_text(text)
                (tree / script).chmod(0o755)
            os.mkfifo(waits)
            begun = os.open(waits, os.O_RDONLY | os.O_NONBLOCK)
            ended, held = os.pipe()  # by all that it runs
            run = subprocess.Popen([tree / "tests/run.sh", "--only", part], stdout=subprocess.PIPE, text=True, start_new_session=True, pass_fds=(held,),
                                   env={**os.environ, "PATH": f"{tree / 'bin'}:{os.environ['PATH']}", "WAITS": str(waits)},
                                   preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
            os.close(held)
            for clean_up in ((run.kill,), (os.close, begun), (os.close, ended)):
                self.addCleanup(*clean_up)
            self.assertTrue(select.select([begun], [], [], 60)[0], "it does not begin")
            send(run.pid)
            said = run.communicate(timeout=60)[0]
            self.assertEqual((run.returncode, said), (130, "interrupted\n"))
            self.assertTrue(select.select([ended], [], [], 60)[0], "what it ran goes on")
            self.assertFalse(list(tree.rglob("begun")), "it went on with the next step")

    def test_what_it_runs_ends_with_it(self):
        self.interrupted_by(lambda pid: os.killpg(pid, signal.SIGINT))
        self.interrupted_by(lambda pid: os.kill(pid, signal.SIGTERM))

    def test_a_build_that_ends_by_it_is_not_followed_by_tests(self):
        self.interrupted_by(lambda pid: os.kill(pid, signal.SIGINT), "python", WAITS)


if __name__ == "__main__":
    unittest.main()
