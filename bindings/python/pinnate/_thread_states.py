"""Keeps Python's state of a thread of the library's from one callback to the next.

Else Python makes one for each callback and takes it down after it: memory is mapped and unmapped,
which halts all cores for a moment and costs more than the callback itself. Python would do it when
a thread ends, but a thread of the library's ends without a word: what such ones left is taken down
when the next one comes.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from typing import Dict

_python = ctypes.pythonapi
_python.PyGILState_Ensure.restype = ctypes.c_int
_python.PyThreadState_Get.restype = ctypes.c_void_p
_python.PyThreadState_Clear.argtypes = [ctypes.c_void_p]
_python.PyThreadState_Delete.argtypes = [ctypes.c_void_p]

_here = threading.local()
_kept: Dict[int, int] = {}  # by the system's number of the thread
os.register_at_fork(after_in_child=_kept.clear)  # Python has taken them down


def keep() -> None:
    """To be called first in a callback."""
    try:
        _here.looked_at
    except AttributeError:
        _here.looked_at = True
        # A thread of Python's, which goes through the library into this callback, has its state
        # anyway.
        if sys._getframe(1).f_back is None:
            _keep()


def _keep() -> None:
    thread = threading.get_native_id()
    if thread in _kept:
        # Its number is that of one that has ended.
        _take_down(thread)
    tasks = "/proc/self/task/"
    if os.path.exists(f"{tasks}{thread}"):  # else nothing there says who has ended
        for other in list(_kept):
            if not os.path.exists(f"{tasks}{other}"):
                _take_down(other)
    _kept[thread] = _python.PyThreadState_Get()
    _python.PyGILState_Ensure()  # one more than the callback's end will release


def _take_down(thread: int) -> None:
    state = _kept.pop(thread, None)
    if state is not None:
        _python.PyThreadState_Clear(state)
        _python.PyThreadState_Delete(state)
