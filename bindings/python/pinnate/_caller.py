"""The thread that calls a function of its own engine, and what reaches it past the library."""

from __future__ import annotations

import functools
import inspect
import signal
import threading
import types
from typing import Any, Iterator, Optional


class Caller(threading.local):
    """Of the running thread."""

    calling = False
    """Whether it is inside a call in process, which the library may have it run itself."""
    raised: Optional[BaseException] = None
    """What is to be raised by that call, instead of the failure that the library was told."""


caller = Caller()


def is_the_callers(error: BaseException) -> bool:
    """Whether it is no failure of the module: KeyboardInterrupt, SystemExit, or what a signal
    handler raised.
    """
    return not isinstance(error, Exception) or any(code in _handlers() for code in _codes(error))


def _codes(error: BaseException) -> Iterator[types.CodeType]:
    traceback = error.__traceback__
    while traceback is not None:
        yield traceback.tb_frame.f_code
        traceback = traceback.tb_next


def _handlers() -> "set[Any]":
    """The code of this process's signal handlers."""
    if threading.current_thread() is not threading.main_thread():
        return set()  # they run on the main thread alone
    return {_code(signal.getsignal(number)) for number in signal.valid_signals()} - {None}


def _code(handler: Any) -> Optional[types.CodeType]:
    while isinstance(handler, functools.partial):
        handler = handler.func
    if not inspect.isroutine(handler) and callable(handler) and not isinstance(handler, int):
        handler = type(handler).__call__
    handler = getattr(handler, "__func__", handler)
    code: Optional[types.CodeType] = getattr(handler, "__code__", None)
    return code
