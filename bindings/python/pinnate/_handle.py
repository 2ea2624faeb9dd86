"""The life of a handle: opened, used from any thread, closed once, also when its owner forgets
to.
"""

from __future__ import annotations

import ctypes
import os
import time
import warnings
import weakref
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, TypeVar

from . import _abi, _callbacks, _exit, _library, _logging, _native
from ._closing import ON_CLOSED, Closing, unfinished
from ._slots import Shelf
from ._unique import Unique
from ._values import count, label_array, milliseconds, said, text
from .errors import ClosedError, ForkedError, NotFoundError, TimedOutError

# How long closing waits for other threads that are about to enter the library, or are inside for a
# blocking call. Who announced a call that long ago is inside, and from there on the library sorts
# it out.
_ENTRY_PATIENCE = 1.0

# How long closing waits for callbacks to be told the last lines of the log.
_LOG_PATIENCE = 1.0

_open_handles: "weakref.WeakSet[Handle]" = weakref.WeakSet()
_process = object()  # stands for this process: cheaper to ask for than its number


def _forked() -> None:
    global _process
    _process = object()
    _open_handles.clear()


os.register_at_fork(after_in_child=_forked)

_Self = TypeVar("_Self", bound="Handle")


class TierSettings(NamedTuple):
    """What every tier is opened with; see pinnate_tier_options."""

    fleet: Optional[str]
    id: Optional[str]
    labels: Optional[Mapping[str, str]]
    log: Optional[_logging.Log]
    log_level: int
    heartbeat: Optional[float]
    backoff_min: Optional[float]
    backoff_max: Optional[float]
    link_limit: Optional[int]
    folder_wait: Optional[float] = None


class Handle(Unique):
    """The base of Controller, Gateway, Engine and Client.

    All methods may be called on any thread, callbacks included. Every `timeout` is a number of
    seconds, more than 0; None is no limit. Use it in a `with` statement, or call close(): a
    forgotten handle emits ResourceWarning and is closed when it is collected, and what is open when
    the program ends is closed then, but no longer waited for than half a second after an engine's
    close_limit: functions that go on do not keep a program from ending.

    A handle belongs to the process that opened it: in a child of fork() its methods raise
    ForkedError, but for close(), which does nothing. The child opens handles of its own.
    """

    _noun = ""  # as in pinnate_<noun>_open
    _pointer: Optional[int] = None
    _closing: Optional[Closing] = None
    _id = ""
    _patience = 1.0  # seconds that closing may take where somebody waits to end

    def _open(
        self, options: Any, settings: TierSettings, complete: Optional[Callable[[], None]] = None
    ) -> None:
        """`options`: the pinnate_<noun>_options, but for its `tier` and what `complete` sets, which
        may _keep().
        """
        _exit.opening(self._noun)
        unfinished()  # lets go of what forgotten handles left
        library = _library.load()
        options.size = ctypes.sizeof(options)
        self._settings = settings
        self._process = _process
        self._inside: List[int] = []  # each thread that is in the library, or about to be
        self._left = _native.SimpleQueue()  # told when one leaves while the handle closes
        self._reloading = _native.allocate_lock()
        self._shelf = Shelf()  # what callbacks need until the handle is closed
        self._feeds: Dict[str, Any] = {}  # by what was asked for
        pointer = ctypes.c_void_p()
        log = _logging.callback_of(settings.log)
        self._lines = None if log is None else self._keep(_logging.Lines(log))
        self._fill(options.tier, settings)
        if complete is not None:
            complete()
        open_function = getattr(library, f"pinnate_{self._noun}_open")
        _library.check(open_function(ctypes.byref(options), ctypes.byref(pointer)))
        self._pointer = pointer.value
        self._id = said(getattr(library, f"pinnate_{self._noun}_id")(pointer))
        _open_handles.add(self)

    def _fill(self, tier: _abi.TierOptions, settings: TierSettings) -> None:
        tier.size = ctypes.sizeof(tier)
        tier.fleet = text(settings.fleet, "fleet")
        tier.id = text(settings.id, "id")
        tier.labels = labels = label_array(settings.labels)
        tier.label_count = len(labels)
        level = _logging.c_level(settings.log_level)
        if self._lines is not None:
            tier.log = _logging.ON_LOG
            tier.log_arg = self._lines
            tier.log_level = level
        tier.heartbeat_ms = milliseconds(settings.heartbeat, "heartbeat")
        tier.backoff_min_ms = milliseconds(settings.backoff_min, "backoff_min")
        tier.backoff_max_ms = milliseconds(settings.backoff_max, "backoff_max")
        tier.link_limit_bytes = count(settings.link_limit, "link_limit", ctypes.c_size_t(-1).value)
        tier.folder_wait_ms = milliseconds(settings.folder_wait, "folder_wait")

    def _keep(self, thing: Any) -> int:
        """Keeps an object for callbacks until the handle is closed; gives its number."""
        return self._shelf.add(thing)

    def _invoke(self, verb: str, *arguments: Any) -> None:
        """Calls pinnate_<noun>_<verb> with the handle and `arguments`, and raises what it
        returns.
        """
        self._enter()
        try:
            _library.check(_library.function(f"pinnate_{self._noun}_{verb}")(self._pointer, *arguments))
        finally:
            self._leave()

    def _end(self, ticket: int) -> None:
        """Ends what the ticket stands for, unless that is over. Waits for the library's thread."""
        try:
            self._invoke("cancel", ticket)
        except (ClosedError, NotFoundError):
            pass

    def _enter(self) -> None:
        if self._pointer is None:
            raise ClosedError(f"this {self._noun} is closed")
        if self._process is not _process:
            raise ForkedError(f"this {self._noun} belongs to the parent process; a child of fork() opens its own")
        # Announced first: who closes sees this one, or this one sees that it closes.
        self._inside.append(_native.thread_id())
        if self._closing is not None:
            self._leave()
            raise ClosedError(f"this {self._noun} is closing or closed")

    def _leave(self) -> None:
        self._inside.remove(_native.thread_id())
        if self._closing is not None:
            self._left.put(None)

    @property
    def id(self) -> str:
        """The id in the fleet, as given or made."""
        return self._id

    def reload(
        self,
        *,
        labels: Optional[Mapping[str, str]] = None,
        log_level: Optional[int] = None,
        heartbeat: Optional[float] = None,
        backoff_min: Optional[float] = None,
        backoff_max: Optional[float] = None,
    ) -> None:
        """Changes what the open handle was given, as a program does that reads its configuration
        again. None leaves a thing as it is; labels are replaced as a whole.

        Other labels are told above over a new link, so calls under way over the old one end with
        InterruptedCallError.
        """
        given: Dict[str, Any] = dict(
            labels=labels, log_level=log_level, heartbeat=heartbeat, backoff_min=backoff_min, backoff_max=backoff_max
        )
        with self._reloading:
            settings = self._settings._replace(**{name: value for name, value in given.items() if value is not None})
            tier = _abi.TierOptions()
            self._fill(tier, settings)
            self._invoke("reload", ctypes.byref(tier))
            self._settings = settings

    @property
    def closed(self) -> bool:
        """Whether close() was called."""
        return self._pointer is None or self._closing is not None

    def close(self, timeout: Optional[float] = None) -> None:
        """Closes the handle and waits until its sockets, files and threads are gone.

        Requests under way end with ClosedError. Closing again, also from another thread, waits for
        the same end. TimedOutError after `timeout` seconds (None: as long as it takes); it goes on
        closing all the same. In a child of fork() it does nothing: the handle is the parent's.
        """
        milliseconds(timeout, "timeout")
        if self._pointer is None or self._process is not _process:
            return
        if not self._begin_closing(_ENTRY_PATIENCE).wait(timeout):
            raise TimedOutError(f"{self._noun}: not closed within {timeout} s; it goes on closing")
        _callbacks.flush(_LOG_PATIENCE)

    def _begin_closing(self, patience: float) -> Closing:
        if self._closing is not None:
            return self._closing
        ours = Closing(self._shelf, self._patience)
        closing: Closing = self.__dict__.setdefault("_closing", ours)  # of several threads, one begins
        if closing is not ours:
            return closing
        closing.begin()
        try:
            self._await_entries(patience)
        finally:  # a signal's exception, too, leaves it closing
            _open_handles.discard(self)
            function = getattr(_library.load(), f"pinnate_{self._noun}_close")
            status = function(self._pointer, ON_CLOSED, closing.argument)
            if status:
                closing.refused()
            else:  # it closes first; what else is on its way into the library finds it closing
                getattr(_library.load(), f"pinnate_{self._noun}_free")(self._pointer)
        _library.check(status)
        return closing

    def _await_entries(self, patience: float) -> None:
        deadline = time.monotonic() + patience
        while self._inside:
            try:
                self._left.get(True, max(deadline - time.monotonic(), 0))
            except _native.Empty:
                return

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, kind: Any, *exception: Any) -> None:
        """Closes and waits; after KeyboardInterrupt or SystemExit no longer than the end of the
        program would.
        """
        if kind is None or issubclass(kind, Exception):
            return self.close()
        try:
            self.close(self._patience)
        except TimedOutError:
            pass  # it goes on closing

    def __repr__(self) -> str:
        name = f" '{self._id}'" if self._id else ""
        return f"<pinnate.{type(self).__name__}{name} {'closed' if self.closed else 'open'} at {id(self):#x}>"

    def __del__(self, _warn: Callable[..., None] = warnings.warn) -> None:
        if self._pointer is None or self._closing is not None or self._process is not _process:
            return
        self._shelf.pin()
        _warn(f"{self!r} was never closed", ResourceWarning, source=self)
        # Not waited for: a collection may run anywhere, the library's thread included.
        self._begin_closing(0)


_exit.register(lambda: list(_open_handles))
