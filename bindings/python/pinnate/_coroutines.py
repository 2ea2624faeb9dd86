"""Requests that a coroutine waits for. Imported when the first one is made: asyncio takes its time
to load.
"""

from __future__ import annotations

import asyncio
import collections
import weakref
from typing import Any, Deque, Optional, Tuple

from . import _native
from ._requests import Request


class _Landing:
    """Brings outcomes to the thread of an asyncio loop, which is woken once for all that came
    meanwhile.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._wake = loop.call_soon_threadsafe
        self._landed: "Deque[Tuple[asyncio.Future[Any], Any, Optional[BaseException]]]" = collections.deque()
        self._woken = _native.allocate_lock()

    def put(self, future: "asyncio.Future[Any]", outcome: Any, error: Optional[BaseException]) -> None:
        self._landed.append((future, outcome, error))
        if self._woken.acquire(False):
            try:
                self._wake(self._take)
            except RuntimeError:  # the loop is closed: nobody waits any more
                self._landed.clear()

    def _take(self) -> None:
        self._woken.release()
        while self._landed:
            future, outcome, error = self._landed.popleft()
            if future.done():  # cancelled meanwhile
                continue
            if error is None:
                future.set_result(outcome)
            else:
                future.set_exception(error)


_landings: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Landing]" = weakref.WeakKeyDictionary()


class LoopRequest(Request):
    """A coroutine waits on the running loop."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        landing = _landings.get(loop)
        if landing is None:
            landing = _landings[loop] = _Landing(loop)
        self.future: "asyncio.Future[Any]" = loop.create_future()
        self._put = landing.put

    def end(self, outcome: Any, error: Optional[BaseException]) -> None:
        self._put(self.future, outcome, error)
