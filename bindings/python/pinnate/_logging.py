"""Passes the library's log lines to a callable or a logging.Logger, on the thread of callbacks."""

from __future__ import annotations

import itertools
import logging
from typing import Any, Callable, Optional, Tuple, Union

from . import _abi, _callbacks, _slots
from ._thread_states import keep
from ._values import said, whole, wrong

LogCallback = Callable[[int, str], Any]
Log = Union[LogCallback, logging.Logger]

# By pinnate_log_level. Hosts see the numbers of `logging`, so that `logger.log` is such a callable.
_LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR)


def callback_of(log: Optional[Log]) -> Optional[LogCallback]:
    """What to call with each line; None for no logs."""
    if log is None:
        return None
    if isinstance(log, logging.Logger):
        logger = log
        # "%s": a line may hold per cent signs.
        return lambda level, message: logger.log(level, "%s", message)
    if not callable(log):
        raise wrong("log", "a callable or a logging.Logger", log)
    return log


def c_level(level: int) -> int:
    """The pinnate_log_level of a level of `logging`."""
    level = whole(level, "log_level", "a level of logging, such as logging.INFO")
    return sum(level > known for known in _LEVELS[:-1])


class Lines:
    """Lines on their way to a callback: in order, and so many at most when it is too slow for
    them.
    """

    MOST = 10_000

    def __init__(self, log: LogCallback) -> None:
        self._numbers = itertools.count()
        self._left_out = 0
        self._log = log
        self._mailbox = _callbacks.Mailbox(self._tell, _callbacks.executor(None))

    def put(self, level: int, line: str) -> None:
        if len(self._mailbox) < self.MOST:
            self._mailbox.put(next(self._numbers), (level, line))
        else:
            self._left_out += 1

    def _tell(self, line: Tuple[int, str]) -> None:
        self._log(*line)
        if self._left_out:
            left_out, self._left_out = self._left_out, 0
            self._log(logging.WARNING, f"{left_out} lines are left out here: the log callback is too slow for them")


@_abi.LogFn
def ON_LOG(slot: Optional[int], level: int, message: Optional[bytes]) -> None:
    keep()
    lines = _slots.get(slot)
    if lines is not None:
        lines.put(_LEVELS[min(max(level, 0), len(_LEVELS) - 1)], said(message))


@_abi.LogFn
def ON_LOG_AT_ONCE(slot: Optional[int], level: int, message: Optional[bytes]) -> None:
    """For a fleet in virtual time, where the thread that lets time pass is the host's own."""
    log = _slots.get(slot)
    if log is not None:
        log(_LEVELS[min(max(level, 0), len(_LEVELS) - 1)], said(message))
