"""The end of the program: handles that are open close, and no function that goes on keeps the
program from ending.

In this order: the main thread has come to its end; Python joins threads, before which handles begin
to close, so that who waits in them is let go; functions at exit run, which wait for the handles.
"""

from __future__ import annotations

import atexit
import concurrent.futures.thread  # noqa: F401: registers its joining of threads, which is to come after this
import os
import signal
import sys
import threading
import time
import warnings
from typing import TYPE_CHECKING, Any, Callable, List

from . import _callbacks
from ._closing import Closing, unfinished
from .errors import ClosedError, PinnateError

if TYPE_CHECKING:
    from ._handle import Handle

# How much longer than its close_limit the end of the program waits for an engine, and how long for
# others.
_PATIENCE = 0.5

_exiting = False
_handles: "Callable[[], List[Handle]]" = list
_finalizer: Any = None


def register(handles: "Callable[[], List[Handle]]") -> None:
    """`handles` gives what is open."""
    global _handles
    _handles = handles
    # Python has no other place for what must come before threads are joined; concurrent.futures
    # uses it, too.
    before_joining = getattr(threading, "_register_atexit", None)
    if before_joining is not None:
        before_joining(_before_threads_are_joined)
    atexit.register(_close_all)


def opening(noun: str) -> None:
    """Refuses to open a handle that would not be closed, and sees to it that this one will be."""
    global _finalizer
    if _exiting:
        raise ClosedError(f"{noun}: the program is ending, so nothing can be opened any more")
    # Processes of multiprocessing end without functions at exit, but with their own finalizers.
    util = sys.modules.get("multiprocessing.util")
    if util is not None and (_finalizer is None or not _finalizer.still_active()):
        _finalizer = util.Finalize(None, _close_all, exitpriority=5)


def _begin() -> None:
    global _exiting
    _exiting = True
    # All begin before any is waited for: each may have services to drain.
    for handle in _handles():
        try:
            handle._begin_closing(0.1)
        except PinnateError as error:
            warnings.warn(f"{handle!r} did not close: {error}", ResourceWarning)


def _left(closing: Closing) -> float:
    """How long it is still to be waited for."""
    return max(closing.begun + closing.patience + _PATIENCE - time.monotonic(), 0.001)


def _before_threads_are_joined() -> None:
    handles = _handles()
    _begin()
    if getattr(sys, "last_type", None) is not KeyboardInterrupt:
        return
    # After Ctrl-C, whoever is still in a function when its engine has closed would keep the program
    # from ending.
    for closing in unfinished():
        closing.wait(_left(closing))
    joined = {thread.ident for thread in threading.enumerate() if not thread.daemon} - {threading.get_ident()}
    if any(joined.intersection(handle._inside) for handle in handles):
        _end_by_interrupt()


def _end_by_interrupt() -> None:
    """As Python ends after a KeyboardInterrupt, but without joining threads."""
    atexit._run_exitfuncs()
    for stream in sys.stdout, sys.stderr:
        if stream is not None:
            stream.flush()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGINT)


def _close_all() -> None:
    """Ends what is open while Python can still run callbacks."""
    _begin()
    for closing in unfinished():
        closing.wait(_left(closing))
    _callbacks.flush(_PATIENCE)
