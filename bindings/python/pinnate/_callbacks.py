"""Where callbacks run: on a thread of this package's, or where an executor of the host's takes
them.

So a slow one keeps no thread of the library's from its work: links stay alive, other requests are
answered.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any, Callable, Dict, Optional, Protocol

from . import _native

Work = Callable[[], None]


class Executor(Protocol):
    """What runs callbacks: a concurrent.futures.Executor, or anything that has its submit()."""

    def submit(self, __fn: Callable[[], None]) -> Any:
        """Has a function run somewhere, once."""


def report(error: BaseException) -> None:
    """Tells threading.excepthook what a callback raised."""
    threading.excepthook(
        threading.ExceptHookArgs((type(error), error, error.__traceback__, threading.current_thread()))
    )


class OwnThread:
    """One thread of the process, from the first submit() on: for all callbacks that are given no
    executor, and for what nobody is to wait for.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._renew()
        os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._queue = _native.SimpleQueue()
        self._started = _native.allocate_lock()
        self._thread: Optional[int] = None

    def submit(self, fn: Work) -> None:
        self._queue.put(fn)
        if self._started.acquire(False):
            _native.start_thread(self._run, ())

    def _run(self) -> None:
        self._thread = _native.thread_id()
        threading.current_thread().name = self._name
        while True:
            try:
                self._queue.get()()
            except BaseException as error:  # the next callback has its turn all the same
                report(error)

    def flush(self, patience: float) -> None:
        """Waits until what was submitted before has run, `patience` seconds at most."""
        if self._thread in (None, _native.thread_id()):
            return
        done = _native.allocate_lock()
        done.acquire()
        self.submit(done.release)
        done.acquire(timeout=patience)


class _Greenlets:
    """Under gevent, a greenlet for each; of the hub that ran when the callback was given."""

    def __init__(self) -> None:
        import gevent

        self._spawn = gevent.spawn
        self._by_hub = _native.hub_callback()

    def submit(self, fn: Work) -> None:
        self._by_hub(self._spawn, fn)


_own_thread = OwnThread("pinnate-callbacks")


def executor(given: Optional[Executor]) -> Executor:
    if given is None:
        if _native.patched():
            return _Greenlets()
        return _own_thread
    if not callable(getattr(given, "submit", None)):
        raise TypeError(
            f"executor must have submit(), as concurrent.futures.Executor does, not be a {type(given).__name__}"
        )
    return given


def flush(patience: float) -> None:
    """Lets the package's own thread tell what it has been given until now, within `patience`
    seconds each.
    """
    for _ in range(2):  # what came to a mailbox while that was telling is told in its next turn
        _own_thread.flush(patience)


class Mailbox:
    """What waits to be told to one callback. Of each key only the newest; one is told at a time,
    oldest key first.
    """

    def __init__(self, tell: Callable[[Any], Any], executor: Executor) -> None:
        self._tell: Optional[Callable[[Any], Any]] = tell
        self._executor = executor
        self._waiting: Dict[Any, Any] = {}
        self._scheduled = _native.allocate_lock()

    def put(self, key: Any, item: Any) -> None:
        """Never waits for the callback. Any thread."""
        self._waiting[key] = item
        self._schedule()

    def close(self) -> None:
        """Nothing is begun to be told any more."""
        self._tell = None
        self._waiting.clear()

    def __len__(self) -> int:
        return len(self._waiting)

    def _schedule(self) -> None:
        if self._tell is None or not self._scheduled.acquire(False):
            return
        try:
            self._executor.submit(self._run)
        except BaseException as error:  # an executor that was shut down
            self._scheduled.release()
            self._waiting.clear()
            report(error)

    def _run(self) -> None:
        """Tells what waits now. What comes meanwhile has its turn after other callbacks."""
        try:
            for key in list(self._waiting):
                item = self._waiting.pop(key, None)
                if item is not None and self._tell is not None:
                    try:
                        self._tell(item)
                    except BaseException as error:
                        report(error)
        finally:
            self._scheduled.release()
            if self._waiting:
                self._schedule()
