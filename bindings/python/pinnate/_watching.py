"""Being told of changes: what a handle hears from the library, and the watches that tell it on."""

from __future__ import annotations

import ctypes
import math
import time
import weakref
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple, TypeVar

from . import _abi, _callbacks, _native, _records, _slots
from ._callbacks import Executor, Mailbox
from ._handle import Handle
from ._requests import ON_ROLLUP, ask
from ._thread_states import keep
from ._unique import Unique
from ._values import count, function, milliseconds, said
from .errors import NotFoundError, PinnateError, Status, TimedOutError, error_for
from .fleet import AnyRelease, Phase, Published, ReleaseStatus, Rollup, release_number

_Self = TypeVar("_Self", bound="Watch")


class Feed:
    """What one handle hears: the newest of each key, told to all who listen.

    The library is asked for it once somebody listens, and no more when nobody does.
    """

    def __init__(self, handle: Handle, callback: Any, verb: str) -> None:
        """`callback`: what pinnate_<noun>_<verb> calls; it finds this feed by its number."""
        self._handle = weakref.ref(handle)
        self._callback = callback
        self._verb = verb
        self._number = handle._keep(self)
        self._lock = _native.allocate_rlock()
        self._newest: Dict[Any, Any] = {}
        self._listeners: List[Callable[[Any, Any], None]] = []
        self._started = False
        self._ticket = 0

    @property
    def ended(self) -> bool:
        """Whether the handle is closed."""
        handle = self._handle()
        return handle is None or handle.closed

    def _ask(self) -> None:
        handle = self._handle()
        if handle is not None:
            ticket = ctypes.c_uint64()
            handle._invoke(self._verb, self._callback, self._number, ctypes.byref(ticket))
            self._ticket = ticket.value

    def listen(self, listener: Callable[[Any, Any], None]) -> None:
        """`listener(key, item)` is called now for what is known, then on every change, on any
        thread, briefly.
        """
        with self._lock:
            for key, item in self._newest.items():
                listener(key, item)
            self._listeners.append(listener)
            if self._started:
                return
            try:
                self._ask()
                self._started = True
            except BaseException:
                self._listeners.remove(listener)
                raise

    def leave(self, listener: Callable[[Any, Any], None]) -> None:
        with self._lock:
            if listener not in self._listeners:
                return
            self._listeners.remove(listener)
            if self._listeners or not self._started:
                return
            self._started = False
            self._newest.clear()
            handle, ticket = self._handle(), self._ticket
        # Without the lock, for which the library's thread may wait while this waits for it.
        if handle is not None:
            handle._end(ticket)

    def tell(self, key: Any, item: Any, last: bool = False) -> None:
        """`last`: of this key there is nothing more to tell to those who come later."""
        with self._lock:
            if not self._listeners:
                return  # it was on its way when the last one left
            self._newest[key] = item
            if last:
                del self._newest[key]
            listeners = list(self._listeners)
        for listener in listeners:
            listener(key, item)


def feed_of(handle: Handle, callback: Any, verb: str = "watch") -> Feed:
    """The one feed of what pinnate_<noun>_<verb> tells a handle by `callback`."""
    # Of several threads that come first at once, one makes the feed that all use.
    return handle._feeds.get(verb) or handle._feeds.setdefault(verb, Feed(handle, callback, verb))


class Watch(Unique):
    """A callback that is told of changes, until close() or until its handle is closed. A context
    manager.

    It does not keep its handle open: a forgotten handle is closed, and its watches with it.
    """

    def __init__(self, feed: Feed, tell: Callable[[Any], Any], executor: Executor, what: str) -> None:
        """For the package; watches come from watch()."""
        self._feed: "Optional[weakref.ref[Feed]]" = weakref.ref(feed)
        self._mailbox = Mailbox(tell, executor)
        self._what = what
        feed.listen(self._mailbox.put)

    @property
    def closed(self) -> bool:
        """Whether nothing more is told: close() was called, or the handle's was."""
        feed = None if self._feed is None else self._feed()
        return feed is None or feed.ended

    def close(self) -> None:
        """No callback begins after this. One that runs on another thread comes to its end there."""
        ref, self._feed = self._feed, None
        self._mailbox.close()
        feed = None if ref is None else ref()
        if feed is not None:
            feed.leave(self._mailbox.put)

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<pinnate.Watch of {self._what}, {'closed' if self.closed else 'open'}>"


def heard(feed: Feed, timeout: Optional[float]) -> Iterator[Tuple[Any, Any]]:
    """Yields each key and item as it is told, to a thread that waits; ends after `timeout`
    seconds.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    inbox = _native.inbox()

    def listener(key: Any, item: Any) -> None:
        inbox.put((key, item))

    try:
        feed.listen(listener)
        while True:
            yield inbox.get(None if deadline is None else max(deadline - time.monotonic(), 0.0))
    except _native.Empty:
        return
    finally:
        feed.leave(listener)
        inbox.close()


@_abi.RollupFn
def _ON_CHANGE(slot: Optional[int], status: int, error: Optional[bytes], rollup: Any) -> None:
    keep()
    feed = _slots.get(slot)
    if feed is not None and status != Status.CANCELLED:  # that is how a watch is told that it has ended
        feed.tell(None, error_for(status, said(error)) if status else _records.rollup(rollup))


class Watching(Handle):
    """A handle that follows the fleet."""

    def watch(
        self,
        callback: Callable[[Rollup], Any],
        on_error: Optional[Callable[[PinnateError], Any]] = None,
        *,
        executor: Optional[Executor] = None,
    ) -> Watch:
        """Calls `callback(rollup)` soon and whenever the roll-up changed, at most ten times a
        second, until the Watch that this gives is closed, or the handle.

        Callbacks run one at a time on a thread of this package's, or where `executor` runs them;
        they may take their time and may call Pinnate. Of roll-ups that come meanwhile the newest
        alone is told. What a callback raises goes to threading.excepthook. `on_error(error)` hears
        why no roll-up comes, such as UnreachableError while a client's link is away. Several
        watches do not disturb each other.
        """
        function(callback, "callback")
        if on_error is not None:
            function(on_error, "on_error")
        where = _callbacks.executor(executor)

        def tell(item: Any) -> None:
            if not isinstance(item, PinnateError):
                callback(item)
            elif on_error is not None:
                on_error(item)

        return Watch(feed_of(self, _ON_CHANGE), tell, where, "roll-ups")

    def wait_live(
        self, release: AnyRelease, engines: Optional[int] = None, *, timeout: Optional[float] = 60.0
    ) -> Rollup:
        """Waits until a release serves on all online engines that it selects, one at least, or on
        so many; gives the roll-up that says so.

        TimedOutError: its words say how many do, and why another does not. NotFoundError: the
        release is no longer current, or no release of that number is.
        """
        number = release_number(release)
        most = count(engines, "engines")
        milliseconds(timeout, "timeout")
        since = self._state_with(release, timeout)
        found: Optional[ReleaseStatus] = None
        error: Optional[PinnateError] = None
        for _, told in heard(feed_of(self, _ON_CHANGE), timeout):
            if isinstance(told, PinnateError):
                error = told
                if told.status in _FINAL:
                    raise told
                continue
            error, before, found = None, found, told.release(number)
            if found is None or not found.current:
                # A tier below the controller may not have heard of it yet.
                if before is not None or found is not None or since <= (told.epoch, told.revision):
                    raise NotFoundError(f"release {number} is not current, so it goes live nowhere")
            elif _enough(found, most):
                return told
        if found is None:
            raise error or TimedOutError(f"no release {number} was heard of within {timeout} s")
        raise TimedOutError(f"after {timeout} s {_how_far(found, most)}")

    def _state_with(self, release: AnyRelease, timeout: Optional[float]) -> Tuple[float, float]:
        """Epoch and revision from which on a roll-up must know of the release."""
        if isinstance(release, Published):
            return release.epoch, release.revision
        if self._noun == "controller":
            now = ask(self, "status", None, ON_ROLLUP, what="asking for status", timeout=timeout)
            return now.epoch, now.revision
        return math.inf, math.inf  # what is asked may be a gateway that has not heard of it yet


_FINAL = (Status.CLOSED, Status.REFUSED)


def _selected(release: ReleaseStatus) -> int:
    """Engines that are online and ought to serve it."""
    return sum(release.phases.values()) - release.phases[Phase.NOT_SELECTED] - release.phases[Phase.OFFLINE]


def _enough(release: ReleaseStatus, most: int) -> bool:
    live = release.phases[Phase.LIVE]
    return live >= most if most else live > 0 and live == _selected(release)


def _how_far(release: ReleaseStatus, most: int) -> str:
    wanted = f"{most} were waited for" if most else f"{_selected(release)} are selected and online"
    why = "".join(f"; '{failure.engine}': {failure.reason}" for failure in release.failures[:1])
    live = release.phases[Phase.LIVE]
    return f"release {release.number} ('{release.name}' {release.version}) is live on {live} engines, and {wanted}{why}"
