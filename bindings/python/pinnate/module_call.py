"""One call as the module that answers it sees it."""

from __future__ import annotations

import ctypes
import inspect
from ctypes import byref
from typing import Any, Callable, Dict, Mapping, Optional

from . import _abi, _native
from ._logging import c_level
from ._tables import FrozenMapping
from ._unique import Unique
from ._values import required, said
from .errors import ClosedError, InvalidError


class ModuleCall(Unique):
    """What a function gets that has a parameter named `call`: handle(payload, call). May be used on
    any thread.
    """

    def __init__(self, name: str, version: str, host: _abi.Host, reply: Any) -> None:
        """For the engine; functions receive their calls."""
        self.name = name
        """The function's name."""
        self.version = version
        """The module's version."""
        self._host = host
        self._reply: Optional[Any] = reply
        self._headers: Optional[Mapping[str, str]] = None
        self._lock = _native.allocate_rlock()  # between looking at the call and ending it on another thread

    @property
    def headers(self) -> Mapping[str, str]:
        """What the caller sent beside the payload, by key. ClosedError: they were not looked at
        before the call was answered, and are gone.
        """
        with self._lock:
            if self._headers is None:
                if self._reply is None:
                    raise ClosedError(f"'{self.name}' {self.version}: this call is answered, and its headers are gone")
                found: Dict[str, str] = {}
                key, value = ctypes.c_char_p(), ctypes.c_char_p()
                while self._host.header_at(self._reply, len(found), byref(key), byref(value)):
                    found[said(key.value)] = said(value.value)
                self._headers = FrozenMapping(found)
            return self._headers

    @property
    def remaining(self) -> float:
        """Seconds until the caller gives up; 0 when it has, or when the call is answered."""
        with self._lock:
            return 0.0 if self._reply is None else self._host.remaining_ms(self._reply) / 1e3

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for the answer any more, so that work on it is lost: the caller gave
        up, its time is up, or the call is answered.
        """
        with self._lock:
            return self._reply is None or bool(self._host.cancelled(self._reply))

    def log(self, level: int, line: str) -> None:
        """Writes a line to the engine's log, by a level of `logging`. Does nothing once the call is
        answered.
        """
        level, words = c_level(level), required(line, "line")
        with self._lock:
            if self._reply is not None:
                self._host.log(self._host.context, level, words)

    def _take(self) -> Any:
        """The reply, which is used once; None when it has been."""
        with self._lock:
            reply, self._reply = self._reply, None
        return reply

    def __repr__(self) -> str:
        return f"<pinnate.ModuleCall of '{self.name}' {self.version}, {'answered' if self._reply is None else 'open'}>"


def takes_call(function: Callable[..., Any], what: str) -> bool:
    """Whether a function is to be given its ModuleCall. InvalidError: it cannot be called with a
    payload.
    """
    for kind in (inspect.isgeneratorfunction, inspect.isasyncgenfunction):
        if kind(function):
            raise InvalidError(f"{what} is a generator function, which answers nothing: return the bytes")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return False  # written in C: it says no more of itself
    named = signature.parameters.get("call")
    wants = named is not None and named.kind in (named.KEYWORD_ONLY, named.POSITIONAL_OR_KEYWORD)
    try:
        if wants:
            signature.bind(b"", call=None)
        else:
            signature.bind(b"")
    except TypeError:
        raise InvalidError(f"{what}{signature} cannot be called as (payload), nor as (payload, call)") from None
    return wants


def takes_one(function: Callable[..., Any], what: str) -> None:
    """InvalidError: a function is a coroutine's, or does not take one argument."""
    if inspect.iscoroutinefunction(function):
        raise InvalidError(f"{what} is a coroutine function; only what answers calls may be one")
    try:
        signature = inspect.signature(function)
        signature.bind(b"")
    except ValueError:
        pass
    except TypeError:
        raise InvalidError(f"{what}{signature} cannot be called with one argument") from None
