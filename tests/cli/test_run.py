"""tests/run.sh, interrupted: in a tree of its own with one part, a program in a process group of its own that waits for ever."""

import os
import pathlib
import select
import shutil
import signal
import subprocess
import tempfile
import unittest

TESTS = pathlib.Path(__file__).resolve().parent.parent
PART = """#!/usr/bin/env bash
exec timeout 600 bash -c 'echo $$ >"$1"; read -r nothing <"$1"' part "$WAITS"
"""


class InterruptTest(unittest.TestCase):
    def interrupted_by(self, send):
        with tempfile.TemporaryDirectory() as folder:
            tree, waits = pathlib.Path(folder), pathlib.Path(folder) / "waits"
            (tree / "tests/full.d").mkdir(parents=True)
            (tree / "bin").mkdir()
            for name in ("run.sh", "count.py"):
                shutil.copy(TESTS / name, tree / "tests" / name)
            (tree / "tests/packages.sh").write_text("install_packages() { :; }\npackages_for_build= packages_for_tests= packages_for_full=\n")
            for script, text in (("bin/cmake", "#!/bin/sh\n"), ("tests/full.d/waits.sh", PART)):
                (tree / script).write_text(text)
                (tree / script).chmod(0o755)
            os.mkfifo(waits)
            run = subprocess.Popen([tree / "tests/run.sh", "--only", "waits"], stdout=subprocess.PIPE, text=True, start_new_session=True,
                                   env={**os.environ, "PATH": f"{tree / 'bin'}:{os.environ['PATH']}", "WAITS": str(waits)},
                                   preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
            below = os.pidfd_open(int(waits.read_text()))
            self.addCleanup(os.close, below)
            send(run.pid)
            said = run.communicate(timeout=60)[0]
            self.assertEqual((run.returncode, said), (130, "interrupted\n"))
            self.assertTrue(select.select([below], [], [], 60)[0], "what it ran goes on")

    def test_what_it_runs_ends_with_it(self):
        self.interrupted_by(lambda pid: os.killpg(pid, signal.SIGINT))
        self.interrupted_by(lambda pid: os.kill(pid, signal.SIGTERM))


if __name__ == "__main__":
    unittest.main()
