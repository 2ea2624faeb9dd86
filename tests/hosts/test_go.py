"""A Go program by cgo, samples/hosts/go: an HTTP service, asked while versions change, stopped, killed."""

import os
import pathlib
import tempfile
import unittest

from host import BUILT, SAMPLES, HttpHostTest, ServiceTests, installed, run

long_run = unittest.skipUnless(os.environ.get("PINNATE_FULL"), "Go's compiler is a large package: runs with tests/run.sh --full")


@long_run
class GoTest(ServiceTests, HttpHostTest):
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

    def started(self):
        return self.start(self.program, self.gate.address, self.port)


if __name__ == "__main__":
    unittest.main()
