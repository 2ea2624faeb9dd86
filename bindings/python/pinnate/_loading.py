"""The C side of loaders: the functions that the library calls, which find Python's objects by
number.

Nothing of Python is raised into the library: failures go out as words.
"""

from __future__ import annotations

import ctypes
import functools
import inspect
import logging
import traceback
from typing import Any, Callable, NamedTuple, Optional, Set

from . import _abi, _slots
from ._caller import caller, is_the_callers
from ._later import answered_later, later
from ._thread_states import keep
from ._values import as_bytes, copied, flag, is_bytes, required, said
from .errors import InvalidError, NotFoundError, PinnateError
from .loader import Image, Loader
from .module_call import ModuleCall, takes_call

# Whole tracebacks, for hosts that want them; callers and the fleet get the last line.
_log = logging.getLogger("pinnate.loader")


class LoaderSeat(NamedTuple):
    """A loader at one engine, whose shelf keeps what it makes."""

    loader: Loader
    shelf: _slots.Shelf


class _Module(NamedTuple):
    module: Any
    image: Image
    shelf: _slots.Shelf
    in_turn: bool  # whether its calls run one at a time


def _fail_unanswered(fail: Any, pointer: int) -> None:
    fail(pointer, b"the function was interrupted before it began, or let its call go unanswered")


class _Service:
    """A service, and how its calls are answered."""

    def __init__(self, created: Any, loaded: _Module, host: Any) -> None:
        self.created = created
        self.image = loaded.image
        # Not the shelf itself, which keeps this.
        self._running: Set[str] = loaded.shelf.running if loaded.in_turn else set()
        self.host: _abi.Host = _abi.sized(host, _abi.Host)
        self._call = created.call
        self._takes_call = takes_call(created.call, "call")
        self._answer, self._fail = self.host.answer, self.host.fail
        # The tables of all hosts have the same functions.
        _abi.Reply.unanswered = functools.partial(_fail_unanswered, self._fail)

    def take(self, reply: _abi.Reply, payload: bytes) -> None:
        """Has the service answer a call, now or later."""
        call: Optional[ModuleCall] = None
        try:
            self._running.add(self.image.name)
            if self._takes_call:
                call = self._seen(reply)
                result = self._call(payload, call=call)
            else:
                result = self._call(payload)
            if type(result) is not bytes and answered_later(result):
                call = call or self._seen(reply)
                later(result, call, self)
            else:
                self.end(call._take() if call else reply, result)
        except BaseException as error:
            if caller.calling and is_the_callers(error):
                caller.raised = error
            else:
                _log.warning("a call of '%s' %s failed", self.image.name, self.image.version, exc_info=True)
            self.give_up(call._take() if call else reply, error)
        finally:
            self._running.discard(self.image.name)

    def _seen(self, reply: _abi.Reply) -> ModuleCall:
        return ModuleCall(self.image.name, self.image.version, self.host, reply)

    def end(self, reply: Optional[_abi.Reply], result: Any) -> None:
        if not is_bytes(result):
            raise InvalidError(f"'{self.image.name}' answered with {type(result).__name__} instead of bytes")
        answer = as_bytes(result, "result")
        size = len(answer)
        pointer = None if reply is None else reply.take()
        if pointer:  # from here to the call there is no place where a signal handler would run
            self._answer(pointer, answer, size)

    def give_up(self, reply: Optional[_abi.Reply], error: BaseException) -> None:
        told = words(error).encode("utf-8", "replace")
        pointer = None if reply is None else reply.take()
        if pointer:
            self._fail(pointer, told)

    def ended_later(self, call: ModuleCall, result: Any, error: Optional[BaseException]) -> None:
        """What a coroutine or a future came to."""
        reply = call._take()
        if error is None:
            try:
                return self.end(reply, result)
            except InvalidError as wrong:
                error = wrong
        _log.warning("a call of '%s' %s failed", self.image.name, self.image.version, exc_info=error)
        self.give_up(reply, error)


def loader_struct(loader: Loader, number: int) -> _abi.Loader:
    """The table for pinnate_engine_add_loader; `number` is the seat's in _slots."""
    return _abi.Loader(
        size=ctypes.sizeof(_abi.Loader),
        kind=required(loader.kind, "kind"),
        flags=_abi.CALLS_MAY_OVERLAP if flag(loader.calls_may_overlap, "calls_may_overlap") else 0,
        self=number,
        load=_ON_LOAD,
        create=_ON_CREATE,
        call=_ON_CALL,
        check_health=_ON_CHECK_HEALTH,
        destroy=_ON_DESTROY,
        unload=_ON_UNLOAD,
    )


def words(error: BaseException) -> str:
    """The last line of a traceback and where it came from, on one line."""
    if isinstance(error, PinnateError):
        told = str(error)
    elif isinstance(error, SyntaxError):
        told = f"{type(error).__name__}: {error}"  # it says where in its own words
    else:
        told = traceback.format_exception_only(type(error), error)[-1]
        frames = traceback.extract_tb(error.__traceback__)
        if frames:
            told = f"{told.strip()} ({frames[-1].filename}, line {frames[-1].lineno}, in {frames[-1].name})"
    return " ".join(told.replace("\0", " ").split())


def _write(target: Optional[int], size: int, told: str) -> None:
    if not target or not size:
        return
    # Cut where it must be, but not inside a character.
    cut = told.encode("utf-8", "replace")[: size - 1].decode("utf-8", "ignore").encode()
    ctypes.memmove(target, cut + b"\0", len(cut) + 1)


def _attempt(work: Callable[[], None], what: str, error: Optional[int], error_bytes: int) -> int:
    try:
        work()
        return 0
    except BaseException as exception:  # SystemExit too: a module does not end its host
        _log.warning("%s failed", what, exc_info=True)
        _write(error, error_bytes, words(exception))
        return 1


def _found(number: Optional[int], what: str) -> Any:
    thing = _slots.get(number)
    if thing is None:
        raise NotFoundError(f"this {what} is gone: its engine was closed")
    return thing


@_abi.LoadFn
def _ON_LOAD(number: Optional[int], c_image: Any, module: Any, error: Optional[int], error_bytes: int) -> int:
    def work() -> None:
        c = _abi.sized(c_image, _abi.Image)
        image = Image(
            said(c.name), said(c.version), said(c.digest), c.fd, said(c.fd_path), c.data or 0, c.size_bytes
        )
        seat: LoaderSeat = _found(number, "loader")
        loaded = seat.loader.load(image)
        if not callable(getattr(loaded, "create", None)):
            raise InvalidError(f"the loader gave a {type(loaded).__name__}, which has no create(config)")
        module[0] = seat.shelf.add(_Module(loaded, image, seat.shelf, not seat.loader.calls_may_overlap))

    return _attempt(work, "load", error, error_bytes)


@_abi.CreateFn
def _ON_CREATE(
    number: Optional[int],
    host: Any,
    config: Optional[int],
    config_bytes: int,
    service: Any,
    error: Optional[int],
    error_bytes: int,
) -> int:
    def work() -> None:
        loaded = _found(number, "module")
        created = loaded.module.create(copied(config, config_bytes))
        if not callable(getattr(created, "call", None)):
            raise InvalidError(f"create(config) gave a {type(created).__name__}, which has no call(payload)")
        if inspect.iscoroutinefunction(getattr(created, "check_health", None)):
            raise InvalidError("check_health is a coroutine function; only what answers calls may be one")
        service[0] = loaded.shelf.add(_Service(created, loaded, host))

    return _attempt(work, "create", error, error_bytes)


@_abi.CallFn
def _ON_CALL(
    module: Optional[int], slot: Optional[int], reply: _abi.Reply, payload: Optional[int], payload_bytes: int
) -> None:
    keep()
    service: _Service = _slots.get(slot)  # there: the library destroys a service only after its last call
    service.take(reply, copied(payload, payload_bytes))


@_abi.CheckHealthFn
def _ON_CHECK_HEALTH(
    module: Optional[int], number: Optional[int], error: Optional[int], error_bytes: int
) -> int:
    def work() -> None:
        check = getattr(_found(number, "service").created, "check_health", None)
        if check is not None and check() is False:
            raise InvalidError("check_health() returned False")

    return _attempt(work, "check_health", error, error_bytes)


@_abi.DestroyFn
def _ON_DESTROY(module: Optional[int], number: Optional[int]) -> None:
    found = _slots.take(number)
    close = getattr(found.created, "close", None) if found is not None else None
    if close is not None:
        close()  # what it raises, ctypes reports through sys.unraisablehook


@_abi.UnloadFn
def _ON_UNLOAD(number: Optional[int]) -> None:
    found = _slots.take(number)
    if found is None:
        return
    try:
        unload = getattr(found.module, "unload", None)
        if unload is not None:
            unload()
    finally:
        found.image._invalidate()
