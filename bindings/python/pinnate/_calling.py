"""Calling a function somewhere in the fleet."""

from __future__ import annotations

import ctypes
from typing import Optional, Tuple

from . import _abi
from ._handle import Handle
from ._requests import ON_RESULT, after, ask
from ._values import BytesLike, as_bytes, flag, limit_ms, point_at, required, text


def call_struct(
    name: str, payload: BytesLike, engine: Optional[str], timeout: Optional[float], idempotent: bool
) -> Tuple[_abi.Call, bytes]:
    """The struct, and the bytes that it points at."""
    content = as_bytes(payload, "payload")
    call = _abi.Call(
        size=ctypes.sizeof(_abi.Call),
        name=required(name, "name"),
        engine=text(engine, "engine"),
        timeout_ms=limit_ms(timeout),
        idempotent=flag(idempotent, "idempotent"),
    )
    point_at(call.payload, content)
    return call, content


def call_out(
    handle: Handle, name: str, payload: BytesLike, engine: Optional[str], timeout: Optional[float], idempotent: bool
) -> bytes:
    """Calls through the tree and waits for the one outcome."""
    call, alive = call_struct(name, payload, engine, timeout, idempotent)
    result: bytes = ask(
        handle, "call", ctypes.byref(call), ON_RESULT, what=f"calling '{name}'", timeout=after(timeout)
    )
    del alive  # the library has copied it
    return result


class Calling(Handle):
    """A handle that calls functions of the fleet."""

    def call(
        self,
        name: str,
        payload: BytesLike = b"",
        *,
        engine: Optional[str] = None,
        timeout: Optional[float] = 10.0,
        idempotent: bool = False,
    ) -> bytes:
        """Calls a function somewhere in the fleet and returns its answer.

        `payload`: at most 1 MiB. `engine`: only this one; default: any that serves the function. `timeout`
        is also bounded by the release's call limit. `idempotent`: it may run again elsewhere when a link is
        lost.

        FailedError: the service said so, in its words. NotFoundError, UnreachableError: nobody could take it.
        TimedOutError, InterruptedCallError: it may or may not have run. BusyError: the engine's queue is
        full.
        """
        return call_out(self, name, payload, engine, timeout, idempotent)
