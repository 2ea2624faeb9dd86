"""A Go program by cgo, samples/hosts/go: an HTTP service, asked while versions change, stopped, killed."""

import os
import pathlib
import signal
import tempfile
import unittest

from host import BUILT, SAMPLES, HttpHostTest, installed, run

long_run = unittest.skipUnless(os.environ.get("PINNATE_FULL"), "Go's compiler is a large package: runs with tests/run.sh --full")


@long_run
class GoTest(HttpHostTest):
    needs = ("go", "wrk")

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="pin-")
        cls.addClassCleanup(folder.cleanup)
        cls.program = pathlib.Path(folder.name) / "service"
        env = installed() | {"GOCACHE": str(BUILT / "go"), "GOPROXY": "off", "GOFLAGS": "-buildvcs=false"}
        where = run("pkg-config", "--variable=libdir", "pinnate", env=env).strip()
        run("go", "vet", ".", cwd=SAMPLES / "go", env=env)
        run("go", "build", "-o", cls.program, f"-ldflags=-r {where}", ".", cwd=SAMPLES / "go", env=env)

    def setUp(self):
        super().setUp()
        self.publish_slow()
        self.serve()

    def serve(self):
        self.service = self.start(self.program, self.gate.address, self.port)
        self.await_live("greet", 1)
        self.await_live("slow", 1)

    def test_no_request_fails_while_versions_change(self):
        versions, load = self.versions(), self.load()
        self.await_live("greet", 1, version="6")
        requests, failed = load.end(now=True)
        self.assertEqual(failed, [])
        self.assertGreater(requests, 100)
        newest = versions.stop()
        self.await_live("greet", 1, version=str(newest))
        self.assertRegex(self.get("greet"), rf"^{1 + newest % 2} \d+$")

    def test_a_stopped_service_answers_what_it_has_begun(self):
        slow = self.begin_slow()
        self.service.signal(signal.SIGTERM)
        self.await_refused()
        slow.let_go()
        self.assertEqual(slow.answer(), "let go")
        self.assertEqual(self.service.await_end(), 0, self.service.lines)
        self.await_engines(0)

    def test_one_that_was_killed_serves_again_when_it_is_started_again(self):
        self.service.signal(signal.SIGKILL)
        self.service.await_end()
        self.await_engines(0)
        self.serve()
        self.assertRegex(self.get("greet"), r"^1 \d+$")


if __name__ == "__main__":
    unittest.main()
