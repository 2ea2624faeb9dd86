"""Requests to the library: what the callback that ends one finds, and how its outcome gets to who
asked.
"""

from __future__ import annotations

import concurrent.futures
import ctypes
import functools
import time
import weakref
from typing import Any, Callable, Optional, Tuple

from . import _abi, _native, _records, _slots
from ._callbacks import OwnThread
from ._handle import Handle
from ._thread_states import keep
from ._values import copied, milliseconds, number, said
from .errors import FailedError, Status, TimedOutError, error_for

# The library ends calls and lookups at their own limit; this much later Python gives up on the
# library.
_GRACE = 5.0


class Request:
    """What a callback finds under its number. It is ended once, on a thread of the library's."""

    handle: "weakref.ref[Handle]"
    slot = 0  # its number
    ticket: Optional[ctypes.c_uint64] = None  # what the library can be asked to cancel it by

    def end(self, outcome: Any, error: Optional[BaseException]) -> None:
        raise NotImplementedError

    def progress(self, done: int, total: int) -> None:
        """Some of a publish is stored."""


class _Waiting(Request):
    """A thread or greenlet waits, and hears of progress meanwhile."""

    def __init__(self) -> None:
        self.inbox = _native.inbox()
        self.stored: Optional[Tuple[int, int]] = None  # the newest progress that was not told

    def end(self, outcome: Any, error: Optional[BaseException]) -> None:
        self.inbox.put((outcome, error))

    def progress(self, done: int, total: int) -> None:
        before, self.stored = self.stored, (done, total)
        if before is None:
            self.inbox.put(None)


class FutureRequest(Request):
    """Somebody holds a future, which any thread may wait for."""

    def __init__(self) -> None:
        self.future: "concurrent.futures.Future[Any]" = concurrent.futures.Future()
        # Under gevent only a greenlet of the hub can wake who waits.
        self._by_hub = _native.hub_callback() if _native.patched() else None

    def end(self, outcome: Any, error: Optional[BaseException]) -> None:
        if self._by_hub is None:
            self._set(outcome, error)
        else:
            self._by_hub(self._set, outcome, error)

    def _set(self, outcome: Any, error: Optional[BaseException]) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        if error is None:
            self.future.set_result(outcome)
        else:
            self.future.set_exception(error)


def begin(
    handle: Handle, verb: str, *arguments: Any, request: Request, ticket: Optional[ctypes.c_uint64] = None
) -> None:
    """Calls pinnate_<noun>_<verb> with `arguments` and the number of `request`.

    The last of `arguments` is the callback, one of the ON_... below. `ticket`: what `arguments`
    have the library write the request's to.
    """
    request.handle, request.ticket = weakref.ref(handle), ticket
    request.slot = slot = _slots.add(request)
    try:
        handle._invoke(verb, *arguments, slot)
    except BaseException:
        give_up(request)
        raise


_cancels = OwnThread("pinnate-cancels")


def give_up(request: Request) -> None:
    """Nobody waits for a request any more: it is cancelled, and its outcome, should it come, is
    dropped.

    Does not wait for that: the library's thread, which has to see it, may be in a callback that
    waits for what the running thread holds.
    """
    if _slots.take(request.slot) is not None and request.ticket:
        handle = request.handle()
        if handle is not None:
            try:
                _cancels.submit(functools.partial(handle._end, request.ticket.value))
            except RuntimeError:  # no thread can be started as the program ends, which closes the handle
                pass


def after(timeout: Optional[float]) -> Optional[float]:
    """How long to wait for what the library is to end within `timeout`."""
    return None if timeout is None else number(timeout, "timeout") + _GRACE


def ask(
    handle: Handle,
    verb: str,
    *arguments: Any,
    what: str,
    timeout: Optional[float],
    on_progress: Optional[Callable[[int, int], Any]] = None,
    ticket: Optional[ctypes.c_uint64] = None,
) -> Any:
    """Begins a request and waits for its outcome. `on_progress` is called meanwhile, here.

    TimedOutError after `timeout` seconds; the request is given up then, as whenever this raises.
    """
    milliseconds(timeout, "timeout")
    deadline = None if timeout is None else time.monotonic() + timeout
    request = _Waiting()
    try:
        begin(handle, verb, *arguments, request=request, ticket=ticket)
        while True:
            told = request.inbox.get(None if deadline is None else max(deadline - time.monotonic(), 0.0))
            if told is not None:
                break
            stored, request.stored = request.stored, None
            if on_progress is not None and stored is not None:
                on_progress(*stored)
    except _native.Empty:
        give_up(request)
        raise TimedOutError(f"{what}: no outcome within {timeout} s; it may still come to pass") from None
    except BaseException:
        give_up(request)
        raise
    finally:
        request.inbox.close()
    outcome, error = told
    if error is not None:
        raise error
    return outcome


def _end(slot: Optional[int], status: int, error: Optional[bytes], outcome: Callable[[], Any]) -> None:
    request = _slots.take(slot)
    if request is None:
        return
    try:
        if status:
            raise error_for(status, said(error))
        result = outcome()
    except BaseException as exception:  # to whoever waits, whatever it is
        request.end(None, exception)
    else:
        request.end(result, None)


@_abi.DoneFn
def ON_DONE(slot: Optional[int], status: int, error: Optional[bytes]) -> None:
    _end(slot, status, error, lambda: None)


@_abi.ProgressFn
def ON_PROGRESS(slot: Optional[int], done: int, total: int) -> None:
    request = _slots.get(slot)
    if request is not None:
        request.progress(done, total)


@_abi.PublishedFn
def ON_PUBLISHED(slot: Optional[int], status: int, error: Optional[bytes], published: Any) -> None:
    _end(slot, status, error, lambda: _records.published(published))


@_abi.ReleasesFn
def ON_RELEASES(slot: Optional[int], status: int, error: Optional[bytes], releases: Any, count: int) -> None:
    _end(slot, status, error, lambda: [_records.release(releases[i]) for i in range(count)])


@_abi.RollupFn
def ON_ROLLUP(slot: Optional[int], status: int, error: Optional[bytes], rollup: Any) -> None:
    _end(slot, status, error, lambda: _records.rollup(rollup))


@_abi.RowsFn
def ON_TIERS(
    slot: Optional[int], status: int, error: Optional[bytes], tiers: Any, count: int, following: Optional[bytes]
) -> None:
    """Its outcome is the rows and the cursor of the page after them."""
    _end(slot, status, error, lambda: ([_records.tier(tiers[i]) for i in range(count)], said(following)))


@_abi.MembersFn
def ON_MEMBERS(
    slot: Optional[int], status: int, error: Optional[bytes], members: Any, count: int, following: Optional[bytes]
) -> None:
    """As ON_TIERS."""
    _end(slot, status, error, lambda: ([_records.member(members[i]) for i in range(count)], said(following)))


@_abi.ResultFn
def ON_RESULT(slot: Optional[int], status: int, error: Optional[bytes], result: _abi.Bytes) -> None:
    keep()
    request = _slots.take(slot)
    if request is None:
        return
    if not status:
        request.end(copied(result.data, result.size), None)
    elif status == Status.FAILED:  # what the module said has bytes, too
        request.end(None, FailedError(said(error), copied(result.data, result.size)))
    else:
        request.end(None, error_for(status, said(error)))
