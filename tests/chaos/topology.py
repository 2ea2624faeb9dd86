"""The fleet: a controller, three sites, two clusters, eight engines, each a process of its own.

    top ── site-a ── pod-a ── e1, e2       over UNIX sockets inside the site
        │         └─ e3
        ├─ site-b ── pod-b ── e4, e5       over TCP inside the site
        │         └─ e6
        └─ site-c ── e7, e8                the upper end dials, down to e7

With a network each site has a namespace of its own, and its link to the controller runs over TCP and a veth pair.
"""

import collections
import contextlib
import pathlib
import signal
import subprocess
import tempfile
import time
import unittest

import fleet
from network import Network, why_not
from small_disk import SmallDisk

MIB = 1 << 20
TOP_DISK_BYTES, CACHE_DISK_BYTES = 96 * MIB, 64 * MIB
START_LIMIT = 60.0  # seconds until a tier must be running; a loaded machine is slow
SITES = ("site-a", "site-b", "site-c")
NETWORK, DISK = "network", "disk"  # what faults need of a machine
# No more than this is kept of what no current release needs, so that evicting is a part of every long run.
ARTIFACT_LIMIT_BYTES, GATEWAY_KEEPS_BYTES = 6 * MIB, 12 * MIB
CONTROLLER_KEEPS_BYTES = 4 * ARTIFACT_LIMIT_BYTES


class Tier(fleet.Tier):
    """Knows where it stands in the tree, and what earlier lives of it said last."""

    def __init__(self, role, name, arguments, *, parent=None, labels=None, prefix=(), disk=None):
        labels = labels or {}
        flags = [f for key, value in labels.items() for f in ("--label", f"{key}={value}")]
        super().__init__(role, name, [*map(str, arguments), *flags], prefix=[*prefix, "setpriv", "--pdeathsig", "KILL", "--"])
        self.parent, self.disk = parent, disk
        self.kept = None  # its folder, as it is seen from here
        self.labels = {**(parent.labels if parent else {}), **labels}
        self.frozen = False
        self.lives = 0
        self.kills = 0  # by us, without a word
        self.ended_by_us = False  # this life of it
        self.past = collections.deque(maxlen=60)  # last lines of the lives before

    def start(self, wait=True):
        self.check_alive()  # who ended by itself is not to be started as if nothing had been
        if self.program:
            self.past.extend(self.program.lines[-20:])
            self.past.append(f"-- ended with {self.program.process.returncode}, started again --")
        self.lives += 1
        self.ended_by_us = False
        super().start(wait=False)
        if wait:
            self.await_running()
        return self

    def _end_it(self):
        """It is ended by us from here on, unless it has ended by itself before."""
        self.ended_by_us = self.ended_by_us or self.running()

    def send_kill(self):
        self._end_it()
        self.program.signal(signal.SIGKILL)
        self.kills += 1

    def kill(self):
        self.send_kill()
        self.program.await_end()
        return self

    def stop(self):
        self._end_it()
        return super().stop()

    def check_alive(self):
        """It runs, or it was ended by us."""
        if self.program and not self.running() and not self.ended_by_us:
            code = self.program.await_end()  # negative when a signal ended it; with all that it said
            raise AssertionError(f"{self.name} ended by itself with {code}; it said last: {self.last_lines()}")

    def await_running(self):
        self.program.await_line(f"{self.role} is running", timeout=START_LIMIT)

    def running(self):
        return self.program is not None and self.program.running()

    @property
    def pid(self):
        return self.program.process.pid

    def freeze(self):
        self.program.signal(signal.SIGSTOP)
        self.frozen = True

    def thaw(self):
        self.program.signal(signal.SIGCONT)
        self.frozen = False

    def is_stopped(self):
        """Whether the kernel says so."""
        return pathlib.Path("/proc", str(self.pid), "stat").read_text().rpartition(")")[2].split()[0] == "T"

    def in_reach(self):
        """Whether it and all above it run, as far as the operating system says."""
        return self.running() and (self.parent is None or self.parent.in_reach())

    def may_be_forgotten(self):
        """A gateway without a cache remembers none that it has not seen in this life of its own."""
        return not self.running() and self.parent.kept is None and not self.parent.program.said(f"engine '{self.name}' is linked")

    def last_lines(self, count=25):
        return [*self.past, *(self.program.lines if self.program else [])][-count:]


class Fleet:
    def __init__(self, heartbeat):
        self._stack = contextlib.ExitStack()
        self.folder = pathlib.Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        self.heartbeat = heartbeat
        self.tiers = {}
        self.missing = {}  # what this machine has not of NETWORK and DISK, with why
        self.network = None
        try:
            if why := why_not():
                self.missing[NETWORK] = why
            else:
                self.network = Network(SITES)
                self._stack.callback(self.network.close)
            self._make_tiers()
        except BaseException:
            self.close()
            raise

    # ---- what it is made of ----

    def _disk(self, name, size_bytes):
        try:
            disk = SmallDisk(self.folder / f"{name}-disk", size_bytes)
        except (unittest.SkipTest, AssertionError, OSError) as why:  # the run says itself what that means for it
            self.missing[DISK] = str(why)
            return None
        self._stack.callback(disk.close)
        return disk

    def _prefix(self, place, disk):
        """Runs a tier in the namespaces of its disk and its place: the files are opened before any is entered."""
        flags = list(disk.prefix[1:-1]) if disk else []
        if self.network:
            flags.append(self.network.flag(place))
        return ["nsenter", *flags, "--"] if flags else []

    def _tier(self, role, name, arguments, place, **options):
        disk, kept = options.get("disk"), options.pop("kept", True)
        self.tiers[name] = Tier(role, name, ["--heartbeat", self.heartbeat, *arguments], prefix=self._prefix(place, disk), **options)
        self.tiers[name].kept = (disk.seen if disk else self.folder) / name if kept else None
        self._stack.callback(self.tiers[name].close)
        return self.tiers[name]

    def socket(self, name):
        """Where a tier's UNIX socket is; such sockets are reached from every network namespace."""
        return f"unix:{self.folder}/{name}.sock"

    def _make_tiers(self):
        net = self.network
        top_disk, cache_disk = self._disk("top", TOP_DISK_BYTES), self._disk("site-b", CACHE_DISK_BYTES)
        state = (top_disk.folder if top_disk else self.folder) / "top"
        wan = ["--listen", "insecure+tcp://0.0.0.0:7070"] if net else []
        site_c = f"tcp://{net.site_address('site-c')}:7070" if net else self.socket("site-c")
        top = self._tier("controller", "top", ["--state", state, "--listen", self.socket("top"), *wan, "--down", site_c,
                                               "--artifact-limit", ARTIFACT_LIMIT_BYTES], "top", disk=top_disk)

        def up(site):
            return ["--up", f"tcp://{net.top_address(site)}:7070" if net else self.socket("top")]

        def gateway(name, parent, arguments, place, disk=None, cache=True, labels=None):
            kept = ["--cache", (disk.folder if disk else self.folder) / name] if cache else []
            flags = ["--listen", self.socket(name), "--cache-limit", GATEWAY_KEEPS_BYTES, *kept, *arguments]
            return self._tier("gateway", name, flags, place, parent=parent, disk=disk, labels=labels, kept=cache)

        def engine(name, parent, arguments, place, state=True, labels=None):
            kept = ["--state", self.folder / name] if state else []
            return self._tier("engine", name, [*kept, *arguments], place, parent=parent, labels=labels, kept=state)

        a = gateway("site-a", top, up("site-a"), "site-a", labels={"site": "a", "region": "eu"})
        pod_a = gateway("pod-a", a, ["--up", self.socket("site-a")], "site-a")
        engine("e1", pod_a, ["--up", self.socket("pod-a")], "site-a")
        engine("e2", pod_a, ["--up", self.socket("pod-a")], "site-a", state=False, labels={"ring": "canary"})
        engine("e3", a, ["--up", self.socket("site-a")], "site-a")

        # Inside its namespace the site may use any port; without one it uses UNIX sockets as the others do.
        site_b, in_b = ("tcp://127.0.0.1:7071", ["--listen", "tcp://127.0.0.1:7071"]) if net else (self.socket("site-b"), [])
        at_pod_b, in_pod_b = ("tcp://127.0.0.1:7072", ["--listen", "tcp://127.0.0.1:7072"]) if net else (self.socket("pod-b"), [])
        b = gateway("site-b", top, [*up("site-b"), *in_b], "site-b", disk=cache_disk, labels={"site": "b", "region": "eu"})
        pod_b = gateway("pod-b", b, ["--up", site_b, *in_pod_b], "site-b", cache=False)
        engine("e4", pod_b, ["--up", at_pod_b], "site-b")
        engine("e5", pod_b, ["--up", at_pod_b], "site-b", state=False, labels={"ring": "canary"})
        engine("e6", b, ["--up", site_b], "site-b")

        c_listens = ["--listen", "insecure+tcp://0.0.0.0:7070"] if net else []
        c = gateway("site-c", top, [*c_listens, "--down", self.socket("e7")], "site-c", labels={"site": "c", "region": "us"})
        engine("e7", c, ["--listen", self.socket("e7")], "site-c")
        engine("e8", c, ["--up", self.socket("site-c")], "site-c", labels={"ring": "canary"})

    @property
    def top(self):
        return self.tiers["top"]

    def of_role(self, role):
        return [t for t in self.tiers.values() if t.role == role]

    def engines_below(self, tier):
        return [t for t in self.of_role("engine") if tier in self.line_up(t)]

    @staticmethod
    def line_up(tier):
        """The tiers above, nearest first."""
        while tier.parent:
            tier = tier.parent
            yield tier

    # ---- its life ----

    def start(self):
        for tier in self.tiers.values():
            tier.start(wait=False)
        for tier in self.tiers.values():
            tier.await_running()

    def revive(self):
        """Starts what a round left dead."""
        for tier in self.tiers.values():
            if not tier.running():
                tier.start()

    def check_alive(self):
        """Nothing ends but by our hand."""
        for tier in self.tiers.values():
            tier.check_alive()

    def stop(self):
        """All of it by SIGTERM, engines first; each must end with 0 within the limit."""
        self.check_alive()
        for tier in reversed(self.tiers.values()):
            if tier.running():
                began = time.monotonic()
                tier.stop()
                if time.monotonic() - began > 15:
                    raise AssertionError(f"{tier.name} took {time.monotonic() - began:.0f} s to end")

    def close(self):
        for tier in self.tiers.values():  # at once, then each is waited for
            if tier.running():
                tier.program.process.kill()
        self._stack.close()

    def leftovers(self):
        """Processes of this fleet that are still there."""
        ended = subprocess.run(["pgrep", "-f", str(self.folder)], capture_output=True, text=True)
        return ended.stdout.split()
