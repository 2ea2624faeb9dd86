"""What the tests share: a small fleet in this process, and waiting for what callbacks tell."""

import contextlib
import os
import shutil
import sys
import tempfile
import threading

import pinnate

PATIENCE = 60  # seconds; only ever spent by a test that fails

GREET = b"def handle(payload):\n    return b'hello ' + payload\n"
GREET_AGAIN = b"def handle(payload):\n    return b'hello again ' + payload\n"

# Modules of tests find Python objects of their test here, since both live in one process.
shared = {}


class Seen:
    """A callback that keeps what it was called with, for a test to wait on."""

    def __init__(self):
        self.items = []
        self._changed = threading.Condition()

    def __call__(self, *item):
        with self._changed:
            self.items.append(item[0] if len(item) == 1 else item)
            self._changed.notify_all()

    def until(self, holds, what):
        """Waits until `holds` of one of the items, and gives it."""
        with self._changed:
            if not self._changed.wait_for(lambda: any(map(holds, self.items)), PATIENCE):
                raise AssertionError(f"never seen: {what}; the last was {self.items[-1:]}")
            return next(item for item in self.items if holds(item))

    def until_latest(self, holds, what):
        """Waits until `holds` of the latest item, and gives it."""
        with self._changed:
            if not self._changed.wait_for(lambda: bool(self.items) and holds(self.items[-1]), PATIENCE):
                raise AssertionError(f"never seen: {what}; the last was {self.items[-1:]}")
            return self.items[-1]


def folder(test, add_cleanup=None):
    """A temporary folder, gone after the test, or after what `add_cleanup` is of."""
    path = tempfile.mkdtemp(prefix="pinnate-")
    (add_cleanup or test.addCleanup)(shutil.rmtree, path, ignore_errors=True)
    return path


class Fleet:
    """A controller, a gateway and engines, over UNIX sockets in a temporary folder; closed after
    the test.
    """

    def __init__(self, test, engines=2, labels=None, loaders=None, add_cleanup=None, **controller_options):
        self.folder = folder(test, add_cleanup)
        self._stack = contextlib.ExitStack()
        (add_cleanup or test.addCleanup)(self._stack.close)
        self.rollups = Seen()
        self.controller = self.open(
            pinnate.Controller, os.path.join(self.folder, "state"), id="root", **controller_options
        )
        self.controller.watch(self.rollups)
        self.address = self.controller.listen("unix:" + os.path.join(self.folder, "controller.sock"))
        self.gateway = self.open(pinnate.Gateway, id="gateway")
        self.gateway.dial_upstream(self.address)
        self.below = self.gateway.listen("unix:" + os.path.join(self.folder, "gateway.sock"))
        self.engines = [
            self.engine(f"engine-{number}", (labels or {}).get(number), loaders) for number in range(engines)
        ]
        self.rollups.until_latest(lambda rollup: rollup.online_engines == engines, f"{engines} online")

    def open(self, kind, *arguments, **options):
        """A handle that is closed after the test, before those opened earlier."""
        return self._stack.enter_context(kind(*arguments, **options))

    def engine(self, id, labels=None, loaders=None):
        engine = self.open(
            pinnate.Engine,
            id=id,
            labels=labels,
            loaders=loaders or [pinnate.PythonLoader()],
            backoff_min=0.05,
        )
        engine.dial_upstream(self.below)
        return engine

    def client(self, to=None, **options):
        return self.open(pinnate.Client, to or self.address, **options)

    def publish(self, name, version, source, **options):
        """Publishes Python source."""
        return self.controller.publish(name, version, source, loader="python", **options)

    def publish_live(self, name, version, source, on=None, **options):
        """The same, and waits until `on` engines serve it: all, unless said otherwise."""
        published = self.publish(name, version, source, **options)
        expected = len(self.engines) if on is None else on
        self.rollups.until_latest(
            lambda rollup: rollup.live(published.release) == expected, f"{name} {version} live on {expected}"
        )
        return published

    def failure(self, release):
        """Waits until an engine has failed with that release; gives the reason."""
        rollup = self.rollups.until_latest(
            lambda rollup: rollup.release(release) is not None and rollup.release(release).failures,
            f"a failure of release {release}",
        )
        return rollup.release(release).failures[0].reason

    def until_gone(self, name):
        """Waits until no engine serves the function."""
        self.rollups.until_latest(
            lambda rollup: not any(each.name == name and each.serving for each in rollup.releases),
            f"'{name}' is served nowhere",
        )


@contextlib.contextmanager
def unraisable():
    """Collects what goes to sys.unraisablehook."""
    seen, before = Seen(), sys.unraisablehook
    # Only the value: keeping the rest would keep frames alive.
    sys.unraisablehook = lambda report: seen(report.exc_value)
    try:
        yield seen
    finally:
        sys.unraisablehook = before


@contextlib.contextmanager
def callbacks_raise():
    """Collects what callbacks raise, which goes to threading.excepthook."""
    seen, before = Seen(), threading.excepthook
    threading.excepthook = lambda report: seen(report.exc_value)
    try:
        yield seen
    finally:
        threading.excepthook = before
