"""The program as processes, whose lines a test waits for. PINNATE_BIN is the folder of the programs."""

import json
import os
import pathlib
import queue
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import pinnate_wire as wire

LIMIT = 30.0
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PINNATE = str(pathlib.Path(os.environ.get("PINNATE_BIN", REPOSITORY / "build" / "release" / "bin")) / "pinnate")


class Program:
    def __init__(self, *arguments, command=(PINNATE,)):
        self.arguments = [str(a) for a in arguments]
        self.errors = tempfile.TemporaryFile()
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PINNATE_")}
        self.process = subprocess.Popen([*command, *self.arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=self.errors, env=environment)
        self.pid = self.process.pid
        self._lines = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(line.decode("utf-8", "replace").rstrip("\n"))
        self._lines.put(None)

    def await_line(self, wanted):
        """The next line that contains the text `wanted`, or that the function `wanted` is true of."""
        matches = wanted if callable(wanted) else lambda line: wanted in line
        deadline = time.monotonic() + LIMIT
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                line = None
            if line is None:
                raise AssertionError(f"pinnate {self.arguments}: no such line; stderr: {self.told()}")
            if matches(line):
                return line

    def await_status(self, wanted):
        """Of `pinnate status --watch --json`: the next roll-up that `wanted` is true of."""
        return json.loads(self.await_line(lambda line: wanted(json.loads(line))))

    def await_end(self):
        """Exit code, and the lines that were not waited for."""
        code = self.process.wait(LIMIT)
        self._reader.join(LIMIT)
        return code, [line for line in iter(self._lines.get, None)]

    def told(self):
        self.errors.seek(0)
        return self.errors.read().decode("utf-8", "replace")[-4000:]

    def memory(self, what):
        """VmRSS, or VmHWM, its highest; in bytes."""
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(what + ":"):
                return int(line.split()[1]) * 1024
        raise AssertionError(what)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()
        self.process.stdout.close()
        self.errors.close()


class WireTest(unittest.TestCase):
    """Programs and links that end with the test, in a folder of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="pin-")  # short: the path of a UNIX socket has 107 bytes
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def start(self, *arguments, **how):
        program = Program(*arguments, **how)
        self.addCleanup(program.close)
        return program

    def address(self, name):
        return f"unix:{self.folder}/{name}.sock"

    def start_controller(self, *more):
        return self._start_tier("controller", "top", "--state", self.folder / "top", *more)

    def start_gateway(self, *more):
        return self._start_tier("gateway", "gate", *more)

    def _start_tier(self, command, name, *more):
        """It listens at a UNIX socket and at `tcp`."""
        tier = self.start(command, "--id", name, "--listen", "tcp://127.0.0.1:0", "--listen", self.address(name), *more)
        tier.tcp = tier.await_line("listening on tcp:").split()[-1]
        tier.await_line(f"{command} is running")
        return tier

    def watch(self, name):
        """`pinnate status --watch --json` at the tier of this name."""
        return self.start("status", "--watch", "--json", "--to", self.address(name))

    def dial(self, name):
        link = wire.dial(self.address(name), LIMIT)
        self.addCleanup(link.close)
        return link

    def join(self, name, role, peer, **hello):
        """A link that is up: dialled by `peer` to the tier `name`."""
        link = self.dial(name)
        link.greet(wire.hello(role, peer, **hello))
        return link

    def run_program(self, *arguments):
        """Its stdout; it must succeed."""
        program = self.start(*arguments)
        code, lines = program.await_end()
        self.assertEqual(code, 0, program.told())
        return "\n".join(lines)


def end(program):
    program.process.send_signal(signal.SIGINT)
    program.await_end()
