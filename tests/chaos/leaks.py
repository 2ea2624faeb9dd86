"""What each process holds when the fleet is quiet: memory, threads, descriptors, memory files, artifacts on disk.

What it may hold follows from what it does: how many tiers are linked to it and how many modules it has loaded. So there is no
baseline that a leak could hide in, and a process that was just restarted is held to the same.
"""

import collections
import os
import pathlib
import re
import threading
import time

from checks import ALL
from topology import CONTROLLER_KEEPS_BYTES, GATEWAY_KEEPS_BYTES
from workload import CALLERS_AT, PUBLISHERS

KIB, MIB = 1 << 10, 1 << 20
# main, loop, two for hashing, two for disks, two that write what it prints; an engine's: loading, deadlines, two workers.
THREADS = {"controller": 8, "gateway": 8, "engine": 12}
# Some 2.5 times what is seen (up to 15, 26 and 15 MiB): malloc keeps what bursts of large artifacts needed, and no two runs are alike.
RSS_BYTES = {"controller": 40 * MIB, "gateway": 64 * MIB, "engine": 40 * MIB}
# While it works.
PEAK_BYTES = {role: 2 * rss for role, rss in RSS_BYTES.items()}
# What is kept of artifacts that no current release needs, and what a file has besides its chunks.
KEPT_BYTES = {"controller": CONTROLLER_KEEPS_BYTES, "gateway": GATEWAY_KEEPS_BYTES, "engine": 0}
FRAMING = 1.02
ARTIFACT_FILES = 16  # that are kept open
FILES_PER_IMAGE = 2  # a memory file is open for the loader and under the name that dlopen took
FIXED = {"pipe": 6, "anon_inode": 2, "/dev/null": 1}  # stdout, stderr, signals and the loop's; epoll, eventfd; stdin


class Leaks:
    def __init__(self, fleet, checks, proc="/proc"):
        self.fleet, self.checks, self.proc = fleet, checks, pathlib.Path(proc)
        self.highest, self.peak = collections.Counter(), collections.Counter()  # RSS in bytes, by role: when quiet, at any time
        self._pause = threading.Event()

    def check(self, limit=15.0):
        """What ends late (a drain, a socket being closed) has until `limit` seconds from now."""
        serving = self.checks.serving()
        deadline = time.monotonic() + limit
        left = [t for t in self.fleet.tiers.values() if t.running()]
        while True:
            wrong = {t.name: why for t in left if (why := self._of(t, serving))}
            if not wrong:
                return
            if time.monotonic() > deadline:
                raise AssertionError(f"held although the fleet is quiet: {wrong}")
            left = [self.fleet.tiers[name] for name in wrong]
            self._pause.wait(0.1)  # nobody tells when a descriptor is closed

    def _of(self, tier, serving):
        """What is too much, in words."""
        proc = self.proc / str(tier.pid)
        status = (proc / "status").read_text()
        rss = int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024
        peak = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024
        threads = int(re.search(r"Threads:\s+(\d+)", status)[1])
        self.highest[tier.role] = max(self.highest[tier.role], rss)
        self.peak[tier.role] = max(self.peak[tier.role], peak)
        wrong = []
        if peak > PEAK_BYTES[tier.role]:
            wrong.append(f"{peak // MIB} MiB of memory at one time, {PEAK_BYTES[tier.role] // MIB} allowed")
        if rss > RSS_BYTES[tier.role]:
            wrong.append(f"{rss // MIB} MiB of memory, {RSS_BYTES[tier.role] // MIB} allowed")
        if threads > THREADS[tier.role]:
            wrong.append(f"{threads} threads, {THREADS[tier.role]} allowed")
        files, needed = _artifacts(tier), self.checks.current_bytes + sum(self._old_bytes(tier))
        on_disk, may = sum(files.values()), FRAMING * max(KEPT_BYTES[tier.role], needed) + 64 * KIB
        if on_disk > may and tier.in_reach():  # else it has not heard what is current
            wrong.append(f"{on_disk} bytes of artifacts on disk, {may:.0f} allowed; they are " +
                         ", ".join(f"{name[:12]} {size}" for name, size in sorted(files.items())))
        for kind, (held, allowed) in self._descriptors(tier, proc, serving).items():
            if held > allowed:
                wrong.append(f"{held} of {kind}, {allowed} allowed")
                if kind == "mapped memory files":  # each carries the name and version of its module
                    wrong.append(f"they are {', '.join(sorted(_mapped(proc).values()))}")
        return "; ".join(wrong)

    def _old_bytes(self, tier):
        """Of each artifact that an engine keeps because it serves it, while the current one is in quarantine."""
        return self.checks.old_bytes.get(tier.name, ())

    def _artifact_files(self, tier):
        """One that was cut off while it fetched keeps what it has of that, besides what it serves."""
        return len(ALL) + (len(self._old_bytes(tier)) if tier.in_reach() else len(ALL))

    def _descriptors(self, tier, proc, serving):
        """What there is and what may be, by kind."""
        held = collections.Counter(_kind(target) for target in _targets(proc))
        images = len(serving.get(tier.name, ALL if tier.role == "engine" else ()))  # one out of reach was not asked
        mapped = len(_mapped(proc))
        listens = tier.arguments.count("--listen")
        links = sum(t.running() for t in self.fleet.tiers.values() if t.parent is tier) + (tier.parent is not None)
        links += self.checks.clients_at.get(tier.name, 0) + (CALLERS_AT.count(tier.name)) + (PUBLISHERS if tier.name == "top" else 0)
        allowed = {
            "memory files": FILES_PER_IMAGE * images,
            "sockets": listens + links,
            "artifact files": ARTIFACT_FILES if tier.role != "engine" else self._artifact_files(tier),
            "other files": {"controller": 3, "gateway": 2, "engine": 3}[tier.role],
            "pipe": FIXED["pipe"], "anon_inode": FIXED["anon_inode"], "/dev/null": FIXED["/dev/null"] + listens,
        }
        counted = {kind: (held[kind], allowed.get(kind, 0)) for kind in {*held, *allowed}}
        counted["mapped memory files"] = (mapped, images)
        return counted


def _mapped(proc):
    """The names of the memory files that are mapped, by inode."""
    return dict(re.findall(r" (\d+)\s+/memfd:(.*?)(?: \(deleted\))?\n", (proc / "maps").read_text() + "\n"))


def _artifacts(tier):
    files = {}
    for path in (tier.kept / "artifacts").glob("*") if tier.kept else ():
        try:
            files[path.name] = path.stat().st_size
        except FileNotFoundError:  # evicted meanwhile
            pass
    return files


def _targets(proc):
    for descriptor in (proc / "fd").iterdir():
        try:
            yield os.readlink(descriptor)
        except FileNotFoundError:  # closed meanwhile
            pass


def _kind(target):
    if target.startswith("/memfd:"):
        return "memory files"
    if target.startswith("socket:"):
        return "sockets"
    if "/artifacts/" in target:
        return "artifact files"
    if target == "/dev/null":
        return target
    return "other files" if target.startswith("/") else target.split(":")[0]
