"""A small disk of its own for a tier: a tmpfs in a private mount namespace, which can be filled and freed."""

import errno
import os
import pathlib
import subprocess
import unittest

_HOLD = 'mount -t tmpfs -o size="$1" tmpfs "$2" && echo mounted && exec cat'


def not_here(why):
    """This machine lacks what a test needs: it is skipped, or fails where everything is required."""
    raise (AssertionError if os.environ.get("PINNATE_REQUIRE") == "1" else unittest.SkipTest)(why)


class SmallDisk:
    """`prefix` runs a program with the disk mounted at `folder`; `seen` is the same folder from outside."""

    def __init__(self, folder, size_bytes):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
        self._holder = subprocess.Popen([*unshare, "sh", "-c", _HOLD, "sh", str(size_bytes), str(folder)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if self._holder.stdout.readline() != b"mounted\n":
            why = self._holder.communicate()[1].decode().strip()
            not_here(f"a small disk cannot be mounted here: {why}")
        pid = str(self._holder.pid)
        self.prefix = ["nsenter", "-t", pid, "-m", "--"] if os.geteuid() == 0 else \
            ["nsenter", "-t", pid, "-U", "--preserve-credentials", "-m", "--"]
        self.seen = pathlib.Path("/proc", pid, "root", *self.folder.parts[1:])

    def fill(self, leave_bytes=0):
        """Takes all space but `leave_bytes`; again, what became free meanwhile."""
        with open(self.seen / "filler", "ab", buffering=0) as filler:
            for size in (1 << 20, 1 << 16, 1 << 12):
                while self.free_bytes() - leave_bytes >= size:
                    try:
                        filler.write(b"\1" * size)
                    except OSError as error:  # somebody else was faster
                        if error.errno != errno.ENOSPC:
                            raise
                        break

    def free(self):
        (self.seen / "filler").unlink()

    def free_bytes(self):
        of = os.statvfs(self.seen)
        return of.f_bavail * of.f_frsize

    def close(self):
        self._holder.communicate()
