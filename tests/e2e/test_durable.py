"""Acknowledged is kept: what strace sees of a controller between a publish order, its answer and what goes downstream."""

import os
import pathlib
import re
import shutil
import signal
import unittest

from fleet import FleetTest, module, padded
from frames import PUBLISHED, Frames
from small_disk import not_here

_ON_PATHS = {"openat", "open", "creat", "rename", "renameat", "renameat2", "mkdir", "mkdirat", "unlink", "unlinkat"}
_WRITES = {"write", "writev", "pwrite64", "pwritev", "pwritev2", "ftruncate", "fallocate"}
_SENDS = {"sendto", "sendmsg", "write", "writev"}
_CALLS = ",".join(sorted(_ON_PATHS | _WRITES | _SENDS | {"fsync", "fdatasync", "close"}))
_NAME = re.compile(rb"durable-function-[0-9]")
_LINE = re.compile(r"\d+ +(\w+)\((.*)\) += (\d+)(?:<.*>)?$")


def calls_of(trace):
    """(name, arguments, result) of each system call that succeeded, in the order in which they returned."""
    begun = {}
    for line in trace.read_text(errors="replace").splitlines():
        if match := re.match(r"(\d+) +(.*) <unfinished \.\.\.>$", line):
            begun[match[1]] = match[2]
            continue
        if match := re.match(r"(\d+) +<\.\.\. \w+ resumed>(.*)$", line):
            line = f"{match[1]} {begun.pop(match[1])}{match[2]}"
        if match := _LINE.match(line):
            yield match.groups()


def text_of(hexadecimal):
    return bytes.fromhex(hexadecimal.replace("\\x", "")).decode("utf-8", "replace")


def strings_in(arguments):
    return re.findall(r'"((?:\\x[0-9a-f]{2})*)"', arguments)


def descriptor_in(arguments):
    """What the first argument, a descriptor, stands for: a path, or `UNIX`, `TCP` and so on for a socket."""
    match = re.match(r"\d+<((?:\\x[0-9a-f]{2})+)>", arguments)
    if match:
        return text_of(match[1])
    match = re.match(r"\d+<([^>]*)>", arguments)
    return match[1] if match else ""


def bytes_sent(arguments, count):
    return b"".join(bytes.fromhex(part.replace("\\x", "")) for part in strings_in(arguments))[:count]


class Disk:
    """What a power loss would leave, by what was written and what was synced."""

    def __init__(self, state):
        self.state = str(state)
        self.unsynced = {}  # file or folder -> why
        self.names = set()  # functions whose releases were synced
        self.unsynced_names = set()
        self.written = set()
        self.folders_changed = set()

    def ours(self, path):
        # The -shm file is SQLite's index of its own log: it is made anew after a crash.
        return (path == self.state or path.startswith(self.state + "/")) and not path.endswith("-shm") and not path.endswith("/LOCK")

    def changed(self, path, why):
        if self.ours(path):
            self.unsynced[path] = why
            self.written.add(path)

    def logged(self, path, data):
        """Something went to the log of the database."""
        if self.ours(path) and path.endswith("state.db-wal"):
            self.unsynced_names |= {name.decode() for name in _NAME.findall(data)}

    def entry_changed(self, path, why):
        folder = os.path.dirname(path)
        if self.ours(path):
            self.unsynced[folder] = why
            self.folders_changed.add(folder)

    def moved(self, old, new):
        if old in self.unsynced:
            self.unsynced[new] = self.unsynced.pop(old)
        self.entry_changed(new, f"{old} was renamed to {new}")

    def synced(self, path):
        self.unsynced.pop(path, None)
        if path.endswith("state.db-wal"):
            self.names |= self.unsynced_names
            self.unsynced_names = set()


class DurableTest(FleetTest):
    def setUp(self):
        super().setUp()
        if not shutil.which("strace"):
            not_here("strace is not installed")

    def trace_publishes(self, publish):
        """Runs the controller under strace from its very first start. Returns the Disk as it was at each acknowledgement."""
        trace = self.folder / "trace"
        strace = ["strace", "-f", "-y", "-xx", "-s", "1048576", "-e", f"trace={_CALLS}", "-e", "signal=none", "-o", trace, "--"]
        top = self.controller(prefix=strace, start=False).start(wait=False)
        try:
            top.await_line("controller is running")
        except AssertionError as wrong:
            if "ptrace" in str(wrong).lower() or "not permitted" in str(wrong).lower():
                not_here(f"strace may not trace here: {wrong}")
            raise
        publish()
        pid = top.program.process.pid  # of strace, which does not pass signals on
        os.kill(int(pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0]), signal.SIGTERM)
        top.program.await_end()
        return self.replayed(trace)

    def replayed(self, trace):
        """At each acknowledgement: what was not synced, what was ever written. And by function, when its name first left the controller,
        in whatever message: whether its release was synced, and which files and folders of artifacts were not."""
        disk = Disk(self.folder / "top")
        acknowledged, sent, links, made = [], {}, {}, set()

        def on_message(kind, _):
            if kind == PUBLISHED:
                acknowledged.append((dict(disk.unsynced), set(disk.written), set(disk.folders_changed)))

        for name, arguments, result in calls_of(trace):
            paths = [text_of(part) for part in strings_in(arguments)] if name in _ON_PATHS else []
            descriptor = descriptor_in(arguments)
            if name in ("openat", "open", "creat") and "O_CREAT" in arguments and paths[0] not in made:
                made.add(paths[0])
                disk.entry_changed(paths[0], f"{paths[0]} was made")
            elif name in ("mkdir", "mkdirat"):
                disk.entry_changed(paths[0], f"{paths[0]} was made")
            elif name in ("rename", "renameat", "renameat2"):
                disk.moved(*paths)
            elif name in ("unlink", "unlinkat"):
                made.discard(paths[0])
                disk.synced(paths[0])
            elif name in ("fsync", "fdatasync"):
                disk.synced(descriptor)
            elif name in _WRITES and descriptor.startswith("/"):
                disk.changed(descriptor, f"{name} to {descriptor}")
                disk.logged(descriptor, bytes_sent(arguments, None))
            if name in _SENDS and not descriptor.startswith("/"):
                link = arguments.split(", ")[0]
                data = bytes_sent(arguments, int(result))
                links.setdefault(link, Frames(on_message)).take(data)
                if descriptor.startswith(("socket:", "UNIX", "TCP")):
                    unsynced = [path for path in disk.unsynced if "/artifacts" in path]
                    for function in map(bytes.decode, _NAME.findall(data)):
                        sent.setdefault(function, (function in disk.names, unsynced))
            elif name == "close":
                links.pop(arguments, None)
        return acknowledged, sent

    def test_every_file_and_folder_is_synced_before_a_publish_is_acknowledged(self):
        def publish():
            self.publish("fn@1", module("counter-1"), wait=False)
            self.publish("fn@2", padded("counter-2", 1 << 20), wait=False)
            self.publish("other@1", module("misbehaving"), "--config-text", "echo", wait=False)
            self.publish("fn@1", module("counter-1"), "--select", "region=eu", wait=False)

        acknowledged, _ = self.trace_publishes(publish)
        self.assertEqual(len(acknowledged), 4, "the answers that were seen")
        for number, (unsynced, written, folders) in enumerate(acknowledged, 1):
            with self.subTest(publish=number):
                self.assertEqual(unsynced, {})
                self.assertTrue(any(path.endswith("state.db-wal") for path in written), written)
                self.assertTrue(any("/artifacts/" in path for path in written), written)
                self.assertTrue(any(path.endswith("/artifacts") for path in folders), folders)

    def test_every_file_and_folder_is_synced_before_a_release_is_sent_downstream(self):
        names = [f"durable-function-{i}" for i in range(1, 4)]

        def publish():
            self.engine("e1")
            self.await_status(lambda s: s["online_engines"] == 1)
            for number, name in enumerate(names):
                self.publish(f"{name}@1", padded("counter-1", number << 18))

        _, sent = self.trace_publishes(publish)
        self.assertEqual(sent, {name: (True, []) for name in names}, "released to disk before it was sent, no artifact left unsynced")


if __name__ == "__main__":
    unittest.main()
