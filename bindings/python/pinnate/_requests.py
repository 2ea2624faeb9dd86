"""Asks the library for something and waits for the callback that ends it."""

from __future__ import annotations

import concurrent.futures
from typing import Any, Callable, Optional

from . import _abi, _records, _slots
from ._handle import Handle
from ._library_thread import on_library_thread, refuse
from ._values import copied, milliseconds, number, said
from .errors import FailedError, Status, TimedOutError, error_for


class Request:
    """What a callback finds under its number: where the outcome goes, and who hears of progress."""

    def __init__(self, on_progress: Optional[Callable[[int, int], Any]] = None) -> None:
        self.future: "concurrent.futures.Future[Any]" = concurrent.futures.Future()
        self.on_progress = on_progress


# The library ends calls and lookups at their own limit; this much later Python gives up on the library.
_GRACE = 5.0


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
) -> Any:
    """Calls pinnate_<noun>_<verb> with `arguments` and a request's number, and waits for its outcome.

    The last of `arguments` is the callback, one of the ON_... below. TimedOutError after `timeout` seconds;
    the request goes on then, and its outcome is dropped.
    """
    refuse(f"{type(handle).__name__}.{verb}")
    if timeout is not None:
        milliseconds(timeout, "timeout")
    request = Request(on_progress)
    slot = _slots.add(request)
    try:
        handle._invoke(verb, *arguments, slot)
    except BaseException:
        _slots.drop([slot])
        raise
    try:
        return request.future.result(timeout)
    except concurrent.futures.TimeoutError as error:
        # An outcome that says so itself is a TimedOutError, which is a TimeoutError too.
        if isinstance(error, TimedOutError):
            raise
        raise TimedOutError(f"{what}: no outcome within {timeout} s; it may still come to pass") from None


def _end(
    number: Optional[int], status: int, error: Optional[bytes], outcome: Callable[[], Any]
) -> None:
    request = _slots.take(number)
    if request is None:
        return
    try:
        if status:
            raise error_for(status, said(error))
        request.future.set_result(outcome())
    except BaseException as exception:  # to whoever waits, whatever it is
        request.future.set_exception(exception)


@_abi.DoneFn
@on_library_thread
def ON_DONE(number: Optional[int], status: int, error: Optional[bytes]) -> None:
    _end(number, status, error, lambda: None)


@_abi.ProgressFn
@on_library_thread
def ON_PROGRESS(number: Optional[int], done: int, total: int) -> None:
    request = _slots.get(number)
    if request is not None and request.on_progress is not None:
        request.on_progress(done, total)


@_abi.PublishedFn
@on_library_thread
def ON_PUBLISHED(number: Optional[int], status: int, error: Optional[bytes], published: Any) -> None:
    _end(number, status, error, lambda: _records.published(published))


@_abi.ReleasesFn
@on_library_thread
def ON_RELEASES(
    number: Optional[int], status: int, error: Optional[bytes], releases: Any, count: int
) -> None:
    _end(number, status, error, lambda: [_records.release(releases[i]) for i in range(count)])


@_abi.RollupFn
@on_library_thread
def ON_ROLLUP(number: Optional[int], status: int, error: Optional[bytes], rollup: Any) -> None:
    _end(number, status, error, lambda: _records.rollup(rollup))


@_abi.TiersFn
@on_library_thread
def ON_TIERS(
    number: Optional[int], status: int, error: Optional[bytes], tiers: Any, count: int, following:
    Optional[bytes]
) -> None:
    """Its outcome is the rows and the cursor of the page after them."""
    _end(
        number, status, error, lambda: ([_records.tier(tiers[i]) for i in range(count)], said(following))
    )


@_abi.ResultFn
@on_library_thread
def ON_RESULT(number: Optional[int], status: int, error: Optional[bytes], result: _abi.Bytes) -> None:
    def outcome() -> bytes:
        content = copied(result.data, result.size)
        if status == Status.FAILED:
            raise FailedError(said(error), content)
        return content

    # A failure of the module has a result too, so it takes the way of the results.
    _end(number, Status.OK if status == Status.FAILED else status, error, outcome)
