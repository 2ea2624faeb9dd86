"""Real processes of the program, for the tests: started, listened to line by line, and ended.

Nothing here sleeps: a test waits for a line, or for a process to end, and fails when that does not come in time.
PINNATE_BIN is the folder of the programs.
"""

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

LIMIT = 60.0  # seconds until a wait is given up; generous, as a sanitized build on a busy machine is slow

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("PINNATE_BIN", str(REPOSITORY / "build" / "release" / "bin")))
PINNATE = str(BIN / "pinnate")

# A module that says its version. Configuration "fail": cannot be created; "slow": takes its time. Payload "fail":
# fails the call; "slow": says on the engine's stdout that it begins, and takes its time.
ECHO_SOURCE = r"""
#include <pinnate/module.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static const pinnate_host *host_of;
static int create(const pinnate_host *host, const void *config, size_t bytes, void **service, char *error,
                  size_t error_bytes) {
  if (bytes == 4 && memcmp(config, "fail", 4) == 0) {
    snprintf(error, error_bytes, "asked to fail");
    return 1;
  }
  if (bytes == 4 && memcmp(config, "slow", 4) == 0) sleep(4);
  host_of = host;
  *service = (void *)host;
  return 0;
}
static void call(void *service, pinnate_reply *reply, const void *payload, size_t bytes) {
  (void)service;
  if (bytes == 4 && memcmp(payload, "fail", 4) == 0) {
    host_of->fail(reply, "no such luck");
    return;
  }
  if (bytes == 4 && memcmp(payload, "slow", 4) == 0) {
    puts("a slow call begins");
    fflush(stdout);
    sleep(4);
  }
  char *text = malloc(bytes + 64);
  int head = sprintf(text, "echo %s: ", VERSION);
  if (bytes) memcpy(text + head, payload, bytes);
  host_of->answer(reply, text, (size_t)head + bytes);
  free(text);
}
static void destroy(void *service) { (void)service; }
const pinnate_descriptor pinnate_module = {sizeof(pinnate_descriptor), PINNATE_MODULE_ABI, 0, create, call, 0, destroy};
"""


def environment(**more):
    """Ours, without what would change the program's behaviour behind a test's back."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("PINNATE_") and k != "NO_COLOR"}
    env["LC_ALL"] = "C.UTF-8"
    env.update(more)
    return env


def run(*arguments, stdin=b"", env=None, cwd=None, timeout=LIMIT):
    """The program, until it ends."""
    return subprocess.run([PINNATE, *map(str, arguments)], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=env or environment(), cwd=cwd, timeout=timeout)


class Process:
    """The program, running: its lines on stdout can be waited for, with `errors_too` those on stderr also; its stderr is kept."""

    def __init__(self, *arguments, env=None, cwd=None, errors_too=False, stdin=subprocess.DEVNULL):
        self.arguments = [str(a) for a in arguments]
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen([PINNATE, *self.arguments], stdin=stdin, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT if errors_too else self.errors,
                                        env=env or environment(), cwd=cwd)
        self.seen = []
        self._lines = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(line.decode("utf-8", "replace").rstrip("\n"))
        self._lines.put(None)

    def await_line(self, wanted, timeout=LIMIT):
        """The next line that `wanted`, a text it contains or a function of it, is true of."""
        matches = wanted if callable(wanted) else lambda line: wanted in line
        deadline = time.monotonic() + timeout
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"{self}: no such line within {timeout} s; {self.told()}") from None
            if line is None:
                self._lines.put(None)
                raise AssertionError(f"{self}: ended without such a line; {self.told()}")
            self.seen.append(line)
            if matches(line):
                return line

    def await_end(self, timeout=LIMIT):
        """Its exit code."""
        code = self.process.wait(timeout)
        self._reader.join(timeout)
        return code

    def rest(self):
        """The lines of one that has ended which were not waited for."""
        return list(iter(self._lines.get, None))

    def signal(self, number):
        self.process.send_signal(number)

    def told(self):
        self.errors.seek(0)
        return "stdout " + repr(self.seen[-20:]) + ", stderr " + self.errors.read().decode("utf-8", "replace")[-3000:]

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()
        self.process.stdout.close()
        self.errors.close()

    def __str__(self):
        return "pinnate " + " ".join(self.arguments)


class FleetTest(unittest.TestCase):
    """A folder of its own, processes that end with the test, and modules to publish."""

    modules = None

    @classmethod
    def setUpClass(cls):
        cls._modules = tempfile.TemporaryDirectory(prefix="pinnate-cli-")
        cls.modules = pathlib.Path(cls._modules.name)
        source = cls.modules / "echo.c"
        source.write_text(ECHO_SOURCE)
        for version in ("1", "2", "3"):
            subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-I", str(REPOSITORY / "include"),
                            f'-DVERSION="{version}"', "-o", str(cls.modules / f"echo-{version}.so"),
                            str(source)], check=True)

    @classmethod
    def tearDownClass(cls):
        cls._modules.cleanup()

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="pin-")  # short: a UNIX socket's path has 107 bytes
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.to = f"unix:{self.folder}/controller.sock"

    def start(self, *arguments, **options):
        process = Process(*arguments, **options)
        self.addCleanup(process.close)
        return process

    def start_controller(self, *more):
        controller = self.start("controller", "--id", "top", "--state", self.folder / "top", "--listen", self.to, *more)
        controller.await_line("controller is running")
        return controller

    def start_gateway(self, name="gate", *more):
        gateway = self.start("gateway", "--id", name, "--up", self.to, "--listen", f"unix:{self.folder}/{name}.sock",
                             "--cache", self.folder / name, *more)
        gateway.await_line("gateway is running")
        return gateway

    def start_engine(self, name, *more, gateway="gate"):
        engine = self.start("engine", "--id", name, "--up", f"unix:{self.folder}/{gateway}.sock", *more)
        engine.await_line("engine is running")
        return engine

    def start_tree(self):
        """A controller, a gateway and two engines, all linked."""
        self.controller = self.start_controller()
        self.gateway = self.start_gateway()
        self.engines = [self.start_engine("one", "--label", "ring=canary"), self.start_engine("two")]
        self.await_status(lambda status: status["online_engines"] == 2 and status["online_gateways"] == 1)

    def await_status(self, wanted, to=None):
        """The first roll-up that `wanted` is true of."""
        watch = self.start("status", "--watch", "--json", "--to", to or self.to)
        line = watch.await_line(lambda text: wanted(json.loads(text)))
        watch.signal(signal.SIGINT)
        watch.await_end()
        return json.loads(line)

    def ask(self, *arguments, code=0, **options):
        """Runs a command on the controller and checks its exit code. Returns stdout and stderr as text."""
        options.setdefault("env", environment(PINNATE_TO=self.to))
        ended = run(*arguments, **options)
        out = ended.stdout.decode("utf-8", "replace")
        error = ended.stderr.decode("utf-8", "replace")
        self.assertEqual(ended.returncode, code, f"pinnate {arguments}: stdout {out!r}, stderr {error!r}")
        return out, error

    def rows(self, *arguments, **options):
        """What a command that prints a line of JSON per row prints."""
        out, _ = self.ask(*arguments, "--json", **options)
        return [json.loads(line) for line in out.splitlines()]

    def echo(self, version):
        return self.modules / f"echo-{version}.so"


def phases(status, name):
    """Of the current release of `name` in a roll-up."""
    return next(r for r in status["releases"] if r["name"] == name and r["current"])["phases"]
