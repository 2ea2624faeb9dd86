"""Knows whether the running code is a callback that the library waits for, where waiting would deadlock."""

from __future__ import annotations

import functools
import threading
from typing import Any, Callable

from .errors import WrongThreadError

_local = threading.local()


def on_library_thread(function: Callable[..., None]) -> Callable[..., None]:
    """Marks a callback. What it raises goes on to ctypes, which reports it through sys.unraisablehook."""

    @functools.wraps(function)
    def marked(*arguments: Any) -> None:
        before = getattr(_local, "inside", False)
        _local.inside = True
        try:
            function(*arguments)
        finally:
            _local.inside = before

    return marked


def refuse(what: str) -> None:
    """Raises WrongThreadError inside a callback; `what` is the function that would wait."""
    if getattr(_local, "inside", False):
        raise WrongThreadError(
            f"{what} waits for the library's thread, and this callback runs on it; call it on another thread"
        )
