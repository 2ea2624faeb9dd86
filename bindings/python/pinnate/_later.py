"""Answers that come later: coroutines, which run on a loop of this package's, and futures of
whoever made them.
"""

from __future__ import annotations

import concurrent.futures
import inspect
import os
import sys
import threading
from typing import TYPE_CHECKING, Any, Optional

from . import _native
from .errors import CancelledError, UnsupportedError
from .module_call import ModuleCall

if TYPE_CHECKING:
    import asyncio

    from ._loading import _Service

# A module can ask whether its caller has given up, but is not told: seconds between looking.
_LOOK = 0.1

_lock = _native.allocate_lock()
_loop: "Optional[asyncio.AbstractEventLoop]" = None


def answered_later(result: Any) -> bool:
    """Whether a function gave something that is yet to become the answer."""
    return isinstance(result, concurrent.futures.Future) or inspect.isawaitable(result)


def later(result: Any, call: ModuleCall, service: "_Service") -> None:
    """Answers the call with what `result` comes to."""

    def on_done(future: Any) -> None:
        if future.cancelled():
            late = "nobody waited any more" if call.cancelled else "it was cancelled"
            service.ended_later(call, None, CancelledError(f"'{call.name}' {call.version} did not answer: {late}"))
        else:
            error = future.exception()
            service.ended_later(call, None if error else future.result(), error)

    if isinstance(result, concurrent.futures.Future):
        return result.add_done_callback(on_done)
    # Whoever has made a future of asyncio's has loaded it.
    asyncio_future = sys.modules["asyncio"].Future if "asyncio" in sys.modules else ()
    if isinstance(result, asyncio_future):
        result.get_loop().call_soon_threadsafe(result.add_done_callback, on_done)
        return None
    if _native.patched():
        getattr(result, "close", lambda: None)()
        raise UnsupportedError("coroutines cannot be answers where gevent has patched threads: spawn a greenlet instead")
    import asyncio

    async def run() -> Any:
        task = asyncio.ensure_future(result)
        while not task.done():
            await asyncio.wait({task}, timeout=min(call.remaining, _LOOK))
            if call.cancelled and not task.done():
                task.cancel()
                await asyncio.wait({task})
        return task.result()

    asyncio.run_coroutine_threadsafe(run(), _own_loop()).add_done_callback(on_done)
    return None


def _own_loop() -> "asyncio.AbstractEventLoop":
    global _loop
    import asyncio

    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="pinnate-asyncio", daemon=True).start()
        return _loop


def _forked() -> None:
    global _loop, _lock
    _loop, _lock = None, _native.allocate_lock()


os.register_at_fork(after_in_child=_forked)
