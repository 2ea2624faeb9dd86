"""Hosts: each sample of samples/hosts, built against an installed Pinnate and run by the real server from Debian.

A test starts a controller and a gateway, publishes, puts load on the host, and counts what fails.
"""

import contextlib
import fcntl
import functools
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from fleet import BIN, LIMIT, REPOSITORY, FleetTest, Process, environment, module  # noqa: E402

SAMPLES = REPOSITORY / "samples/hosts"
BUILT = BIN.parent / "hosts"  # what is built here outlives a run
CC = [os.environ.get("CC", "cc"), "-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter"]


def run(*command, **options):
    """Its stdout. Fails with all that was said."""
    ended = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, **options)
    if ended.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: {ended.returncode}\n{ended.stdout[-4000:]}\n{ended.stderr[-4000:]}")
    return ended.stdout


@contextlib.contextmanager
def alone(name):
    """No other process of the tests is in it at the same time."""
    BUILT.mkdir(exist_ok=True)
    with open(BUILT / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@functools.cache
def package():
    """Installs this build, once per process; the folder that pkg-config looks in."""
    prefix = BUILT / "prefix"
    with alone("prefix"):
        run("cmake", "--install", BIN.parent, "--prefix", prefix)
    [pc] = prefix.glob("**/pinnate.pc")
    return pc.parent


def installed():
    """The environment in which pkg-config and Python find what was built."""
    return environment(PKG_CONFIG_PATH=str(package()), PINNATE_LIBRARY=str(BIN.parent / "lib/libpinnate.so"),
                       PYTHONPATH=str(REPOSITORY / "bindings/python"), PYTHONDONTWRITEBYTECODE="1")


def compiled(source, test_class, *more, packages=("pinnate",)):
    """Builds a program or a plugin as its user would: with the flags that pkg-config says. It is there as long as the class."""
    env = installed()
    folder = tempfile.TemporaryDirectory(prefix="pin-")
    test_class.addClassCleanup(folder.cleanup)
    out = pathlib.Path(folder.name) / "built.so"
    flags = run("pkg-config", "--cflags", "--libs", *packages, env=env).split()
    where = run("pkg-config", "--variable=libdir", "pinnate", env=env).strip()
    run(*CC, *more, SAMPLES / source, "-o", out, *flags, f"-Wl,-rpath,{where}")
    return out


class Server(Process):
    """A host, running, with whatever processes it has below it. It ends when the test does, however that ends."""

    def __init__(self, *command, env=None):
        super().__init__("setpriv", "--pdeathsig", "TERM", *command, env=env, start_new_session=True)

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        super().close()


class Load:
    """wrk, running: every request on a connection of its own, since a server that ends closes idle ones."""

    def __init__(self, url, seconds, connections=16):
        self.process = Process("wrk", "-t2", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-H", "Connection: close", url)

    def end(self, now=False):
        """The number of requests that were answered, and what failed."""
        if now:
            self.process.signal(signal.SIGINT)
        code = self.process.await_end(120)
        self.process.close()
        if code != 0:
            raise AssertionError(self.process.lines)
        text = "\n".join(self.process.lines)
        [requests] = re.findall(r"(\d+) requests in", text)
        return int(requests), re.findall(r"Socket errors.*|Non-2xx.*", text)


# Takes the path of a FIFO, and says there that it has begun. It answers when the FIFO PATH.go is written to, or when nobody
# waits for it.
SLOW = """
#include <fcntl.h>
#include <pinnate/module.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

static const pinnate_host *host;
static int create(const pinnate_host *h, const void *config, size_t config_bytes, void **service, char *error, size_t error_bytes) {
  host = h, *service = (void *)h;
  return 0;
}
static void call(void *service, pinnate_reply *reply, const void *payload, size_t payload_bytes) {
  char path[256], go[256];
  snprintf(path, sizeof path, "%.*s", (int)payload_bytes, (const char *)payload);
  snprintf(go, sizeof go, "%.*s.go", (int)payload_bytes, (const char *)payload);
  FILE *file = fopen(path, "w");
  fprintf(file, "begun\\n"), fflush(file);
  uint32_t left = host->remaining_ms(reply);
  struct pollfd let_go = {open(go, O_RDWR | O_CLOEXEC), POLLIN, 0};
  /* time itself is under test: a module is not told that nobody waits, and has to ask */
  while (poll(&let_go, 1, 1) == 0 && !host->cancelled(reply) && left > 1000) left = host->remaining_ms(reply);
  fprintf(file, left <= 1000 ? "late\\n" : host->cancelled(reply) ? "cancelled\\n" : "let go\\n"), fclose(file);
  close(let_go.fd);
  host->answer(reply, "let go", 6);
}
static void destroy(void *service) {}
const pinnate_descriptor pinnate_module = {sizeof(pinnate_descriptor), PINNATE_MODULE_ABI, 0, create, call, NULL, destroy};
"""


class Slow:
    """A request whose function runs from now on, until the test lets it go."""

    def __init__(self, test):
        self._path = test.folder / "slow-call"
        os.mkfifo(self._path)
        self._go = self._path.with_suffix(".go")
        os.mkfifo(self._go)
        self._client = Process("curl", "-sS", "--fail-with-body", "-d", self._path, f"http://127.0.0.1:{test.port}/slow")
        test.addCleanup(self._client.close)
        self._said = open(self._path)
        test.addCleanup(self._said.close)
        test.assertEqual(self.said(), "begun")

    def said(self):
        return self._said.readline().rstrip("\n")

    def let_go(self):
        self._go.write_bytes(b".")

    def leave(self):
        self._client.signal(signal.SIGKILL)

    def answer(self):
        if self._client.await_end() != 0:
            raise AssertionError(self._client.lines)
        return "\n".join(self._client.lines)


class Versions:
    """Publishes a new version of a function again and again, by two modules in turn, until it is stopped."""

    def __init__(self, test, name, every=0.2, modules=None):
        self.test, self.name, self.every = test, name, every
        self.modules = modules or [module("counter-1"), module("counter-2")]
        self.published = 1
        self._stopped = threading.Event()
        self._failed = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        try:
            while not self._stopped.wait(self.every):  # time itself is under test: how often versions change
                self.published += 1
                self.test.publish(f"{self.name}@{self.published}", self.modules[self.published % 2], wait=False)
        except BaseException as failed:
            self._failed = failed

    def stop(self):
        self._stopped.set()
        self._thread.join()
        if self._failed:
            raise self._failed
        return self.published


class HostTest(FleetTest):
    """A controller, a gateway, and `greet` published as version 1, which answers "1 COUNT"."""

    needs = ()  # the programs that the host is run with

    def setUp(self):
        super().setUp()
        for program in self.needs:
            if not shutil.which(program):
                self.fail(f"{program} is not installed: tests/packages.sh says in which package it is")
        self.controller()
        self.gate = self.gateway("gate")
        self.publish("greet@1", module("counter-1"), wait=False)

    def start(self, *command, env=None):
        process = Server(*command, env=env)
        self.addCleanup(process.close)
        return process

    def versions(self, name="greet", **options):
        versions = Versions(self, name, **options)
        self.addCleanup(versions._stopped.set)
        return versions

    def await_newcomer(self, before):
        """Until there is an engine that is none of `before`; the rows of all."""
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            rows = self.engines_by_id()
            if any(row["online"] for id, row in rows.items() if id not in before):
                return rows
        self.fail(f"no new engine within {LIMIT:.0f} s: {rows}")

    def await_engines(self, online, known=None):
        return self.await_status(lambda s: s["online_engines"] == online and known in (None, s["known_engines"]))


    def kill(self, process):
        """Until its engine is gone, too."""
        process.signal(signal.SIGKILL)
        process.await_end()
        self.await_engines(0)


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class HttpHostTest(HostTest):
    """The host answers at http://127.0.0.1:PORT/FUNCTION."""

    def setUp(self):
        super().setUp()
        self.port = free_port()

    def get(self, function, payload=""):
        return run("curl", "-sS", "--fail-with-body", "-d", payload, f"http://127.0.0.1:{self.port}/{function}")

    def load(self, seconds=60):
        """Until end(), or for so many seconds."""
        load = Load(f"http://127.0.0.1:{self.port}/greet", seconds)
        self.addCleanup(load.process.close)
        return load

    def await_refused(self):
        """Until the host takes no new connections, and so has begun to stop."""
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=LIMIT).close()
            except ConnectionError:
                return
        self.fail(f"it still takes connections after {LIMIT:.0f} s")

    def publish_slow(self):
        self.publish("slow@1", self.compiled("slow", SLOW), wait=False)

    def begin_slow(self):
        return Slow(self)


class ServiceTests:
    """What a service of one process and one engine has to pass; for a HttpHostTest with started()."""

    def setUp(self):
        super().setUp()
        self.publish_slow()
        self.serve()

    def serve(self):
        self.service = self.started()
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
        self.kill(self.service)
        self.serve()
        self.assertRegex(self.get("greet"), r"^1 \d+$")
