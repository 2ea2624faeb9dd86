"""Calling a function somewhere in the fleet."""

from __future__ import annotations

import concurrent.futures
import ctypes
from typing import Any, Mapping, Optional, Tuple

from . import _abi
from ._handle import Handle
from ._requests import ON_RESULT, FutureRequest, Request, after, ask, begin, give_up
from ._values import BytesLike, as_bytes, flag, header_array, limit_ms, required, text


class Order(ctypes.Structure):
    """A pinnate_call whose payload is given as bytes, which it keeps alive."""

    _fields_ = [
        part
        for field, kind in _abi.Call._fields_
        for part in (
            [("payload", ctypes.c_char_p), ("payload_bytes", ctypes.c_size_t)] if field == "payload" else [(field, kind)]
        )
    ]


_SIZE = ctypes.sizeof(Order)


def order_of(
    name: str,
    payload: BytesLike,
    engine: Optional[str],
    timeout: Optional[float],
    idempotent: bool,
    headers: Optional[Mapping[str, str]] = None,
    ticket: Optional[ctypes.c_uint64] = None,
) -> Order:
    """`ticket`: kept by the caller until the library has written the call's there."""
    content = as_bytes(payload, "payload")
    given = None if headers is None else header_array(headers)
    return Order(
        _SIZE, required(name, "name"), content, len(content), text(engine, "engine"), limit_ms(timeout),
        flag(idempotent, "idempotent"), given, 0 if given is None else len(given), None if ticket is None else ctypes.pointer(ticket),
    )


def call_struct(*order: Any) -> Tuple[Any, Order]:
    """A pointer to the struct for functions that are declared with one, and what keeps all of it
    alive.
    """
    made = order_of(*order)
    return ctypes.cast(ctypes.byref(made), ctypes.POINTER(_abi.Call)), made


def call_out(handle: Handle, name: str, payload: BytesLike, engine: Optional[str], timeout: Optional[float], *order: Any) -> bytes:
    """Calls through the tree and waits for the one outcome."""
    ticket = ctypes.c_uint64()
    call, alive = call_struct(name, payload, engine, timeout, *order, ticket)
    result: bytes = ask(
        handle, "call", call, ON_RESULT, what=f"calling '{name}'", timeout=after(timeout), ticket=ticket
    )
    del alive  # the library has copied it
    return result


class BeginningCalls(Handle):
    """A handle that calls functions of the fleet without a thread that waits."""

    def _begin_call(self, request: Request, *order: Any) -> None:
        ticket = ctypes.c_uint64()
        call, alive = call_struct(*order, ticket)
        begin(self, "call", call, ON_RESULT, request=request, ticket=ticket)
        del alive  # the library has copied it

    def begin_call(
        self,
        name: str,
        payload: BytesLike = b"",
        *,
        engine: Optional[str] = None,
        timeout: Optional[float] = 10.0,
        idempotent: bool = False,
        headers: Optional[Mapping[str, str]] = None,
    ) -> "concurrent.futures.Future[bytes]":
        """Begins a call and gives the future of its answer; the arguments and errors are those of
        Controller.call().

        The call ends by itself at its `timeout`. Future.cancel() gives it up: a function that has
        not begun does not, and one that runs sees it by ModuleCall.cancelled.
        """
        request = FutureRequest()
        self._begin_call(request, name, payload, engine, timeout, idempotent, headers)

        def on_done(future: "concurrent.futures.Future[bytes]") -> None:
            if future.cancelled():
                give_up(request)

        request.future.add_done_callback(on_done)
        return request.future

    async def acall(
        self,
        name: str,
        payload: BytesLike = b"",
        *,
        engine: Optional[str] = None,
        timeout: Optional[float] = 10.0,
        idempotent: bool = False,
        headers: Optional[Mapping[str, str]] = None,
    ) -> bytes:
        """Calls a function and lets the running asyncio loop go on meanwhile. No thread waits.

        The arguments and errors are those of Controller.call(). A task that is cancelled gives the
        call up, as Future.cancel() does in begin_call().
        """
        from ._coroutines import LoopRequest

        request = LoopRequest()
        self._begin_call(request, name, payload, engine, timeout, idempotent, headers)
        try:
            return await request.future  # type: ignore[no-any-return]
        except BaseException:
            give_up(request)
            raise


class Calling(BeginningCalls):
    """A handle that calls functions of the fleet."""

    def call(
        self,
        name: str,
        payload: BytesLike = b"",
        *,
        engine: Optional[str] = None,
        timeout: Optional[float] = 10.0,
        idempotent: bool = False,
        headers: Optional[Mapping[str, str]] = None,
    ) -> bytes:
        """Calls a function somewhere in the fleet and returns its answer.

        `payload`: at most 1 MiB. `engine`: only this one; default: any that serves the function.
        `timeout` is also bounded by the release's call limit. `idempotent`: it may run again
        elsewhere when a link is lost. `headers`: what goes with the call beside its payload, such
        as a request id, text by key; the function sees it as ModuleCall.headers.

        FailedError: the service said so, in its words. NotFoundError, UnreachableError: nobody
        could take it. TimedOutError, InterruptedCallError: it may or may not have run. BusyError:
        the engine's queue is full.
        """
        return call_out(self, name, payload, engine, timeout, idempotent, headers)
