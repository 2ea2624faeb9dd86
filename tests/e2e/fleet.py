"""Fleets of real processes: started, watched, killed, stopped and started again.

Nothing here sleeps: a test awaits a line, a status or an end, and fails with all that was said when that does not come in
time. Every status that passes through here is checked: its counts sum to the known engines.
PINNATE_BIN is the folder of the programs, PINNATE_MODULES that of the built modules.
"""

import atexit
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

LIMIT = 30.0  # seconds until a wait is given up; the machine may be busy

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("PINNATE_BIN", REPOSITORY / "build/release/bin"))
MODULES = pathlib.Path(os.environ.get("PINNATE_MODULES", REPOSITORY / "build/release/modules"))
PINNATE = str(BIN / "pinnate")

OK, FAILED, USAGE, UNREACHABLE, REFUSED, TIMEOUT, NOT_FOUND, UNKNOWN = range(8)  # exit codes of the program

long_run = unittest.skipUnless(os.environ.get("PINNATE_FULL"), "long: runs with tests/run.sh --full")


def environment(**more):
    """Ours, without what would change the program behind a test's back."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("PINNATE_") and k != "NO_COLOR"}
    env["LC_ALL"] = "C.UTF-8"
    env.update(more)
    return env


def check_counts(status):
    """What holds in every status at every moment."""
    known = status["known_engines"]
    if not 0 <= status["online_engines"] <= known:
        raise AssertionError(f"{status['online_engines']} engines are online of {known} known: {status}")
    for release in status["releases"]:
        if release["current"] and sum(release["phases"].values()) != known:
            raise AssertionError(f"the phases of {release['name']} do not sum to {known} known engines: {status}")
    return status


class Process:
    """Any program, running. What it says on stdout and stderr is kept and can be waited for."""

    def __init__(self, *command, env=None, **options):
        self.command = [str(word) for word in command]
        self.lines = []
        self._news = threading.Condition()
        self._open = 2
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=env or environment(), **options)
        self._readers = [threading.Thread(target=self._read, args=(stream,), daemon=True)
                         for stream in (self.process.stdout, self.process.stderr)]
        for reader in self._readers:
            reader.start()

    def _read(self, stream):
        for line in stream:
            with self._news:
                self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self._open -= 1
            self._news.notify_all()

    def await_line(self, wanted, timeout=LIMIT, after=0):
        """The first line from number `after` on that `wanted`, a text it contains or a function of it, is true of."""
        matches = wanted if callable(wanted) else lambda line: wanted in line
        deadline = time.monotonic() + timeout
        seen = after
        with self._news:
            while True:
                while seen < len(self.lines):
                    seen += 1
                    if matches(self.lines[seen - 1]):
                        return self.lines[seen - 1]
                left = deadline - time.monotonic()
                if self._open == 0 or left <= 0:
                    why = "ended" if self._open == 0 else f"said no such line within {timeout:.0f} s"
                    raise AssertionError(f"{self}: {why}, wanted {wanted!r}; it said {self.lines[-25:]}")
                self._news.wait(left)

    def await_end(self, timeout=LIMIT):
        """Its exit code; negative when a signal ended it."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self}: did not end within {timeout:.0f} s; it said {self.lines[-25:]}") from None
        for reader in self._readers:
            reader.join(timeout)
        return code

    def said(self, text):
        return any(text in line for line in self.lines)

    def signal(self, number):
        self.process.send_signal(number)

    def running(self):
        return self.process.poll() is None

    def close(self):
        if self.running():
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join()
        self.process.stdout.close()
        self.process.stderr.close()

    def __str__(self):
        return " ".join(self.command)


class Program(Process):
    """Ours, running."""

    def __init__(self, *arguments, env=None, prefix=()):
        self.arguments = [str(a) for a in arguments]
        super().__init__(*prefix, PINNATE, *arguments, env=env)

    def __str__(self):
        return "pinnate " + " ".join(self.arguments)


class Tier:
    """A controller, gateway or engine that keeps its flags, so that it can be started again."""

    def __init__(self, role, name, arguments, *, address=None, prefix=(), env=None):
        self.role, self.name, self.address = role, name, address
        self.arguments = [role, "--id", name, *arguments]
        self.prefix, self.env = prefix, env
        self.program = None
        self.on_end = lambda: None  # what was known of it is old from now on

    def start(self, wait=True):
        if self.program:
            self.program.close()
        self.program = Program(*self.arguments, prefix=self.prefix, env=self.env)
        if wait:
            self.program.await_line(f"{self.role} is running")
        return self

    def kill(self):
        """As the kernel does when memory is short: at once and without a word."""
        self.program.signal(signal.SIGKILL)
        self.program.await_end()
        self.on_end()
        return self

    def stop(self):
        self.program.signal(signal.SIGTERM)
        code = self.program.await_end()
        if code != 0:
            raise AssertionError(f"{self.program} ended with {code}: {self.program.lines[-25:]}")
        self.on_end()
        return self

    def await_line(self, wanted, **options):
        return self.program.await_line(wanted, **options)

    def close(self):
        if self.program:
            self.program.close()


class Watch:
    """All status reports of a tier, from now on, also across its restarts."""

    def __init__(self, to):
        self.to = to
        self.reports = []  # (round, report)
        self.round = 0
        self.broken = None  # the first report whose counts did not sum
        self._news = threading.Condition()
        self._closed = False
        self._program = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._closed:
            with self._news:
                if self._closed:
                    return
                now = self.round
                # Dials again when its link is lost; it ends by renew(), or when the tier is not there for most of its --timeout.
                self._program = subprocess.Popen([PINNATE, "status", "--watch", "--json", "--to", self.to, "--timeout", "4s"],
                                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                                 stderr=subprocess.DEVNULL, env=environment())
            for line in self._program.stdout:
                report = json.loads(line)
                with self._news:
                    try:
                        check_counts(report)
                    except AssertionError as wrong:
                        self.broken = self.broken or wrong
                    self.reports.append((now, report))
                    self._news.notify_all()
            self._program.wait()
            self._program.stdout.close()

    def renew(self):
        """Something ended: from now on only a report counts that was asked for from now on."""
        with self._news:
            self.round += 1
            if self._program:
                self._program.kill()

    def wait(self, wanted, timeout=LIMIT):
        """The first report that `wanted` is true of: the newest, or one yet to come."""
        deadline = time.monotonic() + timeout
        with self._news:
            seen = max(0, len(self.reports) - 1)
            while True:
                while seen < len(self.reports):
                    seen += 1
                    asked, report = self.reports[seen - 1]
                    if asked == self.round and wanted(report):
                        return report
                left = deadline - time.monotonic()
                if left <= 0:
                    last = json.dumps(self.reports[-1][1]) if self.reports else "nothing"
                    raise AssertionError(f"no such status of {self.to} within {timeout:.0f} s; the last was {last}")
                self._news.wait(left)

    def check(self):
        if self.broken:
            raise self.broken

    def close(self):
        with self._news:
            self._closed = True
            if self._program:
                self._program.kill()
        self._thread.join()


_shared = pathlib.Path(tempfile.mkdtemp(prefix="pinnate-e2e-"))
atexit.register(shutil.rmtree, _shared, ignore_errors=True)


def module(name):
    """A built test module."""
    path = MODULES / f"{name}.so"
    if not path.exists():
        raise AssertionError(f"{path} is not built (cmake target test_module_{name.replace('-', '_')})")
    return path


def padded(name, size_bytes, seed=1):
    """A test module with bytes behind it that nothing compresses, so that it takes a while to arrive."""
    path = _shared / f"{name}-{size_bytes}-{seed}.so"
    if not path.exists():
        path.write_bytes(module(name).read_bytes() + random.Random(seed).randbytes(size_bytes))
    return path


def patched(name, offset, value):
    """A test module with other bytes at one place."""
    path = _shared / f"{name}-patched-{offset}-{value.hex()}.so"
    data = bytearray(module(name).read_bytes())
    data[offset:offset + len(value)] = value
    path.write_bytes(data)
    return path


def current(status, name):
    """The newest current release of `name` in a status."""
    found = [r for r in status["releases"] if r["name"] == name and r["current"]]
    return max(found, key=lambda r: r["release"]) if found else None


def phase(status, name, which):
    release = current(status, name)
    return release["phases"][which] if release else 0


class FleetTest(unittest.TestCase):
    """A folder of its own and processes that end with the test."""

    heartbeat = "1s"

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="pin-")  # short: a UNIX socket's path has 107 bytes
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.to = f"unix:{self.folder}/top.sock"
        self._watches = {}

    # ---- tiers ----

    def tier(self, role, name, arguments, start=True, **options):
        tier = Tier(role, name, ["--heartbeat", self.heartbeat, *map(str, arguments)], **options)
        tier.on_end = self.renew_watches
        self.addCleanup(tier.close)
        return tier.start() if start else tier

    def renew_watches(self):
        for watch in self._watches.values():
            watch.renew()

    def controller(self, *more, state=None, **options):
        return self.tier("controller", "top", ["--state", state or self.folder / "top", "--listen", self.to, *more],
                         address=self.to, **options)

    def gateway(self, name, *more, up=None, cache=None, **options):
        address = f"unix:{self.folder}/{name}.sock"
        return self.tier("gateway", name, ["--up", up or self.to, "--listen", address, "--cache", cache or self.folder / name, *more],
                         address=address, **options)

    def engine(self, name, *more, up=None, state=True, **options):
        kept = ["--state", state if state is not True else self.folder / name] if state else []
        return self.tier("engine", name, ["--up", up or self.to, *kept, *more], **options)

    def small_fleet(self, engines=2):
        """A controller, a gateway and a few engines, all linked."""
        self.top = self.controller()
        self.gate = self.gateway("gate")
        self.engines = [self.engine(f"e{i}", up=self.gate.address) for i in range(1, engines + 1)]
        self.await_status(lambda s: s["online_engines"] == engines)

    def compiled(self, name, source):
        """A module of this test's own."""
        (self.folder / f"{name}.c").write_text(source)
        out = self.folder / f"{name}.so"
        subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-I", str(REPOSITORY / "include"), "-o", str(out),
                        str(self.folder / f"{name}.c")], check=True)
        return out

    # ---- asking ----

    def ask(self, *arguments, code=OK, to=None, timeout=60):
        """Runs a command and checks its exit code. Returns stdout and stderr together as text."""
        env = environment(PINNATE_TO=to or self.to)
        ended = subprocess.run([PINNATE, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, env=env, timeout=timeout)
        text = ended.stdout.decode("utf-8", "replace")
        self.assertEqual(ended.returncode, code, f"pinnate {' '.join(map(str, arguments))}: {text}")
        return text

    def rows(self, *arguments, **options):
        return [json.loads(line) for line in self.ask(*arguments, "--json", **options).splitlines() if line.startswith("{")]

    def publish(self, module, *files, code=OK, wait=True, **options):
        return self.ask("publish", module, *files, *(["--wait"] if wait else []), code=code, **options)

    def call(self, name, data="", at=None, **options):
        return self.ask("call", name, "--data", data, *(["--at", at] if at else []), **options)

    def start_command(self, *arguments, to=None):
        """A command that runs beside the test."""
        program = Program(*arguments, env=environment(PINNATE_TO=to or self.to))
        self.addCleanup(program.close)
        return program

    def status(self, to=None):
        [status] = self.rows("status", to=to)
        return check_counts(status)

    def engines_by_id(self, *more, to=None):
        return {row["id"]: row for row in self.rows("engines", *more, to=to)}

    def service(self, engine, name, to=None):
        """The newest release of `name` that an engine tells of."""
        services = [s for s in self.engines_by_id(to=to)[engine]["services"] if s["name"] == name]
        return max(services, key=lambda s: s["release"]) if services else None

    def watch(self, to=None):
        """One per tier and test; it sees everything from its first use on."""
        to = to or self.to
        if to not in self._watches:
            watch = self._watches[to] = Watch(to)
            self.addCleanup(watch.check)
            self.addCleanup(watch.close)
        return self._watches[to]

    def await_status(self, wanted, to=None, timeout=LIMIT):
        return self.watch(to).wait(wanted, timeout)

    def await_live(self, name, engines, version=None, to=None, timeout=LIMIT):
        """Until the newest release of `name` is live on so many engines, and on no fewer than all that are known."""
        def live(status):
            release = current(status, name)
            return release and release["phases"]["live"] == engines and (version is None or release["version"] == version)
        return self.await_status(live, to, timeout)

    def await_notice(self, text, to=None, timeout=LIMIT):
        return self.await_status(lambda s: any(text in notice for notice in s["notices"]), to, timeout)
