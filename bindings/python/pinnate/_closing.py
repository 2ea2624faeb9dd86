"""Waiting until the library has wholly closed a handle.

on_closed is the C library's own sem_post, not a Python function: once the waiting thread goes on,
the library's thread has nothing of Python left to run. Otherwise a program that ends right after
closing would now and then tear the interpreter down under that thread's feet.
"""

from __future__ import annotations

import ctypes
import errno
import math
import os
import time
from typing import List, Optional, Set

from . import _abi
from ._slots import Shelf

_libc = ctypes.CDLL(None, use_errno=True)


class _Timespec(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]


_libc.sem_init.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_uint]
_libc.sem_post.argtypes = [ctypes.c_void_p]
_libc.sem_wait.argtypes = [ctypes.c_void_p]
_libc.sem_trywait.argtypes = [ctypes.c_void_p]
_libc.sem_timedwait.argtypes = [ctypes.c_void_p, ctypes.POINTER(_Timespec)]

ON_CLOSED = ctypes.cast(_libc.sem_post, _abi.ClosedFn)

# Closings that the library has not reported the end of: their memory must outlive whatever their
# owners do.
_unfinished: Set["Closing"] = set()
# A child has copies, but not the threads that would end them.
os.register_at_fork(after_in_child=_unfinished.clear)


class Closing:
    """One handle on its way out. Pass ON_CLOSED and `argument` to its ..._close function."""

    def __init__(self, shelf: Shelf, patience: float) -> None:
        """`shelf`: the objects that callbacks may ask for until the end. `patience`: seconds that
        it may take where somebody waits to end.
        """
        self._shelf = shelf
        self.patience = patience
        self.begun = time.monotonic()
        self._semaphore = (ctypes.c_long * 16)()  # sem_t is at most 32 bytes on Linux
        self.argument = ctypes.addressof(self._semaphore)
        self._ended = False
        if _libc.sem_init(self.argument, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "sem_init")

    def begin(self) -> None:
        """From here on the library may hold its address."""
        _unfinished.add(self)

    def refused(self) -> None:
        """The library did not begin: nobody will post, so who waits is let go."""
        _libc.sem_post(self.argument)

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Waits for the end, on any number of threads; False when `timeout` seconds passed
        first.
        """
        # The wall clock is what sem_timedwait goes by.
        deadline = None if timeout is None else time.time() + timeout
        while not self._ended:
            if deadline is None:
                result = _libc.sem_wait(self.argument)
            else:
                fraction, whole = math.modf(deadline)
                until = _Timespec(int(whole), int(fraction * 1e9))
                result = _libc.sem_timedwait(self.argument, ctypes.byref(until))
            if result == 0:
                self._end()
            elif ctypes.get_errno() == errno.ETIMEDOUT:
                return False
        return True

    def ended(self) -> bool:
        """Whether the end has come; does not wait."""
        if not self._ended and _libc.sem_trywait(self.argument) == 0:
            self._end()
        return self._ended

    def _end(self) -> None:
        self._ended = True
        _libc.sem_post(self.argument)  # for the next who waits
        self._shelf.clear()
        _unfinished.discard(self)


def unfinished() -> List[Closing]:
    """What is still closing. Those that have ended meanwhile are let go."""
    return [closing for closing in list(_unfinished) if not closing.ended()]
