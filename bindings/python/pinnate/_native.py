"""What threads of the library's share with threads of Python's, also where gevent has patched the
latter.

A thread of the library's knows no greenlets: it can neither take nor wake what gevent put in the
place of locks and queues. So what it touches is made of the originals, and a greenlet that waits is
woken through its hub.
"""

from __future__ import annotations

import collections
import queue
import sys
from importlib import import_module
from typing import Any, Callable, Deque, Optional


def _original(module: str, name: str) -> Any:
    monkey = sys.modules.get("gevent.monkey")
    return getattr(import_module(module), name) if monkey is None else monkey.get_original(module, name)


allocate_lock: Callable[[], Any] = _original("_thread", "allocate_lock")
allocate_rlock: Callable[[], Any] = _original("_thread", "RLock")
start_thread: Callable[..., int] = _original("_thread", "start_new_thread")
thread_id: Callable[[], int] = _original("_thread", "get_ident")
SimpleQueue: Callable[[], Any] = _original("queue", "SimpleQueue")
Empty = queue.Empty


def patched() -> bool:
    """Whether gevent has patched threads, so that waiting is a matter of greenlets."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and monkey.is_module_patched("threading")


def hub_callback() -> Callable[..., Any]:
    """What has a function called by the hub of this thread; itself it may be called on any
    thread.
    """
    import gevent

    call: Callable[..., Any] = gevent.get_hub().loop.run_callback_threadsafe
    return call


class _GreenInbox:
    """An inbox that one greenlet waits at while the others run."""

    def __init__(self) -> None:
        import gevent
        from gevent.event import Event

        self._items: Deque[Any] = collections.deque()
        self._event = Event()
        self._watcher = gevent.get_hub().loop.async_()
        self._watcher.start(self._event.set)

    def put(self, item: Any) -> None:
        self._items.append(item)
        watcher = self._watcher
        if watcher is not None:
            watcher.send()

    def get(self, timeout: Optional[float]) -> Any:
        while not self._items:
            self._event.clear()
            if not self._items and not self._event.wait(timeout):
                raise queue.Empty
        return self._items.popleft()

    def close(self) -> None:
        watcher, self._watcher = self._watcher, None
        watcher.stop()
        watcher.close()


class _Inbox:
    """What any thread puts things in, and the one that made it takes out of."""

    def __init__(self) -> None:
        items = SimpleQueue()
        self.put: Callable[[Any], None] = items.put
        self._get = items.get

    def get(self, timeout: Optional[float]) -> Any:
        """Waits; Empty is raised after `timeout` seconds."""
        return self._get(True, timeout)

    def close(self) -> None:
        pass


def inbox() -> Any:
    """An inbox for the running thread or greenlet, which is to close it."""
    return _GreenInbox() if patched() else _Inbox()
