"""The C side of loaders: the functions that the library calls, which find Python's objects by number.

Nothing of Python is raised into the library: failures go out as words.
"""

from __future__ import annotations

import ctypes
import logging
import traceback
from typing import Any, Callable, NamedTuple, Optional

from . import _abi, _slots
from ._values import as_bytes, copied, is_bytes, said, text
from .errors import InvalidError, NotFoundError, PinnateError
from .loader import Image, Loader

# Whole tracebacks, for hosts that want them; callers and the fleet get the last line.
_log = logging.getLogger("pinnate.loader")


class _Module(NamedTuple):
    module: Any
    image: Image


class _Service(NamedTuple):
    service: Any
    image: Image
    host: _abi.Host


def loader_struct(loader: Loader, number: int) -> _abi.Loader:
    """The table for pinnate_engine_add_loader; `number` is the loader's in _slots."""
    return _abi.Loader(
        size=ctypes.sizeof(_abi.Loader),
        kind=text(loader.kind, "kind"),
        flags=_abi.CALLS_MAY_OVERLAP if loader.calls_may_overlap else 0,
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
        loaded = _found(number, "loader").load(image)
        if not callable(getattr(loaded, "create", None)):
            raise InvalidError(f"the loader gave a {type(loaded).__name__}, which has no create(config)")
        module[0] = _slots.add(_Module(loaded, image))

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
        service[0] = _slots.add(_Service(created, loaded.image, host.contents))

    return _attempt(work, "create", error, error_bytes)


@_abi.CallFn
def _ON_CALL(
    module: Optional[int], number: Optional[int], reply: Optional[int], payload: Optional[int], payload_bytes:
    int
) -> None:
    found: _Service = _slots.get(number)  # there: the library destroys a service only after its last call
    try:
        result = found.service.call(copied(payload, payload_bytes))
        if not is_bytes(result):
            raise InvalidError(f"'{found.image.name}' answered with {type(result).__name__} instead of bytes")
        answer = as_bytes(result, "result")
    except BaseException as exception:  # the caller gets it, whatever it is
        _log.warning("a call of '%s' %s failed", found.image.name, found.image.version, exc_info=True)
        found.host.fail(reply, words(exception).encode("utf-8", "replace"))
    else:
        found.host.answer(reply, answer, len(answer))


@_abi.CheckHealthFn
def _ON_CHECK_HEALTH(
    module: Optional[int], number: Optional[int], error: Optional[int], error_bytes: int
) -> int:
    def work() -> None:
        check = getattr(_found(number, "service").service, "check_health", None)
        if check is not None and check() is False:
            raise InvalidError("check_health() returned False")

    return _attempt(work, "check_health", error, error_bytes)


@_abi.DestroyFn
def _ON_DESTROY(module: Optional[int], number: Optional[int]) -> None:
    found = _slots.take(number)
    close = getattr(found.service, "close", None) if found is not None else None
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
